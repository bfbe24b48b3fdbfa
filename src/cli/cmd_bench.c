#include "base/clock.h"
#include "base/percentile.h"
#include "base/status.h"
#include "base/threads.h"
#include "cli/bench.h"
#include "io/audio_file.h"
#include "nn/gemm.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    myna_status (*run)(const myna_bench *b, myna_error *error);
} parts[] = {
    {"length", myna_bench_length}, /* first: it shows the process's peak memory */
    {"mel", myna_bench_mel},
    {"griffin-lim", myna_bench_griffin_lim},
    {"network", myna_bench_network},
    {"training", myna_bench_training},
    {"live", myna_bench_live},
};
enum { N_PARTS = sizeof parts / sizeof parts[0], MAX_RUNS = 1000 };

/* ---- Measuring --------------------------------------------------------------------------------------------------- */

myna_bench_figure myna_bench_time(myna_bench_job *job, void *context, int n_runs)
{
    double seconds[MAX_RUNS];
    job(context);
    for (int i = 0; i < n_runs; i++) {
        double start = myna_seconds_now();
        job(context);
        seconds[i] = myna_seconds_now() - start;
    }
    myna_sort(seconds, (size_t)n_runs);
    return (myna_bench_figure){seconds[0], myna_percentile(seconds, (size_t)n_runs, 50)};
}

/* ---- The report -------------------------------------------------------------------------------------------------- */

void myna_bench_heading(const myna_bench *b, const char *text)
{
    if (!b->json) printf("%-46s %9s %9s\n", text, "least", "median");
}

static void print_seconds(double seconds)
{
    if (seconds < 1e-3) printf(" %6.1f us", 1e6 * seconds);
    else if (seconds < 1) printf(" %6.1f ms", 1e3 * seconds);
    else printf(" %7.2f s", seconds);
}

void myna_bench_put(const myna_bench *b, const char *key, const char *label, myna_bench_figure figure)
{
    if (b->json) {
        cJSON *item = cJSON_AddObjectToObject(b->json, key);
        cJSON_AddNumberToObject(item, "least", figure.least);
        cJSON_AddNumberToObject(item, "median", figure.median);
        return;
    }
    printf("  %-44s", label);
    print_seconds(figure.least);
    print_seconds(figure.median);
    printf("\n");
    fflush(stdout);
}

void myna_bench_put_number(const myna_bench *b, const char *key, const char *label, double value, const char *unit)
{
    if (b->json) cJSON_AddNumberToObject(b->json, key, value);
    else printf("  %-54s %9.4g %s\n", label, value, unit);
    fflush(stdout);
}

/* What the figures depend on. */
static void put_machine(const myna_bench *b)
{
    char line[256], processor[256] = "unknown processor";
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file)) {
        char *name = strstr(line, ": ");
        if (strncmp(line, "model name", 10) != 0 || !name) continue;
        snprintf(processor, sizeof processor, "%s", name + 2);
        processor[strcspn(processor, "\n")] = 0;
        break;
    }
    if (file) fclose(file);
    if (!b->json) {
        printf("myna %s, %s, %d cores, OpenBLAS kernels %s; %d runs each\n", myna_version(), processor,
            myna_cpu_count(), myna_gemm_kernels(), b->n_runs);
        return;
    }
    cJSON_AddStringToObject(b->json, "version", myna_version());
    cJSON_AddStringToObject(b->json, "processor", processor);
    cJSON_AddNumberToObject(b->json, "cores", myna_cpu_count());
    cJSON_AddStringToObject(b->json, "blas_kernels", myna_gemm_kernels());
    cJSON_AddNumberToObject(b->json, "runs", b->n_runs);
}

/* ---- What is listened to ----------------------------------------------------------------------------------------- */

/* Ten seconds of something that the front end takes for speech: syllables of harmonics, with breath between. */
static void make_up_speech(float *out, size_t n)
{
    const double pi = 3.14159265358979323846;
    double cycle = 0;
    uint32_t noise = 1;
    for (size_t i = 0; i < n; i++) {
        double t = (double)i / MYNA_SAMPLE_RATE_HZ;
        double loudness = fmax(0, sin(2 * pi * 1.5 * t)), sum = 0;
        cycle += (140 + 40 * sin(2 * pi * 0.4 * t)) / MYNA_SAMPLE_RATE_HZ;
        for (int k = 1; k <= 20; k++) sum += sin(2 * pi * k * cycle) / k;
        noise = noise * 1664525u + 1013904223u;
        out[i] = (float)(0.1 * loudness * sum + 0.002 * ((double)noise / 4294967296.0 - 0.5));
    }
}

float *myna_bench_speech(const myna_bench *b, double seconds, size_t *n_samples)
{
    size_t n = (size_t)(seconds * MYNA_SAMPLE_RATE_HZ);
    float *samples = malloc((n + 1) * sizeof *samples);
    for (size_t i = 0; samples && i < n; i++) samples[i] = b->speech[i % b->n_samples];
    if (samples) *n_samples = n;
    return samples;
}

/* ---- The command ------------------------------------------------------------------------------------------------- */

typedef struct arguments {
    myna_strings operands;
    const char *model, *input, *lengths;
    int64_t n_runs, n_threads, batch;
    bool is_short, single_precision, live, json;
} arguments;

static bool is_wanted(const arguments *a, int part)
{
    for (size_t i = 0; i < a->operands.n; i++)
        if (strcmp(a->operands.items[i], parts[part].name) == 0) return true;
    if (strcmp(parts[part].name, "live") == 0 && a->live) return true;
    return a->operands.n == 0 && !a->live;
}

/* False, and reported, where a word names no part or the lengths are no list of rising seconds. */
static bool check(const arguments *a, myna_bench *b)
{
    for (size_t i = 0; i < a->operands.n; i++) {
        bool known = false;
        for (int k = 0; k < N_PARTS; k++) known |= strcmp(a->operands.items[i], parts[k].name) == 0;
        if (known) continue;
        myna_report(
            "bench", "nothing is called '%s': mel, griffin-lim, network, training, length, live", a->operands.items[i]);
        return false;
    }
    bool good = myna_numbers_parse(a->lengths, b->lengths, MYNA_BENCH_MAX_LENGTHS, &b->n_lengths);
    for (size_t i = 0; good && i < b->n_lengths; i++) good = b->lengths[i] >= (i ? b->lengths[i - 1] : 0.5);
    if (!good) myna_report("bench", "--lengths '%s' is not a list of seconds, rising from 0.5", a->lengths);
    return good;
}

static myna_status prepare(myna_bench *b, const char *input, myna_error *error)
{
    if (input) return myna_audio_load(&b->speech, &b->n_samples, input, NULL, error);
    b->n_samples = 10 * MYNA_SAMPLE_RATE_HZ;
    b->speech = malloc(b->n_samples * sizeof *b->speech);
    if (!b->speech) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for ten seconds");
    make_up_speech(b->speech, b->n_samples);
    return MYNA_OK;
}

static int run(const arguments *a)
{
    myna_bench b = {.n_runs = (int)a->n_runs, .n_threads = (int)a->n_threads, .batch = (int)a->batch};
    myna_model *model = NULL;
    myna_voice *voice = NULL;
    myna_error error = {0};
    if (!check(a, &b)) return MYNA_EXIT_USAGE;
    b.is_short = a->is_short;
    b.single_precision = a->single_precision;
    if (b.n_threads == 0) b.n_threads = myna_cpu_count();
    int code = myna_cli_load_model(&model, a->model);
    if (code != MYNA_EXIT_OK) return code;
    myna_interrupt_at_once(true);
    b.model = model;
    b.json = a->json ? cJSON_CreateObject() : NULL;
    myna_status status = prepare(&b, a->input, &error);
    if (status == MYNA_OK)
        status = myna_voice_enroll(&voice, model, &(myna_recording){b.speech, b.n_samples, a->input}, 1, &error);
    b.voice = voice;
    if (status == MYNA_OK) put_machine(&b);
    for (int i = 0; i < N_PARTS && status == MYNA_OK; i++)
        if (is_wanted(a, i)) status = parts[i].run(&b, &error);
    if (status == MYNA_OK && b.json) myna_cli_print_json(b.json);
    else cJSON_Delete(b.json);
    code = myna_report_status("bench", status, &error);
    myna_interrupt_at_once(false);
    free(b.speech);
    myna_voice_free(voice);
    myna_model_free(model);
    return code;
}

int myna_cmd_bench(int argc, char **argv)
{
    arguments a = {.n_runs = 7, .batch = 24, .lengths = "10,60,600"};
    const myna_option options[] = {
        {"live", 'l', MYNA_OPTION_FLAG, &a.live, NULL, "the same as the part live", 0, 0, NULL},
        {"runs", 'n', MYNA_OPTION_INTEGER, &a.n_runs, "N", "of each measurement, after one to warm up (7)", 1, MAX_RUNS,
            NULL},
        {"threads", 't', MYNA_OPTION_INTEGER, &a.n_threads, "N", "to train with, beside a single one (all cores)", 1,
            64, NULL},
        {"batch", 0, MYNA_OPTION_INTEGER, &a.batch, "N", "segments in a training step (24)", 1, 4096, NULL},
        {"single-precision", 0, MYNA_OPTION_FLAG, &a.single_precision, NULL, "training steps without bfloat16", 0, 0, NULL},
        {"lengths", 0, MYNA_OPTION_TEXT, &a.lengths, "SECONDS,...", "of recordings to convert (10,60,600)", 0, 0, NULL},
        {"input", 'i', MYNA_OPTION_TEXT, &a.input, "RECORDING", "of speech to work on (made up)", 0, 0, NULL},
        {"model", 'm', MYNA_OPTION_TEXT, &a.model, "MODEL", "to convert with", 0, 0, NULL},
        {"short", 0, MYNA_OPTION_FLAG, &a.is_short, NULL, "less work: to see that it runs, not how fast", 0, 0, NULL},
        {"json", 'j', MYNA_OPTION_FLAG, &a.json, NULL, "print JSON; times in seconds", 0, 0, NULL},
        {0},
    };
    const myna_command command = {"bench [mel] [griffin-lim] [network] [training] [length] [live]",
        "Measures how fast this computer runs Myna's parts, or those named: log-mel of 60 s,\n"
        "32 iterations of Griffin-Lim on 10 s, the network on a whole recording and step by\n"
        "step, a training step and its share of matrix products, cost against length, and\n"
        "how much of a live block's time converting it takes, with a block to recommend.\n"
        "scripts/bench compares with other programs.",
        options, 0, N_PARTS};
    int code;
    if (myna_options_parse(&command, argc, argv, &a.operands, &code)) code = run(&a);
    myna_strings_free(&a.operands);
    return code;
}
