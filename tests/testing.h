/* What most tests need: cmocka with its preamble, test signals, errors in dB, comparisons that say what they saw. */
#ifndef MYNA_TESTS_TESTING_H
#define MYNA_TESTS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "myna/myna.h"

#include <math.h>
#include <string.h>

#define assert_below(value, limit)                                                                                     \
    do {                                                                                                               \
        double value_ = (double)(value), limit_ = (double)(limit);                                                     \
        if (!(value_ < limit_)) fail_msg("%s is %g, not below %g", #value, value_, limit_);                            \
    } while (0)

#define assert_near(value, wanted, tolerance)                                                                          \
    do {                                                                                                               \
        double value_ = (double)(value), wanted_ = (double)(wanted);                                                   \
        if (!(fabs(value_ - wanted_) <= (double)(tolerance)))                                                          \
            fail_msg("%s is %g, not %g +- %g", #value, value_, wanted_, (double)(tolerance));                          \
    } while (0)

#define assert_ok(status) assert_string_equal(myna_status_name(status), "OK")

static const double test_pi = 3.14159265358979323846;

/* 20 log10 of || got - wanted || / || wanted ||. */
static inline double error_db(const float *got, const float *wanted, size_t n)
{
    double missed = 0, power = 0;
    for (size_t i = 0; i < n; i++) {
        double difference = (double)got[i] - (double)wanted[i];
        missed += difference * difference;
        power += (double)wanted[i] * (double)wanted[i];
    }
    return 10 * log10((missed + 1e-300) / (power + 1e-300));
}

static inline bool all_finite(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return false;
    return true;
}

/* ---- Signals at MYNA_SAMPLE_RATE_HZ; all add to what is there -------------------------------------------------- */

static inline void add_noise(float *x, size_t n, float rms, uint64_t seed)
{
    myna_rng rng = myna_rng_seed(seed, 0);
    for (size_t i = 0; i < n; i++) x[i] += rms * myna_rng_normal(&rng);
}

static inline void add_sine(float *x, size_t n, double hz, double amplitude)
{
    for (size_t i = 0; i < n; i++) x[i] += (float)(amplitude * sin(2 * test_pi * hz * (double)i / MYNA_SAMPLE_RATE_HZ));
}

/* A voice without words: harmonics of an F0 that glides evenly from `from_hz` to `to_hz`, under the formants of a
 * neutral vowel (500, 1500, 2500, 3500 Hz), at about -20 dBFS. */
static inline void add_vowel(float *x, size_t n, double from_hz, double to_hz)
{
    double cycle = 0;
    for (size_t i = 0; i < n; i++) {
        double f0_hz = from_hz + (to_hz - from_hz) * (double)i / (double)n, sum = 0;
        cycle += f0_hz / MYNA_SAMPLE_RATE_HZ;
        for (int h = 1; h * f0_hz < 7600; h++) {
            double hz = h * f0_hz, nearest = fabs(hz - (hz < 3500 ? 500 + 1000 * floor(hz / 1000) : 3500));
            double level = 1 / (1 + nearest * nearest / (80.0 * 80.0)) / (1 + hz / 500);
            sum += level * cos(2 * test_pi * h * cycle + (double)h * h); /* spread phases: no crest */
        }
        x[i] += (float)(0.2 * sum);
    }
}

#endif
