#include "dsp/level.h"

#include <math.h>
#include <string.h>

enum { FRAME_SAMPLES = MYNA_SAMPLE_RATE_HZ / 40 }; /* 25 ms */
static const double floor_db = -70.0, bin_db = 0.25;
static const double relative_gate = 0.1; /* -10 dB, of power */
static const float gain_limit = 1000.0f;

void myna_level_init(myna_level_meter *meter)
{
    memset(meter, 0, sizeof *meter);
}

static void count_frame(myna_level_meter *meter)
{
    double mean = meter->frame_sum / FRAME_SAMPLES, power = meter->frame_power / FRAME_SAMPLES - mean * mean;
    double bin = (10.0 * log10(power) - floor_db) / bin_db;
    meter->frame_power = meter->frame_sum = 0;
    meter->frame_samples = 0;
    if (!(bin >= 0)) return; /* below the absolute gate, or not a number */
    int i = (int)fmin(bin, MYNA_LEVEL_BINS - 1);
    meter->count[i]++;
    meter->power[i] += power;
}

void myna_level_push(myna_level_meter *meter, const float *samples, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        meter->frame_power += (double)samples[i] * (double)samples[i];
        meter->frame_sum += (double)samples[i];
        if (++meter->frame_samples == FRAME_SAMPLES) count_frame(meter);
    }
}

/* Mean power of the bins whose own mean lies above `gate`. */
static double mean_power_above(const myna_level_meter *meter, double gate)
{
    double power = 0, count = 0;
    for (int i = 0; i < MYNA_LEVEL_BINS; i++) {
        if (!meter->count[i] || meter->power[i] < gate * meter->count[i]) continue;
        power += meter->power[i];
        count += meter->count[i];
    }
    return count > 0 ? power / count : 0;
}

float myna_level_rms(const myna_level_meter *meter)
{
    return (float)sqrt(mean_power_above(meter, relative_gate * mean_power_above(meter, 0)));
}

float myna_level_gain(const myna_level_meter *meter)
{
    float rms = myna_level_rms(meter);
    return rms > 0 ? fminf(MYNA_NORMAL_RMS / rms, gain_limit) : 1.0f;
}
