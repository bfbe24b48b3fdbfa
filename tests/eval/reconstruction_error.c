/* How well a model gives recordings back in their own voice, nothing looked up: the mean absolute error of the log-mel of
 * their speech, in deviations. What is noisy, clipped or cut to pieces stands out; run by scripts/leave-out.
 *
 *   reconstruction_error MODEL RECORDING...
 *
 * prints a line of the error, a tab and the recording's path for each that it can read. */
#include "base/status.h"
#include "io/audio_file.h"
#include "model/reconstruct.h"
#include "model/voice.h"
#include "pipeline/probe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct difference {
    double sum;
    size_t n;
} difference;

static void add(void *context, const float *log_mel, const float *out_log_mel)
{
    difference *d = context;
    for (int b = 0; b < MYNA_MEL_BANDS; b++) d->sum += fabs((double)(log_mel[b] - out_log_mel[b]));
    d->n += MYNA_MEL_BANDS;
}

static myna_status speak(difference *d, const myna_model *model, const myna_probe *probe, myna_error *error)
{
    static const myna_retrieval nothing_found = {.sharpness = 1, .strength = 0};
    myna_speaker speaker = {0};
    myna_content_statistics content;
    const myna_passage passage = {probe->log_mel, probe->f0_hz, probe->n_frames, &content};
    myna_status status = myna_embed_frames(speaker.embedding, model, probe->log_mel, probe->n_frames, error);
    if (status == MYNA_OK)
        status = myna_speaker_remember(&speaker, &content, model, probe->log_mel, probe->n_frames, error);
    if (status == MYNA_OK)
        status = myna_reconstruct_frames(model, &speaker, MYNA_LATENCY_BEST, nothing_found, &passage, add, d, error);
    myna_speaker_clear(&speaker);
    return status;
}

static myna_status measure(difference *d, const myna_model *model, const char *path, myna_error *error)
{
    float *samples = NULL;
    size_t n;
    myna_probe probe = {0};
    myna_status status = myna_audio_load(&samples, &n, path, NULL, error);
    if (status == MYNA_OK) status = myna_probe_create(&probe, samples, n, error);
    if (status == MYNA_OK) status = speak(d, model, &probe, error);
    if (status == MYNA_OK && d->n == 0) status = myna_fail(error, MYNA_ERROR_SPEECH, "no speech");
    myna_probe_free(&probe);
    free(samples);
    return status;
}

int main(int argc, char **argv)
{
    myna_error error = {0};
    myna_model *model;
    if (argc < 2) {
        fputs("usage: reconstruction_error MODEL RECORDING...\n", stderr);
        return 1;
    }
    if (myna_model_load(&model, argv[1], &error) != MYNA_OK) {
        fprintf(stderr, "reconstruction_error: %s: %s\n", argv[1], error.detail);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0); /* others may write to the same file */
    const double deviation = (double)model->weights.front.mel_deviation[0];
    for (int i = 2; i < argc; i++) {
        difference d = {0};
        if (measure(&d, model, argv[i], &error) == MYNA_OK) printf("%.5f\t%s\n", d.sum / (double)d.n / deviation, argv[i]);
        else fprintf(stderr, "reconstruction_error: %s: left in: %s\n", argv[i], error.detail);
    }
    myna_model_free(model);
    return 0;
}
