/* The disentangling auto-encoder: content encoder, speaker encoder, decoder; forward over a batch, and backward. */
#ifndef MYNA_MODEL_NETWORK_H
#define MYNA_MODEL_NETWORK_H

#include "model/attention.h"
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

/* Steps of the speaker encoder in so many of the other two; half a step at the end is not heard. */
static inline size_t myna_speaker_steps(size_t steps)
{
    return steps * MYNA_STEP_FRAMES / MYNA_SPEAKER_FRAMES;
}

_Static_assert(MYNA_CONTENT_VALUES == MYNA_CONTENT_NORMS * MYNA_CHANNELS, "myna.h knows the content encoder's size");

/* What one worker trains on: arrays of the caller. */
typedef struct myna_batch {
    const float *content; /* [items][steps][MYNA_CONTENT_IN], perturbed */
    const float *speaker; /* [items][speaker_steps][MYNA_SPEAKER_IN] */
    const float *pitch;   /* [items][steps][MYNA_PITCH_IN] */
    const float *ripple;  /* [items][steps][MYNA_STEP_OUT], in units of normalised log-mel */
    const float *noise;   /* [items][steps][code_width], added to the code */
    const bool *is_known;  /* [items]: does the content encoder know whom it hears? NULL: always */
    const bool *reference; /* [items]: may the decoder look things up in `speaker`, or is the embedding all it has? */
    const uint8_t *phones; /* [items][steps]: what is said, MYNA_NO_PHONE where that is unknown; NULL: nowhere known */
} myna_batch;

/* The activations of one forward pass, kept for its backward; one thread at a time. Of more than one item, `steps` is even:
 * the speaker encoder reads two at once. */
typedef struct myna_network myna_network;
myna_status myna_network_create(
    myna_network **out, const myna_layout *layout, size_t items, size_t steps, size_t speaker_steps, myna_error *error);
/* The encoders alone, for a single item and without backward: myna_network_embed and, where speaker_steps is
 * myna_speaker_steps(steps), myna_network_listen. `steps` may be 0 where only the former is used. Takes 24 kB a step. */
myna_status myna_network_create_encoders(
    myna_network **out, const myna_layout *layout, size_t steps, size_t speaker_steps, myna_error *error);
void myna_network_free(myna_network *network);
/* How far the decoder leans on the reference; as trained until this is called. */
void myna_network_set_retrieval(myna_network *network, myna_retrieval retrieval);

/* Normalised log-mel [items][steps][MYNA_STEP_OUT], owned by `network` until its next forward. The batch's arrays
 * must stay as they are until backward has run. */
const float *myna_network_forward(
    myna_network *network, const myna_weights *weights, const myna_batch *batch, myna_latency latency);
/* The last forward's code as the decoder was given it, with its noise: [items][steps][code_width], owned by `network`. */
const float *myna_network_code(const myna_network *network);
/* Adds the gradients of all weights to `gradients`, given dout = d(loss)/d(output of the last forward), and dcode: the
 * same for a loss on the code itself, or NULL. */
void myna_network_backward(myna_network *network, const myna_weights *gradients, const myna_weights *weights,
    const myna_batch *batch, myna_latency latency, const float *dout, const float *dcode);

/* Content encoder: each of its values gets mean 0 and deviation 1 over the recording (instance normalisation, as
 * AdaIN-VC 1904.05742 and AGAIN-VC 2011.00316 do), which takes away what stays the same throughout: much of the voice,
 * the microphone and the room. In training the recording is the segment. A stream cannot know its future and is told
 * these statistics by a first pass, or learns them as it runs: see model/stream.h.
 *     What is left of a voice differs from sound to sound, and so the encoder is told whom it hears, as recognisers that
 * adapt to speakers are (i-vectors; Saon et al., 2013): an embedding of what it hears conditions its blocks; zeros
 * where nobody knows, as in a stream without a source. The speaker encoder learns nothing from this use of its embeddings.
 *     Runs the content encoder over content[items][steps][MYNA_CONTENT_IN], and, where it `is_told` whom it hears and there
 * is more than a step of it, the speaker encoder before it; returns what stands before its bottleneck,
 * [items][steps][MYNA_CHANNELS], owned by `network`, and adds each item's statistics to `sum` where that is not NULL. */
const float *myna_network_listen(myna_network *network, const myna_weights *weights, const float *content, bool is_told,
    myna_latency latency, myna_content_statistics *sum);

/* The speaker encoder alone: embeddings [items][MYNA_EMBEDDING_SIZE] of speaker[items][speaker_steps][MYNA_SPEAKER_IN]. */
const float *myna_network_embed(myna_network *network, const myna_weights *weights, const float *speaker);

/* Back through the last run of these two to what was heard: dcontent and dspeaker (or NULL) are overwritten, the gradients
 * of the weights added to `gradients`. Not of encoders alone. */
void myna_network_listen_backward(myna_network *network, float *dcontent, const myna_weights *gradients,
    const myna_weights *weights, const float *content, myna_latency latency, const float *dheard);
void myna_network_embed_backward(myna_network *network, float *dspeaker, const myna_weights *gradients,
    const myna_weights *weights, const float *speaker, const float *dembedding);

/* Forward with every item in one given voice, for its tuning: embedding[MYNA_EMBEDDING_SIZE] in place of the speaker
 * encoder's, and film_change[MYNA_DECODER_BLOCKS][MYNA_FILM] added to the scales and shifts that the decoder makes of it. */
const float *myna_network_forward_as(myna_network *network, const myna_weights *weights, const myna_batch *batch,
    const float *embedding, const float *film_change, myna_latency latency);
/* The gradients of both, overwritten. Those of the decoder's weights are added to `gradients` on the way. */
void myna_network_backward_as(myna_network *network, float *dembedding, float *dfilm_change, const myna_weights *gradients,
    const myna_weights *weights, const myna_batch *batch, myna_latency latency, const float *dout);

#endif
