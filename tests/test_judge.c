/* The judge: what it says of outputs it should like, and its gradients against differences. */
#include "testing.h"

#include "pipeline/judge.h"

#include <stdlib.h>

enum { ITEMS = 2, N_OUT = ITEMS * MYNA_SEGMENT_STEPS * MYNA_STEP_OUT };

typedef struct fixture {
    myna_layout layout;
    float *parameters;
    myna_weights weights;
    myna_judge *judge;
    float out[N_OUT], said[N_OUT], dout[N_OUT], other[N_OUT], direction[N_OUT], voices[ITEMS * MYNA_EMBEDDING_SIZE];
} fixture;

static void fill(float *x, size_t n, float scale, uint64_t seed)
{
    myna_rng rng = myna_rng_seed(seed, 1);
    for (size_t i = 0; i < n; i++) x[i] = scale * myna_rng_normal(&rng);
}

/* Nobody tells the content encoder whom it hears, through which gradients do not go and differences would. */
static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    *state = f;
    if (!f) return 1;
    myna_layout_init(&f->layout, 4);
    f->parameters = calloc(f->layout.n_parameters, sizeof *f->parameters);
    if (!f->parameters) return 1;
    myna_parameters_init(f->parameters, &f->layout, 3);
    myna_weights_bind(&f->weights, &f->layout, f->parameters);
    for (size_t i = 0; i < f->layout.n_tensors; i++) {
        const myna_tensor *t = &f->layout.tensors[i];
        if (t->init == MYNA_INIT_GAIN) fill(f->parameters + t->offset, t->size, 0.5f, i);
        if (strncmp(t->name, "content.block", 13) == 0 && strstr(t->name, ".film"))
            memset(f->parameters + t->offset, 0, t->size * sizeof(float));
    }
    fill(f->out, N_OUT, 1, 5);
    fill(f->said, N_OUT, 1, 6);
    fill(f->voices, ITEMS * MYNA_EMBEDDING_SIZE, 1, 7);
    return myna_judge_create(&f->judge, &f->layout, ITEMS, NULL) != MYNA_OK;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    myna_judge_free(f->judge);
    free(f->parameters);
    free(f);
    return 0;
}

typedef double judgement(fixture *f, float *dout, const float *out, float weight);

static double words(fixture *f, float *dout, const float *out, float weight)
{
    return myna_judge_words(f->judge, dout, &f->weights, out, f->said, weight);
}

static double voice(fixture *f, float *dout, const float *out, float weight)
{
    return myna_judge_voice(f->judge, dout, &f->weights, out, f->voices, weight);
}

static double judge_at(fixture *f, judgement *judge, float distance)
{
    static float unread[N_OUT];
    for (size_t i = 0; i < N_OUT; i++) f->other[i] = f->out[i] + distance * f->direction[i];
    return judge(f, unread, f->other, 1);
}

/* Along the gradient and something random of its length, by differences of fourth order; see test_network.c. */
static void check_gradient(fixture *f, judgement *judge, float step, double most)
{
    memset(f->dout, 0, sizeof f->dout);
    judge(f, f->dout, f->out, 1);
    double squares = 0, expected = 0;
    for (size_t i = 0; i < N_OUT; i++) squares += (double)f->dout[i] * (double)f->dout[i];
    const double norm = sqrt(squares);
    assert_true(norm > 0);
    fill(f->direction, N_OUT, 1.0f / sqrtf(N_OUT), 8);
    for (size_t i = 0; i < N_OUT; i++) {
        f->direction[i] += (float)((double)f->dout[i] / norm);
        expected += (double)f->direction[i] * (double)f->dout[i];
    }
    double near = judge_at(f, judge, step) - judge_at(f, judge, -step);
    double far = judge_at(f, judge, 2 * step) - judge_at(f, judge, -2 * step);
    double error = fabs((8 * near - far) / (12 * (double)step) - expected) / norm;
    print_message("gradient off by %.1e of its length\n", error);
    assert_below(error, most);
}

static void gradients_agree_with_differences(void **state)
{
    check_gradient(*state, words, 0.1f, 1e-2);
    check_gradient(*state, voice, 0.1f, 1e-2);
}

static void gradients_are_added_and_weighed(void **state)
{
    fixture *f = *state;
    judgement *const both[] = {words, voice};
    for (int k = 0; k < 2; k++) {
        memset(f->dout, 0, sizeof f->dout);
        for (size_t i = 0; i < N_OUT; i++) f->other[i] = 1;
        double once = both[k](f, f->dout, f->out, 1), twice = both[k](f, f->other, f->out, 2);
        assert_true(once == twice);
        for (size_t i = 0; i < N_OUT; i++) assert_near(f->other[i], 1 + 2 * f->dout[i], 1e-6);
    }
}

static void the_same_is_right(void **state)
{
    fixture *f = *state;
    memcpy(f->said, f->out, sizeof f->said);
    memset(f->dout, 0, sizeof f->dout);
    assert_true(words(f, f->dout, f->out, 1) == 0);
    for (size_t i = 0; i < N_OUT; i++) assert_true(f->dout[i] == 0);

    /* Its own embedding, of any length, is the voice; the opposite is as far as can be. */
    myna_network *network = NULL;
    static float pooled[N_OUT / 4];
    for (size_t i = 0; i < N_OUT / 4; i++)
        pooled[i] = 0.25f * (f->out[4 * i] + f->out[4 * i + 1] + f->out[4 * i + 2] + f->out[4 * i + 3]);
    assert_ok(myna_network_create(
        &network, &f->layout, ITEMS, MYNA_SEGMENT_STEPS, myna_speaker_steps(MYNA_SEGMENT_STEPS), NULL));
    const float *own = myna_network_embed(network, &f->weights, pooled);
    for (int k = 0; k < ITEMS * MYNA_EMBEDDING_SIZE; k++) f->voices[k] = 3 * own[k];
    assert_near(voice(f, f->dout, f->out, 1), 0, 1e-5);
    for (int k = 0; k < MYNA_EMBEDDING_SIZE; k++) f->voices[k] *= -1;
    assert_near(voice(f, f->dout, f->out, 1), 1, 1e-5); /* a mean of 2 and 0 */
    myna_network_free(network);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gradients_agree_with_differences, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gradients_are_added_and_weighed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_is_right, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
