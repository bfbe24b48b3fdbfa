/* The thread that converts: between the ring that a device fills and the ring it empties.
 *
 * The total latency is fixed. At the start the ring of samples to be spoken holds a margin of silence: a block, since a
 * device takes one while the block that answers it is still being heard, the longer of the two devices' blocks for the
 * jitter of callbacks and worker, and what resampling holds back. When the worker falls behind, the device speaks
 * silence meanwhile, and the worker then drops as much of what was heard, the oldest, instead of speaking it late. */
#ifndef MYNA_CLI_LIVE_WORKER_H
#define MYNA_CLI_LIVE_WORKER_H

#include "cli/live_load.h"
#include "cli/live_path.h"
#include "io/audio_port.h"

#include <semaphore.h>

enum { MYNA_LIVE_MAX_EARS = 2 };

/* A device that plays what is spoken. */
typedef struct myna_live_ear {
    int rate_hz;
    double block_seconds; /* what it takes at once */
    bool is_steered;      /* its clock is another than the microphone's */
} myna_live_ear;

typedef struct myna_live_worker myna_live_worker;
/* block_samples: what the microphone is thought to give at once, at its rate. The first of 1 or 2 ears is the one that
 * matters: all figures below are its own, and it alone decides what is dropped. */
myna_status myna_live_worker_create(myna_live_worker **out, const myna_live_settings *settings, size_t block_samples,
    const myna_live_ear *ears, int n_ears, myna_error *error);
void myna_live_worker_free(myna_live_worker *worker); /* stops it first */
/* Ports and semaphore stay: callbacks may still use them. */
void myna_live_worker_stop(myna_live_worker *worker);

/* What the devices are given: see myna_device_settings. Owned by the worker. */
myna_audio_port *myna_live_worker_heard(myna_live_worker *worker);
myna_audio_port *myna_live_worker_spoken(myna_live_worker *worker, int ear);
sem_t *myna_live_worker_wake(myna_live_worker *worker);

myna_status myna_live_worker_start(myna_live_worker *worker, myna_error *error);
/* What the thread does when it is woken: drops what is late, converts what was heard. Without a thread, in the
 * caller's. */
void myna_live_worker_serve(myna_live_worker *worker);
/* The same, but drops nothing: for what is not heard in real time. */
void myna_live_worker_run_once(myna_live_worker *worker);

/* From the ring of heard samples to that of spoken ones, in seconds: the engine's latency and the margin, which grows
 * where a device's blocks turn out to be longer than it said. Any thread. */
double myna_live_worker_latency(myna_live_worker *worker);
double myna_live_worker_margin(myna_live_worker *worker);

/* Any thread. Takes effect with the next block. */
void myna_live_worker_control(myna_live_worker *worker, const myna_live_controls *controls);
/* For tests: every block takes so much longer. */
void myna_live_worker_slow_down(myna_live_worker *worker, double seconds);

typedef struct myna_live_ear_report {
    double spoken_seconds;  /* by the device, so far */
    double missing_seconds; /* of it silence, because there was nothing else */
    double skipped_seconds; /* so as not to be late; the first ear's is what was dropped before it was converted */
    double waiting_seconds; /* see myna_live_outlet_waiting: the margin, where all is well */
    double steering_ppm;    /* of its rate */
} myna_live_ear_report;

typedef struct myna_live_report {
    myna_live_meters meters;
    uint64_t n_blocks;   /* so far */
    double lost_seconds; /* of what was heard, so far: not even the ring took it */
    myna_live_ear_report ears[MYNA_LIVE_MAX_EARS];
    myna_live_load_figures load; /* recent */
} myna_live_report;
myna_live_report myna_live_worker_report(myna_live_worker *worker); /* any thread */
myna_live_load_figures myna_live_worker_total_load(myna_live_worker *worker);

#endif
