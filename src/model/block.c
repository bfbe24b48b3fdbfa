#include "model/block.h"

#include "nn/optim.h"

void myna_block_lay_out(myna_block_trace *trace, myna_arena *arena, myna_conv_shape shape, bool film)
{
    size_t items = shape.items, rows = items * shape.steps, channels = shape.channels;
    MYNA_TAKE(arena, trace->conv, rows * channels);
    MYNA_TAKE(arena, trace->stats, rows * 2);
    MYNA_TAKE(arena, trace->norm, rows * channels);
    MYNA_TAKE(arena, trace->wide, rows * channels * MYNA_EXPANSION);
    MYNA_TAKE(arena, trace->active, rows * channels * MYNA_EXPANSION);
    MYNA_TAKE(arena, trace->y, rows * channels);
    MYNA_TAKE(arena, trace->out, rows * channels);
    MYNA_TAKE(arena, trace->film, film ? items * 2 * channels : 0);
    MYNA_TAKE(arena, trace->dfilm, film ? items * 2 * channels : 0);
}

const float *myna_block_forward(
    myna_block_trace *trace, const float *x, const myna_block *w, const float *embedding, myna_conv_shape shape)
{
    size_t rows = shape.items * shape.steps, c = shape.channels, wide = c * MYNA_EXPANSION;
    myna_dwconv_forward(trace->conv, x, w->conv_weight, w->conv_bias, shape);
    if (embedding) {
        myna_linear_forward(
            trace->film, embedding, w->film.weight, w->film.bias, shape.items, 2 * c, MYNA_EMBEDDING_SIZE);
        for (size_t i = 0; trace->film_change && i < shape.items; i++)
            myna_accumulate(trace->film + i * 2 * c, trace->film_change, 2 * c);
        myna_film_norm_forward(trace->norm, trace->stats, trace->conv, trace->film, shape.items, shape.steps, c);
    } else {
        myna_norm_forward(trace->norm, trace->stats, trace->conv, w->norm_scale, w->norm_shift, rows, c);
    }
    myna_linear_forward(trace->wide, trace->norm, w->expand.weight, w->expand.bias, rows, wide, c);
    myna_gelu_forward_slope(trace->active, trace->wide, rows * wide);
    myna_linear_forward(trace->y, trace->active, w->project.weight, w->project.bias, rows, c, wide);
    myna_residual_forward(trace->out, x, trace->y, w->gain, rows, c);
    return trace->out;
}

void myna_block_backward(float *dx, float *dembedding, const myna_block *d, const myna_block_trace *trace,
    const float *x, const myna_block *w, const float *embedding, myna_conv_shape shape,
    const myna_block_scratch *scratch)
{
    size_t rows = shape.items * shape.steps, c = shape.channels, wide = c * MYNA_EXPANSION;
    float *dy = scratch->narrow_a, *dnorm = scratch->narrow_a, *dconv = scratch->narrow_b;
    myna_residual_backward(dy, d->gain, dx, trace->y, w->gain, rows, c);
    myna_linear_backward(
        scratch->wide, d->project.weight, d->project.bias, dy, trace->active, w->project.weight, rows, c, wide);
    myna_gelu_backward(scratch->wide, trace->wide, rows * wide);
    myna_linear_backward(
        dnorm, d->expand.weight, d->expand.bias, scratch->wide, trace->norm, w->expand.weight, rows, wide, c);
    if (embedding) {
        myna_film_norm_backward(
            dconv, trace->dfilm, dnorm, trace->conv, trace->stats, trace->film, shape.items, shape.steps, c);
        myna_linear_backward(dembedding ? scratch->dembedding : NULL, d->film.weight, d->film.bias, trace->dfilm, embedding,
            w->film.weight, shape.items, 2 * c, MYNA_EMBEDDING_SIZE);
        if (dembedding) myna_accumulate(dembedding, scratch->dembedding, shape.items * MYNA_EMBEDDING_SIZE);
    } else {
        myna_norm_backward(
            dconv, d->norm_scale, d->norm_shift, dnorm, trace->conv, trace->stats, w->norm_scale, rows, c);
    }
    myna_dwconv_backward(dx, d->conv_weight, d->conv_bias, dconv, x, w->conv_weight, shape);
}
