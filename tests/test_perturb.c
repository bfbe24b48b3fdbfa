/* What the content encoder hears in training is changed as often and as far as it says. */
#include "testing.h"

#include "pipeline/perturb.h"

#include <stdlib.h>

enum { FRAMES = 128, DRAWS = 400, N = FRAMES * MYNA_POOLED_BANDS };

typedef struct fixture {
    myna_layout layout;
    float *parameters;
    myna_weights weights;
} fixture;

static fixture f;
static float frames[FRAMES * MYNA_MEL_BANDS], content[N];

static int set_up(void **state)
{
    (void)state;
    myna_layout_init(&f.layout, 1);
    f.parameters = calloc(f.layout.n_parameters, sizeof(float));
    if (!f.parameters) return -1;
    myna_weights_bind(&f.weights, &f.layout, f.parameters);
    f.weights.front.mel_deviation[0] = 0.6f; /* as a corpus has it */
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(f.parameters);
    return 0;
}

static void fill(size_t from, size_t to, float value)
{
    for (size_t i = from * MYNA_MEL_BANDS; i < to * MYNA_MEL_BANDS; i++) frames[i] = value;
}

static void draw(uint64_t number)
{
    myna_rng rng = myna_rng_seed(3, number);
    myna_perturb(content, frames, FRAMES, &f.weights, &rng);
}

static double mean(size_t from, size_t to)
{
    double sum = 0;
    for (size_t i = from * MYNA_POOLED_BANDS; i < to * MYNA_POOLED_BANDS; i++) sum += (double)content[i];
    return sum / (double)((to - from) * MYNA_POOLED_BANDS);
}

static void same_draw_same_result(void **state)
{
    (void)state;
    static float first[N];
    fill(0, FRAMES, 0.5f);
    draw(1);
    memcpy(first, content, sizeof first);
    draw(2);
    assert_memory_not_equal(content, first, sizeof first);
    draw(1);
    assert_memory_equal(content, first, sizeof first);
}

static void half_the_draws_have_noise_and_a_third_a_room(void **state)
{
    (void)state;
    int n_noisy = 0, n_in_a_room = 0, n_dry = 0;
    fill(0, FRAMES / 2, 1.5f);
    fill(FRAMES / 2, FRAMES, -6);
    for (int i = 0; i < DRAWS; i++) {
        draw((uint64_t)i);
        double at_once = mean(FRAMES / 2, FRAMES / 2 + 2), later = mean(FRAMES - 2, FRAMES);
        for (int k = 0; k < N; k++) assert_true(isfinite(content[k]));
        assert_true(mean(0, FRAMES / 2) > 0.5);
        if (later > -4) n_noisy++;
        else if (at_once > later + 1) n_in_a_room++; /* rooms fall silent: the shortest at once, the longest to -5 */
        else n_dry++;
    }
    assert_in_range(n_noisy, 0.4 * DRAWS, 0.65 * DRAWS);
    assert_in_range(n_in_a_room, 0.08 * DRAWS, 0.22 * DRAWS);
    assert_in_range(n_dry, 0.25 * DRAWS, 0.45 * DRAWS);
}

/* How far a frame's mean over bands wanders, as a standard deviation. */
static double wandering(void)
{
    double sum = 0, squares = 0;
    for (size_t k = 0; k < FRAMES; k++) {
        double x = mean(k, k + 1);
        sum += x;
        squares += x * x;
    }
    return sqrt(fmax(squares / FRAMES - sum / FRAMES * (sum / FRAMES), 0));
}

static void noise_is_steady_or_comes_and_goes(void **state)
{
    (void)state;
    int n_noisy = 0, n_steady = 0, n_changing = 0;
    fill(0, FRAMES, -6);
    for (int i = 0; i < DRAWS; i++) {
        draw((uint64_t)i);
        if (mean(0, FRAMES) < -4) continue;
        n_noisy++;
        n_steady += wandering() < 0.1;
        n_changing += wandering() > 0.2;
    }
    assert_in_range(n_steady, 0.2 * n_noisy, 0.6 * n_noisy);
    assert_in_range(n_changing, 0.15 * n_noisy, 0.6 * n_noisy);
}

static void who_talks_behind_is_softer(void **state)
{
    (void)state;
    static float voice[FRAMES * MYNA_MEL_BANDS];
    float least = 9, most = -9;
    for (size_t i = 0; i < FRAMES * MYNA_MEL_BANDS; i++) voice[i] = 1;
    for (int i = 0; i < DRAWS; i++) {
        myna_rng rng = myna_rng_seed(4, (uint64_t)i);
        fill(0, FRAMES / 2, 3);
        fill(FRAMES / 2, FRAMES, -6);
        myna_perturb_add_softer(frames, voice, FRAMES, &f.weights, &rng);
        float in_pauses = frames[FRAMES * MYNA_MEL_BANDS - 1];
        assert_float_equal(frames[0], 3, 0.01);
        if (in_pauses < least) least = in_pauses;
        if (in_pauses > most) most = in_pauses;
    }
    assert_true(least > -1.01f && least < -0.9f); /* 24 dB softer */
    assert_true(most < 0.41f && most > 0.3f);     /* 7 dB */
}

static void some_references_have_noise_or_a_room(void **state)
{
    (void)state;
    int n_noisy = 0, n_in_a_room = 0;
    for (int i = 0; i < DRAWS; i++) {
        myna_rng rng = myna_rng_seed(5, (uint64_t)i);
        for (size_t k = 0; k < N; k++) content[k] = k < N / 2 ? 1.5f : -6;
        myna_perturb_reference(content, FRAMES, &f.weights, &rng);
        double at_once = mean(FRAMES / 2, FRAMES / 2 + 2), later = mean(FRAMES - 2, FRAMES);
        if (later > -4) n_noisy++;
        else if (at_once > later + 1) n_in_a_room++;
    }
    assert_in_range(n_noisy, 0.3 * DRAWS, 0.5 * DRAWS);
    assert_in_range(n_in_a_room, 0.06 * DRAWS, 0.18 * DRAWS);
}

/* The band of the peak around a narrow bump, against the rest. */
static int peak(int from, int to)
{
    int best = from;
    for (int b = from; b < to; b++)
        if (content[b] > content[best]) best = b;
    return best;
}

static void formants_move_apart(void **state)
{
    (void)state;
    int n_apart = 0, lowest = MYNA_POOLED_BANDS, highest = 0;
    fill(0, FRAMES, -1);
    for (int k = 0; k < FRAMES; k++)
        for (int d = -4; d <= 4; d++) frames[k * MYNA_MEL_BANDS + 48 + d] = frames[k * MYNA_MEL_BANDS + 184 + d] = 4;
    for (int i = 0; i < DRAWS; i++) {
        draw((uint64_t)i);
        int low = peak(0, 28), high = peak(28, MYNA_POOLED_BANDS);
        n_apart += (low - 12) * (high - 46) < 0;
        if (high < lowest) lowest = high;
        if (high > highest) highest = high;
    }
    assert_in_range(n_apart, 0.1 * DRAWS, 0.6 * DRAWS);
    assert_true(lowest < 42 && highest > 49);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_draw_same_result),
        cmocka_unit_test(half_the_draws_have_noise_and_a_third_a_room),
        cmocka_unit_test(noise_is_steady_or_comes_and_goes),
        cmocka_unit_test(who_talks_behind_is_softer),
        cmocka_unit_test(some_references_have_noise_or_a_room),
        cmocka_unit_test(formants_move_apart),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
