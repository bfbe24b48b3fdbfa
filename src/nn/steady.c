#include "nn/steady.h"

#include "base/simd.h"

#include <string.h>

enum { WIDTH = MYNA_STEADY_WIDTH, FEW_ROWS = 4, MANY_ROWS = 8 };

/* Types of the compilers' own: from plain loops over several arrays of sums gcc keeps the sums in memory. */
typedef float eight __attribute__((vector_size(8 * sizeof(float))));
typedef float sixteen __attribute__((vector_size(16 * sizeof(float))));

void myna_steady_pack(float *packed, const float *weight, size_t n_out, size_t n_in)
{
    memset(packed, 0, myna_steady_size(n_out, n_in) * sizeof *packed);
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
                for (size_t i = 0; i < n; i++) to[i] = result[r][i] + bias[o + i];
            }
        }
    }
}

MYNA_VECTORIZED void myna_steady_forward_narrow(
    float *out, const float *in, const float *packed, const float *bias, size_t rows, size_t n_out, size_t n_in)
{
    forward(out, in, packed, bias, rows, n_out, n_in, false);
}

MYNA_VECTORIZED void myna_steady_forward_wide(
    float *out, const float *in, const float *packed, const float *bias, size_t rows, size_t n_out, size_t n_in)
{
    forward(out, in, packed, bias, rows, n_out, n_in, true);
}

void myna_steady_forward(
    float *out, const float *in, const float *packed, const float *bias, size_t rows, size_t n_out, size_t n_in)
{
    if (myna_has_avx512()) myna_steady_forward_wide(out, in, packed, bias, rows, n_out, n_in);
    else myna_steady_forward_narrow(out, in, packed, bias, rows, n_out, n_in);
}
