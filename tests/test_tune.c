/* Tuning: the gradients it follows, that it helps on speech held back, what comes of a tuned voice, and refusals. */
#include "fixtures.h"
#include "forge.h"
#include "gradient.h"
#include "model/network.h"
#include "model/voice.h"
#include "testing.h"

enum { SECOND = MYNA_SAMPLE_RATE_HZ, LONG = 17 * SECOND / 2, SHORT = 4 * SECOND };

static myna_model *model;
static myna_voice *voice, *brief;

static myna_voice *enroll(float f0_hz, size_t n)
{
    static float samples[LONG];
    myna_voice *made = NULL;
    myna_recording recording = {samples, n, NULL};
    make_speech(samples, n, f0_hz, 1, 0.1f, 1);
    return myna_voice_enroll(&made, model, &recording, 1, NULL) == MYNA_OK ? made : NULL;
}

static int set_up(void **state)
{
    model = make_model(1);
    voice = model ? enroll(105, LONG) : NULL;
    brief = model ? enroll(140, SHORT) : NULL;
    (void)state;
    return !voice || !brief;
}

static int tear_down(void **state)
{
    myna_voice_free(voice);
    myna_voice_free(brief);
    myna_model_free(model);
    return remove_temporary_folder(state);
}

/* ---- Gradients -----------------------------------------------------------------------------------------------------
 */

enum { ITEMS = 2, STEPS = 8, SPEAKER_STEPS = 5, ROWS = ITEMS * STEPS, N_FILM = MYNA_DECODER_BLOCKS * MYNA_FILM };

typedef struct fixture {
    myna_network *network;
    float content[ROWS * MYNA_CONTENT_IN], speaker[ITEMS * SPEAKER_STEPS * MYNA_SPEAKER_IN];
    float pitch[ROWS * MYNA_PITCH_IN], ripple[ROWS * MYNA_STEP_OUT], noise[ROWS * 256],
        projection[ROWS * MYNA_STEP_OUT];
    float embedding[MYNA_EMBEDDING_SIZE], film_change[N_FILM];
    myna_batch batch;
} fixture;

static void fill(float *x, size_t n, float scale, myna_rng *rng)
{
    for (size_t i = 0; i < n; i++) x[i] = scale * myna_rng_normal(rng);
}

static double loss(void *context)
{
    fixture *f = context;
    const float *out = myna_network_forward_as(
        f->network, &model->weights, &f->batch, f->embedding, f->film_change, MYNA_LATENCY_BALANCED);
    double sum = 0;
    for (size_t i = 0; i < ROWS * MYNA_STEP_OUT; i++) sum += (double)out[i] * (double)f->projection[i];
    return sum;
}

static void gradients_match_differences(void **state)
{
    (void)state;
    static fixture f;
    static const bool reference[ITEMS] = {true, false};
    static float dembedding[MYNA_EMBEDDING_SIZE], dfilm_change[N_FILM];
    float *scratch = calloc(model->layout.n_parameters, sizeof *scratch);
    myna_weights bound;
    myna_rng rng = myna_rng_seed(2, 3);
    assert_non_null(scratch);
    myna_weights_bind(&bound, &model->layout, scratch);
    assert_ok(myna_network_create(&f.network, &model->layout, ITEMS, STEPS, SPEAKER_STEPS, NULL));
    fill(f.content, ROWS * MYNA_CONTENT_IN, 1, &rng);
    fill(f.speaker, ITEMS * SPEAKER_STEPS * MYNA_SPEAKER_IN, 1, &rng);
    fill(f.pitch, ROWS * MYNA_PITCH_IN, 0.5f, &rng);
    fill(f.projection, ROWS * MYNA_STEP_OUT, 1, &rng);
    fill(f.embedding, MYNA_EMBEDDING_SIZE, 1, &rng);
    fill(f.film_change, N_FILM, 0.1f, &rng);
    f.batch = (myna_batch){f.content, f.speaker, f.pitch, f.ripple, f.noise, NULL, reference, NULL};
    loss(&f);
    myna_network_backward_as(
        f.network, dembedding, dfilm_change, &bound, &model->weights, &f.batch, MYNA_LATENCY_BALANCED, f.projection);
    gradient_error of_embedding = gradient_compare(loss, &f, f.embedding, dembedding, MYNA_EMBEDDING_SIZE, 3, 2e-2f);
    gradient_error of_change = gradient_compare(loss, &f, f.film_change, dfilm_change, N_FILM, 37, 2e-2f);
    assert_below(of_embedding.norm_relative, 5e-3);
    assert_below(of_change.norm_relative, 5e-3);
    myna_network_free(f.network);
    free(scratch);
}

/* ---- The whole -----------------------------------------------------------------------------------------------------
 */

static void tuning_helps_and_is_kept(void **state)
{
    (void)state;
    static float plain_out[SHORT], tuned_out[SHORT], in[SHORT];
    myna_voice *tuned = NULL, *again = NULL, *mixed = NULL, *read = NULL;
    myna_tuning report, second;
    assert_ok(myna_voice_tune(&tuned, model, voice, &report, NULL));
    assert_true(report.n_steps > 0 && report.loss_after < report.loss_before);
    assert_true(myna_voice_is_tuned(tuned));
    assert_false(myna_voice_is_tuned(voice));
    assert_memory_equal(myna_voice_profile(tuned), myna_voice_profile(voice), sizeof(myna_profile));
    assert_memory_not_equal(&tuned->reconstruction, &voice->reconstruction, sizeof voice->reconstruction);

    assert_ok(myna_voice_tune(&again, model, tuned, &second, NULL)); /* goes on where the first one stopped */
    assert_near(second.loss_before, report.loss_after, 1e-5);

    assert_ok(myna_voice_save(tuned, temporary_path("voice"), NULL));
    assert_ok(myna_voice_load(&read, model, temporary_path("voice"), NULL));
    assert_memory_equal(read->speaker.film_change, tuned->speaker.film_change, sizeof tuned->speaker.film_change);

    const float halves[2] = {1, 1};
    assert_ok(myna_voice_mix(&mixed, (const myna_voice *[]){tuned, voice}, halves, 2, NULL));
    assert_near(mixed->speaker.film_change[700], 0.5f * tuned->speaker.film_change[700], 1e-7);

    make_speech(in, SHORT, 220, 1.2f, 0.03f, 2);
    assert_ok(myna_convert(model, voice, NULL, in, SHORT, plain_out, NULL));
    assert_ok(myna_convert(model, tuned, NULL, in, SHORT, tuned_out, NULL));
    assert_true(difference_db(tuned_out, plain_out, SHORT) > -40); /* it is heard */
    assert_true(all_finite(tuned_out, SHORT));
    myna_voice_free(tuned);
    myna_voice_free(again);
    myna_voice_free(mixed);
    myna_voice_free(read);
}

static void what_cannot_be_tuned_is_refused(void **state)
{
    (void)state;
    myna_voice *out = NULL, *mixed = NULL;
    myna_tuning report;
    myna_error error;
    assert_int_equal(myna_voice_tune(&out, model, brief, &report, &error), MYNA_ERROR_SPEECH);
    const float one = 1;
    assert_ok(myna_voice_mix(&mixed, (const myna_voice *[]){voice}, &one, 1, NULL));
    assert_int_equal(myna_voice_tune(&out, model, mixed, &report, &error), MYNA_ERROR_MODEL);
    assert_int_equal(myna_voice_tune(&out, model, NULL, &report, &error), MYNA_ERROR_ARGUMENT);
    assert_null(out);
    myna_voice_free(mixed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_match_differences),
        cmocka_unit_test(tuning_helps_and_is_kept),
        cmocka_unit_test(what_cannot_be_tuned_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
