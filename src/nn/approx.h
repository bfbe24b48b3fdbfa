/* exp, sigmoid and tanh in single precision as plain arithmetic, so that loops around them vectorise (libm's do
 * not). Method and coefficients: Cephes expf and tanhf (Moshier, netlib). Relative error below 3e-7 against double;
 * NaN stays NaN. */
#ifndef MYNA_NN_APPROX_H
#define MYNA_NN_APPROX_H

#include "base/simd.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* The argument is clamped to +-60: beyond, nothing that is added to one or multiplied with activations matters, and
 * products stay clear of denormal numbers, which cost a hundred times as much. */
MYNA_INLINE float myna_exp_approx(float x)
{
    x = x < -60.0f ? -60.0f : x;
    x = x > 60.0f ? 60.0f : x;
    /* x = n ln 2 + r: adding 1.5 * 2^23 rounds to an integer, which then stands in the low mantissa bits. */
    const float shifted = x * 1.44269504088896341f + 12582912.0f;
    const float n = shifted - 12582912.0f;
    const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 127u) << 23; /* the constant's own low bits are zero: what is shifted up is n + 127 */
    float power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

MYNA_INLINE float myna_sigmoid_approx(float x)
{
    return 1.0f / (1.0f + myna_exp_approx(-x));
}

MYNA_INLINE float myna_tanh_approx(float x)
{
    const float square = x * x;
    float p = -5.70498872745e-3f;
    p = p * square + 2.06390887954e-2f;
    p = p * square - 5.37397155531e-2f;
    p = p * square + 1.33314422036e-1f;
    p = p * square - 3.33332819422e-1f;
    const float near_zero = p * square * x + x;
    const float elsewhere = 1.0f - 2.0f / (1.0f + myna_exp_approx(2.0f * x));
    return fabsf(x) < 0.625f ? near_zero : elsewhere;
}

#endif
