#include "pipeline/match.h"

#include "base/simd.h"
#include "dsp/profile.h"
#include "nn/approx.h"

#include <math.h>

enum { SMOOTHED_BANDS = 9 };
static const float frame_seconds = (float)MYNA_HOP_SAMPLES / MYNA_SAMPLE_RATE_HZ;
static const float words_seconds = 5.0f; /* after which words differ as much as what is kept of the source's voice */
static const float memory_seconds = 10.0f, kept_seconds = (float)MYNA_VOICE_MAX_FRAMES * frame_seconds;
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

/* How much the output for the source counts, against that for the target's own recordings. */
static float weight_of_output(const myna_match *match)
{
    if (match->output_seconds <= 0) return 0;
    return 1.0f / (1.0f + words_seconds * (1.0f / match->output_seconds + 1.0f / match->target_seconds));
}

/* matched = (x - mean) * scale + mean + shift, mean that of the output; band edges repeat for the smoothing. */
static void compute(myna_match *match)
{
    const myna_band_statistics *output = &match->output, *own = &match->own, *target = &match->target;
    const float weight = weight_of_output(match);
    float ratio[MYNA_MEL_BANDS];
    for (int b = 0; b < MYNA_MEL_BANDS; b++) {
        float deviation = own->deviation[b] + weight * (output->deviation[b] - own->deviation[b]);
        ratio[b] = target->deviation[b] / fmaxf(deviation, least_deviation);
    }
    for (int b = 0; b < MYNA_MEL_BANDS; b++) {
        float sum = 0;
        for (int k = b - SMOOTHED_BANDS / 2; k <= b + SMOOTHED_BANDS / 2; k++)
            sum += ratio[k < 0 ? 0 : k < MYNA_MEL_BANDS ? k : MYNA_MEL_BANDS - 1];
        float scale = clamp(sum / SMOOTHED_BANDS, least_scale, most_scale);
        float mean = own->mean[b] + weight * (output->mean[b] - own->mean[b]);
        match->scale[b] = scale;
        match->offset[b] = mean * (1.0f - scale) + clamp(target->mean[b] - mean, -most_shift, most_shift);
    }
}

void myna_match_init(
    myna_match *match, const myna_band_statistics *output, float output_seconds, const myna_voice *voice)
{
    const myna_band_statistics *target = &voice->profile.bands, *own = &voice->reconstruction;
    const bool is_known = output_seconds > 0 && myna_statistics_known(output);
    if (!myna_statistics_known(own)) own = is_known ? output : target;
    if (!myna_statistics_known(target)) target = own;
    *match = (myna_match){.own = *own,
        .target = *target,
        .target_seconds = clamp(voice->profile.speech_seconds, frame_seconds, kept_seconds)};
    if (is_known) {
        match->output = *output;
        match->output_seconds = fminf(output_seconds, kept_seconds);
    }
    for (int b = 0; b < MYNA_MEL_BANDS; b++) match->scale[b] = 1.0f;
    if (myna_statistics_known(target)) compute(match);
}

void myna_match_learn(myna_match *match, const float *log_mel, size_t n_frames)
{
    if (n_frames == 0 || !myna_statistics_known(&match->target)) return;
    for (size_t i = 0; i < n_frames; i++) {
        const float *x = log_mel + i * MYNA_MEL_BANDS;
        if (match->output_seconds < memory_seconds) match->output_seconds += frame_seconds;
        float rate = frame_seconds / fminf(match->output_seconds, memory_seconds);
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
