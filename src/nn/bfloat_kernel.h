/* What the two ways to multiply in bfloat16 have to offer to nn/bfloat.c and nn/steady.c, which cut products into blocks for
 * them. */
#ifndef MYNA_NN_BFLOAT_KERNEL_H
#define MYNA_NN_BFLOAT_KERNEL_H

#include "nn/bfloat.h"

#include <stdint.h>
#include <string.h>

/* Sides of the blocks in bfloat.c, whole numbers of any kernel's tiles. In steady.c columns are as many as a layer has
 * outputs. */
enum { MYNA_BFLOAT_ROWS = 96, MYNA_BFLOAT_COLUMNS = 512, MYNA_BFLOAT_DEPTH = 512 };
/* Packed factors have whole numbers of so many rows or columns at most. */
enum { MYNA_BFLOAT_TILE = 32 };

typedef struct myna_bfloat_kernel {
    /* Rounds a block of a factor, n rows or columns by `depth`, into the order that `multiply` wants: words of two
     * neighbours along k, zeros where tiles reach over the block's end. */
    void (*pack_left)(uint32_t *out, myna_factor factor, size_t n, size_t depth);
    void (*pack_right)(uint32_t *out, myna_factor factor, size_t n, size_t depth);
    /* out[m][n], rows out_step apart, of packed blocks. */
    void (*multiply)(float *out, size_t out_step, myna_start start, const uint32_t *left, const uint32_t *right, size_t m,
        size_t n, size_t depth);
} myna_bfloat_kernel;

/* Each NULL where this processor, or the system, does not have what it takes. */
const myna_bfloat_kernel *myna_bfloat_vectors(void); /* AVX512_BF16 */
const myna_bfloat_kernel *myna_bfloat_tiles(void);   /* AMX */
/* Are the vectors faster than single precision? */
bool myna_bfloat_vectors_pay(void);
const myna_bfloat_kernel *myna_bfloat_fastest(void); /* NULL: single precision is */

/* Scratch as myna_bfloat_create makes it, for a kernel that need not be the fastest. */
myna_bfloat *myna_bfloat_create_for(const myna_bfloat_kernel *kernel);

static inline size_t myna_bfloat_least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The factor from row or column i and depth k on. */
static inline myna_factor myna_factor_from(myna_factor f, size_t i, size_t k)
{
    return (myna_factor){f.x + i * f.step + k * f.inner, f.step, f.inner};
}

/* The start from row i and column j on. */
static inline myna_start myna_start_from(myna_start start, size_t i, size_t j)
{
    return (myna_start){start.x ? start.x + i * start.step + j : NULL, start.step};
}

static inline uint32_t myna_bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* To the nearest, the first in the low half. What is infinite stays so, and so does the NaN that arithmetic makes. */
static inline uint32_t myna_round_pair(float first, float second)
{
    return (myna_bits_of(first) + 0x8000u) >> 16 | ((myna_bits_of(second) + 0x8000u) & 0xffff0000u);
}

#endif
