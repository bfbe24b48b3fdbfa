/* The pitch tracker on sounds whose F0 is known, and on those that have none. */
#include "testing.h"

#include "dsp/pitch.h"
#include "dsp/pulse.h"

enum { HOPS = 160, SAMPLES = HOPS * MYNA_HOP_SAMPLES, SETTLED = 12 };
static float signal[SAMPLES + MYNA_PULSE_TAPS];
static float f0_hz[HOPS];

/* f0_hz[k] of each frame k; the last `lag` are not decided and stay 0. */
static void track(int lag)
{
    myna_pitch_tracker *tracker;
    assert_ok(myna_pitch_create(&tracker, lag, NULL));
    memset(f0_hz, 0, sizeof f0_hz);
    for (int k = 0; k < HOPS; k++) {
        float decided = myna_pitch_push(tracker, signal + k * MYNA_HOP_SAMPLES);
        if (k >= lag) f0_hz[k - lag] = decided;
        else assert_true(decided == 0);
    }
    myna_pitch_free(tracker);
}

static void clear(void)
{
    memset(signal, 0, sizeof signal);
}

static void test_pulse_trains_within_one_percent(void **state)
{
    (void)state;
    for (double hz = 70; hz <= 400; hz *= 1.061) {
        for (int lag = 0; lag <= MYNA_PITCH_MAX_LAG; lag += 4) {
            clear();
            for (double t = MYNA_PULSE_TAPS; t < SAMPLES; t += MYNA_SAMPLE_RATE_HZ / hz) myna_pulse_add(signal, t, 0.3);
            track(lag);
            for (int k = SETTLED; k < HOPS - lag; k++) assert_near(f0_hz[k] / hz, 1, 0.01);
        }
    }
}

static void test_noisy_vowels_within_two_percent(void **state)
{
    (void)state;
    for (double hz = 75; hz <= 390; hz *= 1.03) {
        clear();
        add_vowel(signal, SAMPLES, hz, hz);
        double power = 0;
        for (int i = 0; i < SAMPLES; i++) power += (double)signal[i] * (double)signal[i];
        add_noise(signal, SAMPLES, (float)sqrt(power / SAMPLES / 10), 1); /* 10 dB below */
        track(2);
        for (int k = SETTLED; k < HOPS - 2; k++) assert_near(f0_hz[k] / hz, 1, 0.02);
    }
}

/* F0 belongs to the middle of the analysis window, 400 samples before the newest. */
static void test_glides_are_dated_by_their_window(void **state)
{
    (void)state;
    clear();
    add_vowel(signal, SAMPLES, 100, 260);
    track(2);
    double bias = 0;
    for (int k = SETTLED; k < HOPS - 2; k++) {
        double middle = (k + 1) * MYNA_HOP_SAMPLES - MYNA_WINDOW_SAMPLES / 2.0;
        double ratio = f0_hz[k] / (100 + 160 * middle / SAMPLES);
        assert_near(ratio, 1, 0.02);
        bias += (ratio - 1) / (HOPS - 2 - SETTLED);
    }
    assert_near(bias, 0, 0.002); /* one hop early or late would be 0.006 */
}

static void test_silence_and_noise_are_unvoiced(void **state)
{
    (void)state;
    clear();
    track(2);
    for (int k = 0; k < HOPS; k++) assert_true(f0_hz[k] == 0);
    int voiced = 0;
    for (uint64_t seed = 0; seed < 10; seed++) {
        clear();
        add_noise(signal, SAMPLES, 0.1f, seed);
        track(2);
        for (int k = 0; k < HOPS; k++) voiced += f0_hz[k] > 0;
    }
    assert_below(voiced, 0.03 * 10 * HOPS);
}

static void test_voicing_follows_the_voice(void **state)
{
    (void)state;
    clear();
    add_vowel(signal + 40 * MYNA_HOP_SAMPLES, 60 * MYNA_HOP_SAMPLES, 150, 130);
    add_noise(signal, SAMPLES, 0.001f, 1);
    track(4);
    for (int k = 0; k < HOPS - 4; k++) {
        if (k < 40 || k >= 100 + MYNA_OVERLAP) assert_true(f0_hz[k] == 0);
        if (k >= 40 + MYNA_OVERLAP && k < 98) assert_true(f0_hz[k] > 0);
    }
}

static void test_hum_behind_a_voice_is_unvoiced(void **state)
{
    (void)state;
    clear();
    add_sine(signal, SAMPLES, 100, 0.0005); /* some 40 dB below the voice */
    add_sine(signal, SAMPLES, 200, 0.0005);
    track(2);
    assert_near(f0_hz[50], 100, 1); /* alone it has a pitch */
    add_vowel(signal, SAMPLES / 2, 150, 170);
    track(2);
    for (int k = SAMPLES / 2 / MYNA_HOP_SAMPLES + MYNA_OVERLAP; k < HOPS - 2; k++) assert_true(f0_hz[k] == 0);
}

/* For a tenth of a second every other pulse is weaker: twice the period fits better there, but not for long enough
 * to pay for two jumps of an octave. */
static void test_alternating_pulses_do_not_halve_it(void **state)
{
    (void)state;
    clear();
    for (int i = 0; 80 * i + MYNA_PULSE_TAPS < SAMPLES; i++)
        myna_pulse_add(signal, 80 * i + MYNA_PULSE_TAPS, i % 2 && i > 200 && i < 220 ? 0.2 : 0.3);
    track(4);
    for (int k = SETTLED; k < HOPS - 4; k++) assert_near(f0_hz[k], 200, 2);
}

static void test_scale_does_not_matter(void **state)
{
    (void)state;
    float normal[HOPS];
    clear();
    add_vowel(signal, SAMPLES / 2, 120, 200);
    add_noise(signal + SAMPLES / 2, SAMPLES / 2, 0.05f, 1);
    track(2);
    memcpy(normal, f0_hz, sizeof f0_hz);
    const float scales[] = {10, 0.1f, 0.004f}; /* the last: -68 dBFS */
    for (int s = 0; s < 3; s++) {
        clear();
        add_vowel(signal, SAMPLES / 2, 120, 200);
        add_noise(signal + SAMPLES / 2, SAMPLES / 2, 0.05f, 1);
        for (int i = 0; i < SAMPLES; i++) signal[i] *= scales[s];
        track(2);
        int differ = 0;
        for (int k = 0; k < HOPS; k++) differ += fabsf(f0_hz[k] - normal[k]) > 0.01f * normal[k];
        assert_in_range(differ, 0, 2);
    }
}

static void test_later_frames_only_help(void **state)
{
    (void)state;
    /* The decision lag frames late is the one of a tracker that has heard no more than that. */
    clear();
    add_vowel(signal, SAMPLES, 180, 90);
    add_noise(signal, SAMPLES, 0.05f, 3);
    track(3);
    float early = f0_hz[50];
    memset(signal + 54 * MYNA_HOP_SAMPLES, 0, (SAMPLES - 54 * MYNA_HOP_SAMPLES) * sizeof *signal);
    track(3);
    assert_true(f0_hz[50] == early);
}

static void test_reset_is_new(void **state)
{
    (void)state;
    clear();
    add_vowel(signal, SAMPLES, 180, 90);
    track(2);
    myna_pitch_tracker *tracker;
    assert_ok(myna_pitch_create(&tracker, 2, NULL));
    for (int k = 0; k < 77; k++) myna_pitch_push(tracker, signal + k * MYNA_HOP_SAMPLES);
    myna_pitch_reset(tracker);
    for (int k = 0; k < HOPS; k++) {
        float got = myna_pitch_push(tracker, signal + k * MYNA_HOP_SAMPLES);
        assert_true(got == (k < 2 ? 0 : f0_hz[k - 2]));
    }
    myna_pitch_free(tracker);
}

static void test_arguments(void **state)
{
    (void)state;
    myna_pitch_tracker *tracker = NULL;
    assert_int_equal(myna_pitch_create(&tracker, -1, NULL), MYNA_ERROR_ARGUMENT);
    assert_int_equal(myna_pitch_create(&tracker, MYNA_PITCH_MAX_LAG + 1, NULL), MYNA_ERROR_ARGUMENT);
    assert_null(tracker);
    myna_pitch_free(NULL);
}

static void test_extreme_input(void **state)
{
    (void)state;
    const float scales[] = {1e9f, 1e-30f};
    for (int s = 0; s < 2; s++) {
        clear();
        add_noise(signal, SAMPLES, scales[s], 1);
        for (int k = 50; k < 60; k++) signal[k * MYNA_HOP_SAMPLES] = scales[s] * 1000;
        track(8);
        for (int k = 0; k < HOPS; k++) assert_true(f0_hz[k] == 0 || (f0_hz[k] > 59 && f0_hz[k] < 425));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pulse_trains_within_one_percent),
        cmocka_unit_test(test_noisy_vowels_within_two_percent),
        cmocka_unit_test(test_glides_are_dated_by_their_window),
        cmocka_unit_test(test_silence_and_noise_are_unvoiced),
        cmocka_unit_test(test_voicing_follows_the_voice),
        cmocka_unit_test(test_hum_behind_a_voice_is_unvoiced),
        cmocka_unit_test(test_alternating_pulses_do_not_halve_it),
        cmocka_unit_test(test_scale_does_not_matter),
        cmocka_unit_test(test_later_frames_only_help),
        cmocka_unit_test(test_reset_is_new),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_extreme_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
