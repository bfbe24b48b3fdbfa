/* What the decoder knows of whom it speaks as: an embedding of the voice on the whole, and how it sounds in each of the
 * sounds that were recorded of it, for the attention (see attention.h). */
#ifndef MYNA_MODEL_SPEAKER_H
#define MYNA_MODEL_SPEAKER_H

#include "model/model.h"

enum { MYNA_VOICE_MAX_FRAMES = 30 * MYNA_SAMPLE_RATE_HZ / MYNA_HOP_SAMPLES }; /* 30 s */

typedef struct myna_speaker {
    float embedding[MYNA_EMBEDDING_SIZE];
    float film_change[MYNA_DECODER_BLOCKS * MYNA_FILM]; /* of a tuned voice, added to what the decoder makes of the
                                                           embedding; zeros otherwise */
    size_t n_keys; /* 1 + steps remembered; 0 before myna_speaker_remember, 1: nothing to be found but no_value */
    /* The memory as the layers of each head: scores [n_keys] of a query, and what is found of the weights [n_keys]. */
    myna_packed_linear keys[MYNA_ATTENTIONS][MYNA_ATTENTION_HEADS], values[MYNA_ATTENTIONS][MYNA_ATTENTION_HEADS];
    myna_arena arena; /* of the memory */
} myna_speaker;

/* Fills the memory from log_mel[n_frames][MYNA_MEL_BANDS] at normal level; where there are none, nothing is
 * remembered. `content`, unless NULL, becomes what myna_content_measure finds there at MYNA_LATENCY_BEST: one hearing
 * gives both. On failure, nothing is changed. */
myna_status myna_speaker_remember(myna_speaker *speaker, myna_content_statistics *content, const myna_model *model,
    const float *log_mel, size_t n_frames, myna_error *error);
void myna_speaker_remember_nothing(myna_speaker *speaker); /* frees the memory: only no_value is to be found */
void myna_speaker_clear(myna_speaker *speaker); /* frees the memory */

#endif
