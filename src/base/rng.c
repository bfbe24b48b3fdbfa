#include "base/rng.h"

#include <math.h>

static uint64_t split_mix(uint64_t *x)
{
    uint64_t z = (*x += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

myna_rng myna_rng_seed(uint64_t seed, uint64_t stream)
{
    uint64_t x = seed;
    x = split_mix(&x) ^ (stream * 0xd1342543de82ef95u);
    uint64_t a = split_mix(&x), b = split_mix(&x);
    return (myna_rng){{(uint32_t)a, (uint32_t)(a >> 32), (uint32_t)b, (uint32_t)(b >> 32) | 1u}};
}

static uint32_t rotate(uint32_t x, int k)
{
    return (x << k) | (x >> (32 - k));
}

uint32_t myna_rng_next(myna_rng *rng)
{
    uint32_t *s = rng->state, result = rotate(s[0] + s[3], 7) + s[0], t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 11);
    return result;
}

float myna_rng_uniform(myna_rng *rng, float low, float high)
{
    return low + (high - low) * (float)(myna_rng_next(rng) >> 8) * 0x1p-24f;
}

uint32_t myna_rng_below(myna_rng *rng, uint32_t n)
{
    return (uint32_t)(((uint64_t)myna_rng_next(rng) * n) >> 32);
}

float myna_rng_normal(myna_rng *rng)
{
    float u = 1.0f - myna_rng_uniform(rng, 0, 1), v = myna_rng_uniform(rng, 0, 1);
    return sqrtf(-2.0f * logf(u)) * cosf(6.2831853f * v); /* Box and Muller, 1958 */
}
