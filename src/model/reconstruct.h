/* What the network makes of known speech: the statistics that matching moves to the target's. */
#ifndef MYNA_MODEL_RECONSTRUCT_H
#define MYNA_MODEL_RECONSTRUCT_H

#include "model/stream.h"

/* Band statistics of the network's output for log_mel[n_frames][MYNA_MEL_BANDS] at normal level and f0_hz[n_frames],
 * over the frames whose input is speech, streamed just as a conversion at this latency is. All zero where fewer than 8
 * frames are speech. An odd last frame is left out. */
myna_status myna_reconstruct(myna_band_statistics *out, const myna_model *model, const float *embedding,
    myna_latency latency, const float *log_mel, const float *f0_hz, size_t n_frames, myna_error *error);

#endif
