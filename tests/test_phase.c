/* Excitation, streaming and whole-file Griffin-Lim. */
#include "testing.h"

#include "dsp/phase.h"
#include "dsp/pulse.h"

enum { FRAMES = 80, MAX_AHEAD = 8, SAMPLES = (FRAMES - 1) * MYNA_HOP_SAMPLES + MYNA_WINDOW_SAMPLES };
static float signal[SAMPLES], output[SAMPLES], whole[SAMPLES];
static float magnitude[FRAMES][MYNA_BINS];
static float f0_hz[FRAMES];
static myna_complex natural[FRAMES][MYNA_BINS], start[FRAMES][MYNA_BINS];

/* magnitude and natural phase of `signal`. */
static void analyse(void)
{
    myna_stft *stft;
    assert_ok(myna_stft_create(&stft, NULL));
    for (int k = 0; k < FRAMES; k++) {
        myna_stft_forward(stft, natural[k], signal + k * MYNA_HOP_SAMPLES);
        myna_magnitude(magnitude[k], natural[k], MYNA_BINS);
        for (int b = 0; b < MYNA_BINS; b++) {
            float size = magnitude[k][b];
            natural[k][b] =
                size > 0 ? (myna_complex){natural[k][b].re / size, natural[k][b].im / size} : (myna_complex){1, 0};
        }
    }
    myna_stft_free(stft);
}

/* A gliding vowel, then noise, then the vowel again. */
static void make_speech(void)
{
    memset(signal, 0, sizeof signal);
    for (int k = 0; k < FRAMES; k++) f0_hz[k] = k < 30 || k >= 50 ? (float)(110 + 40.0 * ((k + 2) % 50) / 30) : 0;
    add_vowel(signal, 32 * MYNA_HOP_SAMPLES, 110, 110 + 40.0 * 32 / 30);
    add_noise(signal + 32 * MYNA_HOP_SAMPLES, 20 * MYNA_HOP_SAMPLES, 0.03f, 1);
    add_vowel(signal + 52 * MYNA_HOP_SAMPLES, SAMPLES - 52 * MYNA_HOP_SAMPLES, 112, 112 + 40.0 * 31 / 30);
    add_noise(signal, SAMPLES, 0.0005f, 2);
    analyse();
}

/* start[] from pulses at f0_hz, or noise alone. */
static void excite(bool pulses)
{
    myna_excitation *excitation;
    assert_ok(myna_excitation_create(&excitation, 1, NULL));
    for (int k = 0; k < FRAMES; k++) myna_excitation_next(excitation, start[k], pulses ? f0_hz[k] : 0);
    myna_excitation_free(excitation);
}

/* output[] of all frames, its last hops pushed out by silent frames. */
static void stream(const myna_complex phase[FRAMES][MYNA_BINS], int look_ahead, int iterations)
{
    static const float silent[MYNA_BINS];
    myna_rtisi *rtisi;
    float hop[MYNA_HOP_SAMPLES];
    assert_ok(myna_rtisi_create(&rtisi, look_ahead, iterations, NULL));
    memset(output, 0, sizeof hop); /* with look-ahead -1 the first hop never comes */
    for (int m = 0; m < FRAMES + look_ahead + MYNA_OVERLAP - 1; m++) {
        bool real = m < FRAMES;
        myna_rtisi_push(rtisi, hop, real ? magnitude[m] : silent, phase[real ? m : 0]);
        if (m >= look_ahead && m - look_ahead < FRAMES + MYNA_OVERLAP - 1)
            memcpy(output + (m - look_ahead) * MYNA_HOP_SAMPLES, hop, sizeof hop);
    }
    myna_rtisi_free(rtisi);
}

static double convergence_db(const float *samples)
{
    double db = NAN;
    assert_ok(myna_spectral_convergence(&db, samples, magnitude[0], FRAMES, NULL));
    return db;
}

static double streamed_db(int look_ahead, int iterations)
{
    stream((const myna_complex(*)[MYNA_BINS])start, look_ahead, iterations);
    assert_true(all_finite(output, SAMPLES));
    return convergence_db(output);
}

/* ---- Excitation ---------------------------------------------------------------------------------------------- */

/* A pulse between samples is a delay: its spectrum has magnitude 1 and a linear phase. */
static void test_pulses_lie_between_samples(void **state)
{
    (void)state;
    enum { N = 64 };
    for (double time = 20; time < 21; time += 0.17) {
        float x[N] = {0};
        myna_pulse_add(x, time, 1);
        for (int k = 0; k * MYNA_SAMPLE_RATE_HZ / N <= 6000; k++) {
            double re = 0, im = 0;
            for (int i = 0; i < N; i++) {
                re += (double)x[i] * cos(2 * test_pi * k * (i - time) / N);
                im += (double)x[i] * sin(2 * test_pi * k * (i - time) / N);
            }
            assert_near(re, 1, 0.04);
            assert_near(im, 0, 0.02);
        }
    }
}

static void test_phasors_have_length_one(void **state)
{
    (void)state;
    make_speech();
    f0_hz[3] = 1e9f;
    f0_hz[4] = -1;
    f0_hz[5] = NAN;
    excite(true);
    for (int k = 0; k < FRAMES; k++)
        for (int b = 0; b < MYNA_BINS; b++) assert_near(hypot((double)start[k][b].re, (double)start[k][b].im), 1, 1e-5);
}

static void test_pulses_keep_their_period(void **state)
{
    (void)state;
    const int two_periods = 201; /* samples: they must not be rounded one by one */
    const double hz = 2.0 * MYNA_SAMPLE_RATE_HZ / two_periods;
    memset(signal, 0, sizeof signal);
    add_vowel(signal, SAMPLES, hz, hz);
    analyse();
    for (int k = 0; k < FRAMES; k++) f0_hz[k] = (float)hz;
    excite(true);
    (void)streamed_db(0, 0);
    double same = 0, power = 0;
    for (int i = 10 * MYNA_HOP_SAMPLES; i < 60 * MYNA_HOP_SAMPLES; i++) {
        same += (double)output[i] * (double)output[i + two_periods];
        power += (double)output[i] * (double)output[i];
    }
    assert_true(same > 0.98 * power);
}

static void test_excitation_reset_is_new(void **state)
{
    (void)state;
    make_speech();
    excite(true);
    myna_excitation *excitation;
    myna_complex phase[MYNA_BINS];
    assert_ok(myna_excitation_create(&excitation, 1, NULL));
    for (int k = 0; k < 33; k++) myna_excitation_next(excitation, phase, 213);
    myna_excitation_reset(excitation);
    for (int k = 0; k < FRAMES; k++) {
        myna_excitation_next(excitation, phase, f0_hz[k]);
        assert_memory_equal(phase, start[k], sizeof phase);
    }
    myna_excitation_free(excitation);
    myna_excitation_free(NULL);
    assert_ok(myna_excitation_create(&excitation, 2, NULL));
    myna_excitation_next(excitation, phase, 0);
    assert_memory_not_equal(phase, start[0], sizeof phase); /* another seed, other noise */
    myna_excitation_free(excitation);
}

/* ---- RTISI-LA -------------------------------------------------------------------------------------------------- */

static void test_natural_phase_gives_the_signal_back(void **state)
{
    (void)state;
    make_speech();
    for (int look_ahead = 0; look_ahead <= 3; look_ahead += 3) {
        stream((const myna_complex(*)[MYNA_BINS])natural, look_ahead, 0);
        const size_t edge = MYNA_WINDOW_SAMPLES - MYNA_HOP_SAMPLES;
        assert_below(error_db(output + edge, signal + edge, SAMPLES - 2 * edge), -100);
    }
}

static void test_iterations_and_look_ahead_help(void **state)
{
    (void)state;
    make_speech();
    excite(true);
    for (int look_ahead = 0; look_ahead <= 3; look_ahead++) {
        double before = streamed_db(look_ahead, 0);
        const int iterations[] = {1, 2, 4, 8};
        for (int i = 0; i < 4; i++) {
            double now = streamed_db(look_ahead, iterations[i]);
            assert_below(now, before - 0.15);
            before = now;
        }
    }
    assert_below(streamed_db(1, 4), streamed_db(0, 4) - 1);
    assert_below(streamed_db(3, 4), streamed_db(1, 4) - 1);
}

static void test_pulses_beat_noise(void **state)
{
    (void)state;
    make_speech();
    for (int iterations = 0; iterations <= 4; iterations += 2) {
        for (int look_ahead = 0; look_ahead <= 3; look_ahead += 3) {
            excite(false);
            double noise = streamed_db(look_ahead, iterations);
            excite(true);
            assert_below(streamed_db(look_ahead, iterations), noise - 1);
        }
    }
}

static void test_delay_is_the_look_ahead(void **state)
{
    (void)state;
    const int at = 20;
    make_speech();
    for (int k = 0; k < FRAMES; k++)
        if (k != at) memset(magnitude[k], 0, sizeof magnitude[k]);
    myna_stft *stft;
    myna_complex spectrum[MYNA_BINS];
    float wanted[MYNA_WINDOW_SAMPLES];
    for (int b = 0; b < MYNA_BINS; b++)
        spectrum[b] = (myna_complex){natural[at][b].re * magnitude[at][b], natural[at][b].im * magnitude[at][b]};
    assert_ok(myna_stft_create(&stft, NULL));
    myna_stft_inverse(stft, wanted, spectrum);
    myna_stft_free(stft);

    for (int look_ahead = 0; look_ahead <= MAX_AHEAD; look_ahead += 4) {
        myna_rtisi *rtisi;
        assert_ok(myna_rtisi_create(&rtisi, look_ahead, 0, NULL));
        for (int m = 0; m < FRAMES; m++) {
            float hop[MYNA_HOP_SAMPLES], zeros[MYNA_HOP_SAMPLES] = {0};
            myna_rtisi_push(rtisi, hop, magnitude[m], natural[m]);
            int part = m - look_ahead - at;
            if (part >= 0 && part < MYNA_OVERLAP)
                assert_below(error_db(hop, wanted + part * MYNA_HOP_SAMPLES, MYNA_HOP_SAMPLES), -100);
            else assert_memory_equal(hop, zeros, sizeof hop);
        }
        myna_rtisi_free(rtisi);
    }
}

static void test_output_waits_for_no_more_than_look_ahead(void **state)
{
    (void)state;
    static float before[SAMPLES];
    make_speech();
    excite(true);
    for (int look_ahead = -1; look_ahead <= 3; look_ahead += 2) {
        make_speech();
        (void)streamed_db(look_ahead, 4);
        memcpy(before, output, sizeof before);
        for (int b = 0; b < MYNA_BINS; b++) magnitude[40][b] *= 2; /* first heard in hop 40 - look_ahead */
        (void)streamed_db(look_ahead, 4);
        size_t same = (size_t)(40 - look_ahead) * MYNA_HOP_SAMPLES;
        assert_memory_equal(before, output, same * sizeof *before);
        assert_memory_not_equal(before + same, output + same, MYNA_HOP_SAMPLES * sizeof *before);
    }
}

/* What is given away a hop early is nearly what it would have been. */
static void test_a_hop_early_is_nearly_as_good(void **state)
{
    (void)state;
    make_speech();
    excite(true);
    double early = streamed_db(-1, 8), in_time = streamed_db(0, 8);
    print_message("look-ahead -1: %.1f dB, 0: %.1f dB\n", early, in_time);
    assert_below(early, in_time + 4);
    assert_below(early, -9);
}

static void test_rtisi_reset_is_new(void **state)
{
    (void)state;
    make_speech();
    excite(true);
    (void)streamed_db(3, 4);
    myna_rtisi *rtisi;
    float hop[MYNA_HOP_SAMPLES];
    assert_ok(myna_rtisi_create(&rtisi, 3, 4, NULL));
    for (int m = 0; m < 14; m++) myna_rtisi_push(rtisi, hop, magnitude[2 * m], start[m]);
    myna_rtisi_reset(rtisi);
    for (int m = 0; m < FRAMES; m++) {
        myna_rtisi_push(rtisi, hop, magnitude[m], start[m]);
        const float silent[MYNA_HOP_SAMPLES] = {0};
        assert_memory_equal(hop, m < 3 ? silent : output + (m - 3) * MYNA_HOP_SAMPLES, sizeof hop);
    }
    myna_rtisi_free(rtisi);
}

static void test_a_steady_sine_stays_one(void **state)
{
    (void)state;
    const double hz = 400;
    memset(signal, 0, sizeof signal);
    add_sine(signal, SAMPLES, hz, 0.1);
    analyse();
    for (int k = 0; k < FRAMES; k++) f0_hz[k] = (float)hz;
    excite(true);
    for (int look_ahead = 0; look_ahead <= 3; look_ahead += 3) {
        (void)streamed_db(look_ahead, 8);
        enum { FROM = 20 * MYNA_HOP_SAMPLES, N = 40 * MYNA_HOP_SAMPLES }; /* whole periods */
        double c = 0, s = 0, power = 0;
        for (int i = 0; i < N; i++) {
            double x = (double)output[FROM + i], angle = 2 * test_pi * hz * i / MYNA_SAMPLE_RATE_HZ;
            c += 2 * x * cos(angle) / N;
            s += 2 * x * sin(angle) / N;
            power += x * x / N;
        }
        double amplitude = hypot(c, s), rest = power - amplitude * amplitude / 2;
        assert_near(20 * log10(amplitude / 0.1), 0, 0.3);
        assert_below(10 * log10(fmax(rest, 1e-30) / power), -30);
    }
}

static void test_rtisi_arguments_and_extremes(void **state)
{
    (void)state;
    myna_rtisi *rtisi = NULL;
    const int bad[][2] = {{-2, 4}, {MAX_AHEAD + 1, 4}, {0, -1}, {0, 65}};
    for (int i = 0; i < 4; i++)
        assert_int_equal(myna_rtisi_create(&rtisi, bad[i][0], bad[i][1], NULL), MYNA_ERROR_ARGUMENT);
    assert_null(rtisi);
    myna_rtisi_free(NULL);
    make_speech();
    excite(true);
    for (int k = 0; k < FRAMES; k++)
        for (int b = 0; b < MYNA_BINS; b++) magnitude[k][b] = b % 2 ? 1e15f : k % 7 ? 0 : 1e-30f;
    (void)streamed_db(2, 5);
    memset(start, 0, sizeof start); /* not phasors at all */
    (void)streamed_db(2, 5);
}

/* ---- Whole file -------------------------------------------------------------------------------------------------- */

static double whole_db(const myna_complex *phase, int iterations, float momentum)
{
    assert_ok(myna_griffin_lim(whole, magnitude[0], phase, FRAMES, iterations, momentum, NULL));
    assert_true(all_finite(whole, SAMPLES));
    return convergence_db(whole);
}

static void test_griffin_lim(void **state)
{
    (void)state;
    make_speech();
    (void)whole_db(natural[0], 0, 0);
    assert_below(error_db(whole + MYNA_HOP_SAMPLES, signal + MYNA_HOP_SAMPLES, SAMPLES - 2 * MYNA_HOP_SAMPLES), -100);
    memset(signal, 0, MYNA_WINDOW_SAMPLES * sizeof *signal); /* no sound where few frames overlap */
    memset(signal + SAMPLES - MYNA_WINDOW_SAMPLES, 0, MYNA_WINDOW_SAMPLES * sizeof *signal);
    analyse();
    assert_below(whole_db(natural[0], 5, 0.99f), -80); /* the truth is a fixed point */
    excite(true);
    double pulses = whole_db(start[0], 0, 0), classic = whole_db(start[0], 16, 0), fast = whole_db(start[0], 16, 0.99f);
    assert_below(classic, pulses - 3);
    assert_below(fast, classic - 1);
    assert_below(fast, streamed_db(3, 4)); /* it sees everything at once */
    assert_int_equal(myna_griffin_lim(whole, magnitude[0], start[0], 0, 1, 0, NULL), MYNA_ERROR_ARGUMENT);
}

static void test_convergence_is_its_definition(void **state)
{
    (void)state;
    make_speech();
    assert_below(convergence_db(signal), -100);
    for (int i = 0; i < SAMPLES; i++) output[i] = 1.1f * signal[i];
    assert_near(convergence_db(output), -20, 0.001);
    memset(output, 0, sizeof output);
    assert_near(convergence_db(output), 0, 0.001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pulses_lie_between_samples),
        cmocka_unit_test(test_phasors_have_length_one),
        cmocka_unit_test(test_pulses_keep_their_period),
        cmocka_unit_test(test_excitation_reset_is_new),
        cmocka_unit_test(test_natural_phase_gives_the_signal_back),
        cmocka_unit_test(test_iterations_and_look_ahead_help),
        cmocka_unit_test(test_pulses_beat_noise),
        cmocka_unit_test(test_delay_is_the_look_ahead),
        cmocka_unit_test(test_output_waits_for_no_more_than_look_ahead),
        cmocka_unit_test(test_a_hop_early_is_nearly_as_good),
        cmocka_unit_test(test_rtisi_reset_is_new),
        cmocka_unit_test(test_a_steady_sine_stays_one),
        cmocka_unit_test(test_rtisi_arguments_and_extremes),
        cmocka_unit_test(test_griffin_lim),
        cmocka_unit_test(test_convergence_is_its_definition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
