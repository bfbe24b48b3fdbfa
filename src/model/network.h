/* The disentangling auto-encoder: content encoder, speaker encoder, decoder; forward over a batch, and backward. */
#ifndef MYNA_MODEL_NETWORK_H
#define MYNA_MODEL_NETWORK_H

#include "model/tensors.h"

/* Steps that content encoder and decoder look ahead: their first so many blocks read one step of the future each. */
static inline int myna_content_ahead(myna_latency latency)
{
    return (int)latency; /* low 0, balanced 1, best 2 */
}
static inline int myna_decoder_ahead(myna_latency latency)
{
    return latency == MYNA_LATENCY_BEST ? MYNA_AHEAD_BLOCKS : 0;
}

/* What one worker trains on: arrays of the caller. */
typedef struct myna_batch {
    const float *content; /* [items][steps][MYNA_CONTENT_IN], perturbed */
    const float *speaker; /* [items][speaker_steps][MYNA_SPEAKER_IN] */
    const float *pitch;   /* [items][steps][MYNA_PITCH_IN] */
    const float *ripple;  /* [items][steps][MYNA_STEP_OUT], in units of normalised log-mel */
    const float *noise;   /* [items][steps][code_width], added to the code */
} myna_batch;

/* The activations of one forward pass, kept for its backward; one thread at a time. */
typedef struct myna_network myna_network;
/* Either of steps and speaker_steps may be 0 when only the other half is used. `layout` is copied. */
myna_status myna_network_create(
    myna_network **out, const myna_layout *layout, size_t items, size_t steps, size_t speaker_steps, myna_error *error);
void myna_network_free(myna_network *network);

/* Normalised log-mel [items][steps][MYNA_STEP_OUT], owned by `network` until its next forward. The batch's arrays
 * must stay as they are until backward has run. */
const float *myna_network_forward(
    myna_network *network, const myna_weights *weights, const myna_batch *batch, myna_latency latency);
/* Adds the gradients of all weights to `gradients`, given dout = d(loss)/d(output of the last forward). */
void myna_network_backward(myna_network *network, const myna_weights *gradients, const myna_weights *weights,
    const myna_batch *batch, myna_latency latency, const float *dout);

/* The speaker encoder alone: embeddings [items][MYNA_EMBEDDING_SIZE] of speaker[items][speaker_steps][MYNA_SPEAKER_IN]. */
const float *myna_network_embed(myna_network *network, const myna_weights *weights, const float *speaker);

#endif
