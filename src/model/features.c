#include "model/features.h"

#include <math.h>
#include <string.h>

void myna_normalize(float *out, const float *log_mel, const myna_weights *weights)
{
    const float *mean = weights->front.mel_mean, scale = 1.0f / weights->front.mel_deviation[0];
    for (int b = 0; b < MYNA_MEL_BANDS; b++) out[b] = (log_mel[b] - mean[b]) * scale;
}

void myna_denormalize(float *out, const float *normalized, const myna_weights *weights)
{
    const float *mean = weights->front.mel_mean, scale = weights->front.mel_deviation[0];
    for (int b = 0; b < MYNA_MEL_BANDS; b++) out[b] = normalized[b] * scale + mean[b];
}

void myna_pool_bands(float *out, const float *normalized)
{
    enum { GROUP = MYNA_MEL_BANDS / MYNA_POOLED_BANDS };
    for (int i = 0; i < MYNA_POOLED_BANDS; i++) {
        float sum = 0;
        for (int j = 0; j < GROUP; j++) sum += normalized[i * GROUP + j];
        out[i] = sum / GROUP;
    }
}

void myna_pool_frames(float *out, const float *normalized, size_t n_frames)
{
    for (size_t k = 0; k < n_frames; k++) myna_pool_bands(out + k * MYNA_POOLED_BANDS, normalized + k * MYNA_MEL_BANDS);
}

void myna_encoder_input(float *out, const float *log_mel, size_t n_frames, const myna_weights *weights)
{
    float normalized[MYNA_MEL_BANDS];
    for (size_t i = 0; i < n_frames; i++) {
        myna_normalize(normalized, log_mel + i * MYNA_MEL_BANDS, weights);
        myna_pool_bands(out + i * MYNA_POOLED_BANDS, normalized);
    }
}

void myna_pitch_features(float *out, float f0_hz)
{
    memset(out, 0, (MYNA_PITCH_BINS + 1) * sizeof *out);
    if (f0_hz <= 0) return;
    float place = log2f(fmaxf(f0_hz, 50.0f) / 50.0f) / 3.2f * (MYNA_PITCH_BINS - 1);
    place = fminf(place, MYNA_PITCH_BINS - 1);
    int lower = (int)place;
    float part = place - (float)lower;
    out[lower] = 1.0f - part;
    if (lower + 1 < MYNA_PITCH_BINS) out[lower + 1] = part;
    out[MYNA_PITCH_BINS] = 1.0f;
}
