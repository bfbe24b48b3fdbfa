/* Resampling: exact totals, no delay, independence of blocks, and its noise in dB. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/resample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SAMPLES = 700000 };
static float input[MAX_SAMPLES], output[MAX_SAMPLES], reference[MAX_SAMPLES];

typedef struct collector {
    float *samples;
    size_t n;
} collector;

static myna_status collect(void *context, const float *samples, size_t n, myna_error *error)
{
    (void)error;
    collector *all = context;
    assert_true(all->n + n <= MAX_SAMPLES);
    memcpy(all->samples + all->n, samples, n * sizeof *samples);
    all->n += n;
    return MYNA_OK;
}

/* Pushes `input` in blocks of `block` samples, or of sizes from 0 to 999 when it is 0; the end comes in a push of
 * its own when `empty_last`. */
static size_t push_all(myna_resampler *resampler, float *out, size_t n, size_t block, bool empty_last)
{
    collector all = {.samples = out};
    uint32_t random = 1;
    size_t done = 0;
    do {
        random = random * 1664525 + 1013904223;
        size_t part = block ? block : (random >> 8) % 1000;
        if (part > n - done) part = n - done;
        bool last = done + part == n && !empty_last;
        assert_int_equal(myna_resampler_push(resampler, input + done, part, last, collect, &all, NULL), MYNA_OK);
        done += part;
    } while (done < n);
    if (empty_last) assert_int_equal(myna_resampler_push(resampler, NULL, 0, true, collect, &all, NULL), MYNA_OK);
    return all.n;
}

static size_t resample(float *out, size_t n, int from_hz, int to_hz, myna_resample_quality quality)
{
    myna_resampler *resampler;
    assert_int_equal(myna_resampler_create(&resampler, from_hz, to_hz, quality, NULL), MYNA_OK);
    size_t made = push_all(resampler, out, n, 4096, false);
    myna_resampler_free(resampler);
    return made;
}

/* How far the middle of `output` is from amplitude 0.5 and frequency hz at time i / rate: includes any delay. */
static double tone_snr_db(size_t n, double hz, int rate_hz)
{
    double noise = 0, energy = 0;
    for (size_t i = n / 10; i < n - n / 10; i++) {
        double expected = 0.5 * sin(2 * M_PI * hz * (double)i / rate_hz);
        noise += pow((double)output[i] - expected, 2);
        energy += expected * expected;
    }
    return 10 * log10(energy / noise);
}

static const int rates[] = {8000, 11025, 22050, 44100, 48000, 192000};
enum { N_RATES = sizeof rates / sizeof *rates };

static void test_snr(void **state)
{
    (void)state;
    const float tones[] = {100, 440, 1000, 3000, 6400};
    for (int k = 0; k < 2 * N_RATES; k++) {
        int from = k % 2 ? 16000 : rates[k / 2], to = k % 2 ? rates[k / 2] : 16000;
        size_t n = (size_t)from;
        for (int t = 0; t < 5; t++) {
            if (tones[t] > 0.4f * (float)(from < to ? from : to)) continue;
            for (size_t i = 0; i < n; i++) input[i] = 0.5f * (float)sin(2 * M_PI * tones[t] * (double)i / from);
            size_t made = resample(output, n, from, to, MYNA_RESAMPLE_GOOD);
            assert_int_equal(made, to);
            double good = tone_snr_db(made, tones[t], to);
            resample(output, n, from, to, MYNA_RESAMPLE_FAST);
            double fast = tone_snr_db(made, tones[t], to);
            bool in_fast_band = tones[t] <= 0.3f * (float)(from < to ? from : to);
            if (!(good >= 90 && (fast >= 80 || !in_fast_band)))
                fail_msg("%d -> %d Hz, %g Hz: %.1f, %.1f dB", from, to, tones[t], good, fast);
        }
    }
}

/* What does not fit below half the new rate must not come back as something else. */
static void test_aliases_are_gone(void **state)
{
    (void)state;
    for (size_t i = 0; i < 48000; i++) input[i] = 0.5f * (float)sin(2 * M_PI * 9500 * (double)i / 48000);
    size_t n = resample(output, 48000, 48000, 16000, MYNA_RESAMPLE_GOOD);
    double energy = 0;
    for (size_t i = n / 10; i < n - n / 10; i++) energy += (double)output[i] * (double)output[i];
    assert_true(10 * log10(energy / (0.8 * (double)n) / 0.125) < -90);
}

static void test_impulse_stays_in_place(void **state)
{
    (void)state;
    for (int k = 0; k < 2 * N_RATES; k++) {
        int from = k % 2 ? 16000 : rates[k / 2], to = k % 2 ? rates[k / 2] : 16000;
        size_t n = (size_t)from / 2, at = n / 2;
        memset(input, 0, n * sizeof *input);
        input[at] = 1;
        size_t made = resample(output, n, from, to, MYNA_RESAMPLE_GOOD);
        double sum = 0, moment = 0; /* the response is symmetric about the impulse's place in time */
        for (size_t i = 0; i < made; i++) {
            double power = (double)output[i] * (double)output[i];
            sum += power;
            moment += power * (double)i;
        }
        assert_true(fabs(moment / sum - (double)at * to / from) < 1e-3);
    }
}

static void test_totals_and_blocks(void **state)
{
    (void)state;
    uint32_t random = 7;
    for (size_t i = 0; i < 20000; i++) {
        random = random * 1664525 + 1013904223;
        input[i] = (float)(random >> 8) / 8388608.0f - 1;
    }
    const size_t lengths[] = {0, 1, 2, 3, 7, 100, 999, 16001};
    const size_t blocks[] = {1, 7, 160, 4096, 0};
    for (int k = 0; k < 2 * N_RATES; k++) {
        int from = k % 2 ? 16000 : rates[k / 2], to = k % 2 ? rates[k / 2] : 16000;
        myna_resampler *resampler;
        assert_int_equal(myna_resampler_create(&resampler, from, to, MYNA_RESAMPLE_GOOD, NULL), MYNA_OK);
        for (int l = 0; l < 8; l++) {
            size_t expected = (size_t)floor((double)lengths[l] * to / from + 0.5);
            assert_int_equal(push_all(resampler, reference, lengths[l], 20000, false), expected);
            for (int b = 0; b < 5; b++) { /* the same resampler again: `last` leaves it as new */
                assert_int_equal(push_all(resampler, output, lengths[l], blocks[b], b % 2), expected);
                assert_memory_equal(output, reference, expected * sizeof *output);
            }
        }
        myna_resampler_free(resampler);
    }
}

static void test_equal_rates_copy(void **state)
{
    (void)state;
    for (size_t i = 0; i < 1000; i++) input[i] = (float)i;
    assert_int_equal(resample(output, 1000, 48000, 48000, MYNA_RESAMPLE_GOOD), 1000);
    assert_memory_equal(output, input, 1000 * sizeof *input);
}

static myna_status refuse(void *context, const float *samples, size_t n, myna_error *error)
{
    (void)context, (void)samples, (void)n, (void)error;
    return MYNA_ERROR_INTERRUPTED;
}

/* All outputs but the first lie at i * from / to + shift. */
static void test_shift(void **state)
{
    (void)state;
    enum { N = 16000 };
    const int to_hz[] = {11025, 44100};
    const double shares[] = {-0.4, 0.3}; /* of the distance of two outputs */
    for (int i = 0; i < N; i++) input[i] = (float)sin(0.3 * i);
    for (int k = 0; k < 4; k++) {
        myna_resampler *resampler;
        double step = 16000.0 / to_hz[k / 2], shift = shares[k % 2] * step, error = 0;
        assert_int_equal(myna_resampler_create(&resampler, 16000, to_hz[k / 2], MYNA_RESAMPLE_FAST, NULL), MYNA_OK);
        myna_resampler_shift(resampler, shift);
        size_t n = push_all(resampler, output, N, k ? 0 : 4096, false);
        myna_resampler_free(resampler);
        assert_int_equal(n, (size_t)lrint(N / step));
        for (size_t i = 100; i < n - 100; i++) {
            double wanted = sin(0.3 * ((double)i * step + shift)), off = (double)output[i] - wanted;
            error += off * off / (double)n;
        }
        assert_true(10 * log10(error * 2) < -80);
    }
}

static void test_failures(void **state)
{
    (void)state;
    myna_resampler *resampler = NULL;
    assert_int_equal(myna_resampler_create(&resampler, 0, 16000, MYNA_RESAMPLE_GOOD, NULL), MYNA_ERROR_ARGUMENT);
    assert_int_equal(myna_resampler_create(&resampler, 16000, -1, MYNA_RESAMPLE_GOOD, NULL), MYNA_ERROR_ARGUMENT);
    assert_int_equal(myna_resampler_create(&resampler, 10, 16000, MYNA_RESAMPLE_GOOD, NULL), MYNA_ERROR_ARGUMENT);
    assert_null(resampler);
    assert_int_equal(myna_resampler_create(&resampler, 48000, 16000, MYNA_RESAMPLE_GOOD, NULL), MYNA_OK);
    myna_status status = myna_resampler_push(resampler, input, 10000, false, refuse, NULL, NULL);
    assert_int_equal(status, MYNA_ERROR_INTERRUPTED);
    myna_resampler_free(resampler);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_snr),
        cmocka_unit_test(test_aliases_are_gone),
        cmocka_unit_test(test_impulse_stays_in_place),
        cmocka_unit_test(test_totals_and_blocks),
        cmocka_unit_test(test_equal_rates_copy),
        cmocka_unit_test(test_shift),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
