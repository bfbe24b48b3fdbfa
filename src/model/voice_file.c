#include "model/voice.h"

#include "base/status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char voice_format[] = "myna-voice";

/* The fixed part of a voice; `n` 1 is a scalar. The limits are far beyond any real voice and keep a made-up file from
 * driving the conversion into infinities. */
typedef struct field {
    const char *name;
    size_t place; /* in myna_voice */
    size_t n;
    float low, high;
    bool only_tuned; /* voices have it */
} field;

#define SCALAR(part) "profile." #part, offsetof(myna_voice, profile.part), 1
static const field fields[] = {
    {"embedding", offsetof(myna_voice, speaker.embedding), MYNA_EMBEDDING_SIZE, -1e4f, 1e4f, false},
    {"film_change", offsetof(myna_voice, speaker.film_change), MYNA_DECODER_BLOCKS * MYNA_FILM, -1e4f, 1e4f, true},
    {SCALAR(speech_level_db), -400, 100, false},
    {SCALAR(duration_seconds), 0, 1e9f, false},
    {SCALAR(speech_seconds), 0, 1e9f, false},
    {SCALAR(voiced_seconds), 0, 1e9f, false},
    {SCALAR(log_f0_mean), 2, 9, false},
    {SCALAR(log_f0_deviation), 0, 3, false},
    {SCALAR(f0_low_hz), 0, 2000, false},
    {SCALAR(f0_high_hz), 0, 2000, false},
    {"profile.bands.mean", offsetof(myna_voice, profile.bands.mean), MYNA_MEL_BANDS, -10, 10, false},
    {"profile.bands.deviation", offsetof(myna_voice, profile.bands.deviation), MYNA_MEL_BANDS, 0, 10, false},
    {"reconstruction.mean", offsetof(myna_voice, reconstruction.mean), MYNA_MEL_BANDS, -100, 100, false},
    {"reconstruction.deviation", offsetof(myna_voice, reconstruction.deviation), MYNA_MEL_BANDS, 0, 100, false},
};
#undef SCALAR
enum { n_fields = sizeof fields / sizeof *fields, n_frame_tensors = 2 };

/* The part that mixed voices lack, [n_frames] rows each. */
static const char log_mel_name[] = "log_mel", f0_name[] = "f0_hz";
static const float log_mel_limit = 10, f0_limit_hz = 2000;

static float *values_of(myna_voice *voice, const field *f)
{
    return (float *)(void *)((unsigned char *)voice + f->place);
}

static const float *const_values_of(const myna_voice *voice, const field *f)
{
    return (const float *)(const void *)((const unsigned char *)voice + f->place);
}

static myna_status check_range(
    const char *name, const float *values, size_t n, float low, float high, myna_error *error)
{
    for (size_t i = 0; i < n; i++) {
        if (values[i] >= low && values[i] <= high) continue;
        return myna_fail(error, isfinite(values[i]) ? MYNA_ERROR_FORMAT : MYNA_ERROR_NOT_FINITE,
            "%s holds %g, outside [%g, %g]", name, (double)values[i], (double)low, (double)high);
    }
    return MYNA_OK;
}

/* Both ways: no file is written that could not be read. */
static myna_status check_voice(const myna_voice *voice, myna_error *error)
{
    myna_status status = MYNA_OK;
    for (size_t i = 0; status == MYNA_OK && i < n_fields; i++) {
        const field *f = &fields[i];
        status = check_range(f->name, const_values_of(voice, f), f->n, f->low, f->high, error);
    }
    if (status != MYNA_OK) return status;
    size_t n = voice->n_frames;
    if (n > MYNA_VOICE_MAX_FRAMES) {
        return myna_fail(error, MYNA_ERROR_ARGUMENT, "%zu frames, over the limit of %d", n, MYNA_VOICE_MAX_FRAMES);
    }
    status = check_range(log_mel_name, voice->log_mel, n * MYNA_MEL_BANDS, -log_mel_limit, log_mel_limit, error);
    return status == MYNA_OK ? check_range(f0_name, voice->f0_hz, n, 0, f0_limit_hz, error) : status;
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

static myna_status read_id(myna_voice *voice, const myna_facts *facts, myna_error *error)
{
    const char *id = myna_fact_find(facts, "model_id");
    if (!id || strlen(id) != MYNA_ID_SIZE - 1 || strspn(id, "0123456789abcdef") != MYNA_ID_SIZE - 1) {
        return myna_fail(error, MYNA_ERROR_FORMAT, "its model_id is '%.60s', not 16 hexadecimal digits", id ? id : "");
    }
    memcpy(voice->model_id, id, MYNA_ID_SIZE);
    return MYNA_OK;
}

static myna_status refuse_strangers(const myna_tensor_file *file, myna_error *error)
{
    for (size_t i = 0; i < file->n_views; i++) {
        const char *name = file->views[i].name;
        bool known = strcmp(name, log_mel_name) == 0 || strcmp(name, f0_name) == 0;
        for (size_t j = 0; !known && j < n_fields; j++) known = strcmp(name, fields[j].name) == 0;
        if (!known) return myna_fail(error, MYNA_ERROR_FORMAT, "tensor '%s' is not known", name);
    }
    return MYNA_OK;
}

static myna_status read_frames(myna_voice *voice, const myna_tensor_file *file, myna_error *error)
{
    const myna_tensor_view *view = myna_tensor_find(file, log_mel_name);
    if (!view && !myna_tensor_find(file, f0_name)) return MYNA_OK;
    size_t n = view && view->n_dims == 2 ? view->dims[0] : 0;
    if (n < 1 || n > MYNA_VOICE_MAX_FRAMES) {
        return myna_fail(error, MYNA_ERROR_FORMAT, "%s is not 1 to %d frames of %d bands", log_mel_name,
            MYNA_VOICE_MAX_FRAMES, MYNA_MEL_BANDS);
    }
    voice->n_frames = n;
    voice->log_mel = malloc(n * MYNA_MEL_BANDS * sizeof *voice->log_mel);
    voice->f0_hz = malloc(n * sizeof *voice->f0_hz);
    if (!voice->log_mel || !voice->f0_hz) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for %zu frames", n);
    myna_status status = myna_tensor_read(voice->log_mel, file, log_mel_name, 2, (size_t[]){n, MYNA_MEL_BANDS}, error);
    return status == MYNA_OK ? myna_tensor_read(voice->f0_hz, file, f0_name, 1, &n, error) : status;
}

static myna_status read_voice(myna_voice *voice, const myna_tensor_file *file, myna_error *error)
{
    myna_status status = read_id(voice, &file->facts, error);
    if (status == MYNA_OK) status = refuse_strangers(file, error);
    for (size_t i = 0; status == MYNA_OK && i < n_fields; i++) {
        const field *f = &fields[i];
        if (f->only_tuned && !myna_tensor_find(file, f->name)) continue;
        status = myna_tensor_read(values_of(voice, f), file, f->name, f->n > 1, &f->n, error);
    }
    if (status == MYNA_OK) status = read_frames(voice, file, error);
    return status == MYNA_OK ? check_voice(voice, error) : status;
}

static myna_status adopt(myna_voice *voice, const myna_model *model, myna_error *error)
{
    if (!model) return MYNA_OK;
    if (strcmp(voice->model_id, model->id) == 0)
        return myna_speaker_remember(&voice->speaker, NULL, model, voice->log_mel, voice->n_frames, error);
    if (voice->n_frames) return myna_voice_embed(voice, model, error);
    return myna_fail(error, MYNA_ERROR_MODEL,
        "the voice belongs to model %s, not to %s, and carries no log-mel to embed it again", voice->model_id,
        model->id);
}

myna_status myna_voice_load_memory(
    myna_voice **out, const myna_model *model, const void *data, size_t n_bytes, myna_error *error)
{
    myna_tensor_file file;
    myna_status status = myna_tensor_file_parse(&file, data, n_bytes, voice_format, error);
    if (status != MYNA_OK) return status;
    myna_voice *voice = calloc(1, sizeof *voice);
    if (voice) status = read_voice(voice, &file, error);
    else status = myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a voice");
    myna_tensor_file_free(&file);
    if (status == MYNA_OK) status = adopt(voice, model, error);
    if (status == MYNA_OK) *out = voice;
    else myna_voice_free(voice);
    return status;
}

myna_status myna_voice_load(myna_voice **out, const myna_model *model, const char *path, myna_error *error)
{
    if (!out || !path) return myna_fail(error, MYNA_ERROR_ARGUMENT, "no file to read a voice from");
    myna_mapping mapping;
    myna_status status = myna_file_map(&mapping, path, error);
    if (status != MYNA_OK) return status;
    status = myna_voice_load_memory(out, model, mapping.data, mapping.size, error);
    myna_file_unmap(&mapping);
    return status == MYNA_OK ? MYNA_OK : myna_fail_in(error, status, path);
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

myna_status myna_voice_save(const myna_voice *voice, const char *path, myna_error *error)
{
    if (!voice || !path) return myna_fail(error, MYNA_ERROR_ARGUMENT, "no voice to save, or no name for it");
    myna_status status = check_voice(voice, error);
    if (status != MYNA_OK) return myna_fail_in(error, status, path);
    myna_tensor_source sources[n_fields + n_frame_tensors];
    size_t n = 0;
    for (const field *f = fields; f < fields + n_fields; f++) {
        if (f->only_tuned && !myna_voice_is_tuned(voice)) continue;
        sources[n++] = (myna_tensor_source){
            .name = f->name, .n_dims = f->n > 1, .dims = {f->n}, .data = const_values_of(voice, f)};
    }
    if (voice->n_frames) {
        sources[n++] =
            (myna_tensor_source){.name = f0_name, .n_dims = 1, .dims = {voice->n_frames}, .data = voice->f0_hz};
        sources[n++] = (myna_tensor_source){.name = log_mel_name,
            .dtype = MYNA_F16,
            .n_dims = 2,
            .dims = {voice->n_frames, MYNA_MEL_BANDS},
            .data = voice->log_mel};
    }
    myna_facts facts = {0};
    if (myna_fact_set(&facts, "model_id", "%s", voice->model_id)) {
        status = myna_tensor_file_write(path, voice_format, sources, n, &facts, error);
    } else {
        status = myna_fail(error, MYNA_ERROR_MEMORY, "no memory for metadata");
    }
    myna_facts_free(&facts);
    return status;
}
