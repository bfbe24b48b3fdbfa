/* Time that only runs forward, for measuring how long something takes. */
#ifndef MYNA_BASE_CLOCK_H
#define MYNA_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* No system call on Linux: an audio callback may ask too. */
static inline int64_t myna_nanoseconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline double myna_seconds_now(void)
{
    return 1e-9 * (double)myna_nanoseconds_now();
}

#endif
