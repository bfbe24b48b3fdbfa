#include "pipeline/expander.h"

#include "dsp/level.h"
#include "dsp/mel.h"

#include <math.h>

static const float fade_db = 20.0f;     /* from open to closed */
static const float silent_dbfs = -72.0f, not_silent_dbfs = -66.0f;

/* 0 at low, 1 at high, level slope at both ends. */
static float smooth_step(float x, float low, float high)
{
    float t = fminf(fmaxf((x - low) / (high - low), 0), 1);
    return t * t * (3.0f - 2.0f * t);
}

float myna_expander_factor(const float *mel, float gain, float gate_db)
{
    float sum = 0;
    for (int b = 0; b < MYNA_MEL_BANDS; b++) sum += mel[b];
    float dbfs = 20.0f * log10f(sum * MYNA_NORMAL_RMS / MYNA_SPEECH_SUM + 1e-10f);
    float relative_db = dbfs + 20.0f * log10f(gain / MYNA_NORMAL_RMS);
    return smooth_step(relative_db, gate_db - fade_db, gate_db) * smooth_step(dbfs, silent_dbfs, not_silent_dbfs);
}
