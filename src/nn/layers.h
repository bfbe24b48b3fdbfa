/* The network's layers, each a forward and its backward.
 *
 * Arrays are row-major, channels last: x[rows][channels], rows = items * steps. Order of arguments: what is
 * written, what is read, weights, shape. A forward overwrites its output. A backward adds to weight gradients
 * (d + name of the weight) and, unless said otherwise, overwrites input gradients. No function allocates; pointers
 * written must not overlap pointers read, except where "may equal" says so. */
#ifndef MYNA_NN_LAYERS_H
#define MYNA_NN_LAYERS_H

#include <stdbool.h>
#include <stddef.h>

/* ---- Linear: out[rows][n_out] = in[rows][n_in] weight[n_out][n_in]^T + bias[n_out] -------------------------- */
void myna_linear_forward(float *out, const float *in, const float *weight, const float *bias, size_t rows, size_t n_out, size_t n_in);
/* din may be NULL (the first layer). */
void myna_linear_backward(float *din, float *dweight, float *dbias, const float *dout, const float *in,
    const float *weight, size_t rows, size_t n_out, size_t n_in);

/* ---- Depthwise convolution over time, five taps ----------------------------------------------------------------
 * out[t] = bias + sum_k weight[k] * in[t + k - 4 + ahead], weight[5][channels], zeros outside an item. `ahead` 0:
 * taps -4..0. `ahead` 1: taps -3..+1. `mute_last`: the last tap reads zero (a look-ahead switched off). */
enum { MYNA_TAPS = 5 };
typedef struct myna_conv_shape {
    size_t items, steps, channels;
    int ahead; /* 0, 1 or 2 (the speaker encoder's centred taps -2..+2) */
    bool mute_last;
} myna_conv_shape;
void myna_dwconv_forward(float *out, const float *in, const float *weight, const float *bias, myna_conv_shape shape);
/* Adds to din, which holds what reached `in` by the way around the block: one pass less. */
void myna_dwconv_backward(float *din, float *dweight, float *dbias, const float *dout, const float *in,
    const float *weight, myna_conv_shape shape);

/* ---- Layer normalisation over channels, eps 1e-5 -----------------------------------------------------------------
 * out = (in - mean) * rstd * scale + shift. Row statistics are kept for backward: stats[rows][2] = {mean, rstd}.
 * Plain: scale[channels], shift[channels] shared by all rows. */
void myna_norm_forward(float *out, float *stats, const float *in, const float *scale, const float *shift, size_t rows, size_t channels);
void myna_norm_backward(float *din, float *dscale, float *dshift, const float *dout, const float *in, const float *stats,
    const float *scale, size_t rows, size_t channels);
/* Conditioned (FiLM): film[items][2 * channels] = {scale - 1, shift} of each item. dfilm is overwritten. */
void myna_film_norm_forward(float *out, float *stats, const float *in, const float *film, size_t items, size_t steps, size_t channels);
void myna_film_norm_backward(float *din, float *dfilm, const float *dout, const float *in, const float *stats,
    const float *film, size_t items, size_t steps, size_t channels);

/* ---- Instance normalisation over time (Ulyanov et al. 2016), without scale and shift -------------------------------
 * Epsilon is large enough that a channel that hardly moves, as in a pause, is not blown up more than thirtyfold.
 * Each channel of each item gets mean 0 and variance 1: out = (in - mean) * rstd, where stats[items][2][channels] =
 * {means, rstds} is kept for backward. */
#define MYNA_INSTANCE_EPSILON 1e-3f
void myna_instance_norm_forward(float *out, float *stats, const float *in, size_t items, size_t steps, size_t channels); /* may equal */
/* Takes forward's output in place of its input. din may equal dout. */
void myna_instance_norm_backward(float *din, const float *dout, const float *out, const float *stats, size_t items,
    size_t steps, size_t channels);

/* ---- GELU, tanh approximation (Hendrycks and Gimpel 2016): x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) ------- */
void myna_gelu_forward(float *out, const float *in, size_t n); /* may equal */
/* Puts GELU's slope where its input was, for backward. With both from one exponential the two passes together take 24 us
 * an item of 64 steps and 512 channels, were 35: one percent of a training step. */
void myna_gelu_forward_slope(float *out, float *in_to_slope, size_t n);
void myna_gelu_backward(float *dout_to_din, const float *slope, size_t n);

/* ---- Scaled residual: out = x + gain[channels] * y ------------------------------------------------------------------ */
void myna_residual_forward(float *out, const float *x, const float *y, const float *gain, size_t rows, size_t channels);
/* dy = gain * dout, dgain += sum of dout * y. The gradient of x is dout itself: no copy is made. */
void myna_residual_backward(float *dy, float *dgain, const float *dout, const float *y, const float *gain,
    size_t rows, size_t channels);

/* ---- Attentive statistics pooling (Okabe et al. 2018) -----------------------------------------------------------------
 * Weights w = softmax over an item's steps of (in . attention + bias); out[items][2 * channels] = {weighted mean,
 * sqrt(weighted variance + 1e-4)}. weights[items][steps] is kept for backward. attention[channels], bias[1] (the bias
 * does not change the result; it is there to match common layouts). */
void myna_pool_forward(float *out, float *weights, const float *in, const float *attention, const float *bias, size_t items,
    size_t steps, size_t channels);
void myna_pool_backward(float *din, float *dattention, float *dbias, const float *dout, const float *in, const float *out,
    const float *weights, const float *attention, size_t items, size_t steps, size_t channels);

/* ---- Attention (Vaswani et al. 2017, section 3.2) ------------------------------------------------------------------------
 * Each head of each row of query[items][steps][heads * key_size] looks among the keys of its item: weights = softmax over
 * the keys of (query . key) / sqrt(key_size), out[items][steps][heads * value_size] = sum of weights * value, from
 * key[items][n_keys][heads * key_size] and value[items][n_keys][heads * value_size]. An item's keys from n_used[item] >= 1
 * on are not looked at. weights[items][heads][steps][n_keys] is kept for backward. */
typedef struct myna_attention_shape {
    size_t items, steps, n_keys, heads, key_size, value_size;
} myna_attention_shape;
void myna_attention_forward(float *out, float *weights, const float *query, const float *key, const float *value,
    const size_t *n_used, myna_attention_shape shape);
/* scratch[steps][n_keys] */
void myna_attention_backward(float *dquery, float *dkey, float *dvalue, float *scratch, const float *dout,
    const float *query, const float *key, const float *value, const float *weights, const size_t *n_used,
    myna_attention_shape shape);
/* Its softmax: each of `rows` of x[n], `stride` apart, becomes exp(scale * x) over its sum; n > 0, scale > 0. */
void myna_softmax_rows(float *x, size_t rows, size_t n, size_t stride, float scale);

/* ---- Element-wise -------------------------------------------------------------------------------------------------- */
void myna_tanh_forward(float *out, const float *in, size_t n);                     /* may equal */
void myna_tanh_backward(float *din, const float *dout, const float *out, size_t n); /* din may equal dout */

/* ---- Harmonic gate: out = smooth + 1.5 sigmoid(gate) * ripple -----------------------------------------------------------
 * One gate value for each group of channels / n_gates neighbours: smooth, ripple, out [rows][channels], gate
 * [rows][n_gates]. `out` may equal `smooth`. */
void myna_gate_forward(float *out, const float *smooth, const float *gate, const float *ripple, size_t rows, size_t channels, size_t n_gates);
/* d smooth is dout itself; only the gate's gradient is made. */
void myna_gate_backward(float *dgate, const float *dout, const float *gate, const float *ripple, size_t rows, size_t channels, size_t n_gates);

#endif
