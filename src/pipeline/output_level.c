#include "pipeline/output_level.h"

#include "dsp/level.h"
#include "dsp/stft.h"

#include <math.h>

static const double frame_seconds = (double)MYNA_HOP_SAMPLES / MYNA_SAMPLE_RATE_HZ;
static const double most_gain = 4.0;

void myna_output_level_init(myna_output_level *level, double start_seconds)
{
    const double normal = (double)MYNA_NORMAL_RMS * (double)MYNA_NORMAL_RMS;
    *level = (myna_output_level){.heard = normal, .spoken = normal, .speech_seconds = start_seconds};
}

void myna_output_level_learn(myna_output_level *level, double heard, double spoken, double memory_seconds)
{
    level->speech_seconds = fmin(level->speech_seconds + frame_seconds, memory_seconds);
    double rate = frame_seconds / level->speech_seconds;
    level->heard += rate * (heard - level->heard);
    level->spoken += rate * (spoken - level->spoken);
}

float myna_output_level_gain(const myna_output_level *level)
{
    double gain = level->spoken > 0 ? sqrt(level->heard / level->spoken) : 1;
    return (float)fmin(fmax(gain, 1 / most_gain), most_gain);
}

double myna_magnitude_power(const float *magnitude)
{
    const double window_power = myna_hann_squares * MYNA_HOP_SAMPLES; /* sum of the squared window */
    double sum = 0;
    for (int k = 0; k < MYNA_BINS; k++) sum += (double)magnitude[k] * (double)magnitude[k];
    return 2 * sum / (MYNA_FFT_SAMPLES * window_power);
}
