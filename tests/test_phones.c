/* Phones: which frames are whose, the classifier's gradients, and that training with them teaches the code to keep them. */
#define _GNU_SOURCE
#include "testing.h"

#include "gradient.h"
#include "memory_corpus.h"
#include "pipeline/trainer.h"

/* The last one goes on past the end of every recording; the second overwrites a part of the first. */
static const myna_phone phones[] = {{0, 1.005f, 7}, {0.505f, 0.805f, 63}, {1.205f, 100, 0}};

static int set_up(void **state)
{
    memory_corpus *m = malloc(sizeof *m);
    *state = m;
    if (!m || !memory_corpus_init(m, memory_speakers, MEMORY_SPEAKER_RECORDINGS)) return 1;
    m->phones = phones;
    m->n_phones = sizeof phones / sizeof *phones;
    return 0;
}

static int tear_down(void **state)
{
    memory_corpus_remove(*state);
    free(*state);
    return 0;
}

/* ---- Labels ---------------------------------------------------------------------------------------------------------- */

static uint8_t label_at(double seconds)
{
    if (seconds < 0 || (seconds > 1.005 && seconds < 1.205)) return MYNA_NO_PHONE;
    if (seconds > 0.505 && seconds < 0.805) return 63;
    return seconds < 1.005 ? 7 : 0;
}

static void frames_are_labelled_by_their_middle(void **state)
{
    memory_corpus *m = *state;
    myna_corpus *corpus = NULL;
    double hours = 0;
    for (int round = 0; round < 2; round++) { /* made, and from the cache */
        assert_ok(memory_corpus_open(&corpus, m, NULL));
        assert_int_equal(myna_corpus_describe(corpus).from_cache, round == 1);
        hours = 0;
        for (size_t i = 0; i < corpus->n_entries; i++) {
            const myna_corpus_entry *entry = &corpus->entries[i];
            assert_int_equal(corpus->phones[i] == NULL, entry->held_out);
            for (uint32_t k = 0; k < entry->n_frames && !entry->held_out; k++) {
                double middle = ((double)k - 1) * MYNA_HOP_SAMPLES / MYNA_SAMPLE_RATE_HZ;
                assert_int_equal(corpus->phones[i][k], label_at(middle));
                hours += (corpus->phones[i][k] != MYNA_NO_PHONE) * MYNA_HOP_SAMPLES / 16000.0 / 3600;
            }
        }
        assert_near(myna_corpus_describe(corpus).phone_hours, hours, 1e-9);
        myna_corpus_close(corpus);
    }
    assert_near(hours * 3600, 2.2 + 1.8 + 3.5 - 3 * 0.2, 0.1);
    m->n_phones = 0;
    assert_ok(memory_corpus_open(&corpus, m, NULL));
    assert_null(corpus->phones);
    assert_true(myna_corpus_describe(corpus).phone_hours == 0);
    myna_corpus_close(corpus);
}

static void impossible_phones_are_refused(void **state)
{
    static const myna_phone bad[] = {{0, 1, -1}, {0, 1, MYNA_MAX_PHONES}, {1, 0.5f, 3}, {NAN, 1, 3}};
    memory_corpus *m = *state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        myna_corpus *corpus = NULL;
        myna_error error = {0};
        m->phones = &bad[i];
        m->n_phones = 1;
        assert_int_equal(memory_corpus_open(&corpus, m, &error), MYNA_ERROR_ARGUMENT);
        assert_null(corpus);
        assert_string_equal(error.file, "a1");
    }
}

static void segments_carry_their_steps_labels(void **state)
{
    /* Each frame of every recording is labelled with its own number, as far as there are labels. */
    enum { N = 60 };
    static myna_phone numbers[N];
    for (int k = 0; k < N; k++) numbers[k] = (myna_phone){((float)k - 1.5f) / 80, ((float)k - 0.5f) / 80, k};
    memory_corpus *m = *state;
    m->phones = numbers;
    m->n_phones = N;
    myna_corpus *corpus = NULL;
    assert_ok(memory_corpus_open(&corpus, m, NULL));
    myna_train_options options;
    myna_train_options_init(&options);
    options.batch = 2;
    options.n_threads = 1;
    myna_trainer *trainer = NULL;
    assert_ok(myna_trainer_create(&trainer, corpus, &options, NULL));
    bool is_seen = false;
    for (uint64_t number = 0; number < 40; number++) {
        myna_segment_make(trainer->workers[0].maker, 1, 3, number, 0);
        const uint8_t *labels = myna_segment_batch(trainer->workers[0].maker).phones + MYNA_SEGMENT_STEPS;
        for (size_t k = 1; k < MYNA_SEGMENT_STEPS; k++) {
            if (labels[k] == MYNA_NO_PHONE) continue;
            assert_int_equal(labels[k], labels[k - 1] + MYNA_STEP_FRAMES);
            is_seen = true;
        }
    }
    assert_true(is_seen);
    assert_null(myna_segment_exchange(trainer->workers[0].maker).phones);
    myna_trainer_free(trainer);
    myna_corpus_close(corpus);
}

/* ---- The classifier -------------------------------------------------------------------------------------------------- */

enum { ROWS = 9, WIDTH = 5 };

typedef struct reading {
    myna_phone_reader reader;
    float code[ROWS * WIDTH];
    uint8_t labels[ROWS];
} reading;

/* 0.3 times the sum of cross-entropies of known rows. */
static double loss(void *context)
{
    const reading *r = context;
    double loss = 0;
    for (size_t row = 0; row < ROWS; row++) {
        double logits[MYNA_MAX_PHONES], sum = 0;
        if (r->labels[row] == MYNA_NO_PHONE) continue;
        for (size_t p = 0; p < MYNA_MAX_PHONES; p++) {
            logits[p] = (double)r->reader.parameters[MYNA_MAX_PHONES * WIDTH + p];
            for (size_t i = 0; i < WIDTH; i++)
                logits[p] += (double)r->reader.parameters[p * WIDTH + i] * (double)r->code[row * WIDTH + i];
            sum += exp(logits[p]);
        }
        loss += 0.3 * (log(sum) - logits[r->labels[row]]);
    }
    return loss;
}

static void classifier_gradients_match_differences(void **state)
{
    (void)state;
    reading r;
    myna_phone_pass pass;
    myna_rng rng = myna_rng_seed(1, 1);
    assert_ok(myna_phone_reader_init(&r.reader, WIDTH, NULL));
    assert_ok(myna_phone_pass_init(&pass, &r.reader, ROWS, NULL));
    for (size_t i = 0; i < r.reader.n_parameters; i++) r.reader.parameters[i] = 0.5f * myna_rng_normal(&rng);
    for (size_t i = 0; i < (size_t)ROWS * WIDTH; i++) r.code[i] = myna_rng_normal(&rng);
    for (size_t row = 0; row < ROWS; row++)
        r.labels[row] = row % 3 == 1 ? MYNA_NO_PHONE : (uint8_t)myna_rng_below(&rng, MYNA_MAX_PHONES);
    for (int round = 0; round < 2; round++) /* a second pass overwrites the first */
        myna_phone_pass_run(&pass, &r.reader, r.code, r.labels, ROWS, 0.3f);
    assert_int_equal(pass.n_known, 6);
    assert_near(pass.loss, loss(&r), 1e-5);
    assert_true(gradient_matches("code", gradient_compare(loss, &r, r.code, pass.dcode, ROWS * WIDTH, 1, 1e-2f)));
    assert_true(gradient_matches("reader",
        gradient_compare(loss, &r, r.reader.parameters, pass.gradients, r.reader.n_parameters, 1, 1e-2f)));
    myna_phone_pass_clear(&pass);
    myna_phone_reader_clear(&r.reader);
}

/* ---- Training -------------------------------------------------------------------------------------------------------- */

static myna_train_options small_options(int n_threads)
{
    myna_train_options options;
    myna_train_options_init(&options);
    options.n_steps = 1000;
    options.batch = 4;
    options.n_threads = n_threads;
    options.single_precision = true;
    options.rate = 0.02f; /* of which warm-up uses a small part */
    options.self_conversion_after = 2;
    return options;
}

static myna_trainer *create(myna_corpus *corpus, int n_threads)
{
    myna_trainer *trainer = NULL;
    const myna_train_options options = small_options(n_threads);
    assert_ok(myna_trainer_create(&trainer, corpus, &options, NULL));
    return trainer;
}

/* Share of steps read right, a mean over n_steps. */
static double run(myna_trainer *trainer, int n_steps)
{
    double sum = 0;
    for (int i = 0; i < n_steps; i++) {
        myna_train_report report;
        assert_ok(myna_trainer_step(trainer, &report, NULL));
        sum += (double)report.phones_right / n_steps;
    }
    return sum;
}

/* What make_speech says: hiss and vowel in turn, every fifth syllable silence. */
static void training_learns_to_read(void **state)
{
    enum { SYLLABLES = 12, HISS = 3, VOWEL = 5, PAUSE = 9 };
    myna_phone said[2 * SYLLABLES];
    for (int s = 0; s < SYLLABLES; s++) {
        float start = 0.3f * (float)s;
        said[2 * s] = (myna_phone){start, start + 0.06f, s % 5 == 4 ? PAUSE : HISS};
        said[2 * s + 1] = (myna_phone){start + 0.06f, start + 0.3f, s % 5 == 4 ? PAUSE : VOWEL};
    }
    memory_corpus *m = *state;
    m->phones = said;
    m->n_phones = sizeof said / sizeof *said;
    myna_corpus *corpus = NULL;
    assert_ok(memory_corpus_open(&corpus, m, NULL));
    myna_trainer *trainer = create(corpus, 2);
    run(trainer, 50);
    double right = run(trainer, 10);
    print_message("read right: %.2f\n", right); /* that it is a vowel is right in .64 of the steps */
    assert_below(0.8, right);
    myna_trainer_free(trainer);
    myna_corpus_close(corpus);
}

static void the_code_is_taught(void **state)
{
    memory_corpus *m = *state;
    myna_corpus *with = NULL, *without = NULL;
    assert_ok(memory_corpus_open(&with, m, NULL));
    m->n_phones = 0;
    assert_ok(memory_corpus_open(&without, m, NULL));
    myna_trainer *a = create(with, 2), *b = create(without, 2), *c = create(with, 2);
    myna_trainer_set_phone_weight(c, 0);
    assert_true(isfinite(run(a, 2)));
    assert_true(isnan(run(b, 2)));
    assert_true(isfinite(run(c, 2)));
    const float *taught = a->weights.content.out.weight, *other = b->weights.content.out.weight;
    assert_memory_not_equal(taught, other, a->layout.code_width * MYNA_CHANNELS * sizeof(float));
    assert_memory_equal(c->parameters, b->parameters, b->layout.n_parameters * sizeof(float));
    myna_trainer_free(a);
    myna_trainer_free(b);
    myna_trainer_free(c);
    myna_corpus_close(with);
    myna_corpus_close(without);
}

static void threads_teach_one_reader(void **state)
{
    myna_corpus *corpus = NULL;
    assert_ok(memory_corpus_open(&corpus, *state, NULL));
    myna_trainer *one = create(corpus, 1), *two = create(corpus, 2);
    assert_int_equal(myna_trainer_options(two).n_threads, 2);
    run(one, 1);
    run(two, 1);
    assert_below(error_db(two->phones.moment1, one->phones.moment1, one->phones.n_parameters), -80);
    myna_trainer_free(one);
    myna_trainer_free(two);
    myna_corpus_close(corpus);
}

static void resumed_equals_uninterrupted(void **state)
{
    memory_corpus *m = *state;
    myna_corpus *corpus = NULL;
    char path[64];
    snprintf(path, sizeof path, "%s/checkpoint", m->folder);
    assert_ok(memory_corpus_open(&corpus, m, NULL));
    myna_trainer *whole = create(corpus, 2), *resumed = NULL;
    run(whole, 2);
    assert_ok(myna_trainer_save_checkpoint(whole, path, NULL, 0, NULL));
    assert_ok(myna_trainer_resume(&resumed, corpus, path, 0, NULL));
    run(whole, 2);
    run(resumed, 2);
    const myna_phone_reader *a = &whole->phones, *b = &resumed->phones;
    assert_memory_equal(a->parameters, b->parameters, a->n_parameters * sizeof(float));
    assert_memory_equal(a->moment2, b->moment2, a->n_parameters * sizeof(float));
    assert_memory_equal(whole->parameters, resumed->parameters, whole->layout.n_parameters * sizeof(float));
    myna_trainer_free(whole);
    myna_trainer_free(resumed);
    myna_corpus_close(corpus);
}

static void resumed_judges_read_as_before(void **state)
{
    memory_corpus *m = *state;
    myna_corpus *corpus = NULL;
    char model[64], path[64];
    snprintf(model, sizeof model, "%s/model.safetensors", m->folder);
    snprintf(path, sizeof path, "%s/checkpoint", m->folder);
    assert_ok(memory_corpus_open(&corpus, m, NULL));
    myna_trainer *first = create(corpus, 2), *whole = NULL, *resumed = NULL;
    assert_ok(myna_trainer_save_model(first, model, NULL, 0, NULL));
    myna_train_options options = small_options(2);
    options.init_model = model;
    options.conversions = 1;
    assert_ok(myna_trainer_create(&whole, corpus, &options, NULL));
    run(whole, 2);
    assert_ok(myna_trainer_save_checkpoint(whole, path, NULL, 0, NULL));
    assert_ok(myna_trainer_resume(&resumed, corpus, path, 0, NULL));
    run(whole, 1);
    run(resumed, 1);
    const myna_phone_reader *a = &whole->judge.phones, *b = &resumed->judge.phones;
    assert_true(myna_sum_of_squares(a->parameters, a->n_parameters) > 0);
    assert_memory_equal(a->parameters, b->parameters, a->n_parameters * sizeof(float));
    assert_memory_equal(a->moment1, b->moment1, a->n_parameters * sizeof(float));
    assert_memory_equal(a->moment2, b->moment2, a->n_parameters * sizeof(float));
    myna_trainer_free(first);
    myna_trainer_free(whole);
    myna_trainer_free(resumed);
    myna_corpus_close(corpus);
}

/* A run may go on with phones that began without them, and without them. */
static void phones_may_come_and_go(void **state)
{
    memory_corpus *m = *state;
    myna_corpus *with = NULL, *without = NULL;
    char path[64];
    snprintf(path, sizeof path, "%s/checkpoint", m->folder);
    assert_ok(memory_corpus_open(&with, m, NULL));
    m->n_phones = 0;
    assert_ok(memory_corpus_open(&without, m, NULL));
    myna_corpus *order[] = {without, with, without};
    myna_trainer *trainer = create(without, 2);
    for (int i = 0; i < 3; i++) {
        assert_ok(myna_trainer_save_checkpoint(trainer, path, NULL, 0, NULL));
        myna_trainer_free(trainer);
        assert_ok(myna_trainer_resume(&trainer, order[i], path, 0, NULL));
        assert_int_equal(isfinite(run(trainer, 1)), order[i] == with);
    }
    myna_trainer_free(trainer);
    myna_corpus_close(with);
    myna_corpus_close(without);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(frames_are_labelled_by_their_middle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(impossible_phones_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(segments_carry_their_steps_labels, set_up, tear_down),
        cmocka_unit_test(classifier_gradients_match_differences),
        cmocka_unit_test_setup_teardown(training_learns_to_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_code_is_taught, set_up, tear_down),
        cmocka_unit_test_setup_teardown(threads_teach_one_reader, set_up, tear_down),
        cmocka_unit_test_setup_teardown(resumed_equals_uninterrupted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(resumed_judges_read_as_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(phones_may_come_and_go, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
