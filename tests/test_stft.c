/* Transforms against O(N^2) sums in double, and back. */
#include "testing.h"

#include "dsp/stft.h"

/* spectrum[n/2 + 1] of x[n], the definition. */
static void naive_transform(myna_complex *spectrum, const float *x, int n)
{
    for (int k = 0; k <= n / 2; k++) {
        double re = 0, im = 0;
        for (int i = 0; i < n; i++) {
            double angle = 2 * test_pi * k * i / n;
            re += (double)x[i] * cos(angle);
            im -= (double)x[i] * sin(angle);
        }
        spectrum[k] = (myna_complex){(float)re, (float)im};
    }
}

static void test_fft_is_the_definition(void **state)
{
    (void)state;
    const int sizes[] = {2, 6, 200, 1024};
    for (int s = 0; s < 4; s++) {
        int n = sizes[s];
        myna_fft *fft;
        assert_ok(myna_fft_create(&fft, n, NULL));
        float x[1024] = {0}, back[1024];
        myna_complex got[513], wanted[513];
        add_noise(x, (size_t)n, 1, 1);
        naive_transform(wanted, x, n);
        myna_fft_forward(fft, got, x);
        assert_below(error_db(&got[0].re, &wanted[0].re, (size_t)n + 2), -125);
        myna_fft_inverse(fft, back, wanted);
        for (int i = 0; i < n; i++) back[i] /= (float)n;
        assert_below(error_db(back, x, (size_t)n), -125);
        myna_fft_free(fft);
    }
}

static void test_fft_refuses_odd_lengths(void **state)
{
    (void)state;
    const int sizes[] = {-2, 0, 1, 7};
    for (int s = 0; s < 4; s++) {
        myna_fft *fft = NULL;
        myna_error error;
        assert_int_equal(myna_fft_create(&fft, sizes[s], &error), MYNA_ERROR_ARGUMENT);
        assert_null(fft);
        assert_true(strlen(error.detail) > 0);
    }
    myna_fft_free(NULL);
    myna_stft_free(NULL);
}

static double hann(int i)
{
    return 0.5 - 0.5 * cos(2 * test_pi * i / MYNA_WINDOW_SAMPLES);
}

static void test_stft_is_the_definition(void **state)
{
    (void)state;
    float x[MYNA_WINDOW_SAMPLES] = {0}, windowed[MYNA_FFT_SAMPLES] = {0};
    add_noise(x, MYNA_WINDOW_SAMPLES, 1, 2);
    for (int i = 0; i < MYNA_WINDOW_SAMPLES; i++) windowed[i] = (float)(hann(i) * (double)x[i]);
    myna_complex got[MYNA_BINS], wanted[MYNA_BINS];
    naive_transform(wanted, windowed, MYNA_FFT_SAMPLES);
    myna_stft *stft;
    assert_ok(myna_stft_create(&stft, NULL));
    for (int again = 0; again < 2; again++) { /* an inverse in between leaves no trace */
        myna_stft_forward(stft, got, x);
        assert_below(error_db(&got[0].re, &wanted[0].re, 2 * MYNA_BINS), -120);
        float frame[MYNA_WINDOW_SAMPLES];
        myna_complex kept[MYNA_BINS];
        memcpy(kept, got, sizeof got);
        myna_stft_inverse(stft, frame, got);
        assert_memory_equal(kept, got, sizeof got);
        for (int i = 0; i < MYNA_WINDOW_SAMPLES; i++)
            assert_near(frame[i], hann(i) * hann(i) * (double)x[i] / 1.5, 1e-6);
    }
    myna_stft_free(stft);
}

static void test_overlapped_frames_restore_the_signal(void **state)
{
    (void)state;
    enum { FRAMES = 40, SAMPLES = (FRAMES - 1) * MYNA_HOP_SAMPLES + MYNA_WINDOW_SAMPLES };
    float x[SAMPLES] = {0}, y[SAMPLES] = {0}, frame[MYNA_WINDOW_SAMPLES];
    myna_complex spectrum[MYNA_BINS];
    add_noise(x, SAMPLES, 0.1f, 3);
    myna_stft *stft;
    assert_ok(myna_stft_create(&stft, NULL));
    for (int k = 0; k < FRAMES; k++) {
        myna_stft_forward(stft, spectrum, x + k * MYNA_HOP_SAMPLES);
        myna_stft_inverse(stft, frame, spectrum);
        for (int i = 0; i < MYNA_WINDOW_SAMPLES; i++) y[k * MYNA_HOP_SAMPLES + i] += frame[i];
    }
    const size_t edge = MYNA_WINDOW_SAMPLES - MYNA_HOP_SAMPLES;
    assert_below(error_db(y + edge, x + edge, SAMPLES - 2 * edge), -120);
    myna_stft_free(stft);
}

static void test_magnitude_is_the_length(void **state)
{
    (void)state;
    const myna_complex z[] = {{3, 4}, {-5, 12}, {0, 0}, {0, -2}, {1e-12f, 0}};
    const float wanted[] = {5, 13, 0, 2, 1e-12f};
    float got[5];
    myna_magnitude(got, z, 5);
    for (int k = 0; k < 5; k++) assert_near(got[k], wanted[k], 1e-6 * (double)wanted[k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fft_is_the_definition),
        cmocka_unit_test(test_fft_refuses_odd_lengths),
        cmocka_unit_test(test_stft_is_the_definition),
        cmocka_unit_test(test_overlapped_frames_restore_the_signal),
        cmocka_unit_test(test_magnitude_is_the_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
