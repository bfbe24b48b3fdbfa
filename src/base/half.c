#include "base/half.h"

#include "base/simd.h"

#include <string.h>

static inline uint32_t bits_of(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline float float_of(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static inline uint16_t to_half(float x)
{
    uint32_t u = bits_of(x), sign = (u >> 16) & 0x8000u, magnitude = u & 0x7fffffffu;
    if (magnitude > 0x7f800000u) return (uint16_t)(sign | 0x7e00u);                 /* NaN */
    if (magnitude >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u);                /* rounds past 65504 */
    if (magnitude < 0x38800000u) {                                                  /* subnormal half: let an addition round */
        uint32_t rounded = bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f);
        return (uint16_t)(sign | rounded);
    }
    uint32_t odd = (magnitude >> 13) & 1u;
    return (uint16_t)(sign | ((magnitude - 0x38000000u + 0xfffu + odd) >> 13));
}

static inline float from_half(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, magnitude = (uint32_t)(h & 0x7fffu);
    if (magnitude >= 0x7c00u) return float_of(sign | 0x7f800000u | (magnitude << 13)); /* infinity and NaN */
    float x = float_of(magnitude << 13) * 0x1p112f;                                    /* exponent bias 15 to 127 */
    return float_of(sign | bits_of(x));
}

MYNA_VECTORIZED void myna_half_from_float(uint16_t *out, const float *in, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = to_half(in[i]);
}

MYNA_VECTORIZED void myna_float_from_half(float *out, const uint16_t *in, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = from_half(in[i]);
}
