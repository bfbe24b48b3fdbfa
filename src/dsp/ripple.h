/* Harmonics by rule: how the log-mel of a voiced sound at a given F0 ripples around its smooth envelope. */
#ifndef MYNA_DSP_RIPPLE_H
#define MYNA_DSP_RIPPLE_H

#include "dsp/mel.h"

enum { MYNA_RIPPLE_ROWS = 200 }; /* F0 from 60 to 420 Hz, evenly in log F0 */

/* rows[MYNA_RIPPLE_ROWS][MYNA_MEL_BANDS]: log-mel of a steady pulse train less log-mel of its power spectrum
 * smoothed by a box as wide as F0, averaged over a few pulse positions, clipped to [-1.2, 0.6]. */
myna_status myna_ripple_make(float *rows, const myna_mel *mel, myna_error *error);

/* out[MYNA_MEL_BANDS] between the two nearest rows; all zero where f0_hz is 0 (unvoiced). F0 is clamped. */
void myna_ripple_at(float *out, const float *rows, float f0_hz);

#endif
