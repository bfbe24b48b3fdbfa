#define _GNU_SOURCE
#include "cli/live_worker.h"

#include "base/clock.h"
#include "base/status.h"
#include "cli/live_drift.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOADS = 1000, MIN_RING_SAMPLES = 1 << 16, WATCHED = 32, FIRST_BLOCKS = 8 };
static const double resampler_seconds = 0.005; /* held back by both together, at most */
static const double least_jitter_seconds = 0.003;
static const double late_seconds = 0.001; /* later than this is too late: samples are dropped */

struct myna_live_worker {
    myna_live_settings settings;
    myna_live_path *path;
    myna_ring *heard, *spoken;
    sem_t wake;
    size_t block_samples, margin_samples; /* at the input's rate; at the output's */
    float *block;
    pthread_t thread;
    bool has_thread;
    atomic_bool stops;
    myna_drift drift;
    double held_seconds;     /* by resampling */
    double watched[WATCHED]; /* what was waiting before block i, at i % WATCHED */
    uint64_t n_watched;

    pthread_mutex_t mutex; /* guards all below */
    myna_live_controls controls;
    myna_live_report report;
    double slow_seconds;
    float loads[LOADS]; /* of block i at i % LOADS */
};

/* ---- Life -------------------------------------------------------------------------------------------------------- */

/* The worker may run at real-time priority and must not wait for a reader that does not get to run. */
static void init_mutex(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
    pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

double myna_live_margin(double heard_seconds, double spoken_seconds)
{
    return heard_seconds + fmax(fmax(heard_seconds, spoken_seconds), least_jitter_seconds) + resampler_seconds;
}

static myna_status fill_margin(myna_live_worker *w, myna_error *error)
{
    float *silence = calloc(w->margin_samples, sizeof *silence);
    if (!silence) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory to convert live");
    myna_ring_write(w->spoken, silence, w->margin_samples);
    free(silence);
    return MYNA_OK;
}

myna_status myna_live_worker_create(myna_live_worker **out, const myna_live_settings *settings, size_t block_samples,
    double spoken_seconds, myna_error *error)
{
    myna_live_worker *w = calloc(1, sizeof *w);
    if (!w) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory to convert live");
    w->settings = *settings;
    w->block_samples = block_samples;
    double margin = myna_live_margin((double)block_samples / settings->input_rate_hz, spoken_seconds);
    w->margin_samples = (size_t)ceil(margin * settings->output_rate_hz);
    w->drift.set_point = margin - spoken_seconds / 2; /* looked at anywhere between two blocks spoken */
    w->controls =
        (myna_live_controls){.pitch = settings->options.pitch, .semitones = settings->options.pitch_semitones};
    w->block = malloc(block_samples * sizeof *w->block);
    sem_init(&w->wake, 0, 0);
    init_mutex(&w->mutex);
    size_t room = 8 * (block_samples + w->margin_samples) + MIN_RING_SAMPLES;
    myna_status status = w->block ? MYNA_OK : myna_fail(error, MYNA_ERROR_MEMORY, "no memory to convert live");
    if (status == MYNA_OK) status = myna_live_path_create(&w->path, settings, error);
    if (status == MYNA_OK) status = myna_ring_create(&w->heard, room, error);
    if (status == MYNA_OK) status = myna_ring_create(&w->spoken, room, error);
    if (status == MYNA_OK) status = fill_margin(w, error);
    if (status == MYNA_OK) *out = w;
    else myna_live_worker_free(w);
    return status;
}

void myna_live_worker_stop(myna_live_worker *w)
{
    if (!w->has_thread) return;
    atomic_store(&w->stops, true);
    sem_post(&w->wake);
    pthread_join(w->thread, NULL);
    w->has_thread = false;
}

void myna_live_worker_free(myna_live_worker *w)
{
    if (!w) return;
    myna_live_worker_stop(w);
    myna_live_path_free(w->path);
    myna_ring_free(w->heard);
    myna_ring_free(w->spoken);
    pthread_mutex_destroy(&w->mutex);
    sem_destroy(&w->wake);
    free(w->block);
    free(w);
}

myna_ring *myna_live_worker_heard(myna_live_worker *worker)
{
    return worker->heard;
}

myna_ring *myna_live_worker_spoken(myna_live_worker *worker)
{
    return worker->spoken;
}

sem_t *myna_live_worker_wake(myna_live_worker *worker)
{
    return &worker->wake;
}

double myna_live_worker_margin(const myna_live_worker *w)
{
    return (double)w->margin_samples / w->settings.output_rate_hz;
}

double myna_live_worker_latency(const myna_live_worker *w)
{
    return myna_live_path_latency(w->path) + myna_live_worker_margin(w);
}

/* ---- A block ----------------------------------------------------------------------------------------------------- */

static double block_seconds(const myna_live_worker *w)
{
    return (double)w->block_samples / w->settings.input_rate_hz;
}

static double in_rings(const myna_live_worker *w)
{
    return (double)myna_ring_fill(w->heard) / w->settings.input_rate_hz +
           (double)myna_ring_fill(w->spoken) / w->settings.output_rate_hz;
}

/* The worker's own view. */
static double waiting_seconds(const myna_live_worker *w)
{
    return in_rings(w) + w->held_seconds;
}

/* There is always room: waiting_seconds is kept near the margin, of which the ring holds eight. */
static myna_status write_spoken(void *context, const float *samples, size_t n, myna_error *error)
{
    (void)error;
    myna_live_worker *w = context;
    myna_ring_write(w->spoken, samples, n);
    return MYNA_OK;
}

static void pause_for(double seconds)
{
    struct timespec time = {.tv_sec = (time_t)seconds, .tv_nsec = (long)(1e9 * (seconds - floor(seconds)))};
    if (seconds > 0) nanosleep(&time, NULL);
}

/* Converts the oldest block. */
static void convert_block(myna_live_worker *w)
{
    double start = myna_seconds_now();
    pthread_mutex_lock(&w->mutex);
    myna_live_controls controls = w->controls;
    double slow_seconds = w->slow_seconds;
    pthread_mutex_unlock(&w->mutex);
    myna_live_path_control(w->path, &controls);
    myna_ring_read(w->heard, w->block, w->block_samples);
    myna_live_path_push(w->path, w->block, w->block_samples, write_spoken, w, NULL);
    if (w->n_watched <= FIRST_BLOCKS) w->held_seconds = myna_live_path_held(w->path);
    pause_for(slow_seconds);
    double load = (myna_seconds_now() - start) / block_seconds(w);
    if (w->settings.is_steered)
        myna_live_path_steer(w->path, myna_drift_update(&w->drift, waiting_seconds(w), block_seconds(w)));
    pthread_mutex_lock(&w->mutex);
    w->report.meters = myna_live_path_meters(w->path);
    w->report.waiting_seconds = w->held_seconds; /* and what is in the rings when somebody asks */
    w->loads[w->report.n_blocks++ % LOADS] = (float)load;
    pthread_mutex_unlock(&w->mutex);
}

static void drop(myna_live_worker *w, double seconds)
{
    size_t wanted = (size_t)(seconds * w->settings.input_rate_hz);
    double dropped = (double)myna_ring_read(w->heard, NULL, wanted) / w->settings.input_rate_hz;
    for (int i = 0; i < WATCHED; i++) w->watched[i] -= dropped;
    pthread_mutex_lock(&w->mutex);
    w->report.dropped_seconds += dropped;
    pthread_mutex_unlock(&w->mutex);
}

/* More than the margin waits, and would be spoken late. What waits is looked at between callbacks, or while only one of
 * two has done its part, so a single look can be a block too high: the least of many counts, and a single look only
 * from two blocks on. With two clocks there is drift as well, which is steered, not dropped. */
static void drop_what_is_late(myna_live_worker *w)
{
    double late = waiting_seconds(w) - myna_live_worker_margin(w), least = late;
    w->watched[w->n_watched++ % WATCHED] = late;
    if (late > 2 * block_seconds(w)) {
        drop(w, late - block_seconds(w));
        return;
    }
    for (int i = 0; i < WATCHED; i++) least = fmin(least, w->watched[i]);
    double tolerated = w->settings.is_steered ? block_seconds(w) : late_seconds;
    if (w->n_watched > WATCHED + FIRST_BLOCKS && least > tolerated) drop(w, least);
}

void myna_live_worker_run_once(myna_live_worker *w)
{
    while (myna_ring_fill(w->heard) >= w->block_samples) convert_block(w);
}

/* ---- The thread -------------------------------------------------------------------------------------------------- */

static void *work(void *context)
{
    myna_live_worker *w = context;
    while (!atomic_load(&w->stops)) {
        if (sem_wait(&w->wake) != 0) continue;
        while (myna_ring_fill(w->heard) >= w->block_samples && !atomic_load(&w->stops)) {
            drop_what_is_late(w);
            if (myna_ring_fill(w->heard) >= w->block_samples) convert_block(w);
        }
    }
    return NULL;
}

/* At real-time priority where that is allowed; signals go to the main thread. */
myna_status myna_live_worker_start(myna_live_worker *w, myna_error *error)
{
    pthread_attr_t attributes;
    struct sched_param priority = {.sched_priority = 10};
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attributes);
    pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
    pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
    pthread_attr_setschedparam(&attributes, &priority);
    int failed = pthread_create(&w->thread, &attributes, work, w);
    if (failed == EPERM) failed = pthread_create(&w->thread, NULL, work, w);
    pthread_attr_destroy(&attributes);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    w->has_thread = failed == 0;
    return w->has_thread ? MYNA_OK : myna_fail(error, MYNA_ERROR_MEMORY, "no thread to convert in");
}

/* ---- From other threads ------------------------------------------------------------------------------------------ */

void myna_live_worker_control(myna_live_worker *w, const myna_live_controls *controls)
{
    pthread_mutex_lock(&w->mutex);
    w->controls = *controls;
    pthread_mutex_unlock(&w->mutex);
}

void myna_live_worker_slow_down(myna_live_worker *w, double seconds)
{
    pthread_mutex_lock(&w->mutex);
    w->slow_seconds = seconds;
    pthread_mutex_unlock(&w->mutex);
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

myna_live_report myna_live_worker_report(myna_live_worker *w)
{
    float loads[LOADS];
    pthread_mutex_lock(&w->mutex);
    myna_live_report report = w->report;
    memcpy(loads, w->loads, sizeof loads);
    pthread_mutex_unlock(&w->mutex);
    size_t n = report.n_blocks < LOADS ? (size_t)report.n_blocks : LOADS;
    report.waiting_seconds += in_rings(w);
    if (n == 0) return report;
    qsort(loads, n, sizeof *loads, by_size);
    report.load_p50 = (double)loads[n / 2];
    report.load_p95 = (double)loads[n * 95 / 100];
    report.load_max = (double)loads[n - 1];
    return report;
}
