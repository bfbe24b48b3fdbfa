/* Whole recordings in memory: the last function of audio_file.h. */
#include "base/status.h"
#include "io/audio_file.h"
#include "io/resample.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_FRAMES = 4096 };

typedef struct recording {
    float *samples;
    size_t n, size;
} recording;

static myna_status append(void *context, const float *samples, size_t n, myna_error *error)
{
    recording *all = context;
    if (n > all->size - all->n) {
        size_t size = 2 * all->size > all->n + n ? 2 * all->size : all->n + n;
        float *grown = size < SIZE_MAX / sizeof *grown ? realloc(all->samples, size * sizeof *grown) : NULL;
        if (!grown) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for the recording");
        all->samples = grown;
        all->size = size;
    }
    memcpy(all->samples + all->n, samples, n * sizeof *samples);
    all->n += n;
    return MYNA_OK;
}

static myna_status read_all(myna_audio_reader *reader, int rate_hz, recording *all, myna_error *error)
{
    myna_resampler *resampler = NULL;
    myna_status status = myna_resampler_create(&resampler, rate_hz, MYNA_SAMPLE_RATE_HZ, MYNA_RESAMPLE_GOOD, error);
    for (size_t n = BLOCK_FRAMES; status == MYNA_OK && n == BLOCK_FRAMES;) {
        float block[BLOCK_FRAMES];
        status = myna_audio_read(reader, block, BLOCK_FRAMES, &n, error);
        if (status == MYNA_OK) status = myna_resampler_push(resampler, block, n, n < BLOCK_FRAMES, append, all, error);
    }
    myna_resampler_free(resampler);
    return status;
}

myna_status myna_audio_load(
    float **samples, size_t *n_samples, const char *path, myna_audio_info *info, myna_error *error)
{
    myna_audio_reader *reader;
    myna_audio_info found;
    myna_status status = myna_audio_open(&reader, path, &found, error);
    if (status != MYNA_OK) return status;
    recording all = {0};
    status = read_all(reader, found.sample_rate_hz, &all, error);
    myna_audio_close(reader);
    if (status != MYNA_OK) {
        free(all.samples);
        return myna_fail_in(error, status, path);
    }
    *samples = all.samples;
    *n_samples = all.n;
    if (info) *info = found;
    return MYNA_OK;
}
