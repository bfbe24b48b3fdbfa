/* What waits between a microphone and an ear is kept at its set point, so that the voice is always equally late. */
#ifndef MYNA_CLI_LIVE_LEVEL_H
#define MYNA_CLI_LIVE_LEVEL_H

#include "cli/live_drift.h"

#include <stdbool.h>
#include <stdint.h>

enum { MYNA_LEVEL_WATCHED = 32 };

/* Plain data: set the first three. All in seconds. */
typedef struct myna_live_level {
    double set_point;
    double block;    /* it is looked at once in so long */
    bool is_steered; /* microphone and ear have two clocks */
    double ppm;      /* more samples must be made, from now on */
    myna_drift drift;
    double watched[MYNA_LEVEL_WATCHED]; /* above the set point at look i, at i % MYNA_LEVEL_WATCHED */
    uint64_t n_looks;
} myna_live_level;

/* Told what waits. Returns what of it must be dropped now, or, where negative, be made up for by silence; sets ppm.
 * Nothing is made up for, nor steered, where there is one clock. */
double myna_live_level_look(myna_live_level *level, double waiting);
/* Tells that so much less waits than before, for a known reason. */
void myna_live_level_lower(myna_live_level *level, double seconds);

#endif
