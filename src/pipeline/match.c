#include "pipeline/match.h"

#include "base/simd.h"
#include "dsp/profile.h"
#include "nn/approx.h"

#include <math.h>

enum { SMOOTHED_BANDS = 9 };
static const float frame_seconds = (float)MYNA_HOP_SAMPLES / MYNA_SAMPLE_RATE_HZ;
static const float start_seconds = 5.0f, memory_seconds = 10.0f;
static const float least_scale = 0.7f, most_scale = 1.5f, most_shift = 0.6f; /* log10 units: 12 dB */
static const float least_deviation = 1e-3f;
static const float lowest = -6.0f, highest = 2.5f; /* highest: a full-scale sine at normal level stays below */
static const float kept_loudness = 0.5f;           /* 1: likeness -.007 and DNSMOS +.08 instead of -.002 and +.06 */

/* What is not a number becomes `low`. */
static float clamp(float x, float low, float high)
{
    return fminf(fmaxf(x, low), high);
}

/* Log10 of the amplitude of all bands together. */
MYNA_VECTORIZED static float loudness(const float *log_mel)
{
    const float to_power = 2 * 2.30258509f;
    float sum = 0;
    for (int b = 0; b < MYNA_MEL_BANDS; b++) sum += myna_exp_approx(to_power * log_mel[b]);
    return 0.5f * log10f(sum);
}

/* matched = (x - mean) * scale + mean + shift, mean that of the output; band edges repeat for the smoothing. */
static void compute(myna_match *match)
{
    const myna_band_statistics *output = &match->output, *target = &match->target;
    float ratio[MYNA_MEL_BANDS];
    for (int b = 0; b < MYNA_MEL_BANDS; b++)
        ratio[b] = target->deviation[b] / fmaxf(output->deviation[b], least_deviation);
    for (int b = 0; b < MYNA_MEL_BANDS; b++) {
        float sum = 0;
        for (int k = b - SMOOTHED_BANDS / 2; k <= b + SMOOTHED_BANDS / 2; k++)
            sum += ratio[k < 0 ? 0 : k < MYNA_MEL_BANDS ? k : MYNA_MEL_BANDS - 1];
        float scale = clamp(sum / SMOOTHED_BANDS, least_scale, most_scale), mean = output->mean[b];
        match->scale[b] = scale;
        match->offset[b] = mean * (1.0f - scale) + clamp(target->mean[b] - mean, -most_shift, most_shift);
    }
}

void myna_match_init(myna_match *match, const myna_band_statistics *output, const myna_band_statistics *target)
{
    if (!myna_statistics_known(output)) output = target;
    if (!myna_statistics_known(target)) target = output;
    *match = (myna_match){.output = *output, .target = *target, .speech_seconds = start_seconds};
    for (int b = 0; b < MYNA_MEL_BANDS; b++) match->scale[b] = 1.0f;
    if (myna_statistics_known(output)) compute(match);
}

void myna_match_learn(myna_match *match, const float *log_mel, size_t n_frames)
{
    if (n_frames == 0 || !myna_statistics_known(&match->target)) return;
    for (size_t i = 0; i < n_frames; i++) {
        const float *x = log_mel + i * MYNA_MEL_BANDS;
        match->speech_seconds = fminf(match->speech_seconds + frame_seconds, memory_seconds);
        float rate = frame_seconds / match->speech_seconds;
        for (int b = 0; b < MYNA_MEL_BANDS; b++) {
            float *mean = &match->output.mean[b], *deviation = &match->output.deviation[b];
            float before = clamp(x[b], lowest, highest) - *mean, variance = *deviation * *deviation;
            *mean += rate * before;
            float after = before * (1.0f - rate);
            *deviation = sqrtf(variance + rate * (before * after - variance)); /* Welford, 1962 */
        }
    }
    compute(match);
}

void myna_match_apply(const myna_match *match, float *log_mel)
{
    for (int b = 0; b < MYNA_MEL_BANDS; b++) log_mel[b] = clamp(log_mel[b], lowest, highest);
    float before = loudness(log_mel);
    for (int b = 0; b < MYNA_MEL_BANDS; b++) log_mel[b] = match->scale[b] * log_mel[b] + match->offset[b];
    float change = kept_loudness * (before - loudness(log_mel));
    for (int b = 0; b < MYNA_MEL_BANDS; b++) log_mel[b] = clamp(log_mel[b] + change, lowest, highest);
}
