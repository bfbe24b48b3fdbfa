#include "dsp/profile.h"
#include "pipeline/match.h"
#include "testing.h"

#include <stdlib.h>

enum { FRAMES = 4000, FRAMES_A_SECOND = 80 };

static float frames[FRAMES][MYNA_MEL_BANDS];

static myna_band_statistics flat(float mean, float deviation)
{
    myna_band_statistics s;
    for (int b = 0; b < MYNA_MEL_BANDS; b++) {
        s.mean[b] = mean + 0.001f * (float)b;
        s.deviation[b] = deviation;
    }
    return s;
}

static void draw(const myna_band_statistics *s, uint64_t seed)
{
    myna_rng rng = myna_rng_seed(seed, 0);
    for (int i = 0; i < FRAMES; i++)
        for (int b = 0; b < MYNA_MEL_BANDS; b++) frames[i][b] = s->mean[b] + s->deviation[b] * myna_rng_normal(&rng);
}

/* A voice whose recordings have `target`, and `own` once the network has spoken them in their own voice. */
static myna_voice voice_of(const myna_band_statistics *target, const myna_band_statistics *own, float seconds)
{
    myna_voice voice = {.reconstruction = *own};
    voice.profile.bands = *target;
    voice.profile.speech_seconds = seconds;
    return voice;
}

/* What the match of these makes of a band's mean and deviation. */
static void assert_matched(const myna_match *match, const myna_band_statistics *from, float mean, float deviation)
{
    for (int b = 0; b < MYNA_MEL_BANDS; b += 51) {
        assert_near(match->scale[b] * from->mean[b] + match->offset[b], mean + 0.001f * (float)b, 1e-5);
        assert_near(match->scale[b] * from->deviation[b], deviation, 1e-5);
    }
}

/* Nothing known of the source: what the network gets wrong in the target's own recordings is made up for. */
static void statistics_become_the_targets(void **state)
{
    (void)state;
    const struct {
        float mean, deviation, target_mean, target_deviation, wanted_mean, wanted_deviation;
    } cases[] = {
        {-1.0f, 0.4f, -1.3f, 0.5f, -1.3f, 0.5f}, {-2.0f, 0.5f, -1.5f, 0.4f, -1.5f, 0.4f},
        {-1.0f, 0.4f, 0.5f, 2.0f, -0.4f, 0.6f},   /* at most 0.6 up, at most 1.5 times as wide */
        {-1.0f, 0.4f, -3.0f, 0.1f, -1.6f, 0.28f}, /* at most 0.6 down, at least 0.7 times as wide */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        myna_band_statistics own = flat(cases[i].mean, cases[i].deviation);
        myna_band_statistics target = flat(cases[i].target_mean, cases[i].target_deviation);
        myna_voice voice = voice_of(&target, &own, 10);
        myna_match match;
        myna_match_init(&match, NULL, 0, &voice);
        assert_matched(&match, &own, cases[i].wanted_mean, cases[i].wanted_deviation);
    }
}

/* As the header says; of what is kept of a longer recording, 30 s count. */
static void longer_sources_and_targets_count_for_more(void **state)
{
    (void)state;
    const myna_band_statistics target = flat(-1, 0.5f), own = flat(-1.2f, 0.5f), output = flat(-0.8f, 0.5f);
    const struct {
        float source, target, weight;
    } cases[] = {{5, 5, 1 / 3.0f}, {10, 10, 0.5f}, {2.5f, 5, 0.25f}, {30, 30, 0.75f}, {3600, 300, 0.75f}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        myna_voice voice = voice_of(&target, &own, cases[i].target);
        myna_match match;
        myna_match_init(&match, &output, cases[i].source, &voice);
        float shift = cases[i].weight * -0.2f + (1 - cases[i].weight) * 0.2f;
        assert_matched(&match, &output, -0.8f + shift, 0.5f);
    }
}

static double loudness(const float *log_mel)
{
    double sum = 0;
    for (int b = 0; b < MYNA_MEL_BANDS; b++) sum += pow(10, 2 * (double)log_mel[b]);
    return log10(sum) / 2;
}

/* All bands of a frame are moved alike on top of their match, so that half of its change in loudness is left. */
static void half_of_the_loudness_is_kept(void **state)
{
    (void)state;
    const myna_band_statistics output = flat(-1, 0.5f), target = flat(-0.8f, 0.65f);
    myna_voice voice = voice_of(&target, &output, 10);
    myna_match match;
    myna_match_init(&match, NULL, 0, &voice);
    draw(&output, 8);
    for (int k = 0; k < 20; k++) {
        float matched[MYNA_MEL_BANDS];
        const float lift = 0.1f * (float)(k - 10); /* soft and loud frames */
        for (int b = 0; b < MYNA_MEL_BANDS; b++) frames[k][b] = 0.5f * frames[k][b] - 0.5f + lift;
        for (int b = 0; b < MYNA_MEL_BANDS; b++) matched[b] = match.scale[b] * frames[k][b] + match.offset[b];
        double wanted = (loudness(frames[k]) + loudness(matched)) / 2;
        myna_match_apply(&match, frames[k]);
        assert_near(loudness(frames[k]), wanted, 1e-4);
        for (int b = 1; b < MYNA_MEL_BANDS; b++)
            assert_near(frames[k][b] - matched[b], frames[k][0] - matched[0], 1e-5);
    }
}

static void scale_is_smooth_over_nine_bands(void **state)
{
    (void)state;
    myna_band_statistics output = flat(-1, 0.5f), target = output;
    target.deviation[100] *= 1.9f;
    target.deviation[0] *= 1.18f;
    myna_voice voice = voice_of(&target, &output, 10);
    myna_match match;
    myna_match_init(&match, NULL, 0, &voice);
    assert_near(match.scale[100], 1.1, 1e-5);
    assert_near(match.scale[96], 1.1, 1e-5);
    assert_near(match.scale[104], 1.1, 1e-5);
    assert_near(match.scale[95], 1, 1e-5);
    assert_near(match.scale[105], 1, 1e-5);
    assert_near(match.scale[0], 1.1, 1e-5); /* five of the nine lie at or before the edge */
    assert_near(match.scale[4], 1.02, 1e-5);
}

static void unknown_statistics_change_nothing(void **state)
{
    (void)state;
    myna_band_statistics known = flat(-1, 0.5f), unknown = {0};
    const myna_band_statistics *cases[][3] = {{&known, &unknown, &unknown}, {&unknown, &known, &unknown},
        {&unknown, &unknown, &known}, {&unknown, &unknown, &unknown}};
    assert_true(myna_statistics_known(&known) && !myna_statistics_known(&unknown));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        myna_voice voice = voice_of(cases[i][1], cases[i][2], 10);
        myna_match match;
        myna_match_init(&match, cases[i][0], 10, &voice);
        draw(&known, 5);
        float before = frames[0][7];
        myna_match_apply(&match, frames[0]);
        assert_near(frames[0][7], before, 1e-5);
    }
}

/* The mean that is taken for the output's, while it lies within 12 dB of the target's. */
static float mean_of(const myna_match *match, int band)
{
    return (match->target.mean[band] - match->offset[band]) / match->scale[band];
}

/* The weight and the speed of learning are as the header says; and no frame moves the match far. */
static void output_is_learnt_slowly(void **state)
{
    (void)state;
    myna_band_statistics start = flat(-1, 0.3f), real = flat(-0.5f, 0.6f);
    myna_voice voice = voice_of(&start, &start, 30);
    myna_match match;
    myna_match_init(&match, NULL, 0, &voice);
    for (int i = 0; i < 5 * FRAMES_A_SECOND; i++) myna_match_learn(&match, real.mean, 1);
    assert_near(mean_of(&match, 9), -0.991 + 0.5 / (1 + 1 + 5 / 30.0), 1e-4);
    myna_match_init(&match, NULL, 0, &voice);
    draw(&real, 3);
    for (int i = 0; i < FRAMES; i++) { /* 50 s */
        float before = mean_of(&match, 9);
        myna_match_learn(&match, frames[i], 1);
        float far = fabsf(frames[i][9] - before) + fabsf(before - start.mean[9]);
        assert_true(fabsf(mean_of(&match, 9) - before) <= 0.0026f * far + 1e-6f);
    }
    assert_near(match.output.mean[9], -0.491, 0.1);
    assert_near(match.output.deviation[9], 0.6, 0.1);
    assert_near(match.output_seconds, 10, 0.02);
    assert_near(match.scale[9], 0.7, 1e-5); /* computed anew: 0.3 / 0.48, limited */
}

static void results_are_bounded(void **state)
{
    (void)state;
    myna_band_statistics statistics = flat(-1, 0.5f);
    myna_voice voice = voice_of(&statistics, &statistics, 10);
    myna_match match;
    myna_match_init(&match, NULL, 0, &voice);
    const float bad[] = {NAN, INFINITY, -INFINITY, 1e30f, -1e30f, 3}, wanted[] = {-6, 2.5f, -6, 2.5f, -6, 2.5f};
    float mel[MYNA_MEL_BANDS] = {0};
    memcpy(mel, bad, sizeof bad);
    myna_match_apply(&match, mel); /* which changes nothing else yet */
    for (int b = 0; b < 6; b++) assert_true(mel[b] == wanted[b]);
    memcpy(mel, bad, sizeof bad);
    myna_match_learn(&match, mel, 1);
    assert_true(all_finite(match.scale, MYNA_MEL_BANDS) && all_finite(match.offset, MYNA_MEL_BANDS));
    myna_match_apply(&match, mel);
    for (int b = 0; b < MYNA_MEL_BANDS; b++) assert_true(mel[b] >= -6 && mel[b] <= 2.5f);
    for (int b = 0; b < 6; b++) assert_true(b % 2 ? mel[b] > 2 : mel[b] < -5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statistics_become_the_targets),
        cmocka_unit_test(longer_sources_and_targets_count_for_more),
        cmocka_unit_test(half_of_the_loudness_is_kept),
        cmocka_unit_test(scale_is_smooth_over_nine_bands),
        cmocka_unit_test(unknown_statistics_change_nothing),
        cmocka_unit_test(output_is_learnt_slowly),
        cmocka_unit_test(results_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
