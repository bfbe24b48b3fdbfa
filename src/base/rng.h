/* Random numbers that anyone can reproduce: xoshiro128++ (Blackman and Vigna, 2019) seeded by SplitMix64. */
#ifndef MYNA_BASE_RNG_H
#define MYNA_BASE_RNG_H

#include <stdint.h>

typedef struct myna_rng {
    uint32_t state[4];
} myna_rng;

/* A stream of its own for every (seed, stream) pair, such as (run seed, step and sample number): what is drawn
 * does not depend on which thread draws it. */
myna_rng myna_rng_seed(uint64_t seed, uint64_t stream);
uint32_t myna_rng_next(myna_rng *rng);
float myna_rng_uniform(myna_rng *rng, float low, float high); /* [low, high) */
uint32_t myna_rng_below(myna_rng *rng, uint32_t n);           /* [0, n), n > 0 */
float myna_rng_normal(myna_rng *rng);                         /* mean 0, deviation 1 */

#endif
