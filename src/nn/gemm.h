/* Matrix products, row-major, by OpenBLAS; the only room that knows it. Single-threaded: parallelism is ours. Faster
 * and less exact: bfloat.h, for training and, where few rows come at a time, for streams (steady.h). */
#ifndef MYNA_NN_GEMM_H
#define MYNA_NN_GEMM_H

#include "nn/bfloat.h"

#include <stddef.h>

/* Puts OpenBLAS into one-thread mode and sees that it uses the processor's best kernels; call before the first
 * product of a process (create functions do). Any thread, any number of times; the first while no other thread uses OpenBLAS
 * or changes the environment. */
void myna_gemm_init(void);

/* out[m][n] = beta * out + a[m][k] * b[n][k]^T: activations times weights stored [out][in]. */
void myna_gemm_nt(float *out, const float *a, const float *b, size_t m, size_t n, size_t k, float beta);
/* out[m][n] = bias[n] + a[m][k] * b[n][k]^T, for each row. */
void myna_gemm_nt_biased(float *out, const float *a, const float *b, const float *bias, size_t m, size_t n, size_t k);
/* out[m][n] = beta * out + a[m][k] * b[k][n]: gradients through those weights. */
void myna_gemm_nn(float *out, const float *a, const float *b, size_t m, size_t n, size_t k, float beta);
/* out[m][n] = beta * out + a[k][m]^T * b[k][n]: gradients of those weights, summed over k rows. */
void myna_gemm_tn(float *out, const float *a, const float *b, size_t m, size_t n, size_t k, float beta);

/* The same for parts of wider arrays, such as one head's columns: elements from one row to the next of out, a and b. */
typedef struct myna_strides {
    size_t out, a, b;
} myna_strides;
void myna_gemm_nt_strided(
    float *out, const float *a, const float *b, size_t m, size_t n, size_t k, float beta, myna_strides strides);
void myna_gemm_nn_strided(
    float *out, const float *a, const float *b, size_t m, size_t n, size_t k, float beta, myna_strides strides);
void myna_gemm_tn_strided(
    float *out, const float *a, const float *b, size_t m, size_t n, size_t k, float beta, myna_strides strides);

/* From now on the calling thread's products have their factors rounded to bfloat16, where `scratch` is not NULL: good
 * enough for gradients, whose segments are drawn at random anyway. */
void myna_gemm_round(myna_bfloat *scratch);

/* For measurements: from now on the calling thread's products add their time and operations to `tally`; NULL ends it. */
typedef struct myna_gemm_tally {
    double seconds, operations; /* a multiplication and an addition are two */
} myna_gemm_tally;
void myna_gemm_watch(myna_gemm_tally *tally);
const char *myna_gemm_kernels(void); /* which ones OpenBLAS chose: "SkylakeX" */

#endif
