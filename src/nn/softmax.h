/* Softmax, inlined where it is used: pooling and attention. */
#ifndef MYNA_NN_SOFTMAX_H
#define MYNA_NN_SOFTMAX_H

#include "nn/approx.h"
#include "nn/lanes.h"

/* x[n] becomes exp(scale * x) over its sum, n > 0, scale > 0. */
MYNA_INLINE void myna_softmax(float *restrict x, size_t n, float scale)
{
    float largest = x[0];
    for (size_t i = 1; i < n; i++) largest = x[i] > largest ? x[i] : largest;
    for (size_t i = 0; i < n; i++) x[i] = myna_exp_approx(scale * (x[i] - largest));
    const float to_one = 1.0f / myna_sum(x, n);
    for (size_t i = 0; i < n; i++) x[i] *= to_one;
}

#endif
