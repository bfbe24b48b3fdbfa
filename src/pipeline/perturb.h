/* Information perturbation (after 2110.14513, here on the mel axis): in training the content encoder hears speech changed
 * at random, and the decoder must give it back as it was. What a change can undo is of no use to the code: the length of
 * a vocal tract and the places of formants (scaled frequency axis), the microphone's colour (random EQ), the noise and the
 * people behind the voice and the room around it. */
#ifndef MYNA_PIPELINE_PERTURB_H
#define MYNA_PIPELINE_PERTURB_H

#include "base/rng.h"
#include "model/tensors.h"

/* content[n_frames][MYNA_POOLED_BANDS] of normalised frames[n_frames][MYNA_MEL_BANDS], which must not overlap. */
void myna_perturb(float *content, const float *frames, size_t n_frames, const myna_weights *weights, myna_rng *rng);

/* What sounds at the same time, in place: frames[n_frames][MYNA_MEL_BANDS], normalised as what is added; the second adds it
 * softer, as somebody further away. */
void myna_perturb_add(float *frames, const float *other, size_t n_frames, const myna_weights *weights);
void myna_perturb_add_softer(
    float *frames, const float *other, size_t n_frames, const myna_weights *weights, myna_rng *rng);

/* A reference is heard through noise in a share of all segments, and the decoder must speak without: what stays the same
 * through it is the voice, rather than the room that it was recorded in. In place: content[n_frames][MYNA_POOLED_BANDS]. */
void myna_perturb_reference(float *content, size_t n_frames, const myna_weights *weights, myna_rng *rng);

#endif
