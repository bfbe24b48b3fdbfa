/* Sums that vectorise without -ffast-math: partial sums in independent lanes, joined at the end in a fixed order. */
#ifndef MYNA_NN_LANES_H
#define MYNA_NN_LANES_H

#include "base/simd.h"

enum { MYNA_LANES = 16 };

/* Joins by halves: four additions deep instead of sixteen. Uses `lanes` up. */
MYNA_INLINE float myna_lanes_sum(float *lanes)
{
    for (int width = MYNA_LANES / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) lanes[l] += lanes[l + width];
    return lanes[0];
}

#endif
