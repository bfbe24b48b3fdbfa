/* Layer normalisation, plain and conditioned (FiLM). Both are the same row operations; FiLM's scale is stored
 * minus one, which `base` adds back. */
#include "base/simd.h"
#include "nn/lanes.h"
#include "nn/layers.h"

#include <math.h>
#include <string.h>

static const float epsilon = 1e-5f;

/* Two passes over a row that lies in the L1 cache: exact also where the mean is large against the deviation. */
MYNA_INLINE void row_statistics(float *restrict stats, const float *restrict in, size_t n)
{
    const size_t n_whole = n - n % MYNA_LANES;
    float lanes[MYNA_LANES] = {0}, squares[MYNA_LANES] = {0};
    for (size_t c = 0; c < n_whole; c += MYNA_LANES)
        for (size_t l = 0; l < MYNA_LANES; l++) lanes[l] += in[c + l];
    for (size_t c = n_whole; c < n; c++) lanes[c - n_whole] += in[c];
    const float mean = myna_lanes_sum(lanes) / (float)n;
    for (size_t c = 0; c < n_whole; c += MYNA_LANES)
        for (size_t l = 0; l < MYNA_LANES; l++) squares[l] += (in[c + l] - mean) * (in[c + l] - mean);
    for (size_t c = n_whole; c < n; c++) squares[c - n_whole] += (in[c] - mean) * (in[c] - mean);
    stats[0] = mean;
    stats[1] = 1.0f / sqrtf(myna_lanes_sum(squares) / (float)n + epsilon);
}

MYNA_INLINE void row_forward(float *restrict out, float *restrict stats, const float *restrict in,
    const float *restrict scale, float base, const float *restrict shift, size_t n)
{
    row_statistics(stats, in, n);
    const float mean = stats[0], rstd = stats[1];
    for (size_t c = 0; c < n; c++) out[c] = (in[c] - mean) * rstd * (base + scale[c]) + shift[c];
}

/* With h = (in - mean) * rstd and g = dout * scale: din = rstd * (g - mean(g) - h * mean(g h)). */
MYNA_INLINE void row_backward(float *restrict din, float *restrict dscale, float *restrict dshift,
    const float *restrict dout, const float *restrict in, const float *restrict stats, const float *restrict scale,
    float base, size_t n)
{
    const size_t n_whole = n - n % MYNA_LANES;
    const float mean = stats[0], rstd = stats[1];
    float lanes_g[MYNA_LANES] = {0}, lanes_gh[MYNA_LANES] = {0};
    for (size_t c = 0; c < n_whole; c += MYNA_LANES) {
        for (size_t l = 0; l < MYNA_LANES; l++) {
            const float g = dout[c + l] * (base + scale[c + l]);
            lanes_g[l] += g;
            lanes_gh[l] += g * ((in[c + l] - mean) * rstd);
        }
    }
    for (size_t c = n_whole; c < n; c++) {
        const float g = dout[c] * (base + scale[c]);
        lanes_g[c - n_whole] += g;
        lanes_gh[c - n_whole] += g * ((in[c] - mean) * rstd);
    }
    const float mean_g = myna_lanes_sum(lanes_g) / (float)n, mean_gh = myna_lanes_sum(lanes_gh) / (float)n;
    for (size_t c = 0; c < n; c++) {
        const float h = (in[c] - mean) * rstd;
        din[c] = rstd * (dout[c] * (base + scale[c]) - mean_g - h * mean_gh);
        dscale[c] += dout[c] * h;
        dshift[c] += dout[c];
    }
}

MYNA_VECTORIZED
void myna_norm_forward(
    float *out, float *stats, const float *in, const float *scale, const float *shift, size_t rows, size_t channels)
{
    for (size_t r = 0; r < rows; r++)
        row_forward(out + r * channels, stats + 2 * r, in + r * channels, scale, 0.0f, shift, channels);
}

MYNA_VECTORIZED
void myna_norm_backward(float *din, float *dscale, float *dshift, const float *dout, const float *in,
    const float *stats, const float *scale, size_t rows, size_t channels)
{
    for (size_t r = 0; r < rows; r++) {
        const size_t row = r * channels;
        row_backward(din + row, dscale, dshift, dout + row, in + row, stats + 2 * r, scale, 0.0f, channels);
    }
}

MYNA_VECTORIZED
void myna_film_norm_forward(
    float *out, float *stats, const float *in, const float *film, size_t items, size_t steps, size_t channels)
{
    for (size_t r = 0; r < items * steps; r++) {
        const float *scale = film + r / steps * 2 * channels, *shift = scale + channels;
        row_forward(out + r * channels, stats + 2 * r, in + r * channels, scale, 1.0f, shift, channels);
    }
}

MYNA_VECTORIZED
void myna_film_norm_backward(float *din, float *dfilm, const float *dout, const float *in, const float *stats,
    const float *film, size_t items, size_t steps, size_t channels)
{
    memset(dfilm, 0, items * 2 * channels * sizeof *dfilm);
    for (size_t r = 0; r < items * steps; r++) {
        const size_t row = r * channels, item = r / steps * 2 * channels;
        row_backward(din + row, dfilm + item, dfilm + item + channels, dout + row, in + row, stats + 2 * r, film + item,
            1.0f, channels);
    }
}
