#include "base/percentile.h"

#include <stdlib.h>

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void myna_sort(double *values, size_t n)
{
    qsort(values, n, sizeof *values, by_size);
}
