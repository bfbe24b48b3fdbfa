/* The public functions' contract about their arguments: NULL and nonsense are answered, not followed. */
#include "fixtures.h"
#include "myna/train.h"
#include "testing.h"

static myna_model *model;
static myna_voice *voice;

static int make_material(void **state)
{
    (void)state;
    model = make_model(1);
    voice = model ? make_voice(model, 120, 1) : NULL;
    return voice ? 0 : -1;
}

static int free_material(void **state)
{
    (void)state;
    myna_voice_free(voice);
    myna_model_free(model);
    return 0;
}

/* And says what is wrong in a line of its own, rather than in the system's words. */
static void expect_refused(myna_status status, myna_error *error)
{
    assert_int_equal(status, MYNA_ERROR_ARGUMENT);
    assert_true(strlen(error->detail) > 0 && !strstr(error->detail, "Bad address"));
    error->detail[0] = 0;
}

static void test_null_is_refused(void **state)
{
    (void)state;
    myna_error e = {{0}, {0}};
    myna_model *m;
    myna_voice *v;
    myna_profile profile;
    float samples[10] = {0}, weight = 1;
    const myna_voice *voices[] = {voice};
    myna_recording recording = {samples, 10, NULL}, no_samples = {NULL, 10, NULL};
    expect_refused(myna_profile_measure(NULL, samples, 10, &e), &e);
    expect_refused(myna_profile_measure(&profile, NULL, 10, &e), &e);
    expect_refused(myna_model_load(NULL, "x", &e), &e);
    expect_refused(myna_model_load(&m, NULL, &e), &e);
    expect_refused(myna_model_load_memory(NULL, samples, 10, &e), &e);
    expect_refused(myna_model_load_memory(&m, NULL, 100, &e), &e);
    expect_refused(myna_voice_enroll(NULL, model, &recording, 1, &e), &e);
    expect_refused(myna_voice_enroll(&v, NULL, &recording, 1, &e), &e);
    expect_refused(myna_voice_enroll(&v, model, NULL, 1, &e), &e);
    expect_refused(myna_voice_enroll(&v, model, &no_samples, 1, &e), &e);
    expect_refused(myna_voice_load(NULL, model, "x", &e), &e);
    expect_refused(myna_voice_load(&v, model, NULL, &e), &e);
    expect_refused(myna_voice_save(NULL, "x", &e), &e);
    expect_refused(myna_voice_save(voice, NULL, &e), &e);
    expect_refused(myna_voice_mix(NULL, voices, &weight, 1, &e), &e);
    expect_refused(myna_voice_mix(&v, NULL, &weight, 1, &e), &e);
    expect_refused(myna_voice_mix(&v, voices, NULL, 1, &e), &e);
    assert_int_equal(myna_model_load(&m, NULL, NULL), MYNA_ERROR_ARGUMENT);
}

static void test_null_is_refused_in_conversion(void **state)
{
    (void)state;
    myna_error e = {{0}, {0}};
    myna_converter *converter;
    myna_source_meter *meter;
    myna_source source;
    float samples[10] = {0};
    expect_refused(myna_converter_create(NULL, model, voice, NULL, &e), &e);
    expect_refused(myna_converter_create(&converter, NULL, voice, NULL, &e), &e);
    expect_refused(myna_converter_create(&converter, model, NULL, NULL, &e), &e);
    expect_refused(myna_source_meter_create(NULL, model, voice, NULL, &e), &e);
    expect_refused(myna_source_meter_create(&meter, NULL, voice, NULL, &e), &e);
    expect_refused(myna_source_meter_create(&meter, model, NULL, NULL, &e), &e);
    expect_refused(myna_source_meter_finish(NULL, &source, &e), &e);
    expect_refused(myna_source_of_voice(NULL, model, voice, voice, NULL, &e), &e);
    expect_refused(myna_source_of_voice(&source, NULL, voice, voice, NULL, &e), &e);
    expect_refused(myna_source_of_voice(&source, model, NULL, voice, NULL, &e), &e);
    expect_refused(myna_source_of_voice(&source, model, voice, NULL, NULL, &e), &e);
    expect_refused(myna_converter_set_voice(NULL, voice, &e), &e);
    expect_refused(myna_convert(NULL, voice, NULL, samples, 10, samples, &e), &e);
    expect_refused(myna_convert(model, NULL, NULL, samples, 10, samples, &e), &e);
    expect_refused(myna_convert(model, voice, NULL, NULL, 10, samples, &e), &e);
    expect_refused(myna_convert(model, voice, NULL, samples, 10, NULL, &e), &e);
}

static void test_null_is_refused_in_training(void **state)
{
    (void)state;
    myna_error e = {{0}, {0}};
    myna_corpus *corpus;
    myna_trainer *trainer;
    myna_train_report report;
    const myna_corpus_reader reader = {0};
    const myna_corpus_item item = {0};
    expect_refused(myna_corpus_open(NULL, &item, 1, "x", &reader, 1, &e), &e);
    expect_refused(myna_corpus_open(&corpus, NULL, 1, "x", &reader, 1, &e), &e);
    expect_refused(myna_corpus_open(&corpus, &item, 1, NULL, &reader, 1, &e), &e);
    expect_refused(myna_corpus_open(&corpus, &item, 1, "x", NULL, 1, &e), &e);
    expect_refused(myna_trainer_create(&trainer, NULL, NULL, &e), &e);
    expect_refused(myna_trainer_resume(&trainer, NULL, "x", 1, &e), &e);
    expect_refused(myna_trainer_step(NULL, &report, &e), &e);
    expect_refused(myna_trainer_save_checkpoint(NULL, "x", NULL, 0, &e), &e);
    expect_refused(myna_trainer_save_model(NULL, "x", NULL, 0, &e), &e);
}

static void test_a_first_pass_is_finished_once(void **state)
{
    (void)state;
    enum { N = 2 * MYNA_SAMPLE_RATE_HZ };
    static float samples[N];
    myna_error e = {{0}, {0}};
    myna_source_meter *meter;
    myna_source source, untouched;
    make_speech(samples, N, 120, 1, 0.1f, 5);
    assert_int_equal(myna_source_meter_create(&meter, model, voice, NULL, NULL), MYNA_OK);
    myna_source_meter_process(meter, samples, N);
    expect_refused(myna_source_meter_finish(meter, NULL, &e), &e);
    assert_int_equal(myna_source_meter_finish(meter, &source, NULL), MYNA_OK);
    memset(&source, 0x55, sizeof source);
    untouched = source;
    expect_refused(myna_source_meter_finish(meter, &source, &e), &e);
    assert_memory_equal(&source, &untouched, sizeof source);
    myna_source_meter_free(meter);
}

static void test_sources_are_finite(void **state)
{
    (void)state;
    enum { N = 2 * MYNA_SAMPLE_RATE_HZ };
    static float samples[N];
    myna_converter_options options;
    myna_converter *converter;
    myna_source_meter *meter;
    myna_source good;
    make_speech(samples, N, 120, 1, 0.1f, 5);
    myna_converter_options_init(&options);
    assert_int_equal(myna_source_meter_create(&meter, model, voice, NULL, NULL), MYNA_OK);
    myna_source_meter_process(meter, samples, N);
    assert_int_equal(myna_source_meter_finish(meter, &good, NULL), MYNA_OK);
    myna_source_meter_free(meter);
    myna_source bad = good;
    float *fields[] = {&bad.profile.speech_level_db, &bad.profile.speech_seconds, &bad.profile.log_f0_mean,
        &bad.profile.log_f0_deviation, &bad.content.mean[9], &bad.content.deviation[9],
        &bad.content.source[127], &bad.output.mean[7], &bad.output.deviation[255], &bad.output_gain};
    options.source = &bad;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        *fields[i] = NAN;
        assert_int_equal(myna_converter_create(&converter, model, voice, &options, NULL), MYNA_ERROR_NOT_FINITE);
        bad = good;
    }
    bad.profile.speech_seconds = 0; /* of silence, whose level is -inf */
    bad.profile.speech_level_db = -INFINITY;
    assert_int_equal(myna_converter_create(&converter, model, voice, &options, NULL), MYNA_OK);
    myna_converter_free(converter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_null_is_refused),
        cmocka_unit_test(test_null_is_refused_in_conversion),
        cmocka_unit_test(test_null_is_refused_in_training),
        cmocka_unit_test(test_a_first_pass_is_finished_once),
        cmocka_unit_test(test_sources_are_finite),
    };
    return cmocka_run_group_tests(tests, make_material, free_material);
}
