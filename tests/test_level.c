/* Active speech level: what counts, and what must not. */
#include "testing.h"

#include "dsp/level.h"

enum { SECOND = MYNA_SAMPLE_RATE_HZ, SAMPLES = 4 * SECOND };

static float rms_of(const float *x, size_t n)
{
    myna_level_meter meter;
    myna_level_init(&meter);
    myna_level_push(&meter, x, n);
    return myna_level_rms(&meter);
}

static double db(double ratio)
{
    return 20 * log10(ratio);
}

/* Two seconds of a vowel whose loudness rises and falls by 8 dB four times a second. */
static void make_speech(float *x)
{
    memset(x, 0, SAMPLES * sizeof *x);
    add_vowel(x, 2 * SECOND, 120, 180);
    for (int i = 0; i < 2 * SECOND; i++)
        x[i] *= powf(10, -0.2f * (1 + sinf(2 * (float)test_pi * 4 * (float)i / SECOND)));
}

static void test_a_sine_has_its_rms(void **state)
{
    (void)state;
    float x[SECOND] = {0};
    add_sine(x, SECOND, 200, 0.5);
    assert_near(db((double)rms_of(x, SECOND) / (0.5 / sqrt(2))), 0, 0.01);
}

static void test_pauses_leave_it_alone(void **state)
{
    (void)state;
    static float x[SAMPLES];
    make_speech(x);
    double alone = (double)rms_of(x, 2 * SECOND);
    assert_near(db((double)rms_of(x, SAMPLES) / alone), 0, 0.001); /* digital silence */
    add_noise(x + 2 * SECOND, 2 * SECOND, 0.0001f, 1);             /* -80 dBFS: under the absolute gate */
    assert_near(db((double)rms_of(x, SAMPLES) / alone), 0, 0.001);
    add_noise(x + 2 * SECOND, 2 * SECOND, 0.003f, 2); /* -50 dBFS: under the relative one */
    assert_near(db((double)rms_of(x, SAMPLES) / alone), 0, 0.3);
}

/* As cheap microphones have it. */
static void test_an_offset_leaves_it_alone(void **state)
{
    (void)state;
    static float x[SAMPLES];
    make_speech(x);
    const double alone = (double)rms_of(x, SAMPLES);
    for (int i = 0; i < SAMPLES; i++) x[i] += 0.3f;
    assert_near(db((double)rms_of(x, SAMPLES) / alone), 0, 0.001);
    for (int i = 0; i < SAMPLES; i++) x[i] = 0.3f;
    assert_true(rms_of(x, SAMPLES) == 0);
}

static void test_the_absolute_gate(void **state)
{
    (void)state;
    float x[SECOND] = {0};
    add_noise(x, SECOND, 0.0001f, 1); /* -80 dBFS */
    assert_true(rms_of(x, SECOND) == 0);
    add_noise(x, SECOND, 0.001f, 2); /* -60 dBFS */
    assert_near(db((double)rms_of(x, SECOND)), -60, 0.2);
}

static void test_it_follows_amplitude(void **state)
{
    (void)state;
    static float x[SAMPLES];
    make_speech(x);
    double once = (double)rms_of(x, SAMPLES);
    for (int i = 0; i < SAMPLES; i++) x[i] *= 2;
    assert_near(db((double)rms_of(x, SAMPLES) / once), 6.02, 0.05);
    for (int i = 0; i < SAMPLES; i++) x[i] *= 0.01f;
    assert_near(db((double)rms_of(x, SAMPLES) / once), 6.02 - 40, 0.05);
}

static void test_blocks_do_not_matter(void **state)
{
    (void)state;
    static float x[SAMPLES];
    make_speech(x);
    const size_t blocks[] = {1, 7, 399, 401, 4096};
    for (int b = 0; b < 5; b++) {
        myna_level_meter meter;
        myna_level_init(&meter);
        for (size_t i = 0; i < SAMPLES; i += blocks[b])
            myna_level_push(&meter, x + i, i + blocks[b] < SAMPLES ? blocks[b] : SAMPLES - i);
        assert_true(myna_level_rms(&meter) == rms_of(x, SAMPLES));
    }
}

static void test_gain_brings_speech_to_normal(void **state)
{
    (void)state;
    static float x[SAMPLES];
    myna_level_meter meter;
    myna_level_init(&meter);
    assert_true(myna_level_rms(&meter) == 0);
    assert_true(myna_level_gain(&meter) == 1);
    myna_level_push(&meter, x, 100); /* less than a frame */
    assert_true(myna_level_gain(&meter) == 1);
    make_speech(x);
    myna_level_init(&meter);
    myna_level_push(&meter, x, SAMPLES);
    float gain = myna_level_gain(&meter);
    for (int i = 0; i < SAMPLES; i++) x[i] *= gain;
    assert_near(db((double)rms_of(x, SAMPLES) / (double)MYNA_NORMAL_RMS), 0, 0.05);
}

static void test_extreme_input(void **state)
{
    (void)state;
    float x[SECOND];
    const float values[] = {1e6f, 1e-30f, -1, INFINITY, NAN};
    for (int v = 0; v < 5; v++) {
        for (int i = 0; i < SECOND; i++) x[i] = values[v];
        float rms = rms_of(x, SECOND);
        if (isfinite(values[v])) assert_true(isfinite(rms));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_sine_has_its_rms),
        cmocka_unit_test(test_pauses_leave_it_alone),
        cmocka_unit_test(test_an_offset_leaves_it_alone),
        cmocka_unit_test(test_the_absolute_gate),
        cmocka_unit_test(test_it_follows_amplitude),
        cmocka_unit_test(test_blocks_do_not_matter),
        cmocka_unit_test(test_gain_brings_speech_to_normal),
        cmocka_unit_test(test_extreme_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
