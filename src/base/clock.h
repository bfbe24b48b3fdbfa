/* Time that only runs forward, for measuring how long something takes. */
#ifndef MYNA_BASE_CLOCK_H
#define MYNA_BASE_CLOCK_H

#include <time.h>

static inline double myna_seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
