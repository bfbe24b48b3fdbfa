#include "nn/steady.h"

#include "base/simd.h"
#include "nn/bfloat_kernel.h"

#include <stdalign.h>
#include <string.h>

/* ---- In single precision --------------------------------------------------------------------------------------------- */

/* Outputs side by side, a panel: two AVX-512 registers of weights, four of AVX2. Packed weights are [panel][n_in][WIDTH],
 * padded with zeros. */
enum { WIDTH = 32, FEW_ROWS = 4, MANY_ROWS = 8 };

/* Types of the compilers' own: from plain loops over several arrays of sums gcc keeps the sums in memory. */
typedef float eight __attribute__((vector_size(8 * sizeof(float))));
typedef float sixteen __attribute__((vector_size(16 * sizeof(float))));

static size_t whole_panels(size_t n)
{
    return (n + WIDTH - 1) / WIDTH * WIDTH;
}

static size_t size_single(size_t n_out, size_t n_in)
{
    return whole_panels(n_out) * n_in;
}

static void pack_single(float *packed, const float *weight, size_t n_out, size_t n_in)
{
    memset(packed, 0, size_single(n_out, n_in) * sizeof *packed);
    for (size_t o = 0; o < n_out; o++) {
        float *panel = packed + o / WIDTH * WIDTH * n_in;
        for (size_t k = 0; k < n_in; k++) panel[k * WIDTH + o % WIDTH] = weight[o * n_in + k];
    }
}

/* out[FEW_ROWS][WIDTH] = in[FEW_ROWS rows] times one panel, half of it at a time: eight sums in registers of AVX2. Without a
 * name for each, gcc keeps them in memory, and a network step takes ten times as long (2.3 ms, with names 0.22). */
MYNA_INLINE void multiply_narrow(float (*out)[WIDTH], const float *const *in, const float *panel, size_t n_in)
{
    const float *in0 = in[0], *in1 = in[1], *in2 = in[2], *in3 = in[3];
    for (size_t half = 0; half < WIDTH; half += WIDTH / 2) {
        eight a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0}, b0 = {0}, b1 = {0}, b2 = {0}, b3 = {0};
        for (size_t k = 0; k < n_in; k++) {
            eight a, b;
            memcpy(&a, panel + k * WIDTH + half, sizeof a);
            memcpy(&b, panel + k * WIDTH + half + 8, sizeof b);
            a0 += in0[k] * a, b0 += in0[k] * b;
            a1 += in1[k] * a, b1 += in1[k] * b;
            a2 += in2[k] * a, b2 += in2[k] * b;
            a3 += in3[k] * a, b3 += in3[k] * b;
        }
        const eight result[FEW_ROWS][2] = {{a0, b0}, {a1, b1}, {a2, b2}, {a3, b3}};
        for (size_t r = 0; r < FEW_ROWS; r++) memcpy(out[r] + half, result[r], sizeof result[r]);
    }
}

/* out[n_rows][WIDTH] = in[n_rows rows] times one panel: up to 16 sums in the 32 registers of AVX-512. */
MYNA_INLINE void multiply_wide(
    float (*out)[WIDTH], const float *const *in, const float *panel, size_t n_in, size_t n_rows)
{
    sixteen sum[MANY_ROWS][2];
    for (size_t r = 0; r < n_rows; r++) sum[r][0] = sum[r][1] = (sixteen){0};
    for (size_t k = 0; k < n_in; k++) {
        sixteen a, b;
        memcpy(&a, panel + k * WIDTH, sizeof a);
        memcpy(&b, panel + k * WIDTH + 16, sizeof b);
#pragma GCC unroll 8
        for (size_t r = 0; r < n_rows; r++) {
            sum[r][0] += in[r][k] * a;
            sum[r][1] += in[r][k] * b;
        }
    }
    memcpy(out, sum, n_rows * sizeof *sum);
}

/* Where rows are left over, the last is computed several times: no other code computes anything. Panels run outside,
 * so that weights are fetched from memory once for all rows. */
MYNA_INLINE void forward(float *out, const float *in, const float *packed, const float *bias, size_t rows, size_t n_out,
    size_t n_in, bool is_wide)
{
    for (size_t o = 0; o < n_out; o += WIDTH) {
        size_t n = n_out - o < WIDTH ? n_out - o : WIDTH, n_rows;
        for (size_t first = 0; first < rows; first += n_rows) {
            const float *from[MANY_ROWS], *panel = packed + o * n_in;
            float result[MANY_ROWS][WIDTH];
            n_rows = is_wide && rows - first > FEW_ROWS ? MANY_ROWS : FEW_ROWS;
            for (size_t r = 0; r < n_rows; r++) from[r] = in + (first + r < rows ? first + r : rows - 1) * n_in;
            if (!is_wide) multiply_narrow(result, from, panel, n_in);
            else if (n_rows == FEW_ROWS) multiply_wide(result, from, panel, n_in, FEW_ROWS);
            else multiply_wide(result, from, panel, n_in, MANY_ROWS);
            for (size_t r = 0; r < n_rows && first + r < rows; r++) {
                float *to = out + (first + r) * n_out + o;
                for (size_t i = 0; i < n; i++) to[i] = result[r][i] + (bias ? bias[o + i] : 0);
            }
        }
    }
}

MYNA_VECTORIZED static void forward_narrow(
    float *out, const float *in, const float *packed, const float *bias, size_t rows, size_t n_out, size_t n_in)
{
    forward(out, in, packed, bias, rows, n_out, n_in, false);
}

MYNA_VECTORIZED static void forward_wide(
    float *out, const float *in, const float *packed, const float *bias, size_t rows, size_t n_out, size_t n_in)
{
    forward(out, in, packed, bias, rows, n_out, n_in, true);
}

const myna_steady myna_steady_narrow = {size_single, pack_single, forward_narrow};
const myna_steady myna_steady_wide = {size_single, pack_single, forward_wide};

/* ---- In bfloat16 ----------------------------------------------------------------------------------------------------- */

enum {
    DEPTH = MYNA_BFLOAT_DEPTH,
    ROUNDED_ROWS = 24, /* at once: whole tiles of vectors */
    MOST_ROWS = ROUNDED_ROWS + MYNA_BFLOAT_TILE - 1,
};

/* Of a kernel's right factor, n_out columns by n_in: a block of DEPTH after the other. Tiles are as deep as panels are
 * wide at most. */
static size_t size_rounded(size_t n_out, size_t n_in)
{
    return whole_panels(n_out) * whole_panels(n_in) / 2;
}

/* Where the block that begins at k is; words are as large as floats. */
static uint32_t *block_at(const float *packed, size_t n_out, size_t k)
{
    return (uint32_t *)packed + size_rounded(n_out, k);
}

static void pack_rounded(float *packed, const float *weight, size_t n_out, size_t n_in)
{
    const myna_bfloat_kernel *kernel = myna_bfloat_fastest();
    const myna_factor whole = {weight, n_in, 1};
    for (size_t k = 0; k < n_in; k += DEPTH)
        kernel->pack_right(
            block_at(packed, n_out, k), myna_factor_from(whole, 0, k), n_out, myna_bfloat_least(n_in - k, DEPTH));
}

static void forward_rounded(
    float *out, const float *in, const float *packed, const float *bias, size_t rows, size_t n_out, size_t n_in)
{
    const myna_bfloat_kernel *kernel = myna_bfloat_fastest();
    const myna_factor whole = {in, n_in, 1};
    alignas(64) uint32_t left[MOST_ROWS * DEPTH / 2];
    for (size_t first = 0; first < rows; first += ROUNDED_ROWS) {
        const size_t n = myna_bfloat_least(rows - first, ROUNDED_ROWS);
        float *to = out + first * n_out;
        for (size_t k = 0; k < n_in; k += DEPTH) {
            const size_t depth = myna_bfloat_least(n_in - k, DEPTH);
            kernel->pack_left(left, myna_factor_from(whole, first, k), n, depth);
            kernel->multiply(to, n_out, k > 0 ? (myna_start){to, n_out} : (myna_start){bias, 0}, left,
                block_at(packed, n_out, k), n, n_out, depth);
        }
    }
}

/* ---- Which? ---------------------------------------------------------------------------------------------------------- */

const myna_steady *myna_steady_rounded(void)
{
    static const myna_steady way = {size_rounded, pack_rounded, forward_rounded};
    return myna_bfloat_fastest() ? &way : NULL;
}

const myna_steady *myna_steady_single(void)
{
    return myna_has_avx512() ? &myna_steady_wide : &myna_steady_narrow;
}

const myna_steady *myna_steady_fastest(void)
{
    const myna_steady *rounded = myna_steady_rounded();
    return rounded ? rounded : myna_steady_single();
}
