/* The linear layer for streams, where a row's result must not depend on how many rows come along.
 *
 * BLAS picks its kernels, and so the order of its sums, by the shape of the product: a step converted alone and the
 * same step converted among fifteen others differ in the last bits. The streaming phase stage feeds on its own output
 * and lets such a difference grow to audible size within a second, so a recording would come out differently with each
 * block size. Here every output is the same sum in the same order, always; and being made for a few rows and weights
 * laid out for them, it is also faster there than BLAS. */
#ifndef MYNA_NN_STEADY_H
#define MYNA_NN_STEADY_H

#include <stddef.h>

/* Outputs side by side, a panel: two AVX-512 registers of weights, four of AVX2. */
enum { MYNA_STEADY_WIDTH = 32 };

/* Elements that the packed weights of a layer take. */
static inline size_t myna_steady_size(size_t n_out, size_t n_in)
{
    return (n_out + MYNA_STEADY_WIDTH - 1) / MYNA_STEADY_WIDTH * MYNA_STEADY_WIDTH * n_in;
}
/* packed[n_out / WIDTH, rounded up][n_in][WIDTH] from weight[n_out][n_in], padded with zeros. */
void myna_steady_pack(float *packed, const float *weight, size_t n_out, size_t n_in);

/* out[rows][n_out] = in[rows][n_in] weight[n_out][n_in]^T + bias[n_out], as myna_linear_forward. */
void myna_steady_forward(
    float *out, const float *in, const float *packed, const float *bias, size_t rows, size_t n_out, size_t n_in);
/* The same for processors of narrow registers and for those with AVX-512, as the function above chooses; here for the
 * tests. The sums are the same. The wide one takes half the time for 16 rows, and three quarters for one (Zen 5). */
void myna_steady_forward_narrow(
    float *out, const float *in, const float *packed, const float *bias, size_t rows, size_t n_out, size_t n_in);
void myna_steady_forward_wide(
    float *out, const float *in, const float *packed, const float *bias, size_t rows, size_t n_out, size_t n_in);

#endif
