/* The ripple table against harmonics added up one by one. */
#include "testing.h"

#include "dsp/ripple.h"

static myna_mel *mel;
static float rows[MYNA_RIPPLE_ROWS * MYNA_MEL_BANDS];

static int set_up(void **state)
{
    (void)state;
    if (myna_mel_create(&mel, NULL) != MYNA_OK) return -1;
    return myna_ripple_make(rows, mel, NULL) == MYNA_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    myna_mel_free(mel);
    return 0;
}

static double band_of(double hz)
{
    double low = 2595 * log10(1 + 50.0 / 700), high = 2595 * log10(1 + 7600.0 / 700);
    return (2595 * log10(1 + hz / 700) - low) / (high - low) * (MYNA_MEL_BANDS + 1) - 1;
}

/* The same by other means: a sum of cosines, the box summed bin by bin, many frames. */
static void make_reference(float *ripple, double f0_hz)
{
    enum { FRAMES = 50, SAMPLES = MYNA_WINDOW_SAMPLES };
    const double width = f0_hz * MYNA_FFT_SAMPLES / MYNA_SAMPLE_RATE_HZ;
    double sum[MYNA_MEL_BANDS] = {0};
    myna_stft *stft;
    assert_ok(myna_stft_create(&stft, NULL));
    for (int frame = 0; frame < FRAMES; frame++) {
        float x[SAMPLES] = {0}, fine[MYNA_BINS], smooth[MYNA_BINS], bands[MYNA_MEL_BANDS], log_fine[MYNA_MEL_BANDS];
        myna_complex spectrum[MYNA_BINS];
        for (int h = 0; h * f0_hz < 8000; h++)
            for (int i = 0; i < SAMPLES; i++)
                x[i] += (h ? 1.0f : 0.5f) *
                        (float)cos(2 * test_pi * h * (f0_hz * i / MYNA_SAMPLE_RATE_HZ + frame / (double)FRAMES));
        myna_stft_forward(stft, spectrum, x);
        myna_magnitude(fine, spectrum, MYNA_BINS);
        for (int k = 0; k < MYNA_BINS; k++) {
            double power = 0, weight = 0;
            for (int j = 0; j < MYNA_BINS; j++) {
                double overlap = fmin(j + 0.5, k + width / 2) - fmax(j - 0.5, k - width / 2);
                if (overlap <= 0) continue;
                power += overlap * (double)fine[j] * (double)fine[j];
                weight += overlap;
            }
            smooth[k] = (float)sqrt(power / weight);
        }
        myna_mel_forward(mel, bands, fine);
        myna_log_mel(log_fine, bands, 1);
        myna_mel_forward(mel, bands, smooth);
        myna_log_mel(bands, bands, 1);
        for (int b = 0; b < MYNA_MEL_BANDS; b++) sum[b] += (double)(log_fine[b] - bands[b]) / FRAMES;
    }
    for (int b = 0; b < MYNA_MEL_BANDS; b++) ripple[b] = (float)fmin(fmax(sum[b], -1.2), 0.6);
    myna_stft_free(stft);
}

static void test_table_is_the_reference(void **state)
{
    (void)state;
    for (int r = 0; r < MYNA_RIPPLE_ROWS; r += 33) {
        float got[MYNA_MEL_BANDS], wanted[MYNA_MEL_BANDS];
        double f0_hz = 60 * pow(7, r / (MYNA_RIPPLE_ROWS - 1.0));
        make_reference(wanted, f0_hz);
        myna_ripple_at(got, rows, (float)f0_hz);
        /* Up to 6 kHz, above which the table's pulse is band-limited. */
        for (int b = 0; b < band_of(6000); b++) assert_near(got[b], wanted[b], 0.03);
    }
}

static void test_peaks_stand_on_harmonics(void **state)
{
    (void)state;
    const double f0_hz[] = {130, 200, 300, 400};
    for (int i = 0; i < 4; i++) {
        float ripple[MYNA_MEL_BANDS];
        myna_ripple_at(ripple, rows, (float)f0_hz[i]);
        for (int h = 1; (h + 1) * f0_hz[i] < 3000; h++) {
            float on = ripple[lround(band_of(h * f0_hz[i]))], between = ripple[lround(band_of((h + 0.5) * f0_hz[i]))];
            assert_true(on > 0.05f);
            assert_true(between < on - 0.15f);
        }
    }
}

static void test_range_and_edges(void **state)
{
    (void)state;
    for (int i = 0; i < MYNA_RIPPLE_ROWS * MYNA_MEL_BANDS; i++) assert_true(rows[i] >= -1.2f && rows[i] <= 0.6f);
    float a[MYNA_MEL_BANDS], b[MYNA_MEL_BANDS];
    const float unvoiced[] = {0, -1, NAN};
    for (int i = 0; i < 3; i++) {
        myna_ripple_at(a, rows, unvoiced[i]);
        for (int k = 0; k < MYNA_MEL_BANDS; k++) assert_true(a[k] == 0);
    }
    myna_ripple_at(a, rows, 30);
    assert_memory_equal(a, rows, sizeof a);
    myna_ripple_at(a, rows, 1e9f);
    assert_below(error_db(a, rows + (MYNA_RIPPLE_ROWS - 1) * MYNA_MEL_BANDS, MYNA_MEL_BANDS), -80);
    for (float hz = 60; hz < 420; hz *= 1.01f) { /* no jumps between rows */
        myna_ripple_at(a, rows, hz);
        myna_ripple_at(b, rows, hz * 1.0005f);
        for (int k = 0; k < MYNA_MEL_BANDS; k++) assert_near(a[k], b[k], 0.15);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_the_reference),
        cmocka_unit_test(test_peaks_stand_on_harmonics),
        cmocka_unit_test(test_range_and_edges),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
