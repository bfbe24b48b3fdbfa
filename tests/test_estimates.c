/* What the converter estimates while it listens: pitch map, running level, output level; and the expander. */
#include "dsp/mel.h"
#include "pipeline/expander.h"
#include "pipeline/output_level.h"
#include "pipeline/pitch_map.h"
#include "pipeline/running_level.h"
#include "testing.h"

#include <stdlib.h>

enum { STEPS_A_SECOND = 40, FRAMES_A_SECOND = 80 };

static myna_pitch_map make_map(myna_pitch pitch, float semitones)
{
    const float source[2] = {4.7f, 0.2f}, target[2] = {5.3f, 0.24f};
    myna_converter_options options;
    myna_converter_options_init(&options);
    options.pitch = pitch;
    options.pitch_semitones = semitones;
    myna_pitch_map map;
    myna_pitch_map_init(&map, &options, source, target);
    return map;
}

static void pitch_takes_the_targets_mean_and_spread(void **state)
{
    (void)state;
    myna_pitch_map map = make_map(MYNA_PITCH_AUTO, 0);
    assert_near(logf(myna_pitch_map_apply(&map, expf(4.7f))), 5.3, 1e-5);
    assert_near(logf(myna_pitch_map_apply(&map, expf(4.9f))), 5.54, 1e-5);
    assert_near(myna_pitch_map_shift(&map), 0.6 * 12 / log(2), 1e-4);
    assert_true(myna_pitch_map_apply(&map, 0) == 0);
    map.target_deviation = 0.6f;
    assert_near(logf(myna_pitch_map_apply(&map, expf(4.9f))), 5.3 + 0.2 * 1.4, 1e-5);
    map.target_deviation = 0.01f;
    assert_near(logf(myna_pitch_map_apply(&map, expf(4.9f))), 5.3 + 0.2 * 0.7, 1e-5);
    map.source_deviation = 0; /* a monotone source: as if it were 0.05 */
    map.target_deviation = 0.06f;
    assert_near(logf(myna_pitch_map_apply(&map, expf(4.8f))), 5.3 + 0.1 * 1.2, 1e-5);
}

static void pitch_is_kept_or_shifted(void **state)
{
    (void)state;
    myna_pitch_map map = make_map(MYNA_PITCH_KEEP, 0);
    assert_near(myna_pitch_map_apply(&map, 123), 123, 1e-3);
    map = make_map(MYNA_PITCH_KEEP, 12);
    assert_near(myna_pitch_map_apply(&map, 123), 246, 1e-2);
    assert_near(myna_pitch_map_shift(&map), 12, 1e-5);
    assert_true(myna_pitch_map_apply(&map, 400) == 420.0f);
    map = make_map(MYNA_PITCH_KEEP, -24);
    assert_true(myna_pitch_map_apply(&map, 200) == 60.0f);
    map = make_map(MYNA_PITCH_AUTO, -12);
    assert_near(logf(myna_pitch_map_apply(&map, expf(4.7f))), 5.3 - log(2), 1e-5);
}

static void pitch_is_learnt(void **state)
{
    (void)state;
    myna_pitch_map map = make_map(MYNA_PITCH_AUTO, 0);
    myna_rng rng = myna_rng_seed(1, 1);
    for (int i = 0; i < 1000; i++) myna_pitch_map_learn(&map, 0);
    assert_true(map.source_mean == 4.7f && map.source_deviation == 0.2f);
    for (int i = 0; i < FRAMES_A_SECOND; i++) myna_pitch_map_learn(&map, expf(5.1f));
    assert_near(map.source_mean, 4.9, 0.01); /* one second weighs as much as the start */
    for (int i = 0; i < 40 * FRAMES_A_SECOND; i++)
        myna_pitch_map_learn(&map, expf(5.1f + 0.1f * myna_rng_normal(&rng)));
    assert_near(map.source_mean, 5.1, 0.02);
    assert_near(map.source_deviation, 0.1, 0.02);
    myna_pitch_map after_shriek = map, after_eight = map;
    for (int i = 0; i < FRAMES_A_SECOND; i++) {
        myna_pitch_map_learn(&after_shriek, expf(5.1f + logf(3)));
        myna_pitch_map_learn(&after_eight, expf(after_eight.source_mean + logf(2) * 8 / 12));
    }
    assert_near(after_shriek.source_mean, after_eight.source_mean, 1e-4);
    assert_near(after_shriek.source_deviation, after_eight.source_deviation, 1e-4);
}

static float level_db(const myna_running_level *level)
{
    return -20 - 20 * log10f(myna_running_level_gain(level));
}

static void listen(myna_running_level *level, float db, bool voiced, int n_steps)
{
    for (int i = 0; i < n_steps; i++) myna_running_level_push(level, powf(10, db / 10), voiced);
}

static void level_is_found_and_followed(void **state)
{
    (void)state;
    for (float db = -60; db <= -10; db += 10) {
        myna_running_level level;
        myna_running_level_init(&level, -26);
        assert_near(level_db(&level), -26, 0.1);
        listen(&level, -55, false, 1000); /* noise before speech */
        assert_near(level_db(&level), -26, 0.1);
        listen(&level, db, true, 2 * STEPS_A_SECOND);
        assert_near(level_db(&level), db + 0.5f, db < -50 ? 9 : db < -40 ? 3 : 1);
        listen(&level, db, true, 20 * STEPS_A_SECOND);
        assert_near(level_db(&level), db + 0.46f, 0.1); /* unvoiced speech is weaker */
    }
}

static void pauses_do_not_pump(void **state)
{
    (void)state;
    myna_running_level level;
    myna_running_level_init(&level, -26);
    listen(&level, -20, true, 4 * STEPS_A_SECOND);
    float before = level_db(&level);
    listen(&level, -40, false, 60 * STEPS_A_SECOND); /* a minute of noise */
    listen(&level, -48, true, 60 * STEPS_A_SECOND);  /* and of hum */
    listen(&level, -200, true, 60 * STEPS_A_SECOND);
    assert_true(level_db(&level) == before);
    listen(&level, -30, true, 1); /* one step moves it by at most 1 % of its time constant */
    assert_near(level_db(&level), before, 0.05);
    listen(&level, -30, true, 12 * STEPS_A_SECOND); /* the speaker has turned away */
    assert_near(level_db(&level), -29.5, 1);
}

static void output_level_is_restored(void **state)
{
    (void)state;
    myna_output_level level;
    myna_output_level_init(&level, 5);
    assert_true(myna_output_level_gain(&level) == 1);
    for (int i = 0; i < 5 * FRAMES_A_SECOND; i++) myna_output_level_learn(&level, 0.01, 0.04, 10);
    assert_near(myna_output_level_gain(&level), sqrt(0.01 / 0.025), 0.01); /* the start weighs half */
    for (int i = 0; i < 60 * FRAMES_A_SECOND; i++) myna_output_level_learn(&level, 0.01, 0.04, 10);
    assert_near(myna_output_level_gain(&level), 0.5, 0.01);
    myna_output_level_init(&level, 0);
    myna_output_level_learn(&level, 0.01, 0, INFINITY);
    assert_true(myna_output_level_gain(&level) == 1);
    myna_output_level_learn(&level, 1, 1e-9, INFINITY);
    assert_true(myna_output_level_gain(&level) == 4);
}

static void magnitudes_tell_the_power(void **state)
{
    (void)state;
    static float x[40 * MYNA_HOP_SAMPLES + MYNA_WINDOW_SAMPLES];
    add_noise(x, sizeof x / sizeof *x, 0.1f, 4);
    add_sine(x, sizeof x / sizeof *x, 1000, 0.2);
    myna_stft *stft = NULL;
    assert_ok(myna_stft_create(&stft, NULL));
    double power = 0;
    for (size_t k = 0; k < 40; k++) {
        myna_complex spectrum[MYNA_BINS];
        float magnitude[MYNA_BINS];
        myna_stft_forward(stft, spectrum, x + k * MYNA_HOP_SAMPLES);
        myna_magnitude(magnitude, spectrum, MYNA_BINS);
        power += myna_magnitude_power(magnitude) / 40;
    }
    myna_stft_free(stft);
    assert_near(power, 0.01 + 0.02, 0.001);
}

static float factor_at(float rms_dbfs, float speech_dbfs)
{
    float mel[MYNA_MEL_BANDS], sum = 10 * MYNA_SPEECH_SUM * powf(10, rms_dbfs / 20); /* of speech-like spectra */
    for (int b = 0; b < MYNA_MEL_BANDS; b++) mel[b] = sum / MYNA_MEL_BANDS;
    return myna_expander_factor(mel, powf(10, (-20 - speech_dbfs) / 20), -35);
}

static void expander_spares_speech_and_closes_on_silence(void **state)
{
    (void)state;
    for (float speech = -45; speech <= -5; speech += 10)
        for (float db = 0; db <= 20; db += 5) assert_true(factor_at(speech - db, speech) == 1);
    assert_true(factor_at(-54, -20) == 1);
    assert_true(factor_at(-76, -20) == 0);
    assert_true(factor_at(-73, -55) == 0); /* silence, however weak the speech */
    assert_true(factor_at(-300, -20) == 0);
    float before = 0;
    for (float db = -80; db <= -20; db += 0.25f) { /* no jumps: half a decibel changes it by little */
        float now = factor_at(db, -15);
        assert_true(now >= before && now - before < 0.05f);
        before = now;
    }
    float zeros[MYNA_MEL_BANDS] = {0};
    assert_true(myna_expander_factor(zeros, 1000, -35) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pitch_takes_the_targets_mean_and_spread),
        cmocka_unit_test(pitch_is_kept_or_shifted),
        cmocka_unit_test(pitch_is_learnt),
        cmocka_unit_test(level_is_found_and_followed),
        cmocka_unit_test(pauses_do_not_pump),
        cmocka_unit_test(output_level_is_restored),
        cmocka_unit_test(magnitudes_tell_the_power),
        cmocka_unit_test(expander_spares_speech_and_closes_on_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
