/* Layer normalisation, plain and conditioned (FiLM), and instance normalisation. The first two are the same row
 * operations; FiLM's scale is stored minus one, which `base` adds back. */
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
    float squares[MYNA_LANES] = {0};
    const float mean = myna_sum(in, n) / (float)n;
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

/* Sums run down the steps with the channels side by side. */
MYNA_INLINE void instance_statistics(
    float *restrict mean, float *restrict rstd, const float *restrict in, size_t steps, size_t channels)
{
    memset(mean, 0, channels * sizeof *mean);
    memset(rstd, 0, channels * sizeof *rstd);
    for (size_t t = 0; t < steps; t++)
        for (size_t c = 0; c < channels; c++) mean[c] += in[t * channels + c];
    for (size_t c = 0; c < channels; c++) mean[c] /= (float)steps;
    for (size_t t = 0; t < steps; t++)
        for (size_t c = 0; c < channels; c++) {
            const float x = in[t * channels + c] - mean[c];
            rstd[c] += x * x;
        }
    for (size_t c = 0; c < channels; c++) rstd[c] = 1.0f / sqrtf(rstd[c] / (float)steps + MYNA_INSTANCE_EPSILON);
}

MYNA_VECTORIZED
void myna_instance_norm_forward(float *out, float *stats, const float *in, size_t items, size_t steps, size_t channels)
{
    for (size_t item = 0; item < items; item++) {
        float *mean = stats + item * 2 * channels, *rstd = mean + channels;
        const size_t first = item * steps * channels;
        instance_statistics(mean, rstd, in + first, steps, channels);
        for (size_t t = 0; t < steps; t++)
            for (size_t c = 0; c < channels; c++) {
                const size_t i = first + t * channels + c;
                out[i] = (in[i] - mean[c]) * rstd[c];
            }
    }
}

enum { CHUNK = 64 }; /* channels whose sums are kept at a time */

/* din = rstd * (dout - mean(dout) - out * mean(dout out)), means over the steps, for `n` <= CHUNK channels. */
MYNA_INLINE void instance_backward(float *din, const float *dout, const float *out, const float *rstd, size_t steps,
    size_t channels, size_t n)
{
    float mean_g[CHUNK] = {0}, mean_gh[CHUNK] = {0};
    for (size_t t = 0; t < steps; t++)
        for (size_t c = 0; c < n; c++) {
            mean_g[c] += dout[t * channels + c];
            mean_gh[c] += dout[t * channels + c] * out[t * channels + c];
        }
    for (size_t c = 0; c < n; c++) {
        mean_g[c] /= (float)steps;
        mean_gh[c] /= (float)steps;
    }
    for (size_t t = 0; t < steps; t++)
        for (size_t c = 0; c < n; c++) {
            const size_t i = t * channels + c;
            din[i] = rstd[c] * (dout[i] - mean_g[c] - out[i] * mean_gh[c]);
        }
}

MYNA_VECTORIZED
void myna_instance_norm_backward(
    float *din, const float *dout, const float *out, const float *stats, size_t items, size_t steps, size_t channels)
{
    for (size_t item = 0; item < items; item++)
        for (size_t c = 0; c < channels; c += CHUNK) {
            const size_t first = item * steps * channels + c, n = channels - c < CHUNK ? channels - c : CHUNK;
            const float *rstd = stats + (item * 2 + 1) * channels + c;
            instance_backward(din + first, dout + first, out + first, rstd, steps, channels, n);
        }
}
