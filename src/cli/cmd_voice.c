#include "cli/voice_input.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_MIXED = 64 };

/* What the subcommands share; each offers the options it knows. */
typedef struct arguments {
    myna_strings operands;
    const char *output, *model, *weights;
    bool force, json, quiet, tune;
} arguments;

#define OPTION_OUTPUT(a, help)                                                                                         \
    {                                                                                                                  \
        "output", 'o', MYNA_OPTION_TEXT, &(a)->output, "FILE", help, 0, 0, NULL                                        \
    }
#define OPTION_FORCE(a, help)                                                                                          \
    {                                                                                                                  \
        "force", 'f', MYNA_OPTION_FLAG, &(a)->force, NULL, help, 0, 0, NULL                                            \
    }
#define OPTION_MODEL(a)                                                                                                \
    {                                                                                                                  \
        "model", 'm', MYNA_OPTION_TEXT, &(a)->model, "MODEL", "the model file", 0, 0, NULL                             \
    }
#define OPTION_JSON(a)                                                                                                 \
    {                                                                                                                  \
        "json", 'j', MYNA_OPTION_FLAG, &(a)->json, NULL, "print a line of JSON", 0, 0, NULL                            \
    }
#define OPTION_QUIET(a)                                                                                                \
    {                                                                                                                  \
        "quiet", 'q', MYNA_OPTION_FLAG, &(a)->quiet, NULL, "print errors only", 0, 0, NULL                             \
    }

static int fail_usage(const char *subcommand, const char *reason)
{
    myna_report(subcommand, "%s", reason);
    return MYNA_EXIT_USAGE;
}

static void print_voice(const char *path, const myna_voice *voice, const arguments *a)
{
    const myna_profile *profile = myna_voice_profile(voice);
    bool has_f0 = profile->f0_high_hz > 0;
    if (a->json) {
        cJSON *json = cJSON_CreateObject();
        cJSON_AddStringToObject(json, "file", path);
        cJSON_AddNumberToObject(json, "speech_seconds", (double)profile->speech_seconds);
        /* cJSON writes null for what is no number */
        cJSON_AddNumberToObject(json, "f0_mean_hz", has_f0 ? exp((double)profile->log_f0_mean) : (double)NAN);
        cJSON_AddNumberToObject(json, "f0_low_hz", has_f0 ? (double)profile->f0_low_hz : (double)NAN);
        cJSON_AddNumberToObject(json, "f0_high_hz", has_f0 ? (double)profile->f0_high_hz : (double)NAN);
        cJSON_AddStringToObject(json, "model_id", myna_voice_model_id(voice));
        myna_cli_print_json(json);
    } else if (!a->quiet) {
        printf("%s: %.1f s of speech", path, (double)profile->speech_seconds);
        if (has_f0) printf(", F0 %.0f to %.0f Hz", (double)profile->f0_low_hz, (double)profile->f0_high_hz);
        putchar('\n');
    }
}

/* Saves `voice` where nothing stands in the way, and says so. */
static int save(const myna_voice *voice, const char *path, const arguments *a)
{
    int code = myna_cli_check_output(path, a->force);
    if (code != MYNA_EXIT_OK) return code;
    if (myna_interrupted) return MYNA_EXIT_INTERRUPTED;
    myna_error error = {0};
    code = myna_report_status(path, myna_voice_save(voice, path, &error), &error);
    if (code == MYNA_EXIT_OK) print_voice(path, voice, a);
    return code;
}

/* ---- enroll -------------------------------------------------------------------------------------------------------
 */

/* Puts the tuned voice in the other's place. */
static int tune(myna_voice **voice, const myna_model *model, const arguments *a)
{
    myna_voice *tuned = NULL;
    myna_tuning report;
    myna_error error = {0};
    myna_interrupt_at_once(true);
    myna_status status = myna_voice_tune(&tuned, model, *voice, &report, &error);
    myna_interrupt_at_once(false);
    int code = myna_report_status(a->operands.items[0], status, &error);
    if (code != MYNA_EXIT_OK) return code;
    myna_voice_free(*voice);
    *voice = tuned;
    myna_note(a->output, "tuned in %d steps; speech held back is off by %.4f, before by %.4f", report.n_steps,
        (double)report.loss_after, (double)report.loss_before);
    return MYNA_EXIT_OK;
}

static int run_enroll(const arguments *a)
{
    if (!a->output) return fail_usage("voice enroll", "name the voice file to write with -o");
    if (!myna_is_voice_name(a->output)) return fail_usage("voice enroll", "the name after -o ends in .voice");
    if (a->operands.n == 1 && myna_is_voice_name(a->operands.items[0]))
        return fail_usage("voice enroll", "takes recordings; for voice files there are mix and reembed");
    myna_set_quiet(a->quiet);
    myna_model *model = NULL;
    myna_voice *voice = NULL;
    int code = myna_cli_check_output(a->output, a->force); /* before the work */
    if (code == MYNA_EXIT_OK) code = myna_cli_load_model(&model, a->model);
    if (code == MYNA_EXIT_OK) code = myna_cli_load_voice(&voice, model, &a->operands);
    if (code == MYNA_EXIT_OK && a->tune) code = tune(&voice, model, a);
    if (code == MYNA_EXIT_OK) code = save(voice, a->output, a);
    myna_voice_free(voice);
    myna_model_free(model);
    return code;
}

static int enroll(int argc, char **argv)
{
    arguments a = {0};
    const myna_option options[] = {
        OPTION_OUTPUT(&a, "the voice file to write"),
        OPTION_FORCE(&a, "replace it if it exists"),
        OPTION_MODEL(&a),
        {"tune", 0, MYNA_OPTION_FLAG, &a.tune, NULL, "take half a minute to bring the voice nearer to the recordings, of\n"
                                                   "which there must be 8 s or more", 0, 0, NULL},
        OPTION_JSON(&a),
        OPTION_QUIET(&a),
        {0},
    };
    const myna_command command = {"voice enroll RECORDING... -o anna.voice",
        "Makes a voice file from recordings of one speaker, or folders of them, each weighted\n"
        "by its speech. 3 s of clean speech are the least that is sensible, 10 to 30 s are good.",
        options, 1, -1};
    int code;
    if (myna_options_parse(&command, argc, argv, &a.operands, &code)) code = run_enroll(&a);
    myna_strings_free(&a.operands);
    return code;
}

/* ---- reembed ------------------------------------------------------------------------------------------------------
 */

/* What a gradient found for one model means nothing to another. */
static void note_lost_tuning(const char *path, const myna_voice *voice)
{
    myna_voice *before = NULL;
    if (myna_voice_load(&before, NULL, path, NULL) == MYNA_OK && myna_voice_is_tuned(before) && !myna_voice_is_tuned(voice))
        myna_note(path, "its tuning does not fit this model; enroll its recordings again with --tune");
    myna_voice_free(before);
}

static int reembed_one(const char *path, const char *output, const myna_model *model, const arguments *a)
{
    myna_error error = {0};
    myna_voice *voice = NULL;
    int code = myna_report_status(path, myna_voice_load(&voice, model, path, &error), &error);
    if (code == MYNA_EXIT_OK) note_lost_tuning(path, voice);
    if (code == MYNA_EXIT_OK) code = save(voice, output, a);
    myna_voice_free(voice);
    return code;
}

static int run_reembed(const arguments *a)
{
    size_t n = a->operands.n, n_failed = 0;
    if (a->output && n > 1)
        return fail_usage("voice reembed", "-o names one file; several voices are replaced with --force");
    if (a->output && !myna_is_voice_name(a->output))
        return fail_usage("voice reembed", "the name after -o ends in .voice");
    if (!a->output && !a->force)
        return fail_usage("voice reembed", "name the output with -o, or replace the voice with --force");
    myna_model *model = NULL;
    int code = myna_cli_load_model(&model, a->model);
    for (size_t i = 0; i < n && model && code != MYNA_EXIT_INTERRUPTED; i++) {
        const char *path = a->operands.items[i];
        code = reembed_one(path, a->output ? a->output : path, model, a);
        n_failed += code != MYNA_EXIT_OK;
    }
    myna_model_free(model);
    return n_failed == 0 || code == MYNA_EXIT_INTERRUPTED ? code : myna_exit_of_batch(n_failed, n);
}

static int reembed(int argc, char **argv)
{
    arguments a = {0};
    const myna_option options[] = {
        OPTION_OUTPUT(&a, "where to write; without it the file is replaced (--force)"),
        OPTION_FORCE(&a, "replace files that exist"),
        OPTION_MODEL(&a),
        OPTION_JSON(&a),
        OPTION_QUIET(&a),
        {0},
    };
    const myna_command command = {"voice reembed FILE... -m MODEL [-o OUT.voice | --force]",
        "Makes voice files fit another model, from the speech features they carry.\n"
        "Mixed voices carry none and fit their own model only; tuning is lost.",
        options, 1, -1};
    int code;
    if (myna_options_parse(&command, argc, argv, &a.operands, &code)) code = run_reembed(&a);
    myna_strings_free(&a.operands);
    return code;
}

/* ---- mix ----------------------------------------------------------------------------------------------------------
 */

/* weights[n], all alike where `text` is NULL; NULL or what is wrong. */
static const char *read_weights(float *weights, const char *text, size_t n)
{
    double values[MAX_MIXED], sum = 0;
    size_t count = n;
    for (size_t i = 0; i < n; i++) values[i] = 1;
    if (text && !myna_numbers_parse(text, values, MAX_MIXED, &count)) return "--weights takes numbers, such as .3,.7";
    if (count != n) return "--weights takes as many numbers as there are voices";
    for (size_t i = 0; i < n; i++) {
        if (values[i] < 0) return "--weights are not negative";
        sum += values[i];
        weights[i] = (float)values[i];
    }
    return sum > 0 ? NULL : "--weights are all zero";
}

static int load_and_mix(const arguments *a, const myna_model *model, const float *weights)
{
    myna_error error = {0};
    myna_voice *voices[MAX_MIXED] = {0}, *mixed = NULL;
    int code = MYNA_EXIT_OK;
    for (size_t i = 0; i < a->operands.n && code == MYNA_EXIT_OK; i++) {
        const char *path = a->operands.items[i];
        code = myna_report_status(path, myna_voice_load(&voices[i], model, path, &error), &error);
    }
    if (code == MYNA_EXIT_OK) {
        myna_status status = myna_voice_mix(&mixed, (const myna_voice *const *)voices, weights, a->operands.n, &error);
        code = myna_report_status(a->output, status, &error);
    }
    if (code == MYNA_EXIT_OK) code = save(mixed, a->output, a);
    myna_voice_free(mixed);
    for (size_t i = 0; i < a->operands.n; i++) myna_voice_free(voices[i]);
    return code;
}

static int run_mix(const arguments *a)
{
    float weights[MAX_MIXED];
    if (!a->output) return fail_usage("voice mix", "name the voice file to write with -o");
    if (!myna_is_voice_name(a->output)) return fail_usage("voice mix", "the name after -o ends in .voice");
    const char *wrong = read_weights(weights, a->weights, a->operands.n);
    if (wrong) return fail_usage("voice mix", wrong);
    myna_model *model = NULL;
    int code = MYNA_EXIT_OK;
    for (size_t i = 0; i < a->operands.n && code == MYNA_EXIT_OK; i++) /* it would lose its recordings' features */
        code = myna_cli_refuse_same(a->operands.items[i], a->output);
    if (code == MYNA_EXIT_OK) code = myna_cli_check_output(a->output, a->force);
    if (code == MYNA_EXIT_OK) code = myna_cli_load_model(&model, a->model);
    if (code == MYNA_EXIT_OK) code = load_and_mix(a, model, weights);
    myna_model_free(model);
    return code;
}

static int mix(int argc, char **argv)
{
    arguments a = {0};
    const myna_option options[] = {
        {"weights", 'w', MYNA_OPTION_TEXT, &a.weights, "W,W,...", "one for each voice (all alike)", 0, 0, NULL},
        OPTION_OUTPUT(&a, "the voice file to write"),
        OPTION_FORCE(&a, "replace it if it exists"),
        OPTION_MODEL(&a),
        OPTION_JSON(&a),
        OPTION_QUIET(&a),
        {0},
    };
    const myna_command command = {"voice mix A.voice B.voice... [--weights .3,.7] -o C.voice",
        "Makes a voice between others.", options, 2, MAX_MIXED};
    int code;
    if (myna_options_parse(&command, argc, argv, &a.operands, &code)) code = run_mix(&a);
    myna_strings_free(&a.operands);
    return code;
}

/* ---- voice --------------------------------------------------------------------------------------------------------
 */

static int show(int argc, char **argv)
{
    return myna_cli_show_files(argc, argv, "voice show FILE...", "Says what is in voice files, as myna info does.");
}

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} subcommands[] = {
    {"enroll", enroll, "make a voice from recordings"},
    {"show", show, "say what a voice file holds"},
    {"reembed", reembed, "make voice files fit another model"},
    {"mix", mix, "make a voice between others"},
};
enum { N_SUBCOMMANDS = sizeof subcommands / sizeof subcommands[0] };

static void print_help(void)
{
    printf("usage: myna voice COMMAND ...\n\nMakes, shows and mixes voice files, which conversions can aim at.\n\n");
    for (int i = 0; i < N_SUBCOMMANDS; i++) printf("  %-9s %s\n", subcommands[i].name, subcommands[i].summary);
    printf("\nmyna voice COMMAND --help tells more.\n");
}

int myna_cmd_voice(int argc, char **argv)
{
    if (argc < 2) return fail_usage("voice", "say what to do: enroll, show, reembed or mix; see myna voice --help");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help();
        return MYNA_EXIT_OK;
    }
    for (int i = 0; i < N_SUBCOMMANDS; i++) {
        if (strcmp(argv[1], subcommands[i].name) != 0) continue;
        char name[32]; /* as messages have it */
        snprintf(name, sizeof name, "voice %s", subcommands[i].name);
        argv[1] = name;
        return subcommands[i].run(argc - 1, argv + 1);
    }
    myna_report("voice", "unknown command '%s', see myna voice --help", argv[1]);
    return MYNA_EXIT_USAGE;
}
