/* Attentive statistics pooling (Okabe et al. 2018). */
#include "base/simd.h"
#include "nn/lanes.h"
#include "nn/layers.h"
#include "nn/softmax.h"

#include <math.h>
#include <string.h>

static const float variance_floor = 1e-4f;

MYNA_INLINE float dot(const float *restrict a, const float *restrict b, size_t n)
{
    const size_t n_whole = n - n % MYNA_LANES;
    float lanes[MYNA_LANES] = {0};
    for (size_t c = 0; c < n_whole; c += MYNA_LANES)
        for (size_t l = 0; l < MYNA_LANES; l++) lanes[l] += a[c + l] * b[c + l];
    for (size_t c = n_whole; c < n; c++) lanes[c - n_whole] += a[c] * b[c];
    return myna_lanes_sum(lanes);
}

/* out[2 * channels] of one item from its finished weights[steps]. */
MYNA_INLINE void weighted_statistics(
    float *restrict out, const float *restrict weights, const float *restrict in, size_t steps, size_t channels)
{
    float *restrict mean = out, *restrict deviation = out + channels;
    memset(out, 0, 2 * channels * sizeof *out);
    for (size_t t = 0; t < steps; t++)
        for (size_t c = 0; c < channels; c++) mean[c] += weights[t] * in[t * channels + c];
    for (size_t t = 0; t < steps; t++) {
        for (size_t c = 0; c < channels; c++) {
            const float centred = in[t * channels + c] - mean[c];
            deviation[c] += weights[t] * centred * centred;
        }
    }
    for (size_t c = 0; c < channels; c++) deviation[c] = sqrtf(deviation[c] + variance_floor);
}

MYNA_VECTORIZED
void myna_pool_forward(float *out, float *weights, const float *in, const float *attention, const float *bias,
    size_t items, size_t steps, size_t channels)
{
    for (size_t item = 0; item < items; item++) {
        const float *x = in + item * steps * channels;
        float *w = weights + item * steps;
        for (size_t t = 0; t < steps; t++) w[t] = dot(x + t * channels, attention, channels) + bias[0];
        myna_softmax(w, steps, 1.0f);
        weighted_statistics(out + item * 2 * channels, w, x, steps, channels);
    }
}

/* d(loss)/d(score) / weight of one step. Both terms are centred, so that their weighted sum over the steps is zero,
 * as softmax demands, without a pass to find it. */
MYNA_INLINE float score_gradient(
    const float *restrict dout, const float *restrict in, const float *restrict out, size_t channels)
{
    const float *dmean = dout, *ddeviation = dout + channels, *mean = out, *deviation = out + channels;
    const size_t n_whole = channels - channels % MYNA_LANES;
    float lanes[MYNA_LANES] = {0};
    for (size_t start = 0; start < channels; start += MYNA_LANES) {
        const size_t m = start < n_whole ? MYNA_LANES : channels - n_whole;
        for (size_t l = 0; l < m; l++) {
            const size_t c = start + l;
            const float centred = in[c] - mean[c], variance = deviation[c] * deviation[c] - variance_floor;
            const float dvariance = 0.5f * ddeviation[c] / deviation[c];
            lanes[l] += dmean[c] * centred + dvariance * (centred * centred - variance);
        }
    }
    return myna_lanes_sum(lanes);
}

MYNA_INLINE void backward_step(float *restrict din, float *restrict dattention, const float *restrict dout,
    const float *restrict in, const float *restrict out, const float *restrict attention, float weight, float dscore,
    size_t channels)
{
    const float *dmean = dout, *ddeviation = dout + channels, *mean = out, *deviation = out + channels;
    for (size_t c = 0; c < channels; c++) {
        const float dvalue = dmean[c] + ddeviation[c] / deviation[c] * (in[c] - mean[c]);
        din[c] = weight * dvalue + dscore * attention[c];
        dattention[c] += dscore * in[c];
    }
}

MYNA_VECTORIZED
void myna_pool_backward(float *din, float *dattention, float *dbias, const float *dout, const float *in,
    const float *out, const float *weights, const float *attention, size_t items, size_t steps, size_t channels)
{
    for (size_t r = 0; r < items * steps; r++) {
        const float *x = in + r * channels;
        const size_t item = r / steps * 2 * channels;
        const float dscore = weights[r] * score_gradient(dout + item, x, out + item, channels);
        backward_step(
            din + r * channels, dattention, dout + item, x, out + item, attention, weights[r], dscore, channels);
        dbias[0] += dscore;
    }
}
