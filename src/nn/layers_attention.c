/* Attention (Vaswani et al. 2017). */
#include "base/simd.h"
#include "nn/gemm.h"
#include "nn/lanes.h"
#include "nn/layers.h"
#include "nn/softmax.h"

#include <math.h>
#include <string.h>

/* Where one head of one item finds its columns. */
typedef struct head_view {
    size_t query, key, value, weights; /* offsets */
} head_view;

static head_view view_of(size_t item, size_t head, const myna_attention_shape *s)
{
    return (head_view){
        .query = item * s->steps * s->heads * s->key_size + head * s->key_size,
        .key = item * s->n_keys * s->heads * s->key_size + head * s->key_size,
        .value = head * s->value_size, /* of the item's values and outputs, whose rows are counted apart */
        .weights = (item * s->heads + head) * s->steps * s->n_keys,
    };
}

MYNA_VECTORIZED void myna_softmax_rows(float *x, size_t rows, size_t n, size_t stride, float scale)
{
    for (size_t r = 0; r < rows; r++) myna_softmax(x + r * stride, n, scale);
}

void myna_attention_forward(float *out, float *weights, const float *query, const float *key, const float *value,
    const size_t *n_used, myna_attention_shape s)
{
    const size_t keys = s.heads * s.key_size, values = s.heads * s.value_size;
    const float scale = 1.0f / sqrtf((float)s.key_size);
    for (size_t item = 0; item < s.items; item++) {
        for (size_t head = 0; head < s.heads; head++) {
            const head_view at = view_of(item, head, &s);
            const size_t n = n_used[item];
            float *w = weights + at.weights;
            myna_gemm_nt_strided(
                w, query + at.query, key + at.key, s.steps, n, s.key_size, 0, (myna_strides){s.n_keys, keys, keys});
            myna_softmax_rows(w, s.steps, n, s.n_keys, scale);
            myna_gemm_nn_strided(out + item * s.steps * values + at.value, w,
                value + item * s.n_keys * values + at.value, s.steps, s.value_size, n, 0,
                (myna_strides){values, s.n_keys, values});
        }
    }
}

/* dscores (in place of dweights) = weights * (dweights - sum of weights * dweights), times scale. */
MYNA_VECTORIZED static void softmax_backward(
    float *restrict d, const float *restrict weights, size_t rows, size_t n, size_t stride, float scale)
{
    for (size_t r = 0; r < rows; r++, d += stride, weights += stride) {
        for (size_t i = 0; i < n; i++) d[i] *= weights[i];
        const float sum = myna_sum(d, n);
        for (size_t i = 0; i < n; i++) d[i] = scale * (d[i] - sum * weights[i]);
    }
}

void myna_attention_backward(float *dquery, float *dkey, float *dvalue, float *scratch, const float *dout,
    const float *query, const float *key, const float *value, const float *weights, const size_t *n_used,
    myna_attention_shape s)
{
    const size_t keys = s.heads * s.key_size, values = s.heads * s.value_size;
    const float scale = 1.0f / sqrtf((float)s.key_size);
    memset(dkey, 0, s.items * s.n_keys * keys * sizeof *dkey);
    memset(dvalue, 0, s.items * s.n_keys * values * sizeof *dvalue);
    for (size_t item = 0; item < s.items; item++) {
        const float *item_dout = dout + item * s.steps * values;
        const size_t item_value = item * s.n_keys * values;
        for (size_t head = 0; head < s.heads; head++) {
            const head_view at = view_of(item, head, &s);
            const size_t n = n_used[item];
            const float *w = weights + at.weights, *d = item_dout + at.value;
            myna_gemm_tn_strided(dvalue + item_value + at.value, w, d, n, s.value_size, s.steps, 0,
                (myna_strides){values, s.n_keys, values});
            myna_gemm_nt_strided(scratch, d, value + item_value + at.value, s.steps, n, s.value_size, 0,
                (myna_strides){s.n_keys, values, values});
            softmax_backward(scratch, w, s.steps, n, s.n_keys, scale);
            myna_gemm_nn_strided(dquery + at.query, scratch, key + at.key, s.steps, s.key_size, n, 0,
                (myna_strides){keys, s.n_keys, keys});
            myna_gemm_tn_strided(dkey + at.key, scratch, query + at.query, n, s.key_size, s.steps, 0,
                (myna_strides){keys, s.n_keys, keys});
        }
    }
}
