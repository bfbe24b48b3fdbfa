#include "model/model.h"

#include "base/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char model_format[] = "myna-model";

/* What a model was trained to hear and to give: another front end would convert to noise, so files must agree.
 * The mel axis as in dsp/mel.h. */
static const struct {
    const char *key;
    int value;
} front_end[] = {
    {"sample_rate_hz", MYNA_SAMPLE_RATE_HZ},
    {"window_samples", MYNA_WINDOW_SAMPLES},
    {"hop_samples", MYNA_HOP_SAMPLES},
    {"fft_samples", MYNA_FFT_SAMPLES},
    {"mel_bands", MYNA_MEL_BANDS},
    {"mel_low_hz", 50},
    {"mel_high_hz", 7600},
    {"step_frames", MYNA_STEP_FRAMES},
};
enum { n_front_end = sizeof front_end / sizeof *front_end };

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

/* A whole number without sign or blanks. */
static bool read_number(int *out, const char *text)
{
    if (!text || !*text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 9) return false;
    *out = atoi(text);
    return true;
}

static myna_status check_front_end(const myna_facts *facts, myna_error *error)
{
    for (size_t i = 0; i < n_front_end; i++) {
        const char *text = myna_fact_find(facts, front_end[i].key);
        int value;
        if (!read_number(&value, text) || value != front_end[i].value) {
            return myna_fail(error, MYNA_ERROR_FORMAT, "its %s is '%.60s', but this program needs %d", front_end[i].key,
                text ? text : "", front_end[i].value);
        }
    }
    return MYNA_OK;
}

static myna_status read_layout(myna_layout *layout, const myna_facts *facts, myna_error *error)
{
    const char *text = myna_fact_find(facts, "code_width");
    int width;
    if (!read_number(&width, text) || width < 1 || width > MYNA_MAX_CODE_WIDTH) {
        return myna_fail(error, MYNA_ERROR_FORMAT, "its code_width is '%.60s', not a number from 1 to %d",
            text ? text : "", MYNA_MAX_CODE_WIDTH);
    }
    myna_layout_init(layout, (size_t)width);
    return MYNA_OK;
}

static bool has_tensor(const myna_layout *layout, const char *name)
{
    for (size_t i = 0; i < layout->n_tensors; i++) {
        if (strcmp(layout->tensors[i].name, name) == 0) return true;
    }
    return false;
}

static myna_status refuse_strangers(const myna_tensor_file *file, const myna_layout *layout, myna_error *error)
{
    for (size_t i = 0; i < file->n_views; i++) {
        const char *name = file->views[i].name;
        if (!has_tensor(layout, name)) return myna_fail(error, MYNA_ERROR_FORMAT, "tensor '%s' is not known", name);
    }
    return MYNA_OK;
}

static bool join(char out[MYNA_NAME_SIZE], const char *prefix, const char *name)
{
    return snprintf(out, MYNA_NAME_SIZE, "%s%s", prefix, name) < MYNA_NAME_SIZE;
}

myna_status myna_parameters_read(
    float *parameters, const myna_layout *layout, const myna_tensor_file *file, const char *prefix, myna_error *error)
{
    char name[MYNA_NAME_SIZE];
    const myna_tensor_view *view;
    for (size_t i = 0; i < layout->n_tensors; i++) { /* all of them first: nothing is written when one fails */
        const myna_tensor *tensor = &layout->tensors[i];
        if (!join(name, prefix, tensor->name)) return myna_fail(error, MYNA_ERROR_ARGUMENT, "prefix '%.60s'", prefix);
        myna_status status = myna_tensor_check(&view, file, name, tensor->n_dims, tensor->dims, error);
        if (status != MYNA_OK) return status;
    }
    for (size_t i = 0; i < layout->n_tensors; i++) {
        const myna_tensor *tensor = &layout->tensors[i];
        join(name, prefix, tensor->name);
        myna_tensor_read(parameters + tensor->offset, file, name, tensor->n_dims, tensor->dims, NULL);
    }
    return MYNA_OK;
}

/* The network divides by these. */
static myna_status check_deviations(const myna_weights *weights, myna_error *error)
{
    float mel = weights->front.mel_deviation[0], log_f0 = weights->front.log_f0[1], content = INFINITY;
    for (size_t i = 0; i < MYNA_CONTENT_VALUES; i++)
        content = fminf(content, fminf(weights->front.content_deviation[i], weights->front.unknown_deviation[i]));
    if (!(content > 0.0f))
        return myna_fail(error, MYNA_ERROR_FORMAT, "a content deviation of %g must be positive", (double)content);
    if (mel > 0.0f && log_f0 > 0.0f) return MYNA_OK;
    return myna_fail(error, MYNA_ERROR_FORMAT, "its deviations of log-mel (%g) and log-F0 (%g) must be positive",
        (double)mel, (double)log_f0);
}

static myna_status make_model(myna_model **out, const myna_tensor_file *file, myna_error *error)
{
    myna_layout layout;
    myna_status status = check_front_end(&file->facts, error);
    if (status == MYNA_OK) status = read_layout(&layout, &file->facts, error);
    if (status == MYNA_OK) status = refuse_strangers(file, &layout, error);
    if (status != MYNA_OK) return status;
    float *parameters = malloc(layout.n_parameters * sizeof *parameters);
    if (!parameters) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for %zu weights", layout.n_parameters);
    status = myna_parameters_read(parameters, &layout, file, "", error);
    if (status == MYNA_OK) {
        myna_weights weights;
        myna_weights_bind(&weights, &layout, parameters);
        status = check_deviations(&weights, error);
    }
    if (status == MYNA_OK) return myna_model_create(out, &layout, parameters, &file->facts, file->checksum, error);
    free(parameters);
    return status;
}

myna_status myna_model_load_memory(myna_model **out, const void *data, size_t n_bytes, myna_error *error)
{
    if (!out || (!data && n_bytes > 0)) return myna_fail(error, MYNA_ERROR_ARGUMENT, "no bytes to read a model from");
    myna_tensor_file file;
    myna_status status = myna_tensor_file_parse(&file, data, n_bytes, model_format, error);
    if (status != MYNA_OK) return status;
    status = make_model(out, &file, error);
    myna_tensor_file_free(&file);
    return status;
}

myna_status myna_model_load(myna_model **out, const char *path, myna_error *error)
{
    if (!out || !path) return myna_fail(error, MYNA_ERROR_ARGUMENT, "no file to read a model from");
    myna_mapping mapping;
    myna_status status = myna_file_map(&mapping, path, error);
    if (status != MYNA_OK) return status;
    status = myna_model_load_memory(out, mapping.data, mapping.size, error);
    myna_file_unmap(&mapping);
    return status == MYNA_OK ? MYNA_OK : myna_fail_in(error, status, path);
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

static bool add_own_facts(myna_facts *facts, const myna_layout *layout)
{
    for (size_t i = 0; i < n_front_end; i++) {
        if (!myna_fact_set(facts, front_end[i].key, "%d", front_end[i].value)) return false;
    }
    return myna_fact_set(facts, "code_width", "%zu", layout->code_width);
}

myna_status myna_model_write(const char *path, const myna_layout *layout, const float *parameters,
    const myna_facts *facts, bool half, myna_error *error)
{
    myna_tensor_source sources[MYNA_MAX_TENSORS];
    for (size_t i = 0; i < layout->n_tensors; i++) {
        const myna_tensor *tensor = &layout->tensors[i];
        sources[i] = (myna_tensor_source){
            .name = tensor->name,
            .dtype = half && tensor->n_dims == 2 ? MYNA_F16 : MYNA_F32,
            .n_dims = tensor->n_dims,
            .dims = {tensor->dims[0], tensor->dims[1]},
            .data = parameters + tensor->offset,
        };
    }
    myna_facts all;
    if (!myna_facts_copy(&all, facts)) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for metadata");
    myna_status status = add_own_facts(&all, layout)
                             ? myna_tensor_file_write(path, model_format, sources, layout->n_tensors, &all, error)
                             : myna_fail(error, MYNA_ERROR_MEMORY, "no memory for metadata");
    myna_facts_free(&all);
    return status;
}

/* ---- The object ---------------------------------------------------------------------------------------------------
 */

static myna_status fill(myna_model *model, const myna_facts *facts, myna_error *error)
{
    model->ripple = malloc(MYNA_RIPPLE_ROWS * MYNA_MEL_BANDS * sizeof *model->ripple);
    if (!model->ripple || !myna_facts_copy(&model->facts, facts) ||
        !myna_packed_weights_init(&model->packed, &model->layout, &model->weights, myna_steady_fastest()))
        return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a model");
    myna_status status = myna_mel_create(&model->mel, error);
    return status == MYNA_OK ? myna_ripple_make(model->ripple, model->mel, error) : status;
}

myna_status myna_model_create(myna_model **out, const myna_layout *layout, float *parameters, const myna_facts *facts,
    const char *id, myna_error *error)
{
    myna_model *model = calloc(1, sizeof *model);
    if (!model) {
        free(parameters);
        return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a model");
    }
    model->layout = *layout;
    model->parameters = parameters;
    myna_weights_bind(&model->weights, layout, parameters);
    snprintf(model->id, sizeof model->id, "%s", id);
    myna_status status = fill(model, facts, error);
    if (status == MYNA_OK) *out = model;
    else myna_model_free(model);
    return status;
}

void myna_model_free(myna_model *model)
{
    if (!model) return;
    myna_packed_weights_clear(&model->packed);
    myna_mel_free(model->mel);
    myna_facts_free(&model->facts);
    free(model->ripple);
    free(model->parameters);
    free(model);
}

const char *myna_model_id(const myna_model *model)
{
    return model->id;
}

size_t myna_model_n_parameters(const myna_model *model)
{
    return model->layout.n_parameters;
}

const char *myna_model_fact(const myna_model *model, const char *key)
{
    return myna_fact_find(&model->facts, key);
}

bool myna_model_fact_at(const myna_model *model, size_t i, const char **key, const char **value)
{
    if (i >= model->facts.n) return false;
    *key = model->facts.items[i].key;
    *value = model->facts.items[i].value;
    return true;
}
