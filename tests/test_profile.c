#define _GNU_SOURCE
#include <stdlib.h> /* tells allocation.h which C library this is */

#include "allocation.h"
#include "dsp/level.h"
#include "dsp/pitch.h"
#include "dsp/profile.h"
#include "fixtures.h"
#include "pipeline/probe.h"
#include "testing.h"

enum { SECOND = MYNA_SAMPLE_RATE_HZ, N = 6 * SECOND };

static const float default_log_f0[2] = {4.5f, 0.125f};
static myna_mel *mel;
static float speech[N];

static int set_up(void **state)
{
    (void)state;
    make_speech(speech, N, 120, 1, 0.1f, 3);
    return myna_mel_create(&mel, NULL) == MYNA_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    myna_mel_free(mel);
    return 0;
}

/* The meter stays with the caller. */
static myna_profile_meter *measure(myna_profile *out, const float *samples, size_t n, size_t block, size_t max_frames)
{
    myna_profile_meter *meter = NULL;
    assert_ok(myna_profile_meter_create(&meter, mel, max_frames, NULL));
    for (size_t i = 0; i < n; i += block) myna_profile_meter_push(meter, samples + i, n - i < block ? n - i : block);
    assert_ok(myna_profile_meter_finish(meter, out, default_log_f0, NULL));
    return meter;
}

/* Returns the number of frames kept. */
static size_t measure_kept(myna_profile *out, const float *samples, size_t n)
{
    size_t n_kept;
    myna_profile_meter *meter = measure(out, samples, n, 5000, 2400);
    myna_profile_meter_log_mel(meter, &n_kept);
    myna_profile_meter_free(meter);
    return n_kept;
}

static void band_meter_agrees_with_the_definition(void **state)
{
    (void)state;
    enum { FRAMES = 50 };
    static float frames[FRAMES][MYNA_MEL_BANDS];
    myna_band_meter meter = {0};
    myna_band_statistics result = {.mean = {42}};
    myna_rng rng = myna_rng_seed(1, 2);
    for (int i = 0; i < FRAMES; i++) {
        for (int b = 0; b < MYNA_MEL_BANDS; b++) frames[i][b] = (float)b * 0.01f - 3 + myna_rng_normal(&rng);
        if (i == 7) {
            assert_false(myna_band_meter_result(&meter, &result));
            assert_true(result.mean[0] == 42);
        }
        myna_band_meter_push(&meter, frames[i]);
    }
    assert_true(myna_band_meter_result(&meter, &result));
    for (int b = 0; b < MYNA_MEL_BANDS; b++) {
        double mean = 0, variance = 0;
        for (int i = 0; i < FRAMES; i++) mean += (double)frames[i][b] / FRAMES;
        for (int i = 0; i < FRAMES; i++)
            variance += ((double)frames[i][b] - mean) * ((double)frames[i][b] - mean) / FRAMES;
        assert_near(result.mean[b], mean, 1e-5);
        assert_near(result.deviation[b], sqrt(variance), 1e-5);
    }
}

/* Two seconds of a vowel between pauses: everything about it is known. */
static void a_vowel_is_measured(void **state)
{
    (void)state;
    static float x[5 * SECOND];
    memset(x, 0, sizeof x);
    add_vowel(x + 2 * SECOND, 2 * SECOND, 150, 150);
    double level_db = 20 * log10(rms_of(x + 2 * SECOND, 2 * SECOND));
    myna_profile profile;
    myna_profile_meter_free(measure(&profile, x, 5 * SECOND, 1000, 2400));
    assert_near(profile.speech_level_db, level_db, 0.2);
    assert_near(profile.duration_seconds, 5, 1e-4);
    assert_near(profile.speech_seconds, 2.03, 0.06); /* windows reach 50 ms into the pauses */
    assert_near(profile.voiced_seconds, 2, 0.1);
    assert_near(profile.log_f0_mean, log(150), 0.01);
    assert_below(profile.log_f0_deviation, 0.02);
    assert_near(profile.f0_low_hz, 150, 3);
    assert_near(profile.f0_high_hz, 150, 3);
}

static void a_glide_has_its_spread(void **state)
{
    (void)state;
    static float x[4 * SECOND];
    memset(x, 0, sizeof x);
    add_vowel(x, 4 * SECOND, 100, 200);
    double sum = 0, squares = 0;
    for (int i = 0; i < 1000; i++) {
        double log_f0 = log(100.0 + 0.1 * i);
        sum += log_f0 / 1000;
        squares += log_f0 * log_f0 / 1000;
    }
    myna_profile profile;
    myna_profile_meter_free(measure(&profile, x, 4 * SECOND, 777, 0));
    assert_near(profile.log_f0_mean, sum, 0.015);
    assert_near(profile.log_f0_deviation, sqrt(squares - sum * sum), 0.015);
    assert_near(profile.f0_low_hz, 105, 3);
    assert_near(profile.f0_high_hz, 195, 4);
    assert_true(profile.bands.mean[50] == 0); /* no frames kept, nothing known */
}

/* As a tracker's octave errors are: for a seventh of the time more than an octave higher. */
static void a_shriek_counts_as_eight_semitones_away(void **state)
{
    (void)state;
    static float x[7 * SECOND];
    add_vowel(x, 6 * SECOND, 120, 120);
    add_vowel(x + 6 * SECOND, SECOND, 300, 300);
    const double share = 1.0 / 7, away = log(2) * 8 / 12;
    myna_profile profile;
    myna_profile_meter_free(measure(&profile, x, 7 * SECOND, 800, 0));
    assert_near(profile.log_f0_mean, log(120) + share * away, 0.01);
    assert_near(profile.log_f0_deviation, away * sqrt(share * (1 - share)), 0.015);
    assert_near(profile.f0_high_hz, 300, 6);
}

static void pauses_and_level_change_nothing_else(void **state)
{
    (void)state;
    static float longer[N + 4 * SECOND], quiet[N];
    memcpy(longer, speech, sizeof speech);
    for (size_t i = 0; i < N; i++) quiet[i] = 0.125f * speech[i];
    myna_profile whole, padded, low;
    myna_profile_meter_free(measure(&whole, speech, N, 5000, 2400));
    myna_profile_meter_free(measure(&padded, longer, N + 4 * SECOND, 5000, 2400));
    myna_profile_meter_free(measure(&low, quiet, N, 5000, 2400));
    assert_near(padded.speech_level_db, whole.speech_level_db, 0.05);
    assert_near(padded.speech_seconds, whole.speech_seconds, 0.06);
    assert_near(low.speech_level_db, whole.speech_level_db - 18.06f, 0.01);
    assert_near(low.log_f0_mean, whole.log_f0_mean, 0.01);
    assert_near(low.speech_seconds, whole.speech_seconds, 0.1);
    for (int b = 0; b < MYNA_MEL_BANDS; b++) {
        assert_near(padded.bands.mean[b], whole.bands.mean[b], 0.03);
        assert_near(low.bands.mean[b], whole.bands.mean[b], 0.02);
        assert_near(low.bands.deviation[b], whole.bands.deviation[b], 0.02);
    }
}

static void any_blocks_give_the_same(void **state)
{
    (void)state;
    myna_profile whole, parts;
    memset(&whole, 0, sizeof whole);
    memset(&parts, 0, sizeof parts);
    myna_profile_meter *meter = measure(&whole, speech, N, N, 2400);
    const size_t blocks[] = {1, 7, 199, 200, 201};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        myna_profile_meter *other = measure(&parts, speech, N, blocks[i], 2400);
        size_t n = 0, m = 0;
        const float *one = myna_profile_meter_log_mel(meter, &n), *two = myna_profile_meter_log_mel(other, &m);
        assert_memory_equal(&whole, &parts, sizeof whole);
        assert_int_equal(n, m);
        assert_memory_equal(one, two, n * MYNA_MEL_BANDS * sizeof *one);
        myna_profile_meter_free(other);
    }
    myna_profile_meter_free(meter);
}

/* The frames kept are those of the recording, each with its own F0. */
static void kept_frames_are_the_recording(void **state)
{
    (void)state;
    myna_profile profile;
    myna_probe probe;
    myna_profile_meter *meter = measure(&profile, speech, N, 4096, 2400);
    assert_ok(myna_probe_create(&probe, speech, N, NULL));
    size_t n = 0;
    const float *log_mel = myna_profile_meter_log_mel(meter, &n), *f0_hz = myna_profile_meter_f0(meter);
    assert_int_equal(n, probe.n_frames);
    assert_memory_equal(log_mel, probe.log_mel, n * MYNA_MEL_BANDS * sizeof *log_mel);
    assert_memory_equal(f0_hz, probe.f0_hz, n * sizeof *f0_hz);
    myna_probe_free(&probe);
    myna_profile_meter_free(meter);
}

/* A minute that grows brighter: what is kept must come from all of it, at most as much as wanted, and not from pauses.
 */
static void long_recordings_are_sampled_evenly(void **state)
{
    (void)state;
    const size_t n = 60 * SECOND;
    float *x = calloc(n, sizeof *x);
    assert_non_null(x);
    for (size_t s = 0; s < 60; s++)
        if (s % 3 != 2) add_vowel(x + s * SECOND, SECOND, 100 + 3 * (double)s, 100 + 3 * (double)s);
    myna_profile profile;
    myna_profile_meter *meter = measure(&profile, x, n, 10000, 1600);
    free(x);
    size_t n_frames = 0, n_quiet = 0, n_late = 0;
    const float *log_mel = myna_profile_meter_log_mel(meter, &n_frames), *f0_hz = myna_profile_meter_f0(meter);
    assert_in_range(n_frames, 1500, 1600);
    for (size_t i = 0; i < n_frames; i++) {
        n_quiet += !myna_mel_is_speech(log_mel + i * MYNA_MEL_BANDS);
        n_late += f0_hz[i] > 190;
    }
    assert_below(n_quiet, n_frames / 10);
    assert_in_range(n_late, n_frames / 4, n_frames * 3 / 4);
    assert_near(profile.speech_seconds, 41, 1.5);
    myna_profile_meter_free(meter);
}

/* The same speech alone and with a second of noise as loud behind it, which is not the voice's; but a whisper is. */
static void noise_is_not_kept(void **state)
{
    (void)state;
    enum { LONGER = N + 2 * SECOND + SECOND / 2 };
    static float noisy[LONGER], whisper[N];
    memcpy(noisy, speech, sizeof speech);
    add_noise(noisy + N + 4 * SECOND / 5, SECOND, 0.1f, 1);
    myna_profile alone, with_noise, whispered;
    const size_t n_alone = measure_kept(&alone, speech, N);
    assert_in_range(measure_kept(&with_noise, noisy, LONGER), n_alone - 8, n_alone + 8);
    float change = with_noise.speech_level_db - alone.speech_level_db; /* the gain differs by the noise's level */
    for (int b = 0; b < MYNA_MEL_BANDS; b++)
        assert_near(with_noise.bands.mean[b] + change / 20, alone.bands.mean[b], 0.03);
    add_noise(whisper, N, 0.1f, 1);
    assert_in_range(measure_kept(&whispered, whisper, N), 470, 480);
}

static void nothing_is_measured_of_nothing(void **state)
{
    (void)state;
    static float x[2 * SECOND];
    memset(x, 0, sizeof x);
    add_noise(x, 2 * SECOND, 1e-4f, 1); /* -80 dBFS */
    for (size_t n = 0; n <= 2 * SECOND; n += SECOND) {
        myna_profile profile;
        myna_profile_meter *meter = measure(&profile, x, n, 4096, 800);
        size_t n_frames = 1;
        myna_profile_meter_log_mel(meter, &n_frames);
        assert_int_equal(n_frames, 0);
        assert_true(isinf(profile.speech_level_db) && profile.speech_level_db < 0);
        assert_true(profile.speech_seconds == 0 && profile.voiced_seconds == 0 && profile.f0_high_hz == 0);
        assert_true(profile.log_f0_mean == default_log_f0[0] && profile.log_f0_deviation == default_log_f0[1]);
        assert_near(profile.duration_seconds, (double)n / SECOND, 1e-6);
        myna_profile_meter_free(meter);
    }
}

static void not_a_number_is_refused(void **state)
{
    (void)state;
    static float x[SECOND];
    memcpy(x, speech, sizeof x);
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        x[SECOND - 1] = bad[i];
        myna_profile profile = {.speech_seconds = 42};
        assert_int_equal(myna_profile_measure(&profile, x, SECOND, NULL), MYNA_ERROR_NOT_FINITE);
        assert_true(profile.speech_seconds == 42);
    }
    x[SECOND - 1] = 1e38f; /* a number, if a silly one */
    myna_profile profile;
    assert_ok(myna_profile_measure(&profile, x, SECOND, NULL));
    assert_true(isfinite(profile.speech_level_db) && all_finite(profile.bands.mean, MYNA_MEL_BANDS));
}

static void pushing_never_allocates(void **state)
{
    (void)state;
    if (!allocation_can_fail) skip();
    myna_profile_meter *meter = NULL;
    assert_ok(myna_profile_meter_create(&meter, mel, 160, NULL));
    allocation_start(0);
    myna_profile_meter_push(meter, speech, N);
    long n_calls = allocation_stop();
    assert_int_equal(n_calls, 0);
    myna_profile_meter_free(meter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(band_meter_agrees_with_the_definition),
        cmocka_unit_test(a_vowel_is_measured),
        cmocka_unit_test(a_glide_has_its_spread),
        cmocka_unit_test(a_shriek_counts_as_eight_semitones_away),
        cmocka_unit_test(pauses_and_level_change_nothing_else),
        cmocka_unit_test(any_blocks_give_the_same),
        cmocka_unit_test(kept_frames_are_the_recording),
        cmocka_unit_test(long_recordings_are_sampled_evenly),
        cmocka_unit_test(noise_is_not_kept),
        cmocka_unit_test(nothing_is_measured_of_nothing),
        cmocka_unit_test(not_a_number_is_refused),
        cmocka_unit_test(pushing_never_allocates),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
