/* Element-wise layers. Where input and output may be the same array, results pass through a small local block:
 * compilers can only vectorise what cannot overlap. */
#include "base/simd.h"
#include "nn/approx.h"
#include "nn/layers.h"

#include <string.h>

enum { BLOCK = 256 };

MYNA_INLINE size_t block_size(size_t start, size_t n)
{
    return n - start < BLOCK ? n - start : BLOCK;
}

/* ---- GELU: with u = sqrt(2/pi) (x + 0.044715 x^3), (1 + tanh u) / 2 is sigmoid(2u) ---- */

static const float gelu_rate = 1.5957691216057308f; /* 2 sqrt(2/pi) */
static const float gelu_cubic = 0.044715f;

MYNA_VECTORIZED
void myna_gelu_forward(float *out, const float *in, size_t n)
{
    for (size_t start = 0; start < n; start += BLOCK) {
        const size_t m = block_size(start, n);
        float block[BLOCK];
        for (size_t i = 0; i < m; i++) {
            const float x = in[start + i];
            block[i] = x * myna_sigmoid_approx(gelu_rate * x * (1.0f + gelu_cubic * x * x));
        }
        memcpy(out + start, block, m * sizeof *out);
    }
}

MYNA_VECTORIZED
void myna_gelu_forward_slope(float *restrict out, float *restrict in_to_slope, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const float x = in_to_slope[i], square = x * x;
        const float s = myna_sigmoid_approx(gelu_rate * x * (1.0f + gelu_cubic * square));
        out[i] = x * s;
        in_to_slope[i] = s + x * s * (1.0f - s) * gelu_rate * (1.0f + 3.0f * gelu_cubic * square);
    }
}

MYNA_VECTORIZED
void myna_gelu_backward(float *restrict dout_to_din, const float *restrict slope, size_t n)
{
    for (size_t i = 0; i < n; i++) dout_to_din[i] *= slope[i];
}

/* ---- tanh ---- */

MYNA_VECTORIZED
void myna_tanh_forward(float *out, const float *in, size_t n)
{
    for (size_t start = 0; start < n; start += BLOCK) {
        const size_t m = block_size(start, n);
        float block[BLOCK];
        for (size_t i = 0; i < m; i++) block[i] = myna_tanh_approx(in[start + i]);
        memcpy(out + start, block, m * sizeof *out);
    }
}

MYNA_VECTORIZED
void myna_tanh_backward(float *din, const float *dout, const float *out, size_t n)
{
    for (size_t start = 0; start < n; start += BLOCK) {
        const size_t m = block_size(start, n);
        const float *d = dout + start, *y = out + start;
        float block[BLOCK];
        for (size_t i = 0; i < m; i++) block[i] = d[i] * (1.0f - y[i] * y[i]);
        memcpy(din + start, block, m * sizeof *din);
    }
}

/* ---- Scaled residual ---- */

MYNA_INLINE void residual_row(
    float *restrict out, const float *restrict x, const float *restrict y, const float *restrict gain, size_t channels)
{
    for (size_t c = 0; c < channels; c++) out[c] = x[c] + gain[c] * y[c];
}

MYNA_VECTORIZED
void myna_residual_forward(float *out, const float *x, const float *y, const float *gain, size_t rows, size_t channels)
{
    for (size_t r = 0; r < rows; r++)
        residual_row(out + r * channels, x + r * channels, y + r * channels, gain, channels);
}

MYNA_INLINE void residual_row_backward(float *restrict dy, float *restrict dgain, const float *restrict dout,
    const float *restrict y, const float *restrict gain, size_t channels)
{
    for (size_t c = 0; c < channels; c++) {
        dy[c] = gain[c] * dout[c];
        dgain[c] += dout[c] * y[c];
    }
}

MYNA_VECTORIZED
void myna_residual_backward(
    float *dy, float *dgain, const float *dout, const float *y, const float *gain, size_t rows, size_t channels)
{
    for (size_t r = 0; r < rows; r++) {
        const size_t row = r * channels;
        residual_row_backward(dy + row, dgain, dout + row, y + row, gain, channels);
    }
}

/* ---- Harmonic gate ---- */

static const float gate_limit = 1.5f;

MYNA_VECTORIZED
void myna_gate_forward(float *out, const float *smooth, const float *gate, const float *ripple, size_t rows,
    size_t channels, size_t n_gates)
{
    const size_t group = channels / n_gates;
    for (size_t start = 0; start < rows * n_gates; start += BLOCK) {
        const size_t m = block_size(start, rows * n_gates);
        float factor[BLOCK];
        for (size_t g = 0; g < m; g++) factor[g] = gate_limit * myna_sigmoid_approx(gate[start + g]);
        for (size_t g = 0; g < m; g++) {
            const size_t first = (start + g) * group;
            for (size_t c = first; c < first + group; c++) out[c] = smooth[c] + factor[g] * ripple[c];
        }
    }
}

MYNA_VECTORIZED
void myna_gate_backward(float *dgate, const float *dout, const float *gate, const float *ripple, size_t rows,
    size_t channels, size_t n_gates)
{
    const size_t group = channels / n_gates;
    for (size_t g = 0; g < rows * n_gates; g++) {
        const float *d = dout + g * group, *r = ripple + g * group;
        float sum = 0.0f;
        for (size_t c = 0; c < group; c++) sum += d[c] * r[c];
        const float s = myna_sigmoid_approx(gate[g]);
        dgate[g] = gate_limit * s * (1.0f - s) * sum;
    }
}
