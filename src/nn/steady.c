#include "nn/steady.h"

#include "base/simd.h"
#include "nn/lanes.h"

#include <string.h>

enum { LANES = MYNA_STEADY_LANES, ROWS = 4 }; /* ROWS rows at a time: their sums stay in registers */

void myna_steady_pack(float *packed, const float *weight, size_t n_out, size_t n_in)
{
    memset(packed, 0, myna_steady_size(n_out, n_in) * sizeof *packed);
    for (size_t o = 0; o < n_out; o++) {
        float *panel = packed + o / LANES * LANES * n_in;
        for (size_t k = 0; k < n_in; k++) panel[k * LANES + o % LANES] = weight[o * n_in + k];
    }
}

/* out[ROWS][LANES] = in[ROWS rows] times one panel. */
MYNA_INLINE void multiply_panel(myna_lanes *out, const float *const *in, const float *panel, size_t n_in)
{
    myna_lanes sum[ROWS] = {{0}};
    for (size_t k = 0; k < n_in; k++) {
        myna_lanes weight;
        memcpy(&weight, panel + k * LANES, sizeof weight);
        for (int r = 0; r < ROWS; r++) sum[r] += in[r][k] * weight;
    }
    memcpy(out, sum, sizeof sum);
}

/* Where rows are left over, the last is computed several times: no other code computes anything. Panels run outside,
 * so that weights are fetched from memory once for all rows. */
MYNA_VECTORIZED void myna_steady_forward(
    float *out, const float *in, const float *packed, const float *bias, size_t rows, size_t n_out, size_t n_in)
{
    for (size_t o = 0; o < n_out; o += LANES) {
        size_t n = n_out - o < LANES ? n_out - o : LANES;
        for (size_t first = 0; first < rows; first += ROWS) {
            const float *from[ROWS];
            myna_lanes result[ROWS];
            for (size_t r = 0; r < ROWS; r++) from[r] = in + (first + r < rows ? first + r : rows - 1) * n_in;
            multiply_panel(result, from, packed + o * n_in, n_in);
            for (size_t r = 0; r < ROWS && first + r < rows; r++) {
                float *to = out + (first + r) * n_out + o;
                for (size_t i = 0; i < n; i++) to[i] = result[r][i] + bias[o + i];
            }
        }
    }
}
