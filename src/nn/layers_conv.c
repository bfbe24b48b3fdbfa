/* Depthwise convolution. Tap k of step t reads step t + k - 4 + ahead; taps that would read outside the item, and
 * the last one when it is muted, are left out. Where all taps count (nearly everywhere), one fused loop does them. */
#include "base/simd.h"
#include "nn/lanes.h"
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

/* ---- Backward: a few channels of an item at a time, down the steps, so that the sums of the taps' gradients stay in
 * registers. With the pass that used to add din to the residual's gradient saved as well: 15 us an item of 64 steps
 * and 256 channels, was 20; half a percent of a training step. ---- */

MYNA_INLINE void load(myna_lanes *value, const float *x, size_t n)
{
    *value = (myna_lanes){0};
    memcpy(value, x, n * sizeof *x);
}

MYNA_INLINE void add(float *x, const myna_lanes *value, size_t n)
{
    myna_lanes sum;
    load(&sum, x, n);
    sum += *value;
    memcpy(x, &sum, n * sizeof *x);
}

/* sum += factor * x */
MYNA_INLINE void add_product(myna_lanes *sum, const myna_lanes *factor, const float *x, size_t n)
{
    myna_lanes value;
    load(&value, x, n);
    *sum += *factor * value;
}

/* What a step of the output sends back to taps first <= k < last; tap 0 reads step `from`. */
MYNA_INLINE void add_products(myna_lanes *dweight, const myna_lanes *dout, const float *in, ptrdiff_t from, ptrdiff_t first,
    ptrdiff_t last, ptrdiff_t channels, size_t n)
{
    for (ptrdiff_t k = 0; k < MYNA_TAPS; k++)
        if (k >= first && k < last) add_product(&dweight[k], dout, in + (from + k) * channels, n);
}

MYNA_INLINE void backward_weights(
    float *dweight, float *dbias, const float *dout, const float *in, const myna_conv_shape *shape, size_t n)
{
    const ptrdiff_t channels = (ptrdiff_t)shape->channels;
    myna_lanes sums[MYNA_TAPS] = {{0}}, sum = {0}, d;
    for (size_t t = 0; t < shape->steps; t++) {
        const taps at = taps_at(t, shape);
        const ptrdiff_t from = (ptrdiff_t)t + at.offset, first = (ptrdiff_t)at.first, last = (ptrdiff_t)at.last;
        load(&d, dout + t * shape->channels, n);
        sum += d;
        if (last - first == MYNA_TAPS) add_products(sums, &d, in, from, 0, MYNA_TAPS, channels, n);
        else add_products(sums, &d, in, from, first, last, channels, n);
    }
    add(dbias, &sum, n);
    for (size_t k = 0; k < MYNA_TAPS; k++) add(dweight + k * shape->channels, &sums[k], n);
}

/* Step s of the input was read by tap k of step s - offset - k. */
MYNA_INLINE void backward_input(
    float *din, const float *dout, const float *weight, const myna_conv_shape *shape, size_t n)
{
    const size_t channels = shape->channels;
    const ptrdiff_t steps = (ptrdiff_t)shape->steps, row = (ptrdiff_t)channels;
    myna_lanes w[MYNA_TAPS];
    for (size_t k = 0; k < MYNA_TAPS; k++) load(&w[k], weight + k * channels, n);
    if (shape->mute_last) w[MYNA_TAPS - 1] = (myna_lanes){0};
    for (ptrdiff_t s = 0; s < steps; s++) {
        const ptrdiff_t newest = s + (MYNA_TAPS - 1) - shape->ahead;
        myna_lanes sum = {0};
        if (newest >= MYNA_TAPS - 1 && newest < steps) {
            for (ptrdiff_t k = 0; k < MYNA_TAPS; k++) add_product(&sum, &w[k], dout + (newest - k) * row, n);
        } else {
            for (ptrdiff_t k = 0; k < MYNA_TAPS; k++)
                if (newest - k >= 0 && newest - k < steps) add_product(&sum, &w[k], dout + (newest - k) * row, n);
        }
        add(din + s * row, &sum, n);
    }
}

MYNA_VECTORIZED
void myna_dwconv_backward(float *din, float *dweight, float *dbias, const float *dout, const float *in,
    const float *weight, myna_conv_shape shape)
{
    const size_t n_whole = shape.channels - shape.channels % MYNA_LANES, rest = shape.channels - n_whole;
    for (size_t item = 0; item < shape.items; item++) {
        const size_t start = item * shape.steps * shape.channels;
        for (size_t c = 0; c < n_whole; c += MYNA_LANES) {
            backward_weights(dweight + c, dbias + c, dout + start + c, in + start + c, &shape, MYNA_LANES);
            backward_input(din + start + c, dout + start + c, weight + c, &shape, MYNA_LANES);
        }
        if (rest == 0) continue;
        const size_t at = start + n_whole;
        backward_weights(dweight + n_whole, dbias + n_whole, dout + at, in + at, &shape, rest);
        backward_input(din + at, dout + at, weight + n_whole, &shape, rest);
    }
}
