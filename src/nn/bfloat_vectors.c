#include "nn/bfloat_kernel.h"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#include <immintrin.h>

#define WITH_BFLOAT __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")))

/* A tile of ROWS x COLUMNS sums stays in 24 of 32 registers. Packed factors are panels, [panel][pair of k][ROWS or
 * COLUMNS]. Where few rows are left over, as many are multiplied: of a stream's steps there is often but one. */
enum { LANES = 16, ROWS = 12, FEW_ROWS = 4, COLUMNS = 2 * LANES };
_Static_assert(MYNA_BFLOAT_ROWS % ROWS == 0 && MYNA_BFLOAT_COLUMNS % COLUMNS == 0, "blocks are whole tiles");
_Static_assert(ROWS <= (int)MYNA_BFLOAT_TILE && COLUMNS <= (int)MYNA_BFLOAT_TILE, "and these not too large");

/* Rows or columns [0, n) of a factor, n <= width; the panel's rest is zeros. Inlined, so that `width` is known where it is
 * called and a full panel's loop along memory vectorises. */
static inline __attribute__((always_inline)) void pack_panel(
    uint32_t *restrict out, myna_factor f, size_t n, size_t depth, size_t width)
{
    if (n < width) memset(out, 0, (depth + 1) / 2 * width * sizeof *out);
    for (size_t i = 0; f.step != 1 && i < n; i++)
        for (size_t k = 0; k + 1 < depth; k += 2)
            out[k / 2 * width + i] = myna_round_pair(f.x[i * f.step + k * f.inner], f.x[i * f.step + (k + 1) * f.inner]);
    for (size_t k = 0; f.step == 1 && k + 1 < depth; k += 2) {
        const float *first = f.x + k * f.inner, *second = first + f.inner;
        if (n == width)
            for (size_t i = 0; i < width; i++) out[k / 2 * width + i] = myna_round_pair(first[i], second[i]);
        else
            for (size_t i = 0; i < n; i++) out[k / 2 * width + i] = myna_round_pair(first[i], second[i]);
    }
    for (size_t i = 0, k = depth - 1; depth % 2 && i < n; i++)
        out[k / 2 * width + i] = myna_round_pair(f.x[i * f.step + k * f.inner], 0);
}

WITH_BFLOAT static void pack_left(uint32_t *out, myna_factor f, size_t n, size_t depth)
{
    for (size_t i = 0; i < n; i += ROWS, out += (depth + 1) / 2 * ROWS)
        pack_panel(out, myna_factor_from(f, i, 0), myna_bfloat_least(n - i, ROWS), depth, ROWS);
}

WITH_BFLOAT static void pack_right(uint32_t *out, myna_factor f, size_t n, size_t depth)
{
    for (size_t i = 0; i < n; i += COLUMNS, out += (depth + 1) / 2 * COLUMNS)
        pack_panel(out, myna_factor_from(f, i, 0), myna_bfloat_least(n - i, COLUMNS), depth, COLUMNS);
}

/* The first `height` rows of a tile: out[n_rows <= height][n_columns] of two panels. Inlined for each height. */
WITH_BFLOAT static inline __attribute__((always_inline)) void multiply_panels(float *out, size_t out_step, myna_start start,
    const uint32_t *left, const uint32_t *right, size_t n_pairs, size_t n_rows, size_t n_columns, size_t height)
{
    __m512 sum[ROWS][2];
    for (size_t i = 0; i < height; i++) sum[i][0] = sum[i][1] = _mm512_setzero_ps();
    for (size_t p = 0; p < n_pairs; p++) {
        const __m512bh right_a = (__m512bh)_mm512_loadu_si512(right + p * COLUMNS);
        const __m512bh right_b = (__m512bh)_mm512_loadu_si512(right + p * COLUMNS + LANES);
#pragma GCC unroll 12
        for (size_t i = 0; i < height; i++) {
            const __m512bh row = (__m512bh)_mm512_set1_epi32((int)left[p * ROWS + i]);
            sum[i][0] = _mm512_dpbf16_ps(sum[i][0], row, right_a);
            sum[i][1] = _mm512_dpbf16_ps(sum[i][1], row, right_b);
        }
    }
    const uint32_t columns = (uint32_t)(n_columns < COLUMNS ? (1ull << n_columns) - 1 : 0xffffffffull);
    const __mmask16 mask[2] = {(__mmask16)(columns & 0xffff), (__mmask16)(columns >> 16)};
#pragma GCC unroll 12
    for (size_t i = 0; i < height; i++) {
        for (size_t half = 0; half < 2 && i < n_rows; half++) {
            const size_t column = half * LANES;
            __m512 x = sum[i][half];
            if (start.x) x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(mask[half], start.x + i * start.step + column));
            _mm512_mask_storeu_ps(out + i * out_step + column, mask[half], x);
        }
    }
}

/* Of packed blocks. */
WITH_BFLOAT static void multiply(float *out, size_t out_step, myna_start start, const uint32_t *left,
    const uint32_t *right, size_t m, size_t n, size_t depth)
{
    const size_t n_pairs = (depth + 1) / 2;
    for (size_t j = 0; j < n; j += COLUMNS) {
        const size_t n_columns = myna_bfloat_least(n - j, COLUMNS);
        for (size_t i = 0; i < m; i += ROWS) {
            const size_t n_rows = myna_bfloat_least(m - i, ROWS);
            const myna_start from = myna_start_from(start, i, j);
            float *to = out + i * out_step + j;
            const uint32_t *rows = left + i * n_pairs, *columns = right + j * n_pairs;
            if (n_rows <= FEW_ROWS)
                multiply_panels(to, out_step, from, rows, columns, n_pairs, n_rows, n_columns, FEW_ROWS);
            else multiply_panels(to, out_step, from, rows, columns, n_pairs, n_rows, n_columns, ROWS);
        }
    }
}

const myna_bfloat_kernel *myna_bfloat_vectors(void)
{
    static const myna_bfloat_kernel kernel = {pack_left, pack_right, multiply};
    return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vl") &&
                   __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
               ? &kernel
               : NULL;
}

/* AMD's do two of these instructions a cycle, as many as of single precision's. Intel's do one: .6 of sgemm's speed. */
bool myna_bfloat_vectors_pay(void)
{
    return __builtin_cpu_is("amd");
}

#else

const myna_bfloat_kernel *myna_bfloat_vectors(void)
{
    return NULL;
}

bool myna_bfloat_vectors_pay(void)
{
    return false;
}

#endif
