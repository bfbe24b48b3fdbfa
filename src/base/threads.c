#define _GNU_SOURCE
#include "base/threads.h"

#include "base/status.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

typedef struct member {
    myna_team *team;
    int number;
    pthread_t thread;
} member;

struct myna_team {
    pthread_mutex_t mutex;
    pthread_cond_t start, finish;
    myna_job *job;
    void *context;
    unsigned round;  /* counts jobs, so that a member knows a new one from the one it did */
    int n_working;   /* members, other than the caller, still at the current job */
    bool stopping;
    int n_members, n_started;
    member members[]; /* [n_members]; 0 is the caller */
};

static void *work(void *argument)
{
    member *me = argument;
    myna_team *team = me->team;
    unsigned done = 0;
    pthread_mutex_lock(&team->mutex);
    for (;;) {
        while (team->round == done && !team->stopping) pthread_cond_wait(&team->start, &team->mutex);
        if (team->stopping) break;
        done = team->round;
        pthread_mutex_unlock(&team->mutex);
        team->job(team->context, me->number, team->n_members);
        pthread_mutex_lock(&team->mutex);
        if (--team->n_working == 0) pthread_cond_signal(&team->finish);
    }
    pthread_mutex_unlock(&team->mutex);
    return NULL;
}

myna_status myna_team_create(myna_team **out, int n_members, myna_error *error)
{
    if (n_members < 1 || n_members > 1024) return myna_fail(error, MYNA_ERROR_ARGUMENT, "%d threads", n_members);
    myna_team *team = calloc(1, sizeof *team + (size_t)n_members * sizeof team->members[0]);
    if (!team) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for %d threads", n_members);
    pthread_mutex_init(&team->mutex, NULL);
    pthread_cond_init(&team->start, NULL);
    pthread_cond_init(&team->finish, NULL);
    team->n_members = n_members;
    for (team->n_started = 1; team->n_started < n_members; team->n_started++) {
        member *m = &team->members[team->n_started];
        *m = (member){.team = team, .number = team->n_started};
        if (pthread_create(&m->thread, NULL, work, m) != 0) {
            myna_team_free(team);
            return myna_fail(error, MYNA_ERROR_MEMORY, "cannot start %d threads", n_members);
        }
    }
    *out = team;
    return MYNA_OK;
}

void myna_team_free(myna_team *team)
{
    if (!team) return;
    pthread_mutex_lock(&team->mutex);
    team->stopping = true;
    pthread_cond_broadcast(&team->start);
    pthread_mutex_unlock(&team->mutex);
    for (int i = 1; i < team->n_started; i++) pthread_join(team->members[i].thread, NULL);
    pthread_cond_destroy(&team->start);
    pthread_cond_destroy(&team->finish);
    pthread_mutex_destroy(&team->mutex);
    free(team);
}

void myna_team_run(myna_team *team, myna_job *job, void *context)
{
    pthread_mutex_lock(&team->mutex);
    team->job = job;
    team->context = context;
    team->n_working = team->n_members - 1;
    team->round++;
    pthread_cond_broadcast(&team->start);
    pthread_mutex_unlock(&team->mutex);
    job(context, 0, team->n_members);
    pthread_mutex_lock(&team->mutex);
    while (team->n_working) pthread_cond_wait(&team->finish, &team->mutex);
    pthread_mutex_unlock(&team->mutex);
}

int myna_cpu_count(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n > 0 ? n : 1;
}
