/* The front end: when each frame happens, and that it is the parts it is made of. */
#include "testing.h"

#include "dsp/analysis.h"
#include "dsp/pitch.h"

enum { HOPS = 60, SAMPLES = HOPS * MYNA_HOP_SAMPLES };
static myna_mel *mel;
static float signal[SAMPLES];
static myna_frame frames[HOPS], others[HOPS];

static int set_up(void **state)
{
    (void)state;
    return myna_mel_create(&mel, NULL) == MYNA_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    myna_mel_free(mel);
    return 0;
}

static void analyse(myna_frame *out, int pitch_lag)
{
    myna_analyzer *analyzer;
    assert_ok(myna_analyzer_create(&analyzer, mel, pitch_lag, NULL));
    for (int k = 0; k < HOPS; k++) myna_analyzer_push(analyzer, &out[k], signal + k * MYNA_HOP_SAMPLES);
    myna_analyzer_free(analyzer);
}

static void make_speech(void)
{
    memset(signal, 0, sizeof signal);
    add_vowel(signal, SAMPLES, 120, 160);
    add_noise(signal, SAMPLES, 0.003f, 1);
}

static float loudest(const myna_frame *frame)
{
    float most = 0;
    for (int b = 0; b < MYNA_MEL_BANDS; b++) most = fmaxf(most, frame->mel[b]);
    return most;
}

static void test_an_impulse_touches_the_frames_that_cover_it(void **state)
{
    (void)state;
    const int at[] = {1, 199, 201, 450, 5999};
    for (int i = 0; i < 5; i++) {
        memset(signal, 0, sizeof signal);
        signal[at[i]] = 1;
        analyse(frames, -1);
        for (int k = 0; k < HOPS; k++) {
            bool covers = at[i] >= 200 * k - 600 && at[i] < 200 * k + 200;
            assert_true(covers == (loudest(&frames[k]) > 0));
        }
    }
}

static void test_frames_are_their_parts(void **state)
{
    (void)state;
    make_speech();
    analyse(frames, 3);
    myna_stft *stft;
    myna_pitch_tracker *pitch;
    assert_ok(myna_stft_create(&stft, NULL));
    assert_ok(myna_pitch_create(&pitch, 3, NULL));
    for (int k = 0; k < HOPS; k++) {
        float window[MYNA_WINDOW_SAMPLES] = {0}, magnitude[MYNA_BINS], bands[MYNA_MEL_BANDS];
        myna_complex spectrum[MYNA_BINS];
        for (int i = 0; i < MYNA_WINDOW_SAMPLES; i++)
            if (200 * k - 600 + i >= 0) window[i] = signal[200 * k - 600 + i];
        myna_stft_forward(stft, spectrum, window);
        myna_magnitude(magnitude, spectrum, MYNA_BINS);
        myna_mel_forward(mel, bands, magnitude);
        assert_memory_equal(bands, frames[k].mel, sizeof bands);
        assert_true(frames[k].f0_hz == myna_pitch_push(pitch, signal + 200 * k));
    }
    assert_near(frames[50].f0_hz, 120 + 40 * 46.0 / HOPS, 3);
    myna_stft_free(stft);
    myna_pitch_free(pitch);
}

static void test_the_future_changes_nothing(void **state)
{
    (void)state;
    make_speech();
    analyse(frames, 2);
    add_noise(signal + 30 * MYNA_HOP_SAMPLES, SAMPLES - 30 * MYNA_HOP_SAMPLES, 1, 5);
    analyse(others, 2);
    assert_memory_equal(frames, others, 30 * sizeof *frames);
    assert_memory_not_equal(&frames[30], &others[30], sizeof *frames);
}

static void test_without_pitch(void **state)
{
    (void)state;
    make_speech();
    analyse(frames, 0);
    analyse(others, -1);
    for (int k = 0; k < HOPS; k++) {
        assert_true(others[k].f0_hz == 0);
        assert_memory_equal(frames[k].mel, others[k].mel, sizeof frames[k].mel);
    }
    myna_analyzer *analyzer = NULL;
    assert_int_equal(myna_analyzer_create(&analyzer, mel, -2, NULL), MYNA_ERROR_ARGUMENT);
    assert_int_equal(myna_analyzer_create(&analyzer, mel, MYNA_PITCH_MAX_LAG + 1, NULL), MYNA_ERROR_ARGUMENT);
    assert_null(analyzer);
    myna_analyzer_free(NULL);
}

static void test_reset_is_new(void **state)
{
    (void)state;
    make_speech();
    analyse(frames, 2);
    myna_analyzer *analyzer;
    assert_ok(myna_analyzer_create(&analyzer, mel, 2, NULL));
    for (int k = 0; k < 17; k++) myna_analyzer_push(analyzer, &others[k], signal + 40 * MYNA_HOP_SAMPLES);
    myna_analyzer_reset(analyzer);
    for (int k = 0; k < HOPS; k++) myna_analyzer_push(analyzer, &others[k], signal + k * MYNA_HOP_SAMPLES);
    assert_memory_equal(frames, others, sizeof frames);
    myna_analyzer_free(analyzer);
}

static void test_extreme_input(void **state)
{
    (void)state;
    const float scales[] = {1e9f, 1e-30f};
    for (int s = 0; s < 2; s++) {
        memset(signal, 0, sizeof signal);
        add_noise(signal, SAMPLES, scales[s], 1);
        analyse(frames, 8);
        for (int k = 0; k < HOPS; k++)
            assert_true(all_finite(frames[k].mel, MYNA_MEL_BANDS) && isfinite(frames[k].f0_hz));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_impulse_touches_the_frames_that_cover_it),
        cmocka_unit_test(test_frames_are_their_parts),
        cmocka_unit_test(test_the_future_changes_nothing),
        cmocka_unit_test(test_without_pitch),
        cmocka_unit_test(test_reset_is_new),
        cmocka_unit_test(test_extreme_input),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
