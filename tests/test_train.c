/* Training on a few seconds of synthetic speech: it learns, and does the same again whenever it should. */
#define _GNU_SOURCE
#include "testing.h"

#include "memory_corpus.h"
#include "pipeline/trainer.h"

typedef struct fixture {
    memory_corpus memory;
    myna_corpus *corpus;
    char checkpoint[64], model[64];
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    if (!f || !memory_corpus_init(&f->memory, memory_speakers, MEMORY_SPEAKER_RECORDINGS)) return 1;
    snprintf(f->checkpoint, sizeof f->checkpoint, "%s/checkpoint", f->memory.folder);
    snprintf(f->model, sizeof f->model, "%s/model", f->memory.folder);
    *state = f;
    return memory_corpus_open(&f->corpus, &f->memory, NULL) != MYNA_OK;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    myna_corpus_close(f->corpus);
    memory_corpus_remove(&f->memory);
    free(f);
    return 0;
}

static myna_train_options small_options(uint64_t seed)
{
    myna_train_options options;
    myna_train_options_init(&options);
    options.n_steps = 1000;
    options.batch = 4;
    options.n_threads = 2;
    options.seed = seed;
    options.rate = 0.06f; /* at warm-up's start only a small part of it is used */
    return options;
}

static myna_trainer *create(const fixture *f, const myna_train_options *options)
{
    myna_trainer *trainer = NULL;
    myna_error error = {0};
    if (myna_trainer_create(&trainer, f->corpus, options, &error) != MYNA_OK) fail_msg("%s", error.detail);
    return trainer;
}

/* Returns the mean loss of the steps. */
static double run(myna_trainer *trainer, int n_steps)
{
    double sum = 0;
    for (int i = 0; i < n_steps; i++) {
        myna_train_report report;
        uint64_t before = myna_trainer_step_count(trainer);
        assert_ok(myna_trainer_step(trainer, &report, NULL));
        assert_int_equal(report.step, before + 1);
        assert_true(isfinite(report.gradient_norm) && report.l1 < report.loss);
        sum += (double)report.loss / n_steps;
    }
    return sum;
}

static bool same_judge(const myna_judge *a, const myna_judge *b)
{
    const size_t begin = a->ear_begin, size = (a->ear_end - begin) * sizeof(float);
    return memcmp(a->ear + begin, b->ear + begin, size) == 0 &&
           memcmp(a->ear_moment1 + begin, b->ear_moment1 + begin, size) == 0 &&
           memcmp(a->ear_moment2 + begin, b->ear_moment2 + begin, size) == 0;
}

static bool same_state(const myna_trainer *a, const myna_trainer *b)
{
    size_t size = a->layout.n_parameters * sizeof(float);
    return a->n_done == b->n_done && memcmp(a->parameters, b->parameters, size) == 0 &&
           memcmp(a->average, b->average, size) == 0 && memcmp(a->moment1, b->moment1, size) == 0 &&
           memcmp(a->moment2, b->moment2, size) == 0;
}

static void loss_falls(void **state)
{
    const fixture *f = *state;
    myna_train_options options = small_options(1);
    myna_trainer *trainer = create(f, &options);
    float held_out = myna_trainer_validate(trainer);
    double first = run(trainer, 5);
    run(trainer, 20);
    double last = run(trainer, 5);
    print_message("loss %.3f to %.3f, held out %.3f to %.3f\n", first, last, (double)held_out,
        (double)myna_trainer_validate(trainer));
    assert_below(last, 0.75 * first);
    assert_below(myna_trainer_validate(trainer), 0.9 * (double)held_out);
    myna_trainer_free(trainer);
}

static void same_seed_same_result(void **state)
{
    const fixture *f = *state;
    myna_train_options options = small_options(5), other = small_options(6);
    myna_trainer *a = create(f, &options), *b = create(f, &options), *c = create(f, &other);
    run(a, 2);
    run(b, 2);
    run(c, 2);
    assert_true(same_state(a, b));
    assert_false(same_state(a, c));
    assert_true(myna_trainer_validate(a) == myna_trainer_validate(b));
    myna_trainer_free(a);
    myna_trainer_free(b);
    myna_trainer_free(c);
}

static void resumed_equals_uninterrupted(void **state)
{
    const fixture *f = *state;
    myna_train_options options = small_options(7);
    options.code_noise = 0.07f;
    options.code_width = 5;
    options.single_precision = true;
    options.self_conversion = 1;
    options.self_conversion_after = 3; /* so the resumed one knows */
    myna_trainer *whole = create(f, &options), *resumed = NULL;
    run(whole, 2);
    assert_ok(myna_trainer_save_checkpoint(whole, f->checkpoint, NULL, 0, NULL));
    assert_ok(myna_trainer_resume(&resumed, f->corpus, f->checkpoint, 0, NULL));
    assert_true(same_state(whole, resumed));
    assert_int_equal(myna_trainer_options(resumed).n_threads, 2);
    assert_true(myna_trainer_options(resumed).single_precision);
    assert_int_equal(myna_trainer_options(resumed).n_steps, 1000);
    myna_trainer_validate(whole); /* looking leaves no trace */
    run(whole, 2);
    run(resumed, 2);
    assert_true(same_state(whole, resumed));
    myna_trainer_free(whole);
    myna_trainer_free(resumed);
}

static bool same_after_a_step(myna_trainer *a, myna_trainer *b)
{
    run(a, 1);
    run(b, 1);
    return same_state(a, b);
}

static void self_conversion_begins_when_it_is_told_to(void **state)
{
    const fixture *f = *state;
    myna_train_options with = small_options(7), without = small_options(7);
    with.self_conversion = 1;
    with.self_conversion_after = 1;
    without.self_conversion = 0;
    myna_trainer *a = create(f, &with), *b = create(f, &without);
    assert_true(same_after_a_step(a, b));
    assert_false(same_after_a_step(a, b));
    myna_trainer_free(a);
    myna_trainer_free(b);
}

static void noise_changes_from_the_next_step_on(void **state)
{
    const fixture *f = *state;
    const myna_train_options options = small_options(7);
    myna_trainer *a = create(f, &options), *b = create(f, &options);
    assert_true(same_after_a_step(a, b));
    myna_trainer_set_code_noise(b, 0.02f);
    assert_false(same_after_a_step(a, b));
    myna_trainer_free(a);
    myna_trainer_free(b);
}

static void resumed_with_other_options(void **state)
{
    const fixture *f = *state;
    myna_train_options options = small_options(7);
    myna_trainer *first = create(f, &options), *second = NULL;
    const char *const facts[][2] = {{"hours", "8"}, {"seconds", "12.5"}};
    assert_null(myna_trainer_fact(first, "hours"));
    assert_ok(myna_trainer_save_checkpoint(first, f->checkpoint, facts, 2, NULL));
    myna_trainer_free(first);
    assert_ok(myna_trainer_resume(&second, f->corpus, f->checkpoint, 1, NULL));
    assert_int_equal(myna_trainer_options(second).n_threads, 1);
    assert_string_equal(myna_trainer_fact(second, "hours"), "8");
    assert_string_equal(myna_trainer_fact(second, "seconds"), "12.5");
    assert_string_equal(myna_trainer_fact(second, "corpus.key"), myna_corpus_describe(f->corpus).key);
    assert_null(myna_trainer_fact(second, "minutes"));
    myna_trainer_set_steps(second, 2000);
    myna_trainer_set_rate(second, 0.004f);
    myna_trainer_set_code_noise(second, 0.02f);
    myna_trainer_set_phone_weight(second, 0.5f);
    myna_trainer_set_self_conversion(second, 0.25f);
    myna_train_report report;
    assert_ok(myna_trainer_step(second, &report, NULL));
    assert_near(report.rate, 0.004 / 200, 1e-9); /* the first of 200 steps of warm-up */
    assert_ok(myna_trainer_save_checkpoint(second, f->checkpoint, NULL, 0, NULL));
    myna_trainer_free(second);
    assert_ok(myna_trainer_resume(&second, f->corpus, f->checkpoint, 0, NULL));
    assert_int_equal(myna_trainer_options(second).n_steps, 2000);
    assert_true(myna_trainer_options(second).rate == 0.004f);
    assert_true(myna_trainer_options(second).code_noise == 0.02f);
    assert_true(myna_trainer_options(second).phone_weight == 0.5f);
    assert_true(myna_trainer_options(second).self_conversion == 0.25f);
    myna_trainer_free(second);
}

static void bad_checkpoint_is_refused(void **state)
{
    const fixture *f = *state;
    myna_train_options options = small_options(8);
    myna_trainer *trainer = create(f, &options), *resumed = NULL;
    assert_ok(myna_trainer_save_checkpoint(trainer, f->checkpoint, NULL, 0, NULL));
    myna_trainer_free(trainer);
    FILE *file = fopen(f->checkpoint, "r+b");
    assert_non_null(file);
    fseek(file, -1000, SEEK_END);
    fputc(0x55, file);
    fclose(file);
    myna_error error = {0};
    assert_int_not_equal(myna_trainer_resume(&resumed, f->corpus, f->checkpoint, 0, &error), MYNA_OK);
    assert_null(resumed);
    assert_string_equal(error.file, f->checkpoint);
}

static void not_finite_leaves_the_weights(void **state)
{
    const fixture *f = *state;
    myna_train_options options = small_options(9);
    myna_trainer *trainer = create(f, &options);
    run(trainer, 1);
    size_t n = trainer->layout.n_parameters, poisoned = trainer->layout.n_trained / 2;
    float healthy = trainer->parameters[poisoned];
    const float *watched[] = {trainer->parameters, trainer->average, trainer->moment1, trainer->moment2};
    float *before = malloc(4 * n * sizeof *before);
    assert_non_null(before);
    trainer->parameters[poisoned] = NAN;
    for (size_t i = 0; i < 4; i++) memcpy(before + i * n, watched[i], n * sizeof *before);
    myna_train_report report = {.loss = 42};
    myna_error error = {0};
    assert_int_equal(myna_trainer_step(trainer, &report, &error), MYNA_ERROR_NOT_FINITE);
    assert_true(report.loss == 42.0f && strlen(error.detail) > 0);
    assert_int_equal(myna_trainer_step_count(trainer), 1);
    for (size_t i = 0; i < 4; i++) assert_memory_equal(before + i * n, watched[i], n * sizeof *before);
    trainer->parameters[poisoned] = healthy;
    run(trainer, 1);
    free(before);
    myna_trainer_free(trainer);
}

/* A step is what its number and the weights make it, so one that failed fails again unless it is passed over. */
static void skipped_step_is_another_batch(void **state)
{
    const fixture *f = *state;
    myna_train_options options = small_options(12);
    myna_trainer *a = create(f, &options), *b = create(f, &options);
    size_t size = a->layout.n_parameters * sizeof(float);
    myna_trainer_skip(b);
    assert_int_equal(myna_trainer_step_count(b), 1);
    assert_memory_equal(a->parameters, b->parameters, size);
    myna_train_report first, second;
    assert_ok(myna_trainer_step(a, &first, NULL));
    assert_ok(myna_trainer_step(b, &second, NULL));
    assert_int_equal(second.step, 2);
    assert_true(first.loss != second.loss);
    myna_trainer_free(a);
    myna_trainer_free(b);
}

/* The first is taken before any block, the others behind blocks that an embedding conditions, or none. */
static void averages_are_taken_with_and_without_the_embedding(void **state)
{
    const fixture *f = *state;
    myna_train_options options = small_options(10);
    myna_trainer *trainer = create(f, &options);
    run(trainer, 2);
    myna_trainer_measure_content(trainer);
    const float *told[] = {trainer->average_weights.front.content_mean, trainer->average_weights.front.content_deviation};
    const float *untold[] = {trainer->average_weights.front.unknown_mean, trainer->average_weights.front.unknown_deviation};
    for (int i = 0; i < 2; i++) {
        assert_memory_equal(told[i], untold[i], MYNA_CHANNELS * sizeof(float));
        for (int norm = 1; norm < MYNA_CONTENT_NORMS; norm++)
            assert_memory_not_equal(
                told[i] + norm * MYNA_CHANNELS, untold[i] + norm * MYNA_CHANNELS, MYNA_CHANNELS * sizeof(float));
    }
    for (int i = 0; i < MYNA_CONTENT_VALUES; i++) assert_true(told[1][i] > 0 && untold[1][i] > 0);
    myna_trainer_free(trainer);
}

static void starts_from_a_model(void **state)
{
    const fixture *f = *state;
    myna_train_options options = small_options(10);
    options.code_width = 6;
    myna_trainer *first = create(f, &options);
    run(first, 2);
    assert_ok(myna_trainer_save_model(first, f->model, NULL, 0, NULL));
    options = small_options(11); /* its width of 16 gives way to the model's */
    options.init_model = f->model;
    myna_trainer *second = create(f, &options);
    assert_int_equal(second->layout.code_width, 6);
    assert_int_equal(second->n_done, 0);
    assert_below(error_db(second->parameters, first->average, first->layout.n_parameters), -65); /* half precision */
    assert_memory_equal(second->parameters, second->average, second->layout.n_parameters * sizeof(float));
    run(second, 1);
    myna_trainer_free(first);
    myna_trainer_free(second);
}

/* The sum of what the judges of a step said, `n_steps` of them. */
static double run_conversions(myna_trainer *trainer, int n_steps)
{
    double sum = 0;
    for (int i = 0; i < n_steps; i++) {
        myna_train_report report;
        assert_ok(myna_trainer_step(trainer, &report, NULL));
        assert_true(isnan(report.loss) && isnan(report.l1) && isfinite(report.gradient_norm));
        for (int k = 0; k < 2; k++) sum += trainer->workers[k].loss;
    }
    return sum;
}

static void forget(myna_judge *judge)
{
    const size_t begin = judge->ear_begin;
    memcpy(judge->ear + begin, judge->parameters + begin, (judge->ear_end - begin) * sizeof *judge->ear);
    memset(judge->phones.parameters, 0, judge->phones.n_parameters * sizeof(float));
}

static void conversions_come_to_please_their_judge(void **state)
{
    const fixture *f = *state;
    myna_train_options options = small_options(13);
    options.conversions = 1;
    myna_trainer *trainer = NULL;
    assert_int_equal(myna_trainer_create(&trainer, f->corpus, &options, NULL), MYNA_ERROR_ARGUMENT);
    options.conversions = 0;
    trainer = create(f, &options);
    run(trainer, 8);
    assert_ok(myna_trainer_save_model(trainer, f->model, NULL, 0, NULL));
    myna_trainer_free(trainer);
    options.init_model = f->model;
    options.conversions = 1;
    trainer = create(f, &options);
    double first = run_conversions(trainer, 2);
    run_conversions(trainer, 10);
    /* The same segments again, for a judge that has learned nothing either. */
    trainer->n_done = 0;
    forget(&trainer->judge);
    double last = run_conversions(trainer, 2);
    print_message("judges' loss %.3f to %.3f\n", first / 2, last / 2);
    assert_below(last, 0.95 * first);
    myna_trainer_free(trainer);
}

/* A judge of its own is the model that was asked for; one that hears on another scale is none. */
static void an_earlier_model_may_judge(void **state)
{
    const fixture *f = *state;
    myna_train_options options = small_options(15);
    myna_trainer *first = create(f, &options), *second = NULL;
    myna_model *model = NULL;
    char judge[sizeof f->model + 8];
    snprintf(judge, sizeof judge, "%s.judge", f->model);
    assert_ok(myna_trainer_save_model(first, judge, NULL, 0, NULL));
    run(first, 3);
    assert_ok(myna_trainer_save_model(first, f->model, NULL, 0, NULL));
    options.init_model = f->model;
    options.judge_model = judge;
    options.conversions = 1;
    second = create(f, &options);
    const size_t n_bytes = first->layout.n_parameters * sizeof(float);
    assert_ok(myna_model_load(&model, judge, NULL));
    assert_memory_equal(second->judge.parameters, model->parameters, n_bytes);
    assert_memory_not_equal(second->parameters, model->parameters, n_bytes);
    myna_model_free(model);
    run_conversions(second, 1);
    myna_trainer_free(second);
    first->weights.front.mel_mean[3] += 0.1f;
    memcpy(first->average, first->parameters, n_bytes);
    assert_ok(myna_trainer_save_model(first, judge, NULL, 0, NULL));
    assert_int_equal(myna_trainer_create(&second, f->corpus, &options, NULL), MYNA_ERROR_MODEL);
    remove(judge);
    myna_trainer_free(first);
}

static void resumed_conversions_have_the_same_judge(void **state)
{
    const fixture *f = *state;
    myna_train_options options = small_options(14);
    myna_trainer *whole = create(f, &options), *resumed = NULL;
    assert_ok(myna_trainer_save_model(whole, f->model, NULL, 0, NULL));
    myna_trainer_free(whole);
    options.init_model = f->model;
    options.conversions = 1;
    whole = create(f, &options);
    run_conversions(whole, 2);
    assert_ok(myna_trainer_save_checkpoint(whole, f->checkpoint, NULL, 0, NULL));
    assert_ok(myna_trainer_resume(&resumed, f->corpus, f->checkpoint, 0, NULL));
    assert_true(myna_trainer_options(resumed).conversions == 1.0f);
    run_conversions(whole, 2);
    run_conversions(resumed, 2);
    assert_true(same_state(whole, resumed) && same_judge(&whole->judge, &resumed->judge));
    myna_trainer_free(whole);
    myna_trainer_free(resumed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loss_falls),
        cmocka_unit_test(same_seed_same_result),
        cmocka_unit_test(resumed_equals_uninterrupted),
        cmocka_unit_test(self_conversion_begins_when_it_is_told_to),
        cmocka_unit_test(noise_changes_from_the_next_step_on),
        cmocka_unit_test(resumed_with_other_options),
        cmocka_unit_test(bad_checkpoint_is_refused),
        cmocka_unit_test(not_finite_leaves_the_weights),
        cmocka_unit_test(skipped_step_is_another_batch),
        cmocka_unit_test(averages_are_taken_with_and_without_the_embedding),
        cmocka_unit_test(starts_from_a_model),
        cmocka_unit_test(conversions_come_to_please_their_judge),
        cmocka_unit_test(an_earlier_model_may_judge),
        cmocka_unit_test(resumed_conversions_have_the_same_judge),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
