#include "nn/loss.h"

#include "base/simd.h"
#include "nn/lanes.h"

#include <math.h>

MYNA_INLINE float sign(float x)
{
    return (float)(x > 0.0f) - (float)(x < 0.0f);
}

/* One frame: writes dout = weight * sign(out - target); returns the sum of |out - target|. */
MYNA_INLINE double frame_l1(
    float *restrict dout, const float *restrict out, const float *restrict target, size_t n, float weight)
{
    const size_t n_whole = n - n % MYNA_LANES;
    float lanes[MYNA_LANES] = {0};
    for (size_t start = 0; start < n; start += MYNA_LANES) {
        const size_t m = start < n_whole ? MYNA_LANES : n - n_whole;
        for (size_t l = 0; l < m; l++) {
            const float e = out[start + l] - target[start + l];
            lanes[l] += fabsf(e);
            dout[start + l] = weight * sign(e);
        }
    }
    return (double)myna_lanes_sum(lanes);
}

/* One frame against the one before: `dout`, `out` and `target` point at the frame, n values after the one before,
 * whose gradient the difference touches too. Returns the sum of the differences' absolute values. */
MYNA_INLINE double difference_l1(
    float *restrict dout, const float *restrict out, const float *restrict target, size_t n, float weight)
{
    float *restrict dbefore = dout - n;
    const float *restrict before = out - n, *restrict target_before = target - n;
    const size_t n_whole = n - n % MYNA_LANES;
    float lanes[MYNA_LANES] = {0};
    for (size_t start = 0; start < n; start += MYNA_LANES) {
        const size_t m = start < n_whole ? MYNA_LANES : n - n_whole;
        for (size_t l = 0; l < m; l++) {
            const size_t c = start + l;
            const float e = (out[c] - target[c]) - (before[c] - target_before[c]);
            lanes[l] += fabsf(e);
            dout[c] += weight * sign(e);
            dbefore[c] -= weight * sign(e);
        }
    }
    return (double)myna_lanes_sum(lanes);
}

MYNA_VECTORIZED
double myna_loss(float *dout, double *parts, const float *out, const float *target, size_t items, size_t frames,
    size_t channels, float scale)
{
    const double n_values = (double)(items * frames * channels);
    const double n_differences = frames > 1 ? (double)(items * (frames - 1) * channels) : 1.0;
    const float weight = (float)(scale / n_values), weight_difference = (float)(0.5 * scale / n_differences);
    double sum = 0.0, sum_difference = 0.0;
    for (size_t row = 0; row < items * frames; row++) {
        const size_t at = row * channels;
        sum += frame_l1(dout + at, out + at, target + at, channels, weight);
        if (row % frames == 0) continue;
        sum_difference += difference_l1(dout + at, out + at, target + at, channels, weight_difference);
    }
    const double l1 = scale * sum / n_values, l1_difference = scale * sum_difference / n_differences;
    if (parts != NULL) {
        parts[0] += l1;
        parts[1] += l1_difference;
    }
    return l1 + 0.5 * l1_difference;
}

double myna_cross_entropy(
    float *dlogits, const float *logits, size_t class, size_t n, float scale, size_t *n_right)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (logits[i] > logits[best]) best = i;
    const float most = logits[best], below = most - logits[class];
    float sum = 0.0f;
    for (size_t i = 0; i < n; i++) sum += dlogits[i] = expf(logits[i] - most);
    for (size_t i = 0; i < n; i++) dlogits[i] *= scale / sum;
    dlogits[class] -= scale;
    *n_right += best == class;
    return (double)scale * (log((double)sum) + (double)below);
}
