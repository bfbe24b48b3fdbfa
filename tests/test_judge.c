/* The judge: what it says of outputs it should like, and its gradients against differences. */
#include "testing.h"

#include "pipeline/judge.h"

#include <stdlib.h>

enum { ITEMS = 2, N_OUT = ITEMS * MYNA_SEGMENT_STEPS * MYNA_STEP_OUT };

typedef struct fixture {
    myna_layout layout;
    myna_judge judge;
    myna_judge_pass *pass;
    float out[N_OUT], said[N_OUT], dout[N_OUT], other[N_OUT], direction[N_OUT], voices[ITEMS * MYNA_EMBEDDING_SIZE];
    uint8_t labels[ITEMS * MYNA_SEGMENT_STEPS];
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
    float *parameters = calloc(f->layout.n_parameters, sizeof *parameters);
    if (!parameters || myna_judge_init(&f->judge, &f->layout, NULL) != MYNA_OK) return 1;
    myna_parameters_init(parameters, &f->layout, 3);
    for (size_t i = 0; i < f->layout.n_tensors; i++) {
        const myna_tensor *t = &f->layout.tensors[i];
        if (t->init == MYNA_INIT_GAIN) fill(parameters + t->offset, t->size, 0.5f, i);
        if (strncmp(t->name, "content.block", 13) == 0 && strstr(t->name, ".film"))
            memset(parameters + t->offset, 0, t->size * sizeof(float));
    }
    myna_judge_become(&f->judge, parameters, f->layout.n_parameters);
    free(parameters);
    fill(f->out, N_OUT, 1, 5);
    fill(f->said, N_OUT, 1, 6);
    fill(f->voices, ITEMS * MYNA_EMBEDDING_SIZE, 1, 7);
    for (int i = 0; i < ITEMS * MYNA_SEGMENT_STEPS; i++) f->labels[i] = (uint8_t)(i % 5 == 2 ? MYNA_NO_PHONE : i % 7);
    return myna_judge_pass_create(&f->pass, &f->judge, &f->layout, ITEMS, NULL) != MYNA_OK;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    myna_judge_pass_free(f->pass);
    myna_judge_clear(&f->judge);
    free(f);
    return 0;
}

typedef double judgement(fixture *f, float *dout, const float *out, float weight);

static double words(fixture *f, float *dout, const float *out, float weight)
{
    return myna_judge_words(f->pass, dout, out, f->said, NULL, weight);
}

static double words_and_phones(fixture *f, float *dout, const float *out, float weight)
{
    return myna_judge_words(f->pass, dout, out, f->said, f->labels, weight);
}

static double voice(fixture *f, float *dout, const float *out, float weight)
{
    return myna_judge_voice(f->pass, dout, out, f->voices, weight);
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
    fixture *f = *state;
    fill(f->judge.phones.parameters, f->judge.phones.n_parameters, 0.3f, 9);
    check_gradient(f, words, 0.1f, 1e-2);
    check_gradient(f, words_and_phones, 0.1f, 1e-2);
    check_gradient(f, voice, 0.1f, 1e-2);
}

static void gradients_are_added_and_weighed(void **state)
{
    fixture *f = *state;
    judgement *const all[] = {words, words_and_phones, voice};
    fill(f->judge.phones.parameters, f->judge.phones.n_parameters, 0.3f, 9);
    for (int k = 0; k < 3; k++) {
        memset(f->dout, 0, sizeof f->dout);
        for (size_t i = 0; i < N_OUT; i++) f->other[i] = 1;
        double once = all[k](f, f->dout, f->out, 1), twice = all[k](f, f->other, f->out, 2);
        assert_true(once == twice);
        for (size_t i = 0; i < N_OUT; i++) assert_near(f->other[i], 1 + 2 * f->dout[i], 1e-6);
    }
}

/* What the ear hears in frames[ITEMS][MYNA_SEGMENT_STEPS][MYNA_STEP_OUT]. */
static void embed(float out[ITEMS * MYNA_EMBEDDING_SIZE], const fixture *f, const float *frames)
{
    myna_network *network = NULL;
    static float pooled[N_OUT / 4];
    for (size_t i = 0; i < N_OUT / 4; i++)
        pooled[i] = 0.25f * (frames[4 * i] + frames[4 * i + 1] + frames[4 * i + 2] + frames[4 * i + 3]);
    assert_ok(myna_network_create(
        &network, &f->layout, ITEMS, MYNA_SEGMENT_STEPS, myna_speaker_steps(MYNA_SEGMENT_STEPS), NULL));
    memcpy(out, myna_network_embed(network, &f->judge.ear_weights, pooled), ITEMS * MYNA_EMBEDDING_SIZE * sizeof *out);
    myna_network_free(network);
}

/* Item i's own voice is `times` as long as embedding k: cosines know no length, but a sign. */
static void set_voice(fixture *f, int i, const float *embeddings, int k, float times)
{
    for (int e = 0; e < MYNA_EMBEDDING_SIZE; e++)
        f->voices[i * MYNA_EMBEDDING_SIZE + e] = times * embeddings[k * MYNA_EMBEDDING_SIZE + e];
}

static double cosine_of(const float *x, const float *y)
{
    double xy = 0, xx = 0, yy = 0;
    for (int i = 0; i < MYNA_EMBEDDING_SIZE; i++) {
        xy += (double)x[i] * (double)y[i];
        xx += (double)x[i] * (double)x[i];
        yy += (double)y[i] * (double)y[i];
    }
    return xy / sqrt(xx * yy);
}

static void the_same_is_right(void **state)
{
    fixture *f = *state;
    memcpy(f->said, f->out, sizeof f->said);
    memset(f->dout, 0, sizeof f->dout);
    assert_true(words(f, f->dout, f->out, 1) == 0);
    for (size_t i = 0; i < N_OUT; i++) assert_true(f->dout[i] == 0);

    /* Two recordings, each asked for in the other's voice: it has its own, which counts half of what the other's would, or
     * the other's, or the opposite of both, which is as far from one as can be and no nearer to the other for it. */
    float own[ITEMS * MYNA_EMBEDDING_SIZE];
    embed(own, f, f->out);
    for (int i = 0; i < 2; i++) set_voice(f, i, own, i, 3);
    double cosine = cosine_of(own, own + MYNA_EMBEDDING_SIZE), away = cosine > 0 ? 0.5 * cosine : 0;
    assert_near(voice(f, f->dout, f->out, 1), 1 - cosine + 0.5, 1e-5);
    for (int i = 0; i < 2; i++) set_voice(f, i, own, 1 - i, 3);
    assert_near(voice(f, f->dout, f->out, 1), away, 1e-5);
    for (int i = 0; i < 2; i++) set_voice(f, i, own, 1 - i, -3);
    assert_near(voice(f, f->dout, f->out, 1), 2 + (cosine < 0 ? -0.5 * cosine : 0), 1e-5);
}

/* ---- What it learns -------------------------------------------------------------------------------------------------- */

static double tell_apart(fixture *f)
{
    return myna_judge_tell_apart(f->pass, f->said, f->voices);
}

static void the_ear_learns_to_tell_speakers_apart(void **state)
{
    fixture *f = *state;
    const myna_adamw options = {9, 0.9f, 0.98f, 1e-8f, 0, 1}; /* the judge has rates of its own */
    float before[ITEMS * MYNA_EMBEDDING_SIZE], after[ITEMS * MYNA_EMBEDDING_SIZE], *model = f->judge.parameters;
    const size_t n = f->layout.n_parameters;
    embed(before, f, f->said);
    const double difference = 15 * (1 - cosine_of(before, before + MYNA_EMBEDDING_SIZE));
    for (int i = 0; i < 2; i++) set_voice(f, i, before, i, 1);
    assert_near(tell_apart(f), log(1 + exp(-difference)), 1e-4);
    for (int i = 0; i < 2; i++) set_voice(f, i, before, 1 - i, 1); /* whom it takes for the other */
    float *kept = malloc(n * sizeof *kept);
    assert_non_null(kept);
    memcpy(kept, model, n * sizeof *kept);
    const double first = tell_apart(f);
    assert_near(first, log(1 + exp(difference)), 1e-4);
    myna_judge_learn(&f->judge, f->pass, &options);
    const double second = tell_apart(f);
    print_message("cross-entropy %.4f to %.4f\n", first, second);
    assert_below(second, first);
    embed(after, f, f->said);
    assert_true(memcmp(before, after, sizeof before) != 0);
    assert_memory_equal(model, kept, n * sizeof *kept);
    for (size_t i = 0; i < n; i++)
        if (i < f->judge.ear_begin || i >= f->judge.ear_end) assert_true(f->judge.ear[i] == 0);
    free(kept);
}

static void what_passes_learn_adds_up(void **state)
{
    fixture *f = *state;
    const myna_adamw options = {9, 0.9f, 0.98f, 1e-8f, 0, 1};
    myna_judge_pass *other = NULL;
    const size_t begin = f->judge.ear_begin, n = f->judge.ear_end - begin, n_phones = f->judge.phones.n_parameters;
    assert_ok(myna_judge_pass_create(&other, &f->judge, &f->layout, ITEMS, NULL));
    tell_apart(f);
    words_and_phones(f, f->dout, f->out, 1);
    myna_judge_tell_apart(other, f->said, f->voices);
    myna_judge_words(other, f->dout, f->out, f->said, f->labels, 1);
    myna_judge_join(f->pass, other);
    myna_judge_learn(&f->judge, f->pass, &options);
    /* AdamW's first moment is a tenth of the gradient: twice that of one pass. */
    float *joined = malloc((n + n_phones) * sizeof *joined);
    assert_non_null(joined);
    memcpy(joined, f->judge.ear_moment1 + begin, n * sizeof *joined);
    memcpy(joined + n, f->judge.phones.moment1, n_phones * sizeof *joined);
    memcpy(f->judge.ear + begin, f->judge.parameters + begin, n * sizeof(float));
    memset(f->judge.ear_moment1 + begin, 0, n * sizeof(float));
    memset(f->judge.phones.moment1, 0, n_phones * sizeof(float));
    memset(f->judge.phones.parameters, 0, n_phones * sizeof(float));
    tell_apart(f);
    words_and_phones(f, f->dout, f->out, 1);
    myna_judge_learn(&f->judge, f->pass, &options);
    for (size_t i = 0; i < n; i++) assert_near(joined[i], 2 * f->judge.ear_moment1[begin + i], 1e-6);
    for (size_t i = 0; i < n_phones; i++) assert_near(joined[n + i], 2 * f->judge.phones.moment1[i], 1e-6);
    free(joined);
    myna_judge_pass_free(other);
}

static void it_learns_to_read_phones(void **state)
{
    fixture *f = *state;
    double first = 0, last = 0;
    float *reader = f->judge.phones.parameters, taught[MYNA_MAX_PHONES];
    const myna_adamw once = {9, 0.9f, 0.98f, 1e-8f, 0, 1};
    words_and_phones(f, f->dout, f->out, 1);
    myna_judge_learn(&f->judge, f->pass, &once);
    memcpy(taught, f->judge.phones.moment1, sizeof taught);
    memset(reader, 0, f->judge.phones.n_parameters * sizeof *reader);
    memset(f->judge.phones.moment1, 0, f->judge.phones.n_parameters * sizeof *reader);
    memset(f->judge.phones.moment2, 0, f->judge.phones.n_parameters * sizeof *reader);

    memcpy(f->out, f->said, sizeof f->out); /* no L1, so that words are phones */
    for (int i = 0; i < 40; i++) {
        const myna_adamw options = {9, 0.9f, 0.98f, 1e-8f, 0, (uint64_t)i + 1};
        last = words_and_phones(f, f->dout, f->out, 1);
        if (i == 0) first = last;
        myna_judge_learn(&f->judge, f->pass, &options);
        /* From what was said, whatever came out. */
        if (i == 0) assert_memory_equal(taught, f->judge.phones.moment1, sizeof taught);
    }
    print_message("phones %.3f to %.3f\n", first, last);
    assert_near(first, 0.8 * log(MYNA_MAX_PHONES) * 102 / 128, 1e-4);
    assert_below(last, 0.8 * first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gradients_agree_with_differences, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gradients_are_added_and_weighed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_is_right, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_ear_learns_to_tell_speakers_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_passes_learn_adds_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_learns_to_read_phones, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
