/* Logarithm and power of ten that compilers vectorise inside MYNA_VECTORIZED functions, where libm's do not. */
#ifndef MYNA_DSP_VECTOR_MATH_H
#define MYNA_DSP_VECTOR_MATH_H

#include "base/simd.h"

#include <stdint.h>
#include <string.h>

/* log10 of a positive normal number, to 2e-7 absolute or relative. x = 2^e m, m in [sqrt(1/2), sqrt(2)), and
 * ln m = 2 artanh((m - 1) / (m + 1)) by its series. */
MYNA_INLINE float fast_log10(float x)
{
    int32_t bits, above_sqrt_half;
    memcpy(&bits, &x, sizeof bits);
    above_sqrt_half = bits - 0x3f3504f3;
    int32_t exponent = above_sqrt_half >> 23;
    bits = (above_sqrt_half & 0x007fffff) + 0x3f3504f3;
    float m;
    memcpy(&m, &bits, sizeof m);
    float s = (m - 1.0f) / (m + 1.0f), q = s * s;
    float series = s * (2.0f + q * (2.0f / 3 + q * (2.0f / 5 + q * (2.0f / 7 + q * (2.0f / 9)))));
    return (float)exponent * 0.30102999566f + series * 0.43429448190f;
}

/* 10^x for |x| <= 37, to 3e-7 * max(1, |x|) relative: 2^n by its exponent bits, the remaining 2^[-1/2, 1/2] by its
 * Taylor series. */
MYNA_INLINE float fast_exp10(float x)
{
    const float to_integer = 0x1.8p23f; /* adding it leaves the nearest integer in the low bits */
    float y = x * 3.32192809489f, shifted = y + to_integer;
    float f = (y - (shifted - to_integer)) * 0.69314718056f;
    float p = 1.0f + f * (1.0f + f * (1.0f / 2 + f * (1.0f / 6 + f * (1.0f / 24 + f * (1.0f / 120 + f / 720)))));
    int32_t n, bits;
    memcpy(&n, &shifted, sizeof n);
    memcpy(&bits, &p, sizeof bits);
    bits += (int32_t)((uint32_t)n << 23);
    memcpy(&p, &bits, sizeof p);
    return p;
}

#endif
