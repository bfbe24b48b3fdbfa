/* What the network makes of known speech: the statistics that matching moves to the target's. */
#ifndef MYNA_MODEL_RECONSTRUCT_H
#define MYNA_MODEL_RECONSTRUCT_H

#include "model/stream.h"

/* Takes one frame whose input was speech: log_mel[MYNA_MEL_BANDS], which lies in the passage, and what became of
 * it, out_log_mel[MYNA_MEL_BANDS]. */
typedef void myna_reconstructed(void *context, const float *log_mel, const float *out_log_mel);

/* Known speech; arrays of the caller. */
typedef struct myna_passage {
    const float *log_mel; /* [n_frames][MYNA_MEL_BANDS], at normal level */
    const float *f0_hz;   /* [n_frames], as the target speaks them */
    size_t n_frames;      /* an odd last one is left out */
    const myna_content_statistics *content; /* of the recording it is from */
} myna_passage;

/* Streams a passage through the network as a conversion at this latency does, with this retrieval. */
myna_status myna_reconstruct_frames(const myna_model *model, const myna_speaker *speaker, myna_latency latency,
    myna_retrieval retrieval, const myna_passage *passage, myna_reconstructed *sink, void *context, myna_error *error);

/* The band statistics of those frames' output. All zero where fewer than 8 are speech. */
myna_status myna_reconstruct(myna_band_statistics *out, const myna_model *model, const myna_speaker *speaker,
    myna_latency latency, myna_retrieval retrieval, const myna_passage *passage, myna_error *error);

#endif
