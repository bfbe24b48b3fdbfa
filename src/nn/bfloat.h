/* Matrix products of factors rounded to bfloat16, 8 significant bits, with sums in single precision, where the processor
 * multiplies those faster than single precision: Intel from Sapphire Rapids, with AMX's tiles (for a training step's shapes
 * 5 times as fast as OpenBLAS's sgemm, rounding and packing included), and AMD from Zen 4, with AVX512_BF16's vectors (1.8
 * to 1.9 times). OpenBLAS has such products (sbgemm) only where it was built with them, and Debian's was not. */
#ifndef MYNA_NN_BFLOAT_H
#define MYNA_NN_BFLOAT_H

#include <stdbool.h>
#include <stddef.h>

/* Has this processor such instructions? Where they are AMX's, the process asks Linux for them, once: from then on signal
 * stacks made by sigaltstack must be 8 kB larger. */
bool myna_bfloat_is_fast(void);

/* Scratch for one thread's products, 0.6 MB. NULL: no memory. */
typedef struct myna_bfloat myna_bfloat;
myna_bfloat *myna_bfloat_create(void);
void myna_bfloat_free(myna_bfloat *scratch);

/* A factor: element (i, k) is x[i * step + k * inner], i a row of the left factor or a column of the right one. One of
 * step and inner is 1. */
typedef struct myna_factor {
    const float *x;
    size_t step, inner;
} myna_factor;

/* What sums are added to: element (i, j) is x[i * step + j]. What is in `out`, a bias for each row with a step of 0, or,
 * where x is NULL, nothing. */
typedef struct myna_start {
    const float *x;
    size_t step;
} myna_start;

/* out[i * out_step + j] = start(i, j) + sum over k < depth of left(i, k) right(j, k), for i < m and j < n. Only where
 * myna_bfloat_is_fast. */
void myna_bfloat_multiply(myna_bfloat *scratch, float *out, size_t out_step, myna_start start, myna_factor left,
    myna_factor right, size_t m, size_t n, size_t depth);

#endif
