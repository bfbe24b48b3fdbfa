/* What the network sees of a frame. Training and streaming share these, so there is one front end. */
#ifndef MYNA_MODEL_FEATURES_H
#define MYNA_MODEL_FEATURES_H

#include "model/tensors.h"

/* out[MYNA_MEL_BANDS] = (log_mel - mean of the band) / deviation, and back. `out` may equal the input. */
void myna_normalize(float *out, const float *log_mel, const myna_weights *weights);
void myna_denormalize(float *out, const float *normalized, const myna_weights *weights);

/* Means of four neighbouring bands: out[MYNA_POOLED_BANDS]. Frames side by side make an encoder's input row:
 * [MYNA_STEP_FRAMES] of them for content, [MYNA_SPEAKER_FRAMES] for the speaker. */
void myna_pool_bands(float *out, const float *normalized);
/* The same of normalized[n_frames][MYNA_MEL_BANDS]: out[n_frames][MYNA_POOLED_BANDS]. */
void myna_pool_frames(float *out, const float *normalized, size_t n_frames);

/* What the encoders hear of log_mel[n_frames][MYNA_MEL_BANDS], normalised and pooled: out[n_frames][MYNA_POOLED_BANDS]. */
void myna_encoder_input(float *out, const float *log_mel, size_t n_frames, const myna_weights *weights);

/* ln F0 as a soft one-hot, out[MYNA_PITCH_BINS] over 50 to 460 Hz (3.2 octaves), then a voicing flag; all zero
 * where f0_hz is 0. Frames side by side make MYNA_PITCH_IN. */
void myna_pitch_features(float *out, float f0_hz);

#endif
