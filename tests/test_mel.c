/* The mel axis against a dense reference in double, and sounds whose spectrum is known. */
#include "testing.h"

#include "dsp/mel.h"
#include "dsp/vector_math.h"

static myna_mel *mel;
static double filters[MYNA_MEL_BANDS][MYNA_BINS]; /* the reference */
static double centre_hz[MYNA_MEL_BANDS];

static double hz_at(int i) /* edge i of MYNA_MEL_BANDS + 2 */
{
    double low = 2595 * log10(1 + 50.0 / 700), high = 2595 * log10(1 + 7600.0 / 700);
    return 700 * (pow(10, (low + (high - low) * i / (MYNA_MEL_BANDS + 1)) / 2595) - 1);
}

static int set_up(void **state)
{
    (void)state;
    const double bin = 16000.0 / 1024;
    for (int b = 0; b < MYNA_MEL_BANDS; b++) {
        double low = hz_at(b), centre = hz_at(b + 1), high = hz_at(b + 2), sum = 0;
        if (centre - low < bin) low = centre - bin;
        if (high - centre < bin) high = centre + bin;
        for (int k = 0; k < MYNA_BINS; k++) {
            double up = (k * bin - low) / (centre - low), down = (high - k * bin) / (high - centre);
            filters[b][k] = fmax(0, fmin(up, down));
            sum += filters[b][k];
        }
        for (int k = 0; k < MYNA_BINS; k++) filters[b][k] /= sum;
        centre_hz[b] = centre;
    }
    return myna_mel_create(&mel, NULL) == MYNA_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    myna_mel_free(mel);
    myna_mel_free(NULL);
    return 0;
}

static void multiply(float *bands, const float *magnitude)
{
    for (int b = 0; b < MYNA_MEL_BANDS; b++) {
        double sum = 0;
        for (int k = 0; k < MYNA_BINS; k++) sum += filters[b][k] * (double)magnitude[k];
        bands[b] = (float)sum;
    }
}

/* The magnitude spectrum of one frame of a vowel with some noise. */
static void make_natural(float *magnitude, double f0_hz, uint64_t seed)
{
    float x[MYNA_WINDOW_SAMPLES] = {0};
    add_vowel(x, MYNA_WINDOW_SAMPLES, f0_hz, f0_hz * 1.02);
    add_noise(x, MYNA_WINDOW_SAMPLES, 0.003f, seed);
    myna_stft *stft;
    myna_complex spectrum[MYNA_BINS];
    assert_ok(myna_stft_create(&stft, NULL));
    myna_stft_forward(stft, spectrum, x);
    myna_magnitude(magnitude, spectrum, MYNA_BINS);
    myna_stft_free(stft);
}

static void test_filters_are_the_reference(void **state)
{
    (void)state;
    float magnitude[MYNA_BINS] = {0}, got[MYNA_MEL_BANDS], wanted[MYNA_MEL_BANDS];
    for (int k = 0; k < MYNA_BINS; k++) { /* each bin by itself: every weight */
        magnitude[k] = 1;
        myna_mel_forward(mel, got, magnitude);
        multiply(wanted, magnitude);
        for (int b = 0; b < MYNA_MEL_BANDS; b++) assert_near(got[b], wanted[b], 1e-6);
        magnitude[k] = 0;
    }
    for (int k = 0; k < MYNA_BINS; k++) magnitude[k] = 1;
    myna_mel_forward(mel, got, magnitude);
    for (int b = 0; b < MYNA_MEL_BANDS; b++) assert_near(got[b], 1, 1e-5);
}

/* |sum of hann(n) exp(2 pi i n hz / rate)| over the window. */
static double window_response(double hz)
{
    double x = hz * MYNA_WINDOW_SAMPLES / MYNA_SAMPLE_RATE_HZ;
    double sum = 0;
    for (int d = -1; d <= 1; d++) {
        double t = test_pi * (x + d),
               dirichlet = fabs(t) < 1e-9 ? 1 : sin(t) / sin(t / MYNA_WINDOW_SAMPLES) / MYNA_WINDOW_SAMPLES;
        sum += (d ? 0.25 : 0.5) * dirichlet; /* the three lines of a Hann window, their phases cancelled */
    }
    return fabs(sum) * MYNA_WINDOW_SAMPLES;
}

static void test_a_sine_has_its_analytic_bands(void **state)
{
    (void)state;
    const double tones_hz[] = {1000, 1234.5, 3333, 6000};
    myna_stft *stft;
    assert_ok(myna_stft_create(&stft, NULL));
    for (int s = 0; s < 4; s++) {
        float x[MYNA_WINDOW_SAMPLES] = {0}, magnitude[MYNA_BINS], got[MYNA_MEL_BANDS], wanted[MYNA_MEL_BANDS];
        myna_complex spectrum[MYNA_BINS];
        add_sine(x, MYNA_WINDOW_SAMPLES, tones_hz[s], 0.1);
        myna_stft_forward(stft, spectrum, x);
        myna_magnitude(magnitude, spectrum, MYNA_BINS);
        myna_mel_forward(mel, got, magnitude);
        for (int k = 0; k < MYNA_BINS; k++) magnitude[k] = (float)(0.05 * window_response(k * 15.625 - tones_hz[s]));
        multiply(wanted, magnitude);
        assert_below(error_db(got, wanted, MYNA_MEL_BANDS), -70);
    }
    myna_stft_free(stft);
}

static void test_fast_functions_are_close(void **state)
{
    (void)state;
    for (double x = -37; x < 37; x += 0.0137) {
        double power = pow(10, (double)(float)x), exact = log10((double)(float)power);
        assert_near((double)fast_exp10((float)x) / power, 1, 3e-7 * fmax(1, fabs(x)));
        assert_near(fast_log10((float)power), exact, 2e-7 * fmax(1, fabs(exact)));
    }
}

static void test_log_mel(void **state)
{
    (void)state;
    float bands[MYNA_MEL_BANDS], got[MYNA_MEL_BANDS];
    for (int b = 0; b < MYNA_MEL_BANDS; b++) bands[b] = powf(10, -6 + 0.05f * (float)b);
    bands[100] = 0;
    bands[101] = -1;
    bands[102] = NAN;
    const float gains[] = {1, 0.25f, 316};
    for (int g = 0; g < 3; g++) {
        myna_log_mel(got, bands, gains[g]);
        for (int b = 0; b < MYNA_MEL_BANDS; b++) {
            double x = (double)(gains[g] * bands[b]);
            assert_near(got[b], log10(x > 1e-4 ? x : 1e-4), 2e-6);
        }
    }
    bands[0] = INFINITY;
    myna_log_mel(got, bands, 1);
    assert_true(all_finite(got, MYNA_MEL_BANDS));
}

static void test_inverse_comes_back(void **state)
{
    (void)state;
    const double f0_hz[] = {90, 140, 220, 350};
    for (int v = 0; v < 4; v++) {
        float natural[MYNA_BINS], bands[MYNA_MEL_BANDS], log_mel[MYNA_MEL_BANDS], got[MYNA_BINS], again[MYNA_MEL_BANDS];
        make_natural(natural, f0_hz[v], (uint64_t)v);
        myna_mel_forward(mel, bands, natural);
        myna_log_mel(log_mel, bands, 1);
        myna_mel_inverse(mel, got, log_mel);
        myna_mel_forward(mel, again, got);
        assert_below(error_db(again, bands, MYNA_MEL_BANDS), -45);
        assert_below(error_db(got, natural, MYNA_BINS), -16);
        for (int k = 0; k < MYNA_BINS; k++) assert_true(got[k] >= 0);
        for (int k = 0; k < 3; k++) assert_true(got[k] == 0); /* below 50 Hz less one bin */
        for (int k = 488; k < MYNA_BINS; k++) assert_true(got[k] == 0);
    }
}

static void test_inverse_of_anything_is_finite(void **state)
{
    (void)state;
    const float values[] = {-4, 0, 5, -1e30f, 1e30f, INFINITY, -INFINITY, NAN};
    float log_mel[MYNA_MEL_BANDS], got[MYNA_BINS];
    for (int v = 0; v < 8; v++) {
        for (int b = 0; b < MYNA_MEL_BANDS; b++) log_mel[b] = b % 3 ? values[v] : 0;
        myna_mel_inverse(mel, got, log_mel);
        assert_true(all_finite(got, MYNA_BINS));
    }
}

/* A bump of log-mel around hz, three semitones wide. */
static void make_bump(float *log_mel, double hz)
{
    for (int b = 0; b < MYNA_MEL_BANDS; b++) {
        double octaves = log2(centre_hz[b] / hz);
        log_mel[b] = (float)(-3 + 3 * exp(-octaves * octaves / (2 * 0.25 * 0.25)));
    }
}

static void test_warp_scales_the_frequency_axis(void **state)
{
    (void)state;
    float in[MYNA_MEL_BANDS], got[MYNA_MEL_BANDS], wanted[MYNA_MEL_BANDS];
    const float ratios[] = {0.74f, 1, 1.2f, 1.35f};
    make_bump(in, 1500);
    for (int r = 0; r < 4; r++) {
        myna_mel_warp warp;
        myna_mel_warp_init(&warp, ratios[r], ratios[r]);
        myna_mel_warp_apply(&warp, got, in);
        make_bump(wanted, 1500 * (double)ratios[r]);
        for (int b = 0; b < MYNA_MEL_BANDS; b++) assert_near(got[b], wanted[b], ratios[r] == 1 ? 1e-5 : 0.005);
    }
    for (int b = 0; b < MYNA_MEL_BANDS; b++) in[b] = (float)b;
    myna_mel_warp warp;
    myna_mel_warp_init(&warp, 0.5f, 0.5f);
    myna_mel_warp_apply(&warp, got, in);
    assert_near(got[MYNA_MEL_BANDS - 1], MYNA_MEL_BANDS - 1, 1e-4); /* the end held */
    myna_mel_warp_init(&warp, 2, 2);
    myna_mel_warp_apply(&warp, got, in);
    assert_near(got[0], 0, 1e-6);
}

static void test_speech_is_told_from_pauses(void **state)
{
    (void)state;
    float natural[MYNA_BINS], bands[MYNA_MEL_BANDS], log_mel[MYNA_MEL_BANDS];
    make_natural(natural, 150, 1);
    myna_mel_forward(mel, bands, natural);
    myna_log_mel(log_mel, bands, 1);
    assert_true(myna_mel_is_speech(log_mel));
    myna_log_mel(log_mel, bands, 0.25f);
    assert_true(myna_mel_is_speech(log_mel));
    myna_log_mel(log_mel, bands, 0.02f); /* 34 dB down */
    assert_false(myna_mel_is_speech(log_mel));
    for (int b = 0; b < MYNA_MEL_BANDS; b++) log_mel[b] = -4;
    assert_false(myna_mel_is_speech(log_mel));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filters_are_the_reference),
        cmocka_unit_test(test_a_sine_has_its_analytic_bands),
        cmocka_unit_test(test_fast_functions_are_close),
        cmocka_unit_test(test_log_mel),
        cmocka_unit_test(test_inverse_comes_back),
        cmocka_unit_test(test_inverse_of_anything_is_finite),
        cmocka_unit_test(test_warp_scales_the_frequency_axis),
        cmocka_unit_test(test_speech_is_told_from_pauses),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
