#define _GNU_SOURCE
#include "cli/live_worker.h"

#include "base/clock.h"
#include "base/signals.h"
#include "base/status.h"
#include "cli/live_outlet.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { MIN_RING_SAMPLES = 1 << 16, FIRST_BLOCKS = 8 /* in which resamplers fill up */ };
static const double longest_block_seconds = 0.25; /* longer ones are converted in parts */

struct myna_live_worker {
    myna_live_settings settings;
    myna_live_path *path;
    myna_audio_port heard;
    myna_live_outlet outlets[MYNA_LIVE_MAX_EARS];
    int n_outlets;
    sem_t wake;
    size_t block_samples, most_samples; /* at the input's rate; what `block` holds */
    float *block;
    pthread_t thread;
    bool has_thread;
    atomic_bool stops;

    pthread_mutex_t mutex; /* guards all below, and that the outlets' plain figures change only under it */
    myna_live_controls controls;
    myna_live_meters meters;
    myna_live_load load;
    double dropped_seconds, slow_seconds;
};

static double block_seconds(const myna_live_worker *w)
{
    return (double)w->block_samples / w->settings.input_rate_hz;
}

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

static myna_status create_outlets(myna_live_worker *w, const myna_live_ear *ears, int n_ears, myna_error *error)
{
    myna_status status = MYNA_OK;
    w->n_outlets = n_ears;
    for (int i = 0; i < n_ears && status == MYNA_OK; i++) {
        myna_live_outlet_settings settings = {.rate_hz = ears[i].rate_hz,
            .is_steered = ears[i].is_steered,
            .latency_samples = myna_live_path_latency_samples(w->path),
            .heard_seconds = block_seconds(w),
            .spoken_seconds = ears[i].block_seconds};
        status = myna_live_outlet_create(&w->outlets[i], &settings, error);
    }
    return status;
}

myna_status myna_live_worker_create(myna_live_worker **out, const myna_live_settings *settings, size_t block_samples,
    const myna_live_ear *ears, int n_ears, myna_error *error)
{
    myna_live_worker *w = calloc(1, sizeof *w);
    if (!w) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory to convert live");
    w->settings = *settings;
    w->block_samples = block_samples;
    w->controls =
        (myna_live_controls){.pitch = settings->options.pitch, .semitones = settings->options.pitch_semitones};
    w->meters.input_db = w->meters.output_db = MYNA_LIVE_LOWEST_DB;
    w->most_samples = (size_t)(longest_block_seconds * settings->input_rate_hz);
    if (w->most_samples < block_samples) w->most_samples = block_samples;
    w->block = malloc(w->most_samples * sizeof *w->block);
    sem_init(&w->wake, 0, 0);
    init_mutex(&w->mutex);
    myna_status status = w->block ? MYNA_OK : myna_fail(error, MYNA_ERROR_MEMORY, "no memory to convert live");
    if (status == MYNA_OK) status = myna_live_path_create(&w->path, settings, error);
    if (status == MYNA_OK) status = myna_ring_create(&w->heard.ring, 16 * block_samples + MIN_RING_SAMPLES, error);
    if (status == MYNA_OK) status = create_outlets(w, ears, n_ears, error);
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
    for (int i = 0; i < w->n_outlets; i++) myna_live_outlet_free(&w->outlets[i]);
    myna_ring_free(w->heard.ring);
    pthread_mutex_destroy(&w->mutex);
    sem_destroy(&w->wake);
    free(w->block);
    free(w);
}

myna_audio_port *myna_live_worker_heard(myna_live_worker *worker)
{
    return &worker->heard;
}

myna_audio_port *myna_live_worker_spoken(myna_live_worker *worker, int ear)
{
    return &worker->outlets[ear].port;
}

sem_t *myna_live_worker_wake(myna_live_worker *worker)
{
    return &worker->wake;
}

/* At the first ear, in samples at its rate. */
static size_t margin_of(myna_live_worker *w)
{
    pthread_mutex_lock(&w->mutex);
    size_t margin = w->outlets[0].margin_samples;
    pthread_mutex_unlock(&w->mutex);
    return margin;
}

double myna_live_worker_margin(myna_live_worker *w)
{
    return (double)margin_of(w) / w->outlets[0].settings.rate_hz;
}

double myna_live_worker_latency(myna_live_worker *w)
{
    return (double)(w->outlets[0].latency_samples + margin_of(w)) / w->outlets[0].settings.rate_hz;
}

/* ---- A block ----------------------------------------------------------------------------------------------------- */

/* What is late is dropped before it is converted. */
static void drop(myna_live_worker *w, double seconds)
{
    size_t wanted = (size_t)(seconds * w->settings.input_rate_hz);
    double dropped = (double)myna_ring_read(w->heard.ring, NULL, wanted) / w->settings.input_rate_hz;
    for (int i = 1; i < w->n_outlets; i++) myna_live_level_lower(&w->outlets[i].level, dropped);
    w->dropped_seconds += dropped;
}

/* Devices do not always give and take what they said, and some (JACK's server) change it on the way. */
static void fit_blocks(myna_live_worker *w)
{
    size_t heard = atomic_load_explicit(&w->heard.largest, memory_order_relaxed);
    if (heard > w->block_samples) w->block_samples = heard < w->most_samples ? heard : w->most_samples;
    for (int i = 0; i < w->n_outlets; i++) {
        myna_live_outlet *o = &w->outlets[i];
        size_t spoken = atomic_load_explicit(&o->port.largest, memory_order_relaxed);
        myna_live_outlet_widen(o, (double)heard / w->settings.input_rate_hz, (double)spoken / o->settings.rate_hz);
    }
}

static void hold_levels(myna_live_worker *w)
{
    pthread_mutex_lock(&w->mutex);
    fit_blocks(w);
    for (int i = 0; i < w->n_outlets; i++) {
        myna_live_outlet *o = &w->outlets[i];
        double late = myna_live_outlet_hold_level(o, myna_live_outlet_waiting(o, &w->heard, w->settings.input_rate_hz));
        if (late > 0 && i == 0) drop(w, late);
        else if (late > 0) myna_live_outlet_skip(o, late);
    }
    pthread_mutex_unlock(&w->mutex);
}

static myna_status speak(void *context, const float *samples, size_t n, myna_error *error)
{
    myna_live_worker *w = context;
    myna_status status = MYNA_OK;
    for (int i = 0; i < w->n_outlets && status == MYNA_OK; i++)
        status = myna_live_outlet_push(&w->outlets[i], samples, n, error);
    return status;
}

static void pause_for(double seconds)
{
    struct timespec time = {.tv_sec = (time_t)seconds, .tv_nsec = (long)(1e9 * (seconds - floor(seconds)))};
    if (seconds > 0) nanosleep(&time, NULL);
}

/* Converts the oldest block, or less where less is there: after a drop a rest must not wait for company. */
static void convert_block(myna_live_worker *w)
{
    double start = myna_seconds_now();
    pthread_mutex_lock(&w->mutex);
    myna_live_controls controls = w->controls;
    double slow_seconds = w->slow_seconds;
    pthread_mutex_unlock(&w->mutex);
    myna_live_path_control(w->path, &controls);
    size_t n = myna_ring_read(w->heard.ring, w->block, w->block_samples);
    myna_live_path_push(w->path, w->block, n, speak, w, NULL);
    pause_for(slow_seconds);
    double load = (myna_seconds_now() - start) * w->settings.input_rate_hz / (double)n;
    pthread_mutex_lock(&w->mutex);
    for (int i = 0; i < w->n_outlets && w->load.n_blocks <= FIRST_BLOCKS; i++) {
        myna_live_outlet *o = &w->outlets[i];
        o->held_seconds = myna_live_path_heard_seconds(w->path) - (double)o->n_made / o->settings.rate_hz;
    }
    w->meters = myna_live_path_meters(w->path);
    myna_live_load_add(&w->load, load);
    pthread_mutex_unlock(&w->mutex);
}

void myna_live_worker_run_once(myna_live_worker *w)
{
    while (myna_ring_fill(w->heard.ring) > 0) convert_block(w);
}

void myna_live_worker_serve(myna_live_worker *w)
{
    while (myna_ring_fill(w->heard.ring) > 0 && !atomic_load(&w->stops)) {
        hold_levels(w);
        if (myna_ring_fill(w->heard.ring) > 0) convert_block(w);
    }
}

/* ---- The thread -------------------------------------------------------------------------------------------------- */

static void *work(void *context)
{
    myna_live_worker *w = context;
    while (!atomic_load(&w->stops)) {
        if (sem_wait(&w->wake) == 0) myna_live_worker_serve(w);
    }
    return NULL;
}

/* At real-time priority where that is allowed; signals go to the main thread. */
myna_status myna_live_worker_start(myna_live_worker *w, myna_error *error)
{
    pthread_attr_t attributes;
    struct sched_param priority = {.sched_priority = 10};
    sigset_t before = myna_signals_hold();
    pthread_attr_init(&attributes);
    pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
    pthread_attr_setschedpolicy(&attributes, SCHED_FIFO);
    pthread_attr_setschedparam(&attributes, &priority);
    int failed = pthread_create(&w->thread, &attributes, work, w);
    if (failed == EPERM) failed = pthread_create(&w->thread, NULL, work, w);
    pthread_attr_destroy(&attributes);
    myna_signals_let(before);
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

static double seconds_of(const atomic_uint_fast64_t *samples, int rate_hz)
{
    return (double)atomic_load_explicit(samples, memory_order_relaxed) / rate_hz;
}

static myna_live_ear_report report_ear(const myna_live_worker *w, int ear)
{
    const myna_live_outlet *o = &w->outlets[ear];
    int rate_hz = o->settings.rate_hz;
    return (myna_live_ear_report){.spoken_seconds = seconds_of(&o->port.moved, rate_hz),
        .missing_seconds = seconds_of(&o->port.failed, rate_hz) + o->made_up_seconds,
        .skipped_seconds = ear == 0 ? w->dropped_seconds : o->skipped_seconds,
        .waiting_seconds = myna_live_outlet_waiting(o, &w->heard, w->settings.input_rate_hz),
        .steering_ppm = o->level.ppm};
}

myna_live_report myna_live_worker_report(myna_live_worker *w)
{
    pthread_mutex_lock(&w->mutex);
    myna_live_load load = w->load; /* sorted outside: the worker does not wait for that */
    myna_live_report report = {.meters = w->meters,
        .n_blocks = w->load.n_blocks,
        .lost_seconds = seconds_of(&w->heard.failed, w->settings.input_rate_hz)};
    for (int i = 0; i < w->n_outlets; i++) report.ears[i] = report_ear(w, i);
    pthread_mutex_unlock(&w->mutex);
    report.load = myna_live_load_recent(&load);
    return report;
}

myna_live_load_figures myna_live_worker_total_load(myna_live_worker *w)
{
    pthread_mutex_lock(&w->mutex);
    myna_live_load_figures figures = myna_live_load_total(&w->load);
    pthread_mutex_unlock(&w->mutex);
    return figures;
}
