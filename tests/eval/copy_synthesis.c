/* What the waveform stage alone does to a recording: its own log-mel spectrogram and F0 go back to samples as in a
 * conversion (inverse mel, start phase from F0, streaming Griffin-Lim), without the network in between. What a
 * conversion loses beyond this copy, the network lost; run by scripts/evaluate.
 *
 *   copy_synthesis IN OUT.wav [low|balanced|best [ITERATIONS]]
 *
 * OUT.wav has 16 kHz, one channel, and IN's length, and is in time with it. */
#include "dsp/analysis.h"
#include "dsp/level.h"
#include "dsp/phase.h"
#include "dsp/pitch.h"
#include "io/audio_file.h"
#include "model/network.h"
#include "pipeline/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct stages {
    int look_ahead, pitch_lag; /* frames, as in a conversion at this latency */
    myna_mel *mel;
    myna_analyzer *analyzer;
    myna_excitation *excitation;
    myna_rtisi *rtisi;
} stages;

static myna_status create(stages *s, myna_latency latency, int iterations, myna_error *error)
{
    s->look_ahead = myna_phase_ahead(latency);
    s->pitch_lag = 2 * myna_content_ahead(latency);
    myna_status status = myna_mel_create(&s->mel, error);
    if (status == MYNA_OK) status = myna_analyzer_create(&s->analyzer, s->mel, s->pitch_lag, error);
    if (status == MYNA_OK) status = myna_excitation_create(&s->excitation, 0, error);
    if (status == MYNA_OK) status = myna_rtisi_create(&s->rtisi, s->look_ahead, iterations, error);
    return status;
}

static void destroy(stages *s)
{
    myna_rtisi_free(s->rtisi);
    myna_excitation_free(s->excitation);
    myna_analyzer_free(s->analyzer);
    myna_mel_free(s->mel);
}

static float find_gain(const float *samples, size_t n)
{
    myna_level_meter meter;
    myna_level_init(&meter);
    myna_level_push(&meter, samples, n);
    return myna_level_gain(&meter);
}

static void speak(stages *s, float *hop, const float *mel, float f0_hz, float gain)
{
    float log_mel[MYNA_MEL_BANDS], magnitude[MYNA_BINS];
    myna_complex phase[MYNA_BINS];
    myna_log_mel(log_mel, mel, gain);
    myna_mel_inverse(s->mel, magnitude, log_mel);
    for (int i = 0; i < MYNA_BINS; i++) magnitude[i] /= gain;
    myna_excitation_next(s->excitation, phase, f0_hz);
    myna_rtisi_push(s->rtisi, hop, magnitude, phase);
}

/* samples[n] becomes its copy. F0 comes pitch_lag frames after its spectrum, which waits for it; the waveform stage's
 * first look_ahead + 3 hops lie before sample 0. */
static void copy(stages *s, float *samples, size_t n, float gain)
{
    enum { HOP = MYNA_HOP_SAMPLES, WAITING = MYNA_PITCH_MAX_LAG + 1 };
    size_t lag = (size_t)s->pitch_lag, early = lag + (size_t)(s->look_ahead + MYNA_OVERLAP - 1);
    size_t n_hops = (n + HOP - 1) / HOP;
    float hop[HOP], mel[WAITING][MYNA_MEL_BANDS];
    myna_frame frame;
    for (size_t k = 0; k < n_hops + early; k++) {
        size_t n_in = k * HOP >= n ? 0 : n - k * HOP < HOP ? n - k * HOP : HOP;
        memset(hop, 0, sizeof hop);
        if (n_in) memcpy(hop, samples + k * HOP, n_in * sizeof *hop);
        myna_analyzer_push(s->analyzer, &frame, hop);
        memcpy(mel[k % WAITING], frame.mel, sizeof frame.mel);
        if (k < lag) continue;
        speak(s, hop, mel[(k - lag) % WAITING], frame.f0_hz, gain);
        if (k < early) continue;
        size_t out = (k - early) * HOP; /* heard long ago */
        memcpy(samples + out, hop, (n - out < HOP ? n - out : HOP) * sizeof *hop);
    }
}

static myna_status save(const char *path, const float *samples, size_t n, myna_error *error)
{
    myna_audio_writer *writer;
    myna_status status = myna_audio_create(&writer, path, MYNA_SAMPLE_RATE_HZ, 1, error);
    if (status != MYNA_OK) return status;
    status = myna_audio_write(writer, samples, n, error);
    if (status == MYNA_OK) return myna_audio_commit(writer, error);
    myna_audio_abandon(writer);
    return status;
}

int main(int argc, char **argv)
{
    const char *name = argc > 3 ? argv[3] : "best";
    int latency = MYNA_LATENCY_LOW;
    while (myna_latency_names[latency] && strcmp(name, myna_latency_names[latency]) != 0) latency++;
    if (argc < 3 || !myna_latency_names[latency]) {
        fputs("usage: copy_synthesis IN OUT.wav [low|balanced|best [ITERATIONS]]\n", stderr);
        return 1;
    }
    float *samples = NULL;
    size_t n;
    stages s = {0};
    myna_error error = {0};
    myna_status status = create(&s, (myna_latency)latency, argc > 4 ? atoi(argv[4]) : 8, &error);
    if (status == MYNA_OK) status = myna_audio_load(&samples, &n, argv[1], NULL, &error);
    if (status == MYNA_OK) {
        copy(&s, samples, n, find_gain(samples, n));
        status = save(argv[2], samples, n, &error);
    }
    const char *file = error.file[0] ? error.file : argv[1];
    if (status != MYNA_OK) fprintf(stderr, "copy_synthesis: %s: %s\n", file, error.detail);
    free(samples);
    destroy(&s);
    return status == MYNA_OK ? 0 : 2;
}
