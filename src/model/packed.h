/* The weights as streams multiply with them (nn/steady.h): packed once, with the model, for all its streams, and so is what
 * a voice remembers, with the voice (speaker.h). */
#ifndef MYNA_MODEL_PACKED_H
#define MYNA_MODEL_PACKED_H

#include "base/arena.h"
#include "model/tensors.h"
#include "nn/steady.h"

typedef struct myna_packed_linear {
    const myna_steady *way;
    float *packed;
    const float *bias; /* the model's; NULL: none */
    size_t n_out, n_in;
} myna_packed_linear;

typedef struct myna_packed_block {
    myna_packed_linear expand, project;
} myna_packed_block;

typedef struct myna_packed_weights {
    const myna_steady *way;
    myna_arena arena;
    struct {
        myna_packed_linear in, out;
        myna_packed_block blocks[MYNA_CONTENT_BLOCKS];
    } content;
    struct {
        myna_packed_linear in, out, gate;
        myna_packed_linear query[MYNA_ATTENTIONS], found[MYNA_ATTENTIONS]; /* the attentions' query and out */
        myna_packed_block blocks[MYNA_DECODER_BLOCKS];
    } decoder;
} myna_packed_weights;

/* For one way of nn/steady.h. False, and nothing to clear, when memory is short. `weights` must outlive it and stay as they
 * are. */
bool myna_packed_weights_init(
    myna_packed_weights *packed, const myna_layout *layout, const myna_weights *weights, const myna_steady *way);
void myna_packed_weights_clear(myna_packed_weights *packed);

/* One layer by itself: its room (to be called twice, see arena.h), and then, from weight[n_out][n_in], its weights. */
void myna_packed_linear_lay_out(
    myna_packed_linear *layer, myna_arena *arena, const myna_steady *way, size_t n_out, size_t n_in);
void myna_packed_linear_fill(const myna_packed_linear *layer, const float *weight);

/* out[rows][n_out] of in[rows][n_in]. */
void myna_packed_linear_forward(const myna_packed_linear *layer, float *out, const float *in, size_t rows);

#endif
