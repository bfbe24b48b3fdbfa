#include "nn/bfloat_kernel.h"

#include <stdalign.h>
#include <stdlib.h>

/* Both factors' blocks, rounded. As Goto and van de Geijn block it (Anatomy of High-Performance Matrix Multiplication,
 * 2008): the left factor's block is to stay in the second cache, a panel of the right one's in the first. */
struct myna_bfloat {
    alignas(64) uint32_t left[MYNA_BFLOAT_ROWS * MYNA_BFLOAT_DEPTH / 2], right[MYNA_BFLOAT_COLUMNS * MYNA_BFLOAT_DEPTH / 2];
    const myna_bfloat_kernel *kernel;
};

const myna_bfloat_kernel *myna_bfloat_fastest(void)
{
    const myna_bfloat_kernel *tiles = myna_bfloat_tiles();
    if (tiles) return tiles;
    return myna_bfloat_vectors_pay() ? myna_bfloat_vectors() : NULL;
}

bool myna_bfloat_is_fast(void)
{
    return myna_bfloat_fastest() != NULL;
}

myna_bfloat *myna_bfloat_create(void)
{
    return myna_bfloat_create_for(myna_bfloat_fastest());
}

myna_bfloat *myna_bfloat_create_for(const myna_bfloat_kernel *kernel)
{
    myna_bfloat *scratch = aligned_alloc(alignof(myna_bfloat), sizeof *scratch);
    if (scratch) scratch->kernel = kernel;
    return scratch;
}

void myna_bfloat_free(myna_bfloat *scratch)
{
    free(scratch);
}

void myna_bfloat_multiply(myna_bfloat *s, float *out, size_t out_step, myna_start start, myna_factor left,
    myna_factor right, size_t m, size_t n, size_t depth)
{
    for (size_t j = 0; j < n; j += MYNA_BFLOAT_COLUMNS) {
        size_t columns = myna_bfloat_least(n - j, MYNA_BFLOAT_COLUMNS);
        for (size_t k = 0; k < depth; k += MYNA_BFLOAT_DEPTH) {
            size_t part = myna_bfloat_least(depth - k, MYNA_BFLOAT_DEPTH);
            s->kernel->pack_right(s->right, myna_factor_from(right, j, k), columns, part);
            for (size_t i = 0; i < m; i += MYNA_BFLOAT_ROWS) {
                size_t rows = myna_bfloat_least(m - i, MYNA_BFLOAT_ROWS);
                s->kernel->pack_left(s->left, myna_factor_from(left, i, k), rows, part);
                float *block = out + i * out_step + j;
                s->kernel->multiply(block, out_step, k > 0 ? (myna_start){block, out_step} : myna_start_from(start, i, j),
                    s->left, s->right, rows, columns, part);
            }
        }
    }
}
