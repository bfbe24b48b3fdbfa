/* Compares gradients with central differences of a loss. */
#ifndef MYNA_TESTS_GRADIENT_H
#define MYNA_TESTS_GRADIENT_H

#include <math.h>
#include <stddef.h>
#include <stdio.h>

/* A loss as a function of whatever `context` points at, summed in double. */
typedef double (*gradient_loss)(void *context);

typedef struct gradient_error {
    double norm_relative; /* |analytic - numeric| / |numeric| over all values probed */
    double worst;         /* largest single difference over the root mean square of the numeric gradient */
} gradient_error;

/* Probes every `stride`-th of n values (which the loss reads) by +-step, and puts each back. Both errors are
 * infinite when anything is not finite or the numeric gradient is zero throughout: nothing was tested then. */
static inline gradient_error gradient_compare(
    gradient_loss loss, void *context, float *values, const float *gradient, size_t n, size_t stride, float step)
{
    double sum_numeric = 0.0, sum_difference = 0.0, worst = 0.0;
    size_t n_probed = 0;
    for (size_t i = 0; i < n; i += stride, n_probed++) {
        const float saved = values[i], above = saved + step, below = saved - step;
        values[i] = above;
        const double loss_above = loss(context);
        values[i] = below;
        const double loss_below = loss(context);
        values[i] = saved;
        const double numeric = (loss_above - loss_below) / ((double)above - (double)below);
        const double difference = fabs((double)gradient[i] - numeric);
        sum_numeric += numeric * numeric;
        sum_difference += difference * difference;
        if (!(difference <= worst)) worst = difference;
    }
    gradient_error error = {sqrt(sum_difference / sum_numeric), worst / sqrt(sum_numeric / (double)n_probed)};
    if (!isfinite(error.norm_relative) || !isfinite(error.worst)) error = (gradient_error){INFINITY, INFINITY};
    return error;
}

/* Correct code measures at most 3e-4, planted bugs 7e-2 and more. Says what failed on stderr. */
static inline int gradient_matches(const char *name, gradient_error error)
{
    const int matches = error.norm_relative <= 2e-3 && error.worst <= 2e-2;
    if (!matches) fprintf(stderr, "gradient of %s: norm %.2e, worst %.2e\n", name, error.norm_relative, error.worst);
    return matches;
}

#endif
