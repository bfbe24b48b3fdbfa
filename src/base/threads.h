/* A fixed team of threads that runs one job at a time, each member with its own number. */
#ifndef MYNA_BASE_THREADS_H
#define MYNA_BASE_THREADS_H

#include "myna/myna.h"

typedef struct myna_team myna_team;

/* A job runs once in each member, `member` in [0, n_members); the caller's thread is member 0. */
typedef void myna_job(void *context, int member, int n_members);

myna_status myna_team_create(myna_team **out, int n_members, myna_error *error);
void myna_team_free(myna_team *team);
/* Runs `job` in every member and returns when all have finished. */
void myna_team_run(myna_team *team, myna_job *job, void *context);
int myna_cpu_count(void); /* cores this process may use, at least 1 */

/* The slice [begin, end) of n things that `member` handles: contiguous, sizes differ by at most one. */
static inline void myna_slice(size_t n, int member, int n_members, size_t *begin, size_t *end)
{
    *begin = n * (size_t)member / (size_t)n_members;
    *end = n * ((size_t)member + 1) / (size_t)n_members;
}

#endif
