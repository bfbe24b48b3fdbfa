/* Depthwise convolution. Tap k of step t reads step t + k - 4 + ahead; taps that would read outside the item, and
 * the last one when it is muted, are left out. Where all taps count (nearly everywhere), one fused loop does them. */
#include "base/simd.h"
#include "nn/layers.h"

#include <string.h>

typedef struct taps {
    ptrdiff_t offset;   /* step read by tap 0, relative to the step written */
    size_t first, last; /* taps first <= k < last exist */
} taps;

/* The taps that read inside the item at step t. */
MYNA_INLINE taps taps_at(size_t t, const myna_conv_shape *shape)
{
    taps at = {.offset = shape->ahead - (MYNA_TAPS - 1), .first = 0, .last = MYNA_TAPS - (shape->mute_last ? 1 : 0)};
    const ptrdiff_t start = (ptrdiff_t)t + at.offset, room = (ptrdiff_t)shape->steps - start;
    if (start < 0) at.first = (size_t)-start;
    if (room < (ptrdiff_t)at.last) at.last = (size_t)room;
    return at;
}

MYNA_INLINE void forward_step(float *restrict out, const float *restrict in, const float *restrict weight,
    const float *restrict bias, taps at, size_t channels)
{
    const size_t n = channels;
    if (at.last - at.first == MYNA_TAPS) {
        const float *restrict x = in + at.offset * (ptrdiff_t)n;
        for (size_t c = 0; c < n; c++) {
            out[c] = bias[c] + weight[c] * x[c] + weight[n + c] * x[n + c] + weight[2 * n + c] * x[2 * n + c] +
                     weight[3 * n + c] * x[3 * n + c] + weight[4 * n + c] * x[4 * n + c];
        }
        return;
    }
    memcpy(out, bias, n * sizeof *out);
    for (size_t k = at.first; k < at.last; k++) {
        const float *restrict x = in + (at.offset + (ptrdiff_t)k) * (ptrdiff_t)n, *restrict w = weight + k * n;
        for (size_t c = 0; c < n; c++) out[c] += w[c] * x[c];
    }
}

MYNA_VECTORIZED
void myna_dwconv_forward(float *out, const float *in, const float *weight, const float *bias, myna_conv_shape shape)
{
    for (size_t item = 0; item < shape.items; item++) {
        for (size_t t = 0; t < shape.steps; t++) {
            const size_t row = (item * shape.steps + t) * shape.channels;
            forward_step(out + row, in + row, weight, bias, taps_at(t, &shape), shape.channels);
        }
    }
}

/* What step t of the output sends back to the weights. */
MYNA_INLINE void backward_weights(float *restrict dweight, float *restrict dbias, const float *restrict dout,
    const float *restrict in, taps at, size_t channels)
{
    const size_t n = channels;
    for (size_t c = 0; c < n; c++) dbias[c] += dout[c];
    for (size_t k = at.first; k < at.last; k++) {
        const float *restrict x = in + (at.offset + (ptrdiff_t)k) * (ptrdiff_t)n;
        float *restrict dw = dweight + k * n;
        for (size_t c = 0; c < n; c++) dw[c] += dout[c] * x[c];
    }
}

/* Step s of the input was read by tap k of step s - offset - k. */
MYNA_INLINE void backward_step(float *restrict din, const float *restrict dout, const float *restrict weight, size_t s,
    const myna_conv_shape *shape)
{
    const size_t n = shape->channels, n_taps = MYNA_TAPS - (shape->mute_last ? 1 : 0);
    const ptrdiff_t newest = (ptrdiff_t)s + (MYNA_TAPS - 1) - shape->ahead;
    if (n_taps == MYNA_TAPS && newest >= MYNA_TAPS - 1 && newest < (ptrdiff_t)shape->steps) {
        const float *restrict d = dout + (newest - (MYNA_TAPS - 1)) * (ptrdiff_t)n;
        for (size_t c = 0; c < n; c++) {
            din[c] += weight[c] * d[4 * n + c] + weight[n + c] * d[3 * n + c] + weight[2 * n + c] * d[2 * n + c] +
                      weight[3 * n + c] * d[n + c] + weight[4 * n + c] * d[c];
        }
        return;
    }
    for (size_t k = 0; k < n_taps; k++) {
        const ptrdiff_t t = newest - (ptrdiff_t)k;
        if (t < 0 || t >= (ptrdiff_t)shape->steps) continue;
        const float *restrict d = dout + (size_t)t * n, *restrict w = weight + k * n;
        for (size_t c = 0; c < n; c++) din[c] += w[c] * d[c];
    }
}

MYNA_VECTORIZED
void myna_dwconv_backward(float *din, float *dweight, float *dbias, const float *dout, const float *in,
    const float *weight, myna_conv_shape shape)
{
    for (size_t item = 0; item < shape.items; item++) {
        const size_t start = item * shape.steps * shape.channels;
        for (size_t t = 0; t < shape.steps; t++) {
            const size_t row = start + t * shape.channels;
            backward_weights(dweight, dbias, dout + row, in + row, taps_at(t, &shape), shape.channels);
            backward_step(din + row, dout + start, weight, t, &shape);
        }
    }
}
