#include "cli/live_level.h"

#include <math.h>

enum { FIRST_LOOKS = 8 };                /* at which resamplers fill up: they say little */
static const double late = 0.001;        /* with one clock, later than this is too late */
static const double far_off = 0.005;     /* with two: drift is steered, and callbacks come when they like */
static const double least_spare = 0.003; /* see myna_live_margin: half of it may be used up */

void myna_live_level_lower(myna_live_level *level, double seconds)
{
    for (int i = 0; i < MYNA_LEVEL_WATCHED; i++) level->watched[i] -= seconds;
    level->drift.error -= seconds;
}

/* A look can fall into the middle of a callback, and callbacks come early and late: the least of many looks says what
 * is always too much, and the most of them what is never there. Only two blocks too much are too much at once. */
static double find_jump(const myna_live_level *l, double error)
{
    const double tolerated = l->is_steered ? far_off : late, at_once = fmax(2 * l->block, 2 * tolerated);
    if (error > at_once) return error - at_once / 2;
    if (l->n_looks <= MYNA_LEVEL_WATCHED + FIRST_LOOKS) return 0;
    double least = error, most = error;
    for (int i = 0; i < MYNA_LEVEL_WATCHED; i++) {
        least = fmin(least, l->watched[i]);
        most = fmax(most, l->watched[i]);
    }
    if (least > tolerated) return least;
    return l->is_steered && most < -fmax(l->block, least_spare) / 2 ? most : 0;
}

/* Two streams start when they like: where the level then stands is put right at once, roughly, and when there is
 * something to take the mean of, exactly. */
static double find_first_jump(const myna_live_level *l, double error)
{
    double mean = 0;
    if (l->n_looks == 1) return error;
    for (int i = 0; i < MYNA_LEVEL_WATCHED; i++) mean += l->watched[i] / MYNA_LEVEL_WATCHED;
    return mean;
}

double myna_live_level_look(myna_live_level *l, double waiting)
{
    double error = waiting - l->set_point;
    l->watched[l->n_looks++ % MYNA_LEVEL_WATCHED] = error;
    bool is_first = l->is_steered && (l->n_looks == 1 || l->n_looks == MYNA_LEVEL_WATCHED + FIRST_LOOKS);
    double jump = is_first ? find_first_jump(l, error) : find_jump(l, error);
    if (jump != 0) myna_live_level_lower(l, jump);
    if (l->is_steered) l->ppm = myna_drift_update(&l->drift, error - jump, l->block);
    return jump;
}
