/* Sums that vectorise without -ffast-math: partial sums in independent lanes, joined at the end in a fixed order. */
#ifndef MYNA_NN_LANES_H
#define MYNA_NN_LANES_H

#include "base/simd.h"

#include <stddef.h>

enum { MYNA_LANES = 16 };

/* Joins by halves: four additions deep instead of sixteen. Uses `lanes` up. */
MYNA_INLINE float myna_lanes_sum(float *lanes)
{
    for (int width = MYNA_LANES / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) lanes[l] += lanes[l + width];
    return lanes[0];
}

/* The sum of x[n]. */
MYNA_INLINE float myna_sum(const float *restrict x, size_t n)
{
    const size_t n_whole = n - n % MYNA_LANES;
    float lanes[MYNA_LANES] = {0};
    for (size_t i = 0; i < n_whole; i += MYNA_LANES)
        for (size_t l = 0; l < MYNA_LANES; l++) lanes[l] += x[i + l];
    for (size_t i = n_whole; i < n; i++) lanes[i - n_whole] += x[i];
    return myna_lanes_sum(lanes);
}

#endif
