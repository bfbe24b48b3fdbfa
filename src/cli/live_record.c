#define _GNU_SOURCE
#include "cli/live_record.h"

#include "base/signals.h"
#include "base/status.h"
#include "io/audio_file.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { RING_SAMPLES = 1 << 18 /* 16 s */, FRAMES = 1024, WAIT_MS = 50 };

struct myna_live_recorder {
    myna_live_taps taps;
    myna_audio_writer *writer;
    pthread_t thread;
    bool has_thread, has_samples;
    atomic_bool stops;
    myna_status status; /* the thread's, then the finisher's */
    myna_error error;
    float heard[FRAMES], spoken[FRAMES], both[2 * FRAMES];
};

/* Everything that stands in both rings. After a failure it is only taken out. */
static void write_waiting(myna_live_recorder *r)
{
    for (;;) {
        size_t a = myna_ring_fill(r->taps.heard), b = myna_ring_fill(r->taps.spoken), n = a < b ? a : b;
        if (n == 0) return;
        if (n > FRAMES) n = FRAMES;
        myna_ring_read(r->taps.heard, r->heard, n);
        myna_ring_read(r->taps.spoken, r->spoken, n);
        for (size_t i = 0; i < n; i++) {
            r->both[2 * i] = r->heard[i];
            r->both[2 * i + 1] = r->spoken[i];
        }
        if (r->status == MYNA_OK) r->status = myna_audio_write(r->writer, r->both, 2 * n, &r->error);
        r->has_samples = true;
    }
}

static void *record(void *context)
{
    myna_live_recorder *r = context;
    while (!atomic_load(&r->stops)) {
        write_waiting(r);
        nanosleep(&(struct timespec){.tv_nsec = WAIT_MS * 1000000}, NULL);
    }
    write_waiting(r);
    return NULL;
}

static void release(myna_live_recorder *r)
{
    myna_audio_abandon(r->writer);
    myna_ring_free(r->taps.heard);
    myna_ring_free(r->taps.spoken);
    free(r);
}

myna_status myna_live_recorder_start(myna_live_recorder **out, const char *path, myna_error *error)
{
    myna_live_recorder *r = calloc(1, sizeof *r);
    if (!r) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory to record");
    myna_status status = myna_ring_create(&r->taps.heard, RING_SAMPLES, error);
    if (status == MYNA_OK) status = myna_ring_create(&r->taps.spoken, RING_SAMPLES, error);
    if (status == MYNA_OK) status = myna_audio_create(&r->writer, path, MYNA_SAMPLE_RATE_HZ, 2, error);
    if (status == MYNA_OK) {
        sigset_t before = myna_signals_hold(); /* signals go to the main thread: they would interrupt a write */
        r->has_thread = pthread_create(&r->thread, NULL, record, r) == 0;
        myna_signals_let(before);
        if (!r->has_thread) status = myna_fail(error, MYNA_ERROR_MEMORY, "no thread to record in");
    }
    if (status == MYNA_OK) *out = r;
    else release(r);
    return status;
}

myna_live_taps *myna_live_recorder_taps(myna_live_recorder *recorder)
{
    return recorder ? &recorder->taps : NULL;
}

static void keep_what_came_before(myna_live_recorder *r)
{
    const myna_error reason = r->error;
    if (myna_audio_salvage(r->writer, NULL) == MYNA_OK)
        myna_fail(&r->error, r->status, "%s; what came before is kept", reason.detail);
    r->writer = NULL;
}

myna_status myna_live_recorder_finish(myna_live_recorder *r, double *lost_seconds, myna_error *error)
{
    *lost_seconds = 0;
    if (!r) return MYNA_OK;
    atomic_store(&r->stops, true);
    pthread_join(r->thread, NULL);
    myna_status status = r->status;
    *lost_seconds = (double)atomic_load(&r->taps.lost) / MYNA_SAMPLE_RATE_HZ;
    if (r->has_samples && status == MYNA_OK) {
        status = myna_audio_commit(r->writer, &r->error);
        r->writer = NULL;
    } else if (r->has_samples) {
        keep_what_came_before(r);
    }
    if (error) *error = r->error;
    release(r);
    return status;
}
