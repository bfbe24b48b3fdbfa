/* The block that everything is made of: y = x + gain * project(gelu(expand(norm(conv(x))))) (ConvNeXt, 2201.03545), as
 * training runs it, with what backward needs of forward. Streams have their own in model/stream.c. */
#ifndef MYNA_MODEL_BLOCK_H
#define MYNA_MODEL_BLOCK_H

#include "base/arena.h"
#include "model/tensors.h"
#include "nn/layers.h"

/* rows = items * steps, c channels. */
typedef struct myna_block_trace {
    float *conv, *stats, *norm; /* [rows][c], [rows][2], [rows][c] */
    float *wide, *active;       /* [rows][2 c]: GELU's slope where its input was, and its output */
    float *y, *out;             /* [rows][c] */
    float *film, *dfilm;        /* [items][2 c], conditioned blocks only */
    const float *film_change;   /* [2 c], added to every item's film; NULL: none */
} myna_block_trace;

/* Counts, hands out and, the second time, fills: see base/arena.h. `film`: does an embedding condition the block? */
void myna_block_lay_out(myna_block_trace *trace, myna_arena *arena, myna_conv_shape shape, bool film);

/* What backward writes on its way: room for the largest of a network's blocks. */
typedef struct myna_block_scratch {
    float *narrow_a, *narrow_b, *wide; /* [rows][c] twice, [rows][2 c] */
    float *dembedding;                 /* [items][MYNA_EMBEDDING_SIZE], of one block */
} myna_block_scratch;

/* Returns trace->out. `embedding` [items][MYNA_EMBEDDING_SIZE] is NULL where none conditions the block. */
const float *myna_block_forward(
    myna_block_trace *trace, const float *x, const myna_block *w, const float *embedding, myna_conv_shape shape);
/* dx holds d(out) on entry and d(x) on return; the weights' gradients are added to `d`, and those of the
 * embedding to `dembedding`, unless NULL. x, w, embedding and shape as forward had them. */
void myna_block_backward(float *dx, float *dembedding, const myna_block *d, const myna_block_trace *trace,
    const float *x, const myna_block *w, const float *embedding, myna_conv_shape shape,
    const myna_block_scratch *scratch);

#endif
