/* Percentiles of a few measured figures. */
#ifndef MYNA_BASE_PERCENTILE_H
#define MYNA_BASE_PERCENTILE_H

#include <stddef.h>

void myna_sort(double *values, size_t n); /* in place, the least first */

/* Of n >= 1 sorted values: the least that `percent` in [0, 100] of them do not exceed. */
static inline double myna_percentile(const double *sorted, size_t n, double percent)
{
    size_t i = (size_t)((double)n * percent / 100);
    return sorted[i < n ? i : n - 1];
}

#endif
