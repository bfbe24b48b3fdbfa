#include "nn/steady.h"

#include "base/simd.h"

#include <string.h>

enum { LANES = MYNA_STEADY_LANES, ROWS = 4 }; /* ROWS rows at a time: their sums stay in registers */

/* A type of the compilers' own: from plain loops over several arrays of sums gcc keeps the sums in memory. */
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

void myna_steady_pack(float *packed, const float *weight, size_t n_out, size_t n_in)
{
    memset(packed, 0, myna_steady_size(n_out, n_in) * sizeof *packed);
    for (size_t o = 0; o < n_out; o++) {
        float *panel = packed + o / LANES * LANES * n_in;
        for (size_t k = 0; k < n_in; k++) panel[k * LANES + o % LANES] = weight[o * n_in + k];
    }
}

/* out[ROWS][LANES] = in[ROWS rows] times one panel. */
MYNA_INLINE void multiply_panel(lanes *out, const float *const *in, const float *panel, size_t n_in)
{
    lanes sum[ROWS] = {{0}};
    for (size_t k = 0; k < n_in; k++) {
        lanes weight;
        memcpy(&weight, panel + k * LANES, sizeof weight);
        for (int r = 0; r < ROWS; r++) sum[r] += in[r][k] * weight;
    }
    memcpy(out, sum, sizeof sum);
}

typedef float half_lanes __attribute__((vector_size(LANES / 2 * sizeof(float))));

/* The same sums in registers of AVX2. Without a name for each, gcc keeps what is wider than a register in memory, and
 * a network step takes ten times as long (2.3 ms, with names 0.22). */
MYNA_INLINE void multiply_panel_in_halves(lanes *out, const float *const *in, const float *panel, size_t n_in)
{
    half_lanes a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0}, b0 = {0}, b1 = {0}, b2 = {0}, b3 = {0};
    const float *in0 = in[0], *in1 = in[1], *in2 = in[2], *in3 = in[3];
    for (size_t k = 0; k < n_in; k++) {
        half_lanes a, b;
        memcpy(&a, panel + k * LANES, sizeof a);
        memcpy(&b, panel + k * LANES + LANES / 2, sizeof b);
        a0 += in0[k] * a, b0 += in0[k] * b;
        a1 += in1[k] * a, b1 += in1[k] * b;
        a2 += in2[k] * a, b2 += in2[k] * b;
        a3 += in3[k] * a, b3 += in3[k] * b;
    }
    const half_lanes result[2 * ROWS] = {a0, b0, a1, b1, a2, b2, a3, b3};
    memcpy(out, result, sizeof result);
}

/* Where rows are left over, the last is computed several times: no other code computes anything. Panels run outside,
 * so that weights are fetched from memory once for all rows. */
MYNA_INLINE void forward(float *out, const float *in, const float *packed, const float *bias, size_t rows, size_t n_out,
    size_t n_in, bool in_halves)
{
    for (size_t o = 0; o < n_out; o += LANES) {
        size_t n = n_out - o < LANES ? n_out - o : LANES;
        for (size_t first = 0; first < rows; first += ROWS) {
            const float *from[ROWS];
            lanes result[ROWS];
            for (size_t r = 0; r < ROWS; r++) from[r] = in + (first + r < rows ? first + r : rows - 1) * n_in;
            if (in_halves) multiply_panel_in_halves(result, from, packed + o * n_in, n_in);
            else multiply_panel(result, from, packed + o * n_in, n_in);
            for (size_t r = 0; r < ROWS && first + r < rows; r++) {
                float *to = out + (first + r) * n_out + o;
                for (size_t i = 0; i < n; i++) to[i] = result[r][i] + bias[o + i];
            }
        }
    }
}

MYNA_VECTORIZED void myna_steady_forward_in_halves(
    float *out, const float *in, const float *packed, const float *bias, size_t rows, size_t n_out, size_t n_in)
{
    forward(out, in, packed, bias, rows, n_out, n_in, true);
}

MYNA_VECTORIZED static void forward_whole(
    float *out, const float *in, const float *packed, const float *bias, size_t rows, size_t n_out, size_t n_in)
{
    forward(out, in, packed, bias, rows, n_out, n_in, false);
}

void myna_steady_forward(
    float *out, const float *in, const float *packed, const float *bias, size_t rows, size_t n_out, size_t n_in)
{
    if (myna_has_avx2_alone()) myna_steady_forward_in_halves(out, in, packed, bias, rows, n_out, n_in);
    else forward_whole(out, in, packed, bias, rows, n_out, n_in);
}
