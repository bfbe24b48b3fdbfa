#include "pipeline/probe.h"

#include "base/status.h"
#include "dsp/level.h"
#include "dsp/pitch.h"
#include "dsp/profile.h"
#include "model/voice.h"

#include <stdlib.h>
#include <string.h>

/* Mean and deviation of ln F0 of no one in particular: between most men and most women. */
static const float anyones_log_f0[2] = {5.0f, 0.25f};

myna_status myna_profile_measure(myna_profile *out, const float *samples, size_t n_samples, myna_error *error)
{
    if (!out || (n_samples > 0 && !samples)) return myna_fail(error, MYNA_ERROR_ARGUMENT, "no samples to measure");
    myna_mel *mel = NULL;
    myna_profile_meter *meter = NULL;
    myna_status status = myna_mel_create(&mel, error);
    if (status == MYNA_OK) status = myna_profile_meter_create(&meter, mel, MYNA_VOICE_MAX_FRAMES, error);
    if (status == MYNA_OK) {
        myna_profile_meter_push(meter, samples, n_samples);
        status = myna_profile_meter_finish(meter, out, anyones_log_f0, error);
    }
    myna_profile_meter_free(meter);
    myna_mel_free(mel);
    return status;
}

_Static_assert((int)MYNA_PROBE_HOP_SAMPLES == (int)MYNA_HOP_SAMPLES, "the probe's hop is the front end's");

static void get_hop(float *hop, const float *samples, size_t n_samples, size_t begin)
{
    for (size_t i = 0; i < MYNA_HOP_SAMPLES; i++)
        hop[i] = begin + i < n_samples ? myna_clean_sample(samples[begin + i]) : 0;
}

/* Frames at the recording's own level, as linear mel; F0 comes MYNA_PITCH_MAX_LAG frames late. */
static void analyze(myna_probe *probe, myna_analyzer *analyzer, const float *samples, size_t n_samples)
{
    for (size_t k = 0; k < probe->n_frames + MYNA_PITCH_MAX_LAG; k++) {
        float hop[MYNA_HOP_SAMPLES];
        myna_frame frame;
        get_hop(hop, samples, n_samples, k * MYNA_HOP_SAMPLES);
        myna_analyzer_push(analyzer, &frame, hop);
        if (k < probe->n_frames) memcpy(probe->log_mel + k * MYNA_MEL_BANDS, frame.mel, sizeof frame.mel);
        if (k >= MYNA_PITCH_MAX_LAG) probe->f0_hz[k - MYNA_PITCH_MAX_LAG] = frame.f0_hz;
    }
}

static float find_gain(const float *samples, size_t n_samples)
{
    myna_level_meter level;
    float hop[MYNA_HOP_SAMPLES];
    myna_level_init(&level);
    for (size_t begin = 0; begin < n_samples; begin += MYNA_HOP_SAMPLES) {
        get_hop(hop, samples, n_samples, begin);
        myna_level_push(&level, hop, MYNA_HOP_SAMPLES);
    }
    return myna_level_gain(&level);
}

myna_status myna_probe_create(myna_probe *out, const float *samples, size_t n_samples, myna_error *error)
{
    myna_probe probe = {.n_frames = (n_samples + MYNA_HOP_SAMPLES - 1) / MYNA_HOP_SAMPLES};
    myna_mel *mel = NULL;
    myna_analyzer *analyzer = NULL;
    myna_status status = myna_mel_create(&mel, error);
    if (status == MYNA_OK) status = myna_analyzer_create(&analyzer, mel, MYNA_PITCH_MAX_LAG, error);
    if (status == MYNA_OK) {
        probe.log_mel = calloc(probe.n_frames + 1, MYNA_MEL_BANDS * sizeof *probe.log_mel);
        probe.f0_hz = calloc(probe.n_frames + 1, sizeof *probe.f0_hz);
        if (!probe.log_mel || !probe.f0_hz)
            status = myna_fail(error, MYNA_ERROR_MEMORY, "no memory for %zu frames", probe.n_frames);
    }
    if (status == MYNA_OK) {
        float gain = find_gain(samples, n_samples);
        analyze(&probe, analyzer, samples, n_samples);
        for (size_t k = 0; k < probe.n_frames; k++) {
            float *log_mel = probe.log_mel + k * MYNA_MEL_BANDS, mel_of_frame[MYNA_MEL_BANDS];
            memcpy(mel_of_frame, log_mel, sizeof mel_of_frame);
            myna_log_mel(log_mel, mel_of_frame, gain);
        }
        *out = probe;
    } else {
        myna_probe_free(&probe);
    }
    myna_analyzer_free(analyzer);
    myna_mel_free(mel);
    return status;
}

void myna_probe_free(myna_probe *probe)
{
    free(probe->log_mel);
    free(probe->f0_hz);
    *probe = (myna_probe){0};
}
