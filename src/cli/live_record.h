/* What was heard and what was spoken, as the two channels of a file: written by a thread of its own, so that a slow
 * disk never makes the voice wait. */
#ifndef MYNA_CLI_LIVE_RECORD_H
#define MYNA_CLI_LIVE_RECORD_H

#include "base/ring.h"

#include <stdatomic.h>

/* Where the recorder takes its samples from, at 16 kHz: the same number goes into both. */
typedef struct myna_live_taps {
    myna_ring *heard, *spoken;
    atomic_uint_fast64_t lost; /* samples for which there was no room: the disk is too slow */
} myna_live_taps;

typedef struct myna_live_recorder myna_live_recorder;
/* Opens the file (the suffix chooses its format) and starts the thread. */
myna_status myna_live_recorder_start(myna_live_recorder **out, const char *path, myna_error *error);
/* NULL, where nothing is recorded, gives none. */
myna_live_taps *myna_live_recorder_taps(myna_live_recorder *recorder);
/* Writes the rest and closes the file; where nothing was heard none is left, and one that was there stays. Gives what
 * went wrong on the way, and the seconds that are missing in the file. After a write that failed it holds what came before,
 * which the error says. NULL is fine. */
myna_status myna_live_recorder_finish(myna_live_recorder *recorder, double *lost_seconds, myna_error *error);

#endif
