#include "cli/convert_batch.h"
#include "cli/convert_file.h"
#include "cli/find_files.h"
#include "cli/voice_input.h"

#include "base/status.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct arguments {
    myna_strings inputs, to;
    const char *output, *model, *pitch, *source;
    int latency;
    int64_t iterations, seed;
    double gate_db;
    bool force, raw, live_profile, json, quiet;
} arguments;

static const char about[] = "Converts recordings to the voice of VOICE: a .voice file, or recordings of the\n"
                            "target (--to a.wav --to b.wav, or a folder of them). INPUT is a recording, a\n"
                            "folder, or - for standard input. The output is mono and keeps the input's sample\n"
                            "rate, length and speech level.\n\n"
                            "Files are heard twice: once to measure speech level, pitch and sound, once to\n"
                            "convert. Standard input (WAV, AU, AIFF or FLAC) is converted as it comes, on\n"
                            "estimates that get better as it runs.\n\n"
                            "Without -o, speech.wav in the voice of anna.voice becomes speech.anna.wav beside\n"
                            "it, and standard input goes to standard output. Where -o is a folder, or there\n"
                            "are several inputs, outputs go into it under the inputs' names (a.flac.wav where\n"
                            "there is a.ogg too), and input folders are mirrored in it. Folders are made where\n"
                            "they are missing.";

static bool read_arguments(arguments *a, int argc, char **argv, int *exit_code)
{
    const myna_option options[] = {
        {"to", 't', MYNA_OPTION_TEXTS, &a->to, "VOICE", "target: a voice file or recordings; may be repeated", 0, 0,
            NULL},
        {"output", 'o', MYNA_OPTION_TEXT, &a->output, "OUT",
            "output: a file, " MYNA_AUDIO_SUFFIXES "\n(16 bit where the format has bits); a folder; - for WAV\n"
            "on standard output, as it is made",
            0, 0, NULL},
        {"force", 'f', MYNA_OPTION_FLAG, &a->force, NULL, "replace outputs that exist", 0, 0, NULL},
        {"pitch", 'p', MYNA_OPTION_TEXT, &a->pitch, "HOW",
            "auto: the target's mean and spread (default); keep: the\n"
            "source's melody; +N or -N: that moved by N semitones;\n"
            "auto+N or auto-N: auto, then moved by N semitones",
            0, 0, NULL},
        {"latency", 'l', MYNA_OPTION_CHOICE, &a->latency, NULL, "how much of the future is heard: 50, 75 or 200 ms",
            0, 0, myna_latency_names},
        {"iterations", 'i', MYNA_OPTION_INTEGER, &a->iterations, "N", "of the waveform stage a frame (8)", 0, 64, NULL},
        {"seed", 's', MYNA_OPTION_INTEGER, &a->seed, "N", "of the noise in unvoiced sounds (0)", 0, 9e15, NULL},
        {"live-profile", 0, MYNA_OPTION_FLAG, &a->live_profile, NULL,
            "as myna live would: no first pass, estimates that get\nbetter as it runs", 0, 0, NULL},
        {"source", 0, MYNA_OPTION_TEXT, &a->source, "VOICE",
            "whose recordings tell where estimates start: the\nspeaker's own voice, enrolled", 0, 0, NULL},
        {"gate", 'g', MYNA_OPTION_NUMBER, &a->gate_db, "DB",
            "what is so far below speech begins to fade (-35)", -80, -10, NULL},
        {"raw", 'r', MYNA_OPTION_FLAG, &a->raw, NULL,
            "standard input to standard output, both 16 kHz mono\ns16le without a header", 0, 0, NULL},
        {"model", 'm', MYNA_OPTION_TEXT, &a->model, "MODEL", "the model file, instead of the one that came along", 0, 0,
            NULL},
        {"json", 'j', MYNA_OPTION_FLAG, &a->json, NULL, "print a line of JSON for each recording", 0, 0, NULL},
        {"quiet", 'q', MYNA_OPTION_FLAG, &a->quiet, NULL, "print errors only", 0, 0, NULL},
        {0},
    };
    const myna_command command = {"convert INPUT... --to VOICE [-o OUT]", about, options, 1, -1};
    return myna_options_parse(&command, argc, argv, &a->inputs, exit_code);
}

/* "auto", "keep", "+3", "auto-2.5" */
static bool read_pitch(myna_converter_options *options, const char *text)
{
    bool is_auto = strncmp(text, "auto", 4) == 0;
    const char *rest = is_auto ? text + 4 : text;
    options->pitch = is_auto ? MYNA_PITCH_AUTO : MYNA_PITCH_KEEP;
    options->pitch_semitones = 0;
    if (strcmp(text, "keep") == 0 || (is_auto && !*rest)) return true;
    double semitones;
    size_t n;
    if (!strchr("+-", rest[0]) || !myna_numbers_parse(rest, &semitones, 1, &n) || fabs(semitones) > 24) return false;
    options->pitch_semitones = (float)semitones;
    return true;
}

/* What the parser cannot see: options that do not go together. */
static const char *find_contradiction(const arguments *a)
{
    bool to_stdout = a->output && myna_is_stream(a->output);
    for (size_t i = 0; i < a->inputs.n && !a->output; i++) to_stdout |= myna_is_stream(a->inputs.items[i]);
    if (a->to.n == 0) return "no target: name a voice or recordings with --to";
    if (a->source && !a->live_profile && !(a->inputs.n == 1 && myna_is_stream(a->inputs.items[0])))
        return "--source is for what is heard once: standard input, or files with --live-profile";
    if (a->raw && (a->inputs.n != 1 || !myna_is_stream(a->inputs.items[0]) || !to_stdout))
        return "--raw goes from standard input to standard output: myna convert --raw - --to VOICE";
    if (a->json && to_stdout) return "--json and the recording would both go to standard output";
    if (to_stdout && (a->inputs.n != 1 || myna_is_folder(a->inputs.items[0])))
        return "only a single recording can go to standard output";
    return NULL;
}

/* ---- One recording after the other ------------------------------------------------------------------------------- */

static void print_notes(const char *input, const myna_conversion_report *report)
{
    const myna_audio_info *info = &report->input;
    if (info->channels > 1) myna_note(input, "%d channels mixed down to one", info->channels);
    if (info->sample_rate_hz < MYNA_SAMPLE_RATE_HZ)
        myna_note(input, "%d Hz: nothing above %d Hz to convert", info->sample_rate_hz, info->sample_rate_hz / 2);
    if (report->clipped_share > .001)
        myna_note(input, "%.1f %% of the samples are clipped", 100 * report->clipped_share);
    if (!report->has_profile) return;
    double speech_seconds = (double)report->profile.speech_seconds;
    if (speech_seconds == 0) myna_note(input, "no speech found in it");
    else if (speech_seconds < .5) myna_note(input, "only %.2f s of speech found in it", speech_seconds);
    else if (report->profile.voiced_seconds == 0) myna_note(input, "no voiced speech found in it");
}

static void print_report(
    const char *input, const char *output, const myna_conversion_report *report, const char *model_id, bool as_json)
{
    double rtf = report->wall_seconds / report->seconds, semitones = (double)report->pitch_shift_semitones;
    bool has_pitch = report->has_profile && report->profile.voiced_seconds > 0;
    if (!as_json) {
        printf("%s: %.1f s in %.2f s (RTF %.3f)", output, report->seconds, report->wall_seconds, rtf);
        printf(has_pitch ? ", pitch %+.1f semitones\n" : "\n", semitones);
        fflush(stdout);
        return;
    }
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "input", input);
    cJSON_AddStringToObject(json, "output", output);
    cJSON_AddNumberToObject(json, "seconds", report->seconds);
    cJSON_AddNumberToObject(json, "wall_seconds", report->wall_seconds);
    cJSON_AddNumberToObject(json, "rtf", rtf);
    if (has_pitch) cJSON_AddNumberToObject(json, "pitch_shift_semitones", semitones);
    else cJSON_AddNullToObject(json, "pitch_shift_semitones");
    if (report->has_profile) {
        cJSON_AddNumberToObject(json, "speech_seconds", (double)report->profile.speech_seconds);
        cJSON_AddNumberToObject(json, "speech_level_db", (double)report->profile.speech_level_db);
    }
    cJSON_AddNumberToObject(json, "sample_rate_hz", report->input.sample_rate_hz);
    cJSON_AddStringToObject(json, "model_id", model_id);
    myna_cli_print_json(json);
    fflush(stdout);
}

static myna_status fail_target(const char *output, myna_error *error)
{
    return myna_fail_in(error, myna_fail(error, MYNA_ERROR_FILE, "is output and target at once"), output);
}

static myna_status convert_one(
    const myna_batch *batch, size_t i, const arguments *a, const myna_conversion *conversion, myna_error *error)
{
    const char *input = batch->inputs.items[i], *output = batch->outputs.items[i];
    myna_conversion_report report;
    myna_status status = myna_batch_check_output(batch, i, a->force, error);
    for (size_t k = 0; k < a->to.n && status == MYNA_OK; k++)
        if (myna_is_same_file(a->to.items[k], output)) status = fail_target(output, error);
    if (status == MYNA_OK && !myna_is_stream(output)) status = myna_make_folder_of(output, error);
    if (status != MYNA_OK) return status;
    status = myna_convert_file(&report, conversion, input, output, error);
    if (status != MYNA_OK) return status;
    const char *name = myna_is_stream(input) ? "standard input" : input;
    print_notes(name, &report);
    if ((a->json || !a->quiet) && !myna_is_stream(output))
        print_report(name, output, &report, myna_model_id(conversion->model), a->json);
    return MYNA_OK;
}

static int convert_batch(myna_batch *batch, const arguments *a, const myna_conversion *conversion)
{
    myna_status status = MYNA_OK;
    for (size_t i = 0; i < batch->inputs.n && status != MYNA_ERROR_INTERRUPTED; i++) {
        myna_error error = {0};
        status = myna_interrupted ? MYNA_ERROR_INTERRUPTED : convert_one(batch, i, a, conversion, &error);
        if (status == MYNA_OK || status == MYNA_ERROR_INTERRUPTED) continue;
        if (!error.detail[0]) myna_fail(&error, status, "%s", myna_status_message(status));
        myna_batch_fail(batch, error.file[0] ? error.file : batch->inputs.items[i], error.detail);
    }
    if (batch->n_tasks > 1 && batch->failed.n > 0)
        myna_report(NULL, "%zu of %zu recordings failed:", batch->failed.n, batch->n_tasks);
    for (size_t i = 0; i < batch->failed.n; i++) myna_report(batch->failed.items[i], "%s", batch->reasons.items[i]);
    if (status == MYNA_ERROR_INTERRUPTED) return MYNA_EXIT_INTERRUPTED;
    return myna_exit_of_batch(batch->failed.n, batch->n_tasks);
}

/* With the model and the voice, which are loaded once for all. */
static int convert(myna_batch *batch, const arguments *a, myna_conversion *conversion)
{
    myna_model *model = NULL;
    myna_voice *voice = NULL;
    int code = myna_cli_load_model(&model, a->model);
    if (code == MYNA_EXIT_OK) code = myna_cli_load_voice(&voice, model, &a->to);
    myna_source source;
    if (code == MYNA_EXIT_OK) code = myna_cli_load_source(&source, &conversion->options, a->source, model, voice);
    if (code == MYNA_EXIT_OK) {
        conversion->model = model;
        conversion->voice = voice;
        code = convert_batch(batch, a, conversion);
    }
    myna_voice_free(voice);
    myna_model_free(model);
    return code;
}

/* From checked options to the end. */
static int run(const arguments *a)
{
    myna_set_quiet(a->quiet);
    myna_conversion conversion = {0};
    myna_converter_options_init(&conversion.options);
    const char *contradiction = find_contradiction(a);
    if (contradiction) {
        myna_report("convert", "%s", contradiction);
        return MYNA_EXIT_USAGE;
    }
    if (!read_pitch(&conversion.options, a->pitch)) {
        myna_report("convert", "--pitch is auto, keep, +N, -N, auto+N or auto-N, with N up to 24; not '%s'", a->pitch);
        return MYNA_EXIT_USAGE;
    }
    conversion.is_raw = a->raw;
    conversion.is_live = a->live_profile;
    conversion.shows_progress = !a->quiet && isatty(STDERR_FILENO);
    conversion.options.latency = (myna_latency)a->latency;
    conversion.options.iterations = (int)a->iterations;
    conversion.options.seed = (uint64_t)a->seed;
    conversion.options.gate_db = (float)a->gate_db;
    myna_batch batch = {0};
    int code = myna_batch_plan(&batch, &a->inputs, a->output, a->to.items[0]);
    if (code == MYNA_EXIT_OK) code = convert(&batch, a, &conversion);
    myna_batch_free(&batch);
    return code;
}

int myna_cmd_convert(int argc, char **argv)
{
    arguments a = {.pitch = "auto", .latency = MYNA_LATENCY_BEST, .iterations = MYNA_DEFAULT_ITERATIONS, .gate_db = MYNA_DEFAULT_GATE_DB};
    int code;
    if (read_arguments(&a, argc, argv, &code)) code = run(&a);
    myna_strings_free(&a.inputs);
    myna_strings_free(&a.to);
    return code;
}
