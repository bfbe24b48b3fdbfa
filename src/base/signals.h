/* Keeps signals away from what they must not interrupt, and from threads: they inherit the mask of who makes them. */
#ifndef MYNA_BASE_SIGNALS_H
#define MYNA_BASE_SIGNALS_H

#include <pthread.h>
#include <signal.h>

/* From now on the calling thread's signals wait. Returns the mask for myna_signals_let. */
static inline sigset_t myna_signals_hold(void)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    return before;
}

static inline void myna_signals_let(sigset_t before)
{
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

#endif
