/* The thread that converts: between the ring that a device fills and the ring it empties.
 *
 * The total latency is fixed. At the start the ring of samples to be spoken holds a margin of silence: a block, since a
 * device takes one while the block that answers it is still being heard, the longer of the two devices' blocks for the
 * jitter of callbacks and worker, and what resampling holds back. When the worker falls behind, the device speaks
 * silence meanwhile, and the worker then drops as much of what was heard, the oldest, instead of speaking it late. */
#ifndef MYNA_CLI_LIVE_WORKER_H
#define MYNA_CLI_LIVE_WORKER_H

#include "base/ring.h"
#include "cli/live_path.h"

#include <semaphore.h>

typedef struct myna_live_worker myna_live_worker;
/* block_samples: what the device gives at once, at the input's rate; spoken_seconds: what it takes at once. */
myna_status myna_live_worker_create(myna_live_worker **out, const myna_live_settings *settings, size_t block_samples,
    double spoken_seconds, myna_error *error);
void myna_live_worker_free(myna_live_worker *worker); /* stops it first */
/* Rings and semaphore stay: callbacks may still use them. */
void myna_live_worker_stop(myna_live_worker *worker);

/* What the device is given: see myna_device_settings. Owned by the worker. */
myna_ring *myna_live_worker_heard(myna_live_worker *worker);
myna_ring *myna_live_worker_spoken(myna_live_worker *worker);
sem_t *myna_live_worker_wake(myna_live_worker *worker);

/* That margin, in seconds, for blocks heard and blocks spoken of so many seconds. */
double myna_live_margin(double heard_seconds, double spoken_seconds);

myna_status myna_live_worker_start(myna_live_worker *worker, myna_error *error);
/* Instead of starting a thread: converts what was heard so far, in the caller's thread; drops nothing. */
void myna_live_worker_run_once(myna_live_worker *worker);

/* From the ring of heard samples to that of spoken ones, in seconds: the engine's latency and the margin. */
double myna_live_worker_latency(const myna_live_worker *worker);
double myna_live_worker_margin(const myna_live_worker *worker);

/* Any thread. Takes effect with the next block. */
void myna_live_worker_control(myna_live_worker *worker, const myna_live_controls *controls);
/* For tests: every block takes so much longer. */
void myna_live_worker_slow_down(myna_live_worker *worker, double seconds);

typedef struct myna_live_report {
    myna_live_meters meters;
    uint64_t n_blocks;                   /* so far */
    double dropped_seconds;              /* of what was heard, so far */
    double load_p50, load_p95, load_max; /* time to convert a block over its length, of the last 1000 blocks */
    double waiting_seconds; /* samples in both rings and held back by resampling: the margin, where all is well */
} myna_live_report;
myna_live_report myna_live_worker_report(myna_live_worker *worker); /* any thread */

#endif
