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

/* A way to do it. Weights are packed for one way and of no use to another. */
typedef struct myna_steady {
    /* Elements that the packed weights of a layer take. */
    size_t (*size)(size_t n_out, size_t n_in);
    /* From weight[n_out][n_in]. */
    void (*pack)(float *packed, const float *weight, size_t n_out, size_t n_in);
    /* out[rows][n_out] = in[rows][n_in] weight[n_out][n_in]^T + bias[n_out], as myna_linear_forward; bias NULL: none. */
    void (*forward)(
        float *out, const float *in, const float *packed, const float *bias, size_t rows, size_t n_out, size_t n_in);
} myna_steady;

/* In single precision, for processors of narrow registers and for those with AVX-512, all packed alike. The sums are the
 * same. The wide one takes half the time for 16 rows, and three quarters for one (Zen 5). */
extern const myna_steady myna_steady_narrow, myna_steady_wide;
/* Factors rounded to bfloat16 (nn/bfloat.h), half the weights to fetch: on Zen 5 the network takes two thirds of the wide one's
 * time for a whole recording, .6 for a step. NULL where the processor does not multiply those faster. */
const myna_steady *myna_steady_rounded(void);

const myna_steady *myna_steady_single(void); /* the faster one of single precision */
const myna_steady *myna_steady_fastest(void);

#endif
