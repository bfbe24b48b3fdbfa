#define _GNU_SOURCE
#include "model/model.h"

#include "allocation.h"
#include "forge.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { CODE_WIDTH = 12 };

static myna_layout layout;
static float *parameters;
static image whole; /* the same as an F16 file */

static int set_up(void **state)
{
    (void)state;
    myna_layout_init(&layout, CODE_WIDTH);
    parameters = malloc(layout.n_parameters * sizeof *parameters);
    myna_parameters_init(parameters, &layout, 1);
    myna_weights weights;
    myna_weights_bind(&weights, &layout, parameters);
    for (size_t i = 0; i < MYNA_MEL_BANDS; i++) weights.front.mel_mean[i] = -1.234f;
    weights.front.mel_deviation[0] = 0.567f;
    weights.front.log_f0[0] = 5.01f;
    weights.front.log_f0[1] = 0.23f;
    const char *path = temporary_path("whole");
    myna_facts facts = {0};
    bool good = myna_fact_set(&facts, "training.steps", "%d", 1234) &&
                myna_model_write(path, &layout, parameters, &facts, true, NULL) == MYNA_OK;
    myna_facts_free(&facts);
    whole = image_read(path);
    return good && whole.size ? 0 : 1;
}

static int tear_down(void **state)
{
    free(parameters);
    free(whole.bytes);
    return remove_temporary_folder(state);
}

/* ---- Round trips ------------------------------------------------------------------------------------------------ */

static void f32_comes_back_exactly(void **state)
{
    (void)state;
    myna_error error = {0};
    const char *path = temporary_path("f32");
    assert_int_equal(myna_model_write(path, &layout, parameters, NULL, false, &error), MYNA_OK);
    myna_model *model;
    assert_int_equal(myna_model_load(&model, path, &error), MYNA_OK);
    assert_int_equal(myna_model_n_parameters(model), layout.n_parameters);
    assert_int_equal(model->layout.code_width, CODE_WIDTH);
    assert_memory_equal(model->parameters, parameters, layout.n_parameters * sizeof *parameters);
    assert_true(model->weights.front.mel_deviation[0] == 0.567f);
    assert_int_equal(strspn(myna_model_id(model), "0123456789abcdef"), 16);
    myna_model *again; /* the file of the same weights is the same file */
    assert_int_equal(myna_model_write(path, &layout, model->parameters, NULL, false, &error), MYNA_OK);
    assert_int_equal(myna_model_load(&again, path, &error), MYNA_OK);
    assert_string_equal(myna_model_id(model), myna_model_id(again));
    myna_model_free(again);
    myna_model_free(model);
}

static void f16_rounds_matrices_only(void **state)
{
    (void)state;
    myna_model *model;
    assert_int_equal(myna_model_load_memory(&model, whole.bytes, whole.size, NULL), MYNA_OK);
    size_t n_rounded = 0;
    for (size_t t = 0; t < layout.n_tensors; t++) {
        const myna_tensor *tensor = &layout.tensors[t];
        for (size_t i = tensor->offset; i < tensor->offset + tensor->size; i++) {
            float is = model->parameters[i], was = parameters[i];
            if (tensor->n_dims == 1) assert_true(is == was);
            if (!(fabsf(is - was) <= 0x1p-11f * fabsf(was) + 0x1p-25f)) fail_msg("%s", tensor->name);
            n_rounded += is != was;
        }
    }
    assert_true(n_rounded > layout.n_parameters / 2);
    assert_true(whole.size < 2 * layout.n_parameters + 200000);
    myna_model_free(model);
}

static void facts_are_kept(void **state)
{
    (void)state;
    myna_model *model;
    assert_int_equal(myna_model_load(&model, temporary_path("whole"), NULL), MYNA_OK);
    assert_memory_equal(myna_model_id(model), whole.bytes + 37, 16);
    assert_string_equal(myna_model_fact(model, "training.steps"), "1234");
    assert_string_equal(myna_model_fact(model, "code_width"), "12");
    assert_string_equal(myna_model_fact(model, "sample_rate_hz"), "16000");
    assert_null(myna_model_fact(model, "training"));
    const char *key = NULL, *value = NULL;
    assert_true(myna_model_fact_at(model, 0, &key, &value));
    assert_string_equal(key, "format");
    assert_string_equal(value, "myna-model");
    size_t n = 0;
    while (myna_model_fact_at(model, n, &key, &value)) n++;
    assert_int_equal(n, model->facts.n);
    assert_false(myna_model_fact_at(model, n + 1000, &key, &value));
    myna_model_free(model);
    myna_model_free(NULL);
}

static void prefixed_sets_are_read(void **state)
{
    (void)state;
    myna_tensor_file file;
    assert_int_equal(myna_tensor_file_parse(&file, whole.bytes, whole.size, "myna-model", NULL), MYNA_OK);
    for (size_t i = 0; i < file.n_views; i++) { /* as a checkpoint names them */
        char name[MYNA_NAME_SIZE];
        memcpy(name, file.views[i].name, sizeof name);
        assert_true(snprintf(file.views[i].name, sizeof name, "average.%s", name) < (int)sizeof name);
    }
    float *read = malloc(layout.n_parameters * sizeof *read);
    myna_error error = {0};
    assert_int_equal(myna_parameters_read(read, &layout, &file, "average.", &error), MYNA_OK);
    assert_true(read[layout.tensors[1].offset] == parameters[layout.tensors[1].offset]);
    assert_int_equal(myna_parameters_read(read, &layout, &file, "", &error), MYNA_ERROR_FORMAT);
    assert_string_equal(error.detail, "tensor 'content.in.weight' is missing");
    char prefix[100];
    memset(prefix, 'x', 99);
    prefix[99] = 0;
    assert_int_equal(myna_parameters_read(read, &layout, &file, prefix, &error), MYNA_ERROR_ARGUMENT);
    free(read);
    myna_tensor_file_free(&file);
}

/* ---- Refusals --------------------------------------------------------------------------------------------------- */

static void expect_refused(image bytes, myna_status expected, const char *detail)
{
    myna_model *const untouched = (myna_model *)(void *)&layout, *model = untouched;
    myna_error error = {0};
    assert_int_equal(myna_model_load_memory(&model, bytes.bytes, bytes.size, &error), expected);
    if (!strstr(error.detail, detail)) fail_msg("'%s' instead of '%s'", error.detail, detail);
    assert_null(strpbrk(error.detail, "\r\n"));
    assert_ptr_equal(model, untouched);
}

/* Same-length replacements in a good file's header. */
static void error_corpus(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *detail;
    } cases[] = {
        {"\"myna-model\"", "\"myna-mumin\"", "its format is 'myna-mumin' instead of 'myna-model'"},
        {"\"format_version\":\"1\"", "\"format_version\":\"2\"", "version '2', but this program reads version 1"},
        {"\"sample_rate_hz\":\"16000\"", "\"sample_rate_hz\":\"22050\"", "its sample_rate_hz is '22050', but"},
        {"\"window_samples\":\"800\"", "\"window_samples\":\"801\"", "its window_samples is '801', but"},
        {"\"hop_samples\":\"200\"", "\"hop_samples\":\"256\"", "its hop_samples is '256', but this program needs 200"},
        {"\"fft_samples\":\"1024\"", "\"fft_samples\":\"2048\"", "its fft_samples is '2048', but"},
        {"\"mel_bands\":\"256\"", "\"mel_bands\":\"080\"", "its mel_bands is '080', but this program needs 256"},
        {"\"mel_low_hz\":\"50\"", "\"mel_low_hz\":\"20\"", "its mel_low_hz is '20', but"},
        {"\"mel_high_hz\":\"7600\"", "\"mel_high_hz\":\"8000\"", "its mel_high_hz is '8000', but"},
        {"\"step_frames\":\"2\"", "\"step_frames\":\"4\"", "its step_frames is '4', but"},
        {"\"step_frames\"", "\"xtep_frames\"", "its step_frames is '', but"},
        {"\"code_width\":\"12\"", "\"code_width\":\"00\"", "its code_width is '00', not a number from 1 to 256"},
        {"\"code_width\":\"12\"", "\"code_width\":\"-2\"", "its code_width is '-2', not"},
        {"\"code_width\":\"12\"", "\"code_width\":\"1x\"", "its code_width is '1x', not"},
        {"\"code_width\":\"12\"", "\"code_width\":\"16\"",
            "tensor 'content.out.weight' has shape [12, 256] instead of [16, 256]"},
        {"\"training.steps\":\"1234\",", "\"code_width\":\"99999999\",", "metadata key stands twice: 'code_width'"},
        {"\"training.steps\":\"1234\"", "\"training.steps\": 12345", "metadata value is no string"},
        {"\"decoder.gate.bias\"", "\"decoder.fate.bias\"", "tensor 'decoder.fate.bias' is not known"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        image changed = image_part(whole, whole.size);
        assert_true(image_replace(changed, cases[i].from, cases[i].to));
        expect_refused(changed, MYNA_ERROR_FORMAT, cases[i].detail);
        free(changed.bytes);
    }
}

/* Writes the layout's tensors with one of them changed by the caller, and loads that. */
static void expect_variant_refused(
    const myna_layout *variant, const float *values, myna_status expected, const char *detail)
{
    myna_error error = {0};
    const char *path = temporary_path("variant");
    assert_int_equal(myna_model_write(path, variant, values, NULL, true, &error), MYNA_OK);
    image bytes = image_read(path);
    expect_refused(bytes, expected, detail);
    free(bytes.bytes);
}

static void tensors_must_fit(void **state)
{
    (void)state;
    static myna_layout variant;
    variant = layout;
    variant.tensors[0].dims[0] = 128;
    expect_variant_refused(&variant, parameters, MYNA_ERROR_FORMAT,
        "tensor 'content.in.weight' has shape [128, 128] instead of [256, 128]");
    variant = layout;
    variant.tensors[1].n_dims = 2;
    expect_variant_refused(
        &variant, parameters, MYNA_ERROR_FORMAT, "tensor 'content.in.bias' has shape [256, 1] instead of [256]");
    variant = layout;
    variant.n_tensors--;
    expect_variant_refused(&variant, parameters, MYNA_ERROR_FORMAT, "is missing");
    variant = layout;
    variant.tensors[variant.n_tensors] = variant.tensors[0];
    strcpy(variant.tensors[variant.n_tensors++].name, "stranger");
    expect_variant_refused(&variant, parameters, MYNA_ERROR_FORMAT, "tensor 'stranger' is not known");
}

static void values_must_be_sound(void **state)
{
    (void)state;
    myna_weights weights;
    myna_weights_bind(&weights, &layout, parameters);
    static const float bad[] = {0, -0.5f};
    for (size_t i = 0; i < 2; i++) {
        float kept = weights.front.mel_deviation[0];
        weights.front.mel_deviation[0] = bad[i];
        expect_variant_refused(&layout, parameters, MYNA_ERROR_FORMAT, "must be positive");
        weights.front.mel_deviation[0] = kept;
        kept = weights.front.log_f0[1];
        weights.front.log_f0[1] = bad[i];
        expect_variant_refused(&layout, parameters, MYNA_ERROR_FORMAT, "must be positive");
        weights.front.log_f0[1] = kept;
        float *deviations[] = {weights.front.content_deviation, weights.front.unknown_deviation};
        for (int k = 0; k < 2; k++) {
            kept = deviations[k][77];
            deviations[k][77] = bad[i];
            expect_variant_refused(&layout, parameters, MYNA_ERROR_FORMAT, "must be positive");
            deviations[k][77] = kept;
        }
    }
    myna_error error = {0};
    weights.decoder.out.bias[3] = NAN;
    const char *path = temporary_path("variant");
    assert_int_equal(myna_model_write(path, &layout, parameters, NULL, true, &error), MYNA_ERROR_NOT_FINITE);
    assert_string_equal(error.file, path);
    assert_string_equal(error.detail, "tensor 'decoder.out.bias' holds nan, which a file cannot store");
    weights.decoder.out.bias[3] = 0;

    image changed = image_part(whole, whole.size); /* the last values are front.unknown_deviation, F16 */
    memcpy(changed.bytes + changed.size - 2, (const unsigned char[]){0, 0x7e}, 2);
    forge_seal(changed);
    expect_refused(changed, MYNA_ERROR_NOT_FINITE, "tensor 'front.unknown_deviation' holds NaN or infinity");
    free(changed.bytes);
}

static void files_are_named(void **state)
{
    (void)state;
    myna_model *model;
    myna_error error = {0};
    assert_int_equal(myna_model_load(&model, "/nowhere/model", &error), MYNA_ERROR_FILE);
    assert_string_equal(error.file, "/nowhere/model");
    assert_string_equal(error.detail, "No such file or directory");
    assert_int_equal(myna_model_load(&model, "/tmp", &error), MYNA_ERROR_FILE);
    const char *path = temporary_path("variant");
    FILE *empty = fopen(path, "wb");
    fclose(empty);
    assert_int_equal(myna_model_load(&model, path, &error), MYNA_ERROR_FORMAT);
    assert_string_equal(error.file, path);
    assert_string_equal(error.detail, "0 bytes are too few for a safetensors file");
    assert_int_equal(myna_model_load(&model, path, NULL), MYNA_ERROR_FORMAT);
}

/* At the sizes of real models, at places spread over the whole file. */
static void damage_is_noticed(void **state)
{
    (void)state;
    for (size_t i = 0; i < 100; i++) expect_refused((image){whole.bytes, whole.size * i / 100}, MYNA_ERROR_FORMAT, "");
    for (size_t i = 0; i < 32; i++) expect_refused((image){whole.bytes, whole.size - 1 - i}, MYNA_ERROR_FORMAT, "");
    for (size_t i = 0; i < 200; i++) {
        unsigned char *byte = &whole.bytes[i < 100 ? i * 3 : (whole.size - 1) * (i - 100) / 99];
        *byte ^= (unsigned char)(1u << i % 8);
        expect_refused(whole, MYNA_ERROR_FORMAT, "");
        *byte ^= (unsigned char)(1u << i % 8);
    }
}

/* The header alone makes thousands of small blocks, so only some of them are denied: the first, the last, a sample. */
static void memory_runs_out(void **state)
{
    (void)state;
    if (!allocation_can_fail) skip();
    myna_model *model;
    long n_calls = 1, step = 1;
    for (long n = 0; n <= n_calls; n += n > 20 && n < n_calls - 60 ? step : 1) {
        allocation_start(n);
        myna_status status = myna_model_load_memory(&model, whole.bytes, whole.size, NULL);
        if (status == MYNA_OK) myna_model_free(model);
        long calls = allocation_stop();
        if (status != MYNA_OK) assert_int_equal(status, MYNA_ERROR_MEMORY);
        assert_int_equal(allocation.n_live, 0);
        if (n) continue;
        assert_int_equal(status, MYNA_OK);
        n_calls = calls;
        step = n_calls / 50;
    }
    assert_true(n_calls > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f32_comes_back_exactly),
        cmocka_unit_test(f16_rounds_matrices_only),
        cmocka_unit_test(facts_are_kept),
        cmocka_unit_test(prefixed_sets_are_read),
        cmocka_unit_test(error_corpus),
        cmocka_unit_test(tensors_must_fit),
        cmocka_unit_test(values_must_be_sound),
        cmocka_unit_test(files_are_named),
        cmocka_unit_test(damage_is_noticed),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
