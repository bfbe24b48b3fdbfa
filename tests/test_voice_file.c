#define _GNU_SOURCE
#include "model/voice.h"

#include "allocation.h"
#include "base/rng.h"
#include "forge.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { N_FRAMES = 24 };
static const char own_id[] = "0123456789abcdef", other_id[] = "fedcba9876543210";

static myna_model *own, *other;
static float frames[N_FRAMES * MYNA_MEL_BANDS], f0_hz[N_FRAMES];
static myna_voice heard, mixed; /* with frames and without; not to be freed */

static myna_model *make_model(const char *id, uint64_t seed)
{
    static myna_layout layout;
    myna_layout_init(&layout, 8);
    float *parameters = malloc(layout.n_parameters * sizeof *parameters);
    myna_parameters_init(parameters, &layout, seed);
    myna_weights weights;
    myna_weights_bind(&weights, &layout, parameters);
    for (size_t i = 0; i < MYNA_MEL_BANDS; i++) weights.front.mel_mean[i] = -1.5f;
    weights.front.mel_deviation[0] = 0.5f;
    weights.front.log_f0[0] = 5;
    weights.front.log_f0[1] = 0.2f;
    myna_model *model = NULL;
    myna_model_create(&model, &layout, parameters, &(myna_facts){0}, id, NULL);
    return model;
}

static void fill_statistics(myna_band_statistics *statistics, myna_rng *rng)
{
    for (size_t i = 0; i < MYNA_MEL_BANDS; i++) {
        statistics->mean[i] = myna_rng_uniform(rng, -3, 0);
        statistics->deviation[i] = myna_rng_uniform(rng, 0.1f, 1);
    }
}

static int set_up(void **state)
{
    (void)state;
    own = make_model(own_id, 1);
    other = make_model(other_id, 2);
    if (!own || !other) return 1;
    myna_rng rng = myna_rng_seed(3, 0);
    for (size_t i = 0; i < N_FRAMES * MYNA_MEL_BANDS; i++) frames[i] = myna_rng_uniform(&rng, -1.5f, -0.5f);
    for (size_t i = 0; i < N_FRAMES; i++) f0_hz[i] = i % 3 ? 120.0f + (float)i : 0;
    memcpy(mixed.model_id, own_id, sizeof own_id);
    for (size_t i = 0; i < MYNA_EMBEDDING_SIZE; i++) mixed.speaker.embedding[i] = myna_rng_normal(&rng);
    mixed.profile = (myna_profile){.speech_level_db = -23.5f,
        .duration_seconds = 12.25f,
        .speech_seconds = 9,
        .voiced_seconds = 5.5f,
        .log_f0_mean = 4.8f,
        .log_f0_deviation = 0.17f,
        .f0_low_hz = 90,
        .f0_high_hz = 180};
    fill_statistics(&mixed.profile.bands, &rng);
    fill_statistics(&mixed.reconstruction, &rng);
    heard = mixed;
    heard.n_frames = N_FRAMES;
    heard.log_mel = frames;
    heard.f0_hz = f0_hz;
    return 0;
}

static int tear_down(void **state)
{
    myna_model_free(own);
    myna_model_free(other);
    return remove_temporary_folder(state);
}

static image save(const myna_voice *voice)
{
    const char *path = temporary_path("voice");
    myna_error error = {0};
    if (myna_voice_save(voice, path, &error) != MYNA_OK) fail_msg("%s", error.detail);
    return image_read(path);
}

/* ---- Round trips ------------------------------------------------------------------------------------------------ */

static void assert_same_fixed_part(const myna_voice *a, const myna_voice *b)
{
    assert_string_equal(a->model_id, b->model_id);
    assert_memory_equal(a->speaker.embedding, b->speaker.embedding, sizeof a->speaker.embedding);
    assert_memory_equal(&a->profile, &b->profile, sizeof a->profile);
    assert_memory_equal(&a->reconstruction, &b->reconstruction, sizeof a->reconstruction);
}

static void voice_comes_back(void **state)
{
    (void)state;
    free(save(&heard).bytes);
    myna_voice *voice;
    assert_int_equal(myna_voice_load(&voice, own, temporary_path("voice"), NULL), MYNA_OK);
    assert_same_fixed_part(voice, &heard);
    assert_int_equal(voice->n_frames, N_FRAMES);
    assert_memory_equal(voice->f0_hz, f0_hz, sizeof f0_hz);
    for (size_t i = 0; i < N_FRAMES * MYNA_MEL_BANDS; i++)
        assert_true(fabsf(voice->log_mel[i] - frames[i]) <= 0x1p-11f);
    assert_true(myna_voice_can_reembed(voice));
    image first = save(&heard), second = save(voice); /* rounded once, it stays the same */
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.bytes, second.bytes, first.size);
    free(first.bytes);
    free(second.bytes);
    myna_voice_free(voice);
}

static void mixed_voice_comes_back(void **state)
{
    (void)state;
    image bytes = save(&mixed);
    myna_voice *voice;
    assert_int_equal(myna_voice_load_memory(&voice, own, bytes.bytes, bytes.size, NULL), MYNA_OK);
    assert_same_fixed_part(voice, &mixed);
    assert_int_equal(voice->n_frames, 0);
    assert_false(myna_voice_can_reembed(voice));
    myna_voice_free(voice);
    free(bytes.bytes);
}

static void other_models_embed_again(void **state)
{
    (void)state;
    image bytes = save(&heard);
    myna_voice *voice, *twin;
    assert_int_equal(myna_voice_load_memory(&voice, other, bytes.bytes, bytes.size, NULL), MYNA_OK);
    assert_int_equal(myna_voice_load_memory(&twin, own, bytes.bytes, bytes.size, NULL), MYNA_OK);
    assert_string_equal(voice->model_id, other_id);
    assert_memory_equal(&voice->profile, &heard.profile, sizeof heard.profile);
    assert_memory_not_equal(voice->speaker.embedding, heard.speaker.embedding, sizeof heard.speaker.embedding);
    assert_int_equal(myna_voice_embed(twin, other, NULL), MYNA_OK);
    assert_same_fixed_part(voice, twin);
    myna_voice_free(twin);
    myna_voice_free(voice);
    free(bytes.bytes);

    bytes = save(&mixed);
    myna_error error = {0};
    assert_int_equal(myna_voice_load(&voice, other, temporary_path("voice"), &error), MYNA_ERROR_MODEL);
    assert_string_equal(error.file, temporary_path("voice"));
    assert_string_equal(error.detail,
        "the voice belongs to model 0123456789abcdef, not to fedcba9876543210, and carries "
        "no log-mel to embed it again");
    free(bytes.bytes);
}

/* ---- Refusals --------------------------------------------------------------------------------------------------- */

static void expect_refused(image bytes, myna_status expected, const char *detail)
{
    myna_voice *voice = &heard;
    myna_error error = {0};
    assert_int_equal(myna_voice_load_memory(&voice, own, bytes.bytes, bytes.size, &error), expected);
    if (!strstr(error.detail, detail)) fail_msg("'%s' instead of '%s'", error.detail, detail);
    assert_null(strpbrk(error.detail, "\r\n"));
    assert_ptr_equal(voice, &heard);
}

/* Same-length replacements in a good file's header. */
static void error_corpus(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *detail;
    } cases[] = {
        {"\"myna-voice\"", "\"myna-model\"", "its format is 'myna-model' instead of 'myna-voice'"},
        {"\"model_id\"", "\"xodel_id\"", "its model_id is ''"},
        {"0123456789abcdef", "0123456789ABCDEF", "its model_id is '0123456789ABCDEF', not 16 hexadecimal digits"},
        {"\"0123456789abcdef\"", "\"0123456789abcde\" ", "its model_id is '0123456789abcde', not"},
        {"\"embedding\"", "\"embeddinx\"", "tensor 'embeddinx' is not known"},
        {"\"log_mel\"", "\"mel_log\"", "tensor 'mel_log' is not known"},
        {"\"shape\":[128]", "\"shape\":[ 64]", "tensor 'embedding': its shape does not match its 512 bytes"},
        {"\"profile.speech_level_db\":{\"dtype\":\"F32\",\"shape\":[]",
            "\"profile.speech_level_db\":{\"dtype\":\"F32\",\"shape\":1 ",
            "tensor 'profile.speech_level_db': shape is not"},
        {"\"f0_hz\":{\"dtype\":\"F32\",\"shape\":[24]", "\"f0_hz\":{\"dtype\":\"F16\",\"shape\":[48]",
            "tensor 'f0_hz' has shape [48] instead of [24]"},
        {"[24,256]", "[48,128]", "tensor 'log_mel' has shape [48, 128] instead of [48, 256]"},
        {"[24,256]", "[ 6144 ]", "log_mel is not 1 to 2400 frames of 256 bands"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        image changed = save(&heard);
        assert_true(image_replace(changed, cases[i].from, cases[i].to));
        expect_refused(changed, MYNA_ERROR_FORMAT, cases[i].detail);
        free(changed.bytes);
    }
}

/* What save refuses for its range, load refuses too: put into the file behind save's back. */
static void expect_value_refused(float *value, float bad, const char *detail)
{
    static const uint32_t mark = 0x3f9e0651; /* 1.2345678, nowhere else in the voice */
    float kept = *value;
    memcpy(value, &mark, sizeof mark);
    image bytes = save(&heard);
    *value = bad;
    myna_error error = {0};
    assert_int_not_equal(myna_voice_save(&heard, temporary_path("refused"), &error), MYNA_OK);
    assert_int_not_equal(access(temporary_path("refused"), F_OK), 0);
    assert_string_equal(error.file, temporary_path("refused"));
    assert_non_null(strstr(error.detail, detail));
    for (size_t i = 0; i + 4 <= bytes.size; i++) {
        if (memcmp(bytes.bytes + i, &mark, 4) == 0) memcpy(bytes.bytes + i, &bad, 4);
    }
    forge_seal(bytes);
    expect_refused(bytes, MYNA_ERROR_FORMAT, detail);
    *value = kept;
    free(bytes.bytes);
}

static void values_must_be_sound(void **state)
{
    (void)state;
    myna_profile *p = &heard.profile;
    expect_value_refused(&heard.speaker.embedding[5], 2e4f, "embedding holds 20000, outside [-10000, 10000]");
    expect_value_refused(&p->duration_seconds, -1, "profile.duration_seconds holds -1, outside");
    expect_value_refused(&p->speech_seconds, -1, "profile.speech_seconds holds -1, outside");
    expect_value_refused(&p->voiced_seconds, -1, "profile.voiced_seconds holds -1, outside");
    expect_value_refused(&p->log_f0_deviation, -1, "profile.log_f0_deviation holds -1, outside [0, 3]");
    expect_value_refused(&p->f0_low_hz, 2001, "profile.f0_low_hz holds 2001, outside [0, 2000]");
    expect_value_refused(&p->f0_high_hz, 2001, "profile.f0_high_hz holds 2001, outside [0, 2000]");
    expect_value_refused(&p->bands.mean[255], 11, "profile.bands.mean holds 11, outside [-10, 10]");
    expect_value_refused(&p->bands.deviation[0], -1, "profile.bands.deviation holds -1, outside [0, 10]");
    expect_value_refused(&heard.reconstruction.mean[1], 101, "reconstruction.mean holds 101, outside [-100, 100]");
    expect_value_refused(&heard.reconstruction.deviation[1], -1, "reconstruction.deviation holds -1, outside [0, 100]");
    expect_value_refused(&heard.f0_hz[3], 2001, "f0_hz holds 2001, outside [0, 2000]");

    myna_error error = {0};
    float kept = p->speech_level_db;
    p->speech_level_db = -INFINITY;
    assert_int_equal(myna_voice_save(&heard, temporary_path("refused"), &error), MYNA_ERROR_NOT_FINITE);
    assert_non_null(strstr(error.detail, "profile.speech_level_db holds -inf"));
    p->speech_level_db = kept;
    image bytes = save(&heard);
    memcpy(bytes.bytes + bytes.size - 2, (const unsigned char[]){0, 0x7e}, 2); /* the last value of log_mel, F16 */
    forge_seal(bytes);
    expect_refused(bytes, MYNA_ERROR_NOT_FINITE, "tensor 'log_mel' holds NaN or infinity");
    memcpy(bytes.bytes + bytes.size - 2, (const unsigned char[]){0, 0x4a}, 2); /* 12 */
    forge_seal(bytes);
    expect_refused(bytes, MYNA_ERROR_FORMAT, "log_mel holds 12, outside [-10, 10]");
    free(bytes.bytes);
}

static void frames_are_limited(void **state)
{
    (void)state;
    enum { MANY = MYNA_VOICE_MAX_FRAMES + 1 };
    myna_voice voice = heard;
    voice.log_mel = calloc(MANY * MYNA_MEL_BANDS, sizeof *voice.log_mel);
    voice.f0_hz = calloc(MANY, sizeof *voice.f0_hz);
    voice.n_frames = MANY - 1;
    image bytes = save(&voice);
    myna_voice *read;
    assert_int_equal(myna_voice_load_memory(&read, own, bytes.bytes, bytes.size, NULL), MYNA_OK);
    assert_int_equal(read->n_frames, MANY - 1);
    myna_voice_free(read);
    free(bytes.bytes);
    voice.n_frames = MANY;
    myna_error error = {0};
    assert_int_equal(myna_voice_save(&voice, temporary_path("refused"), &error), MYNA_ERROR_ARGUMENT);
    assert_string_equal(error.detail, "2401 frames, over the limit of 2400");
    free(voice.log_mel);
    free(voice.f0_hz);
}

static void damage_is_noticed(void **state)
{
    (void)state;
    image whole = save(&heard);
    for (size_t n = 0; n < whole.size; n++) {
        image part = image_part(whole, n);
        expect_refused(part, MYNA_ERROR_FORMAT, "");
        free(part.bytes);
    }
    for (size_t i = 0; i < whole.size; i++) {
        whole.bytes[i] ^= (unsigned char)(1u << i % 8);
        expect_refused(whole, MYNA_ERROR_FORMAT, "");
        whole.bytes[i] ^= (unsigned char)(1u << i % 8);
    }
    free(whole.bytes);
}

/* ---- Too little memory ------------------------------------------------------------------------------------------- */

static void memory_runs_out(void **state)
{
    (void)state;
    if (!allocation_can_fail) skip();
    image bytes = save(&heard);
    const char *path = temporary_path("voice");
    const myna_model *models[] = {own, other}; /* as it is, and embedded again */
    for (size_t m = 0; m < 2; m++) {
        myna_voice *voice = NULL;
        assert_int_equal(myna_voice_load_memory(&voice, models[m], bytes.bytes, bytes.size, NULL), MYNA_OK);
        myna_voice_free(voice); /* once before, for what libraries keep for good */
        long n_calls = 1;
        for (long n = 0; n <= n_calls; n++) {
            allocation_start(n);
            myna_status status = myna_voice_load_memory(&voice, models[m], bytes.bytes, bytes.size, NULL);
            if (status == MYNA_OK) myna_voice_free(voice);
            long calls = allocation_stop();
            if (status != MYNA_OK) assert_int_equal(status, MYNA_ERROR_MEMORY);
            assert_int_equal(allocation.n_live, 0);
            if (n) continue;
            assert_int_equal(status, MYNA_OK);
            n_calls = calls;
        }
        assert_true(n_calls > 100);
    }
    long n_calls = 1;
    for (long n = 0; n <= n_calls; n++) {
        allocation_start(n);
        myna_status status = myna_voice_save(&heard, path, NULL);
        long calls = allocation_stop();
        assert_int_equal(allocation.n_live, 0);
        if (n) continue;
        assert_int_equal(status, MYNA_OK);
        n_calls = calls;
    }
    free(bytes.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(voice_comes_back),
        cmocka_unit_test(mixed_voice_comes_back),
        cmocka_unit_test(other_models_embed_again),
        cmocka_unit_test(error_corpus),
        cmocka_unit_test(values_must_be_sound),
        cmocka_unit_test(frames_are_limited),
        cmocka_unit_test(damage_is_noticed),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
