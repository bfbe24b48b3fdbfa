#include "pipeline/running_level.h"

#include "dsp/level.h"
#include "dsp/stft.h"
#include "model/tensors.h"

#include <math.h>

static const double step_seconds = (double)MYNA_STEP_FRAMES * MYNA_HOP_SAMPLES / MYNA_SAMPLE_RATE_HZ;
static const double start_seconds = 0.1, settled_seconds = 1.0, memory_seconds = 3.0;
static const double least_power = 1e-7;  /* -70 dBFS, where the offline measure begins too */
static const double least_part = 3.2e-3; /* 25 dB under the level: a hum or a distant voice in a pause */
/* Mean power of voiced steps over that of active speech; -0.45 dB (deviation 0.5) over 120 recordings of the corpus. */
static const double voiced_over_speech = 0.90;
static const double gain_limit = 1000;

void myna_running_level_init(myna_running_level *level, float speech_level_db)
{
    double power = pow(10, (double)speech_level_db / 10);
    *level = (myna_running_level){.power = power * voiced_over_speech, .voiced_seconds = start_seconds};
}

void myna_running_level_push(myna_running_level *level, float power, bool voiced)
{
    bool settled = level->voiced_seconds > settled_seconds;
    if (!voiced || (double)power < least_power || (settled && (double)power < least_part * level->power)) return;
    level->voiced_seconds += step_seconds;
    /* Twice the rate of a plain mean: what was heard after t of T seconds keeps the weight (t / T)^2. */
    double rate = fmax(2.0 * step_seconds / level->voiced_seconds, step_seconds / memory_seconds);
    level->power += fmin(rate, 1.0) * ((double)power - level->power);
}

float myna_running_level_gain(const myna_running_level *level)
{
    return (float)fmin((double)MYNA_NORMAL_RMS / sqrt(level->power / voiced_over_speech), gain_limit);
}
