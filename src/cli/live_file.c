#define _GNU_SOURCE
#include "cli/live_file.h"

#include "base/clock.h"
#include "base/status.h"
#include "io/audio_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Plays the device's part: each turn gives a block and takes one. */
typedef struct player {
    const myna_live_file *file;
    myna_audio_reader *reader;
    myna_audio_writer *writer;
    myna_live_worker *worker;
    int rate_hz;
    size_t block_samples;
    float *block;
    int64_t n_read, n_written;
    struct timespec next; /* turn */
} player;

static myna_status open_all(player *p, const myna_live_settings *settings, myna_error *error)
{
    myna_audio_info info;
    myna_status status = myna_audio_open(&p->reader, p->file->input, &info, error);
    if (status != MYNA_OK) return status;
    p->rate_hz = info.sample_rate_hz;
    p->block_samples = (size_t)fmax(1, rint(p->file->block_seconds * p->rate_hz));
    p->block = malloc(p->block_samples * sizeof *p->block);
    if (!p->block) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a block");
    myna_live_settings used = *settings;
    used.input_rate_hz = p->rate_hz;
    myna_live_ear ear = {.rate_hz = p->rate_hz, .block_seconds = p->file->block_seconds};
    status = myna_live_worker_create(&p->worker, &used, p->block_samples, &ear, 1, error);
    if (status == MYNA_OK) status = myna_audio_create(&p->writer, p->file->output, p->rate_hz, 1, error);
    if (status == MYNA_OK && p->file->in_real_time) status = myna_live_worker_start(p->worker, error);
    return status;
}

static void wait_for_turn(player *p)
{
    long nanoseconds = p->next.tv_nsec + (long)(1e9 * (double)p->block_samples / p->rate_hz);
    p->next.tv_sec += nanoseconds / 1000000000;
    p->next.tv_nsec = nanoseconds % 1000000000;
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &p->next, NULL) != 0) continue;
}

/* What a device's callback does: a block heard (silence after the end), and a block spoken. */
static myna_status take_turn(player *p, size_t *n_read, myna_error *error)
{
    myna_status status = MYNA_OK;
    if (*n_read == p->block_samples) status = myna_audio_read(p->reader, p->block, p->block_samples, n_read, error);
    else *n_read = 0;
    if (status != MYNA_OK) return status;
    p->n_read += (int64_t)*n_read;
    memset(p->block + *n_read, 0, (p->block_samples - *n_read) * sizeof *p->block);
    int64_t now_ns = myna_nanoseconds_now();
    myna_audio_port_hear(myna_live_worker_heard(p->worker), p->block, 1, p->block_samples, now_ns);
    myna_audio_port_speak(myna_live_worker_spoken(p->worker, 0), p->block, 1, p->block_samples, now_ns);
    if (p->file->in_real_time) {
        sem_post(myna_live_worker_wake(p->worker));
        wait_for_turn(p);
    } else {
        myna_live_worker_run_once(p->worker);
    }
    return MYNA_OK;
}

static myna_status play(player *p, myna_live_on_block *on_block, void *context, myna_error *error)
{
    int64_t late = (int64_t)llrint(myna_live_worker_latency(p->worker) * p->rate_hz);
    size_t n_read = p->block_samples;
    clock_gettime(CLOCK_MONOTONIC, &p->next);
    while (n_read == p->block_samples || p->n_written < p->n_read + late) {
        myna_status status = take_turn(p, &n_read, error);
        if (status != MYNA_OK) return status;
        int64_t left = n_read == p->block_samples ? INT64_MAX : p->n_read + late - p->n_written;
        size_t n = left < (int64_t)p->block_samples ? (size_t)left : p->block_samples;
        status = myna_audio_write(p->writer, p->block, n, error);
        if (status != MYNA_OK) return status;
        p->n_written += (int64_t)n;
        if (on_block && !on_block(context, p->worker, (double)p->n_written / p->rate_hz)) return MYNA_OK;
    }
    return MYNA_OK;
}

myna_status myna_live_file_run(myna_live_file_result *result, const myna_live_file *file,
    const myna_live_settings *settings, myna_live_on_block *on_block, void *context, myna_error *error)
{
    player p = {.file = file};
    myna_status status = open_all(&p, settings, error);
    if (status == MYNA_OK) status = play(&p, on_block, context, error);
    if (status == MYNA_OK) {
        *result = (myna_live_file_result){.latency_seconds = myna_live_worker_latency(p.worker),
            .report = myna_live_worker_report(p.worker),
            .load = myna_live_worker_total_load(p.worker)};
        status = myna_audio_commit(p.writer, error);
        p.writer = NULL;
    }
    myna_audio_abandon(p.writer);
    myna_live_worker_free(p.worker);
    myna_audio_close(p.reader);
    free(p.block);
    return status;
}
