/* The front end: one hop in, one frame out. Enrolment, both passes of a conversion and plots all hear through this one
 * object; training, which cuts segments anywhere, through the same parts (pipeline/segments.c).
 *
 * Frame k covers samples [200 k - 600, 200 k + 200): the signal is preceded by silence, each hop completes one
 * frame, and sample 0 already lies in MYNA_OVERLAP frames. */
#ifndef MYNA_DSP_ANALYSIS_H
#define MYNA_DSP_ANALYSIS_H

#include "dsp/mel.h"

#include <math.h>

/* What may go in: NaN and infinity become silence, anything beyond +-8 (18 dBFS) is held there, so that no power or
 * magnitude can overflow. */
static inline float myna_clean_sample(float x)
{
    return isfinite(x) ? fminf(fmaxf(x, -8.0f), 8.0f) : 0;
}

typedef struct myna_frame {
    float mel[MYNA_MEL_BANDS]; /* linear mel magnitude at the input's own level */
    float f0_hz;               /* of the frame pitch_lag frames earlier; 0 unvoiced */
} myna_frame;

typedef struct myna_analyzer myna_analyzer;
/* `mel` must outlive the analyzer. pitch_lag as in myna_pitch_create; -1: no pitch tracker, f0_hz stays 0. */
myna_status myna_analyzer_create(myna_analyzer **out, const myna_mel *mel, int pitch_lag, myna_error *error);
void myna_analyzer_free(myna_analyzer *analyzer);
void myna_analyzer_reset(myna_analyzer *analyzer);
void myna_analyzer_push(myna_analyzer *analyzer, myna_frame *out, const float *hop); /* hop[MYNA_HOP_SAMPLES] */

#endif
