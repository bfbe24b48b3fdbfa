#include "model/packed.h"

void myna_packed_linear_lay_out(
    myna_packed_linear *layer, myna_arena *arena, const myna_steady *way, size_t n_out, size_t n_in)
{
    *layer = (myna_packed_linear){.way = way, .n_out = n_out, .n_in = n_in};
    MYNA_TAKE(arena, layer->packed, way->size(n_out, n_in));
}

void myna_packed_linear_fill(const myna_packed_linear *layer, const float *weight)
{
    layer->way->pack(layer->packed, weight, layer->n_out, layer->n_in);
}

/* Counts, hands out and, the second time, fills. */
static void pack(myna_packed_weights *p, myna_packed_linear *out, const myna_linear *layer, size_t n_out, size_t n_in)
{
    myna_packed_linear_lay_out(out, &p->arena, p->way, n_out, n_in);
    out->bias = layer->bias;
    if (out->packed) myna_packed_linear_fill(out, layer->weight);
}

static void pack_block(myna_packed_weights *p, myna_packed_block *out, const myna_block *block)
{
    const size_t wide = MYNA_CHANNELS * MYNA_EXPANSION;
    pack(p, &out->expand, &block->expand, wide, MYNA_CHANNELS);
    pack(p, &out->project, &block->project, MYNA_CHANNELS, wide);
}

static void lay_out(myna_packed_weights *p, const myna_layout *layout, const myna_weights *w)
{
    const size_t width = layout->code_width, c = MYNA_CHANNELS;
    pack(p, &p->content.in, &w->content.in, c, MYNA_CONTENT_IN);
    for (int i = 0; i < MYNA_CONTENT_BLOCKS; i++) pack_block(p, &p->content.blocks[i], &w->content.blocks[i]);
    pack(p, &p->content.out, &w->content.out, width, c);
    pack(p, &p->decoder.in, &w->decoder.in, c, width + MYNA_PITCH_IN);
    for (int i = 0; i < MYNA_DECODER_BLOCKS; i++) pack_block(p, &p->decoder.blocks[i], &w->decoder.blocks[i]);
    for (int i = 0; i < MYNA_ATTENTIONS; i++) {
        pack(p, &p->decoder.query[i], &w->decoder.attention[i].query, MYNA_ATTENTION_KEY, c);
        pack(p, &p->decoder.found[i], &w->decoder.attention[i].out, c, c);
    }
    pack(p, &p->decoder.out, &w->decoder.out, MYNA_STEP_OUT, c);
    pack(p, &p->decoder.gate, &w->decoder.gate, MYNA_STEP_GATES, c);
}

bool myna_packed_weights_init(
    myna_packed_weights *packed, const myna_layout *layout, const myna_weights *weights, const myna_steady *way)
{
    *packed = (myna_packed_weights){.way = way};
    lay_out(packed, layout, weights);
    if (!myna_arena_reserve(&packed->arena)) return false;
    lay_out(packed, layout, weights);
    return true;
}

void myna_packed_weights_clear(myna_packed_weights *packed)
{
    myna_arena_free(&packed->arena);
    *packed = (myna_packed_weights){0};
}

void myna_packed_linear_forward(const myna_packed_linear *layer, float *out, const float *in, size_t rows)
{
    layer->way->forward(out, in, layer->packed, layer->bias, rows, layer->n_out, layer->n_in);
}
