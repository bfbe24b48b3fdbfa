/* Percentiles of a few measured figures. */
#ifndef MYNA_BASE_PERCENTILE_H
#define MYNA_BASE_PERCENTILE_H

#include <math.h>
#include <stddef.h>

void myna_sort(double *values, size_t n); /* in place, the least first */

/* Of n >= 1 sorted values: the least that at least `percent` in [0, 100] of them do not exceed (nearest rank). */
static inline double myna_percentile(const double *sorted, size_t n, double percent)
{
    size_t n_below = (size_t)ceil((double)n * percent / 100);
    return sorted[n_below > 0 ? n_below - 1 : 0];
}

#endif
