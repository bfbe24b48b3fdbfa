#include "nn/loss.h"

#include "base/rng.h"
#include "gradient.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ITEMS = 3, FRAMES = 5, CHANNELS = 19, N = ITEMS * FRAMES * CHANNELS };

typedef struct batch {
    float out[N], target[N], dout[N];
    float scale;
} batch;

/* L1 has kinks: errors and their differences stay clear of zero by more than the probe's step. */
static batch make_batch(void)
{
    batch b = {.scale = 0.7f};
    myna_rng rng = myna_rng_seed(3, 0);
    for (size_t i = 0; i < N; i++) {
        const size_t frame = i / CHANNELS % FRAMES;
        b.target[i] = myna_rng_normal(&rng);
        const float error = 0.2f * (float)(1 + myna_rng_below(&rng, 3)) + 0.04f * (float)frame;
        b.out[i] = b.target[i] + (myna_rng_below(&rng, 2) ? error : -error);
    }
    return b;
}

static double loss_of(void *context)
{
    batch *b = context;
    return myna_loss(b->dout, NULL, b->out, b->target, ITEMS, FRAMES, CHANNELS, b->scale);
}

static double error_at(const batch *b, size_t i)
{
    return (double)b->out[i] - (double)b->target[i];
}

static void value_matches_its_definition(void **state)
{
    (void)state;
    batch b = make_batch();
    double l1 = 0.0, difference = 0.0;
    for (size_t i = 0; i < N; i++) {
        l1 += fabs(error_at(&b, i)) / N;
        if (i / CHANNELS % FRAMES == 0) continue;
        difference += fabs(error_at(&b, i) - error_at(&b, i - CHANNELS)) / (ITEMS * (FRAMES - 1) * CHANNELS);
    }
    double parts[2] = {1.0, 2.0};
    const double value = myna_loss(b.dout, parts, b.out, b.target, ITEMS, FRAMES, CHANNELS, b.scale);
    const double scale = (double)b.scale;
    assert_true(fabs(value - scale * (l1 + 0.5 * difference)) < 1e-6);
    assert_true(fabs(parts[0] - 1.0 - scale * l1) < 1e-6);
    assert_true(fabs(parts[1] - 2.0 - scale * difference) < 1e-6);
}

static void gradient_matches_differences(void **state)
{
    (void)state;
    batch b = make_batch();
    float gradient[N];
    memset(b.dout, 0xff, sizeof b.dout); /* NaN: must be overwritten */
    loss_of(&b);
    memcpy(gradient, b.dout, sizeof gradient);
    assert_true(gradient_matches("out", gradient_compare(loss_of, &b, b.out, gradient, N, 1, 1e-2f)));
}

/* Two workers with half the items each see, at half the scale, what one worker sees. */
static void shares_add_up(void **state)
{
    (void)state;
    batch b = make_batch();
    float whole[2 * FRAMES * CHANNELS], halves[2 * FRAMES * CHANNELS];
    const size_t half = FRAMES * CHANNELS;
    const double value = myna_loss(whole, NULL, b.out, b.target, 2, FRAMES, CHANNELS, 1.0f);
    double sum = myna_loss(halves, NULL, b.out, b.target, 1, FRAMES, CHANNELS, 0.5f);
    sum += myna_loss(halves + half, NULL, b.out + half, b.target + half, 1, FRAMES, CHANNELS, 0.5f);
    assert_true(fabs(value - sum) < 1e-7);
    for (size_t i = 0; i < 2 * half; i++) assert_true(fabsf(whole[i] - halves[i]) < 1e-9f);
}

static void one_frame_has_no_difference(void **state)
{
    (void)state;
    batch b = make_batch();
    double parts[2] = {0.0, 0.0};
    const double value = myna_loss(b.dout, parts, b.out, b.target, ITEMS, 1, CHANNELS, 1.0f);
    assert_true(isfinite(value) && value == parts[0] && parts[1] == 0.0);
    for (size_t i = 0; i < ITEMS * CHANNELS; i++) assert_true(isfinite(b.dout[i]));
}

enum { CLASSES = 7, TRUE_CLASS = 4 };

static double cross_entropy_of(void *context)
{
    const float *logits = context;
    double sum = 0.0;
    for (size_t i = 0; i < CLASSES; i++) sum += exp((double)logits[i]);
    return 0.7 * (log(sum) - (double)logits[TRUE_CLASS]);
}

static void cross_entropy_gradient_matches_differences(void **state)
{
    (void)state;
    float logits[CLASSES], gradient[CLASSES];
    myna_rng rng = myna_rng_seed(4, 0);
    for (size_t i = 0; i < CLASSES; i++) logits[i] = 2.0f * myna_rng_normal(&rng);
    logits[0] = 5.0f;
    size_t n_right = 0;
    const double value = myna_cross_entropy(gradient, logits, TRUE_CLASS, CLASSES, 0.7f, &n_right);
    assert_true(fabs(value - cross_entropy_of(logits)) < 1e-6);
    assert_int_equal(n_right, 0);
    assert_true(gradient_matches(
        "logits", gradient_compare(cross_entropy_of, logits, logits, gradient, CLASSES, 1, 1e-2f)));
    logits[TRUE_CLASS] = 300.0f; /* where exp() overflows */
    assert_true(fabs(myna_cross_entropy(logits, logits, TRUE_CLASS, CLASSES, 0.7f, &n_right)) < 1e-6);
    assert_int_equal(n_right, 1);
    for (size_t i = 0; i < CLASSES; i++) assert_true(fabsf(logits[i]) < 1e-6f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_matches_its_definition),
        cmocka_unit_test(gradient_matches_differences),
        cmocka_unit_test(shares_add_up),
        cmocka_unit_test(one_frame_has_no_difference),
        cmocka_unit_test(cross_entropy_gradient_matches_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
