#include "base/file.h"
#include "base/status.h"
#include "cli/cli.h"
#include "io/audio_file.h"
#include "model/tensor_file.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- A sheet of facts about one file, as lines for people or as JSON -------------------------------------------- */

typedef struct sheet {
    cJSON *json; /* NULL: lines */
} sheet;

static void put_text(sheet *s, const char *key, const char *label, const char *text)
{
    if (s->json) cJSON_AddStringToObject(s->json, key, text);
    else printf("  %-22s %s\n", label, text);
}

/* `value` in JSON (to four decimals; null where it is not finite), `text` for people; NULL: JSON only. Frees the text.
 */
static void put_number(sheet *s, const char *key, const char *label, double value, char *text)
{
    if (s->json && isfinite(value)) cJSON_AddNumberToObject(s->json, key, round(1e4 * value) / 1e4);
    else if (s->json) cJSON_AddNullToObject(s->json, key);
    else if (text) printf("  %-22s %s\n", label, text);
    free(text);
}

static void put_fact(sheet *s, cJSON *facts, const char *key, const char *value)
{
    char number[32];
    if (strncmp(value, "0x", 2) == 0) { /* checkpoints keep numbers to the last bit */
        snprintf(number, sizeof number, "%g", strtod(value, NULL));
        value = number;
    }
    if (s->json) cJSON_AddStringToObject(facts, key, value);
    else printf("  %-22s %s\n", key, value);
}

static void put_profile(sheet *s, const myna_profile *profile)
{
    double level_db = (double)profile->speech_level_db, low_hz = (double)profile->f0_low_hz;
    double high_hz = (double)profile->f0_high_hz, mean_hz = exp((double)profile->log_f0_mean);
    bool has_speech = profile->speech_seconds > 0, has_f0 = high_hz > 0;
    put_number(s, "speech_seconds", "speech", (double)profile->speech_seconds,
        has_speech ? myna_text("%.2f s", (double)profile->speech_seconds) : myna_text("none"));
    put_number(s, "speech_level_db", "speech level", level_db, has_speech ? myna_text("%.1f dBFS", level_db) : NULL);
    put_number(s, "voiced_seconds", "voiced", (double)profile->voiced_seconds, NULL);
    put_number(s, "f0_mean_hz", "F0", has_f0 ? mean_hz : (double)NAN,
        has_f0 ? myna_text("%.0f to %.0f Hz, around %.0f Hz", low_hz, high_hz, mean_hz) : NULL);
    put_number(s, "f0_low_hz", NULL, has_f0 ? low_hz : (double)NAN, NULL);
    put_number(s, "f0_high_hz", NULL, has_f0 ? high_hz : (double)NAN, NULL);
}

/* The first lines of every sheet. */
static void start(sheet *s, const char *path, const char *kind)
{
    if (!s->json) {
        printf("%s: %s\n", path, kind);
        return;
    }
    cJSON_AddStringToObject(s->json, "file", path);
    cJSON_AddStringToObject(s->json, "kind", kind);
}

/* ---- The kinds of files -------------------------------------------------------------------------------------------
 */

static myna_status measure(myna_profile *profile, myna_audio_info *info, const char *path, myna_error *error)
{
    float *samples = NULL;
    size_t n_samples;
    myna_interrupt_at_once(true);
    myna_status status = myna_audio_load(&samples, &n_samples, path, info, error);
    if (status == MYNA_OK) status = myna_profile_measure(profile, samples, n_samples, error);
    myna_interrupt_at_once(false);
    free(samples);
    return status;
}

static myna_status show_recording(sheet *s, const char *path, myna_error *error)
{
    myna_audio_info info;
    myna_profile profile;
    myna_status status = measure(&profile, &info, path, error);
    if (status != MYNA_OK) return status;
    double seconds = (double)profile.duration_seconds;
    start(s, path, "recording");
    put_text(s, "format", "format", info.format);
    put_number(s, "sample_rate_hz", "sample rate", info.sample_rate_hz, myna_text("%d Hz", info.sample_rate_hz));
    put_number(s, "channels", "channels", info.channels, myna_text("%d", info.channels));
    put_number(s, "duration_seconds", "duration", seconds, myna_text("%.2f s", seconds));
    put_profile(s, &profile);
    return MYNA_OK;
}

static myna_status show_model(sheet *s, const char *path, myna_error *error)
{
    myna_model *model;
    myna_status status = myna_model_load(&model, path, error);
    if (status != MYNA_OK) return status;
    start(s, path, "model");
    put_text(s, "id", "id", myna_model_id(model));
    double n_parameters = (double)myna_model_n_parameters(model);
    put_number(s, "parameters", "parameters", n_parameters, myna_text("%.0f", n_parameters));
    cJSON *facts = s->json ? cJSON_AddObjectToObject(s->json, "facts") : NULL;
    const char *key, *value;
    for (size_t i = 0; myna_model_fact_at(model, i, &key, &value); i++) put_fact(s, facts, key, value);
    myna_model_free(model);
    return MYNA_OK;
}

static myna_status show_voice(sheet *s, const char *path, myna_error *error)
{
    myna_voice *voice;
    myna_status status = myna_voice_load(&voice, NULL, path, error);
    if (status != MYNA_OK) return status;
    start(s, path, "voice");
    put_text(s, "model_id", "model", myna_voice_model_id(voice));
    bool can_reembed = myna_voice_can_reembed(voice);
    if (s->json) cJSON_AddBoolToObject(s->json, "can_reembed", can_reembed);
    else printf("  %-22s %s\n", "other models", can_reembed ? "yes, it carries log-mel" : "no, it carries no log-mel");
    if (s->json) cJSON_AddBoolToObject(s->json, "tuned", myna_voice_is_tuned(voice));
    else if (myna_voice_is_tuned(voice)) printf("  %-22s yes\n", "tuned");
    put_profile(s, myna_voice_profile(voice));
    myna_voice_free(voice);
    return MYNA_OK;
}

static myna_status show_checkpoint(sheet *s, const char *path, const myna_tensor_file *file)
{
    start(s, path, "checkpoint");
    const char *step = myna_fact_find(&file->facts, "step"), *of = myna_fact_find(&file->facts, "n_steps");
    if (s->json) cJSON_AddNumberToObject(s->json, "step", step ? strtod(step, NULL) : 0);
    else printf("  %-22s %s of %s\n", "steps done", step ? step : "?", of ? of : "?");
    cJSON *facts = s->json ? cJSON_AddObjectToObject(s->json, "facts") : NULL;
    for (size_t i = 0; i < file->facts.n; i++) put_fact(s, facts, file->facts.items[i].key, file->facts.items[i].value);
    return MYNA_OK;
}

/* ---- Which kind: by content ----------------------------------------------------------------------------------------
 */

/* An 8-byte length, and the start of a JSON object. No audio format begins like that. */
static bool is_tensor_file(const myna_mapping *file)
{
    uint64_t header_bytes = 0;
    if (file->size < 10) return false;
    for (int i = 7; i >= 0; i--) header_bytes = header_bytes << 8 | file->data[i];
    return header_bytes < 1u << 27 && file->data[8] == '{';
}

static myna_status show_tensor_file(sheet *s, const char *path, const myna_mapping *mapping, myna_error *error)
{
    myna_tensor_file file;
    myna_status status = myna_tensor_file_parse(&file, mapping->data, mapping->size, NULL, error);
    if (status != MYNA_OK) return status;
    const char *format = myna_fact_find(&file.facts, "format");
    if (format && strcmp(format, "myna-model") == 0) status = show_model(s, path, error);
    else if (format && strcmp(format, "myna-voice") == 0) status = show_voice(s, path, error);
    else if (format && strcmp(format, "myna-checkpoint") == 0) status = show_checkpoint(s, path, &file);
    else status = myna_fail(error, MYNA_ERROR_FORMAT, "a safetensors file, but not one of Myna's");
    myna_tensor_file_free(&file);
    return status;
}

static int show(const char *path, bool as_json)
{
    myna_error error = {0};
    myna_mapping mapping;
    sheet s = {as_json ? cJSON_CreateObject() : NULL};
    myna_status status = myna_file_map(&mapping, path, &error);
    if (status == MYNA_OK) {
        bool holds_tensors = is_tensor_file(&mapping);
        status = holds_tensors ? show_tensor_file(&s, path, &mapping, &error) : show_recording(&s, path, &error);
        myna_file_unmap(&mapping);
    }
    if (status == MYNA_OK && s.json) myna_cli_print_json(s.json);
    else cJSON_Delete(s.json);
    return myna_report_status(path, status, &error);
}

static int show_all(const myna_strings *paths, bool as_json)
{
    size_t n_failed = 0;
    for (size_t i = 0; i < paths->n; i++) {
        if (myna_interrupted) return MYNA_EXIT_INTERRUPTED;
        n_failed += show(paths->items[i], as_json) != MYNA_EXIT_OK;
    }
    return myna_exit_of_batch(n_failed, paths->n);
}

int myna_cli_show_files(int argc, char **argv, const char *usage, const char *about)
{
    myna_strings operands = {0};
    bool as_json = false;
    const myna_option options[] = {
        {"json", 'j', MYNA_OPTION_FLAG, &as_json, NULL, "print a line of JSON for each file", 0, 0, NULL},
        {0},
    };
    const myna_command command = {usage, about, options, 1, -1};
    int code;
    if (myna_options_parse(&command, argc, argv, &operands, &code)) code = show_all(&operands, as_json);
    myna_strings_free(&operands);
    return code;
}

int myna_cmd_info(int argc, char **argv)
{
    return myna_cli_show_files(argc, argv, "info FILE...",
        "Says what is in recordings, models, voices and training checkpoints. The kind is\nfound by content.");
}
