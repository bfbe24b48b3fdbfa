#define _GNU_SOURCE
#include "cli/cli.h"
#include "cli/corpus_list.h"
#include "cli/find_files.h"
#include "cli/train_log.h"
#include "io/audio_file.h"
#include "myna/train.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct train_settings {
    const char *corpus, *output, *init, *cache;
    double hours, checkpoint_minutes, code_noise, rate;
    int64_t steps, batch, threads, seed, code_width, log_steps;
    bool resume, force, plot, quiet, json;
} train_settings;

enum { RATE_MEASURING_STEPS = 40 }; /* --hours becomes a step count after so many */

/* ---- Corpus ---------------------------------------------------------------------------------------------------------- */

typedef struct reading {
    bool is_terminal;
    size_t n_bad;
} reading;

static myna_status read_recording(void *context, const char *path, float **samples, size_t *n_samples, myna_error *error)
{
    (void)context;
    if (myna_interrupted) return MYNA_ERROR_INTERRUPTED;
    myna_audio_info info;
    return myna_audio_load(samples, n_samples, path, &info, error);
}

static void report_bad(void *context, const char *path, const myna_error *error)
{
    reading *r = context;
    if (r->is_terminal) fprintf(stderr, "\r\033[K");
    myna_report(path, "left out: %s", error->detail);
    r->n_bad++;
}

static void report_progress(void *context, size_t n_done, size_t n_items)
{
    const reading *r = context;
    if (r->is_terminal && (n_done % 16 == 0 || n_done == n_items))
        fprintf(stderr, "\r\033[Kanalysing recordings %zu/%zu%s", n_done, n_items, n_done == n_items ? "\n" : "");
}

/* malloc'd: --cache, or XDG_CACHE_HOME/myna, or ~/.cache/myna. */
static char *cache_folder(const char *named)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (named) return myna_text("%s", named);
    return cache && *cache ? myna_text("%s/myna", cache) : myna_text("%s/.cache/myna", home && *home ? home : "/tmp");
}

static myna_status open_corpus(myna_corpus **out, const train_settings *s, myna_error *error)
{
    myna_corpus_list list = {0};
    myna_status status = myna_corpus_list_read(&list, s->corpus, error);
    if (status != MYNA_OK) return status;
    char *folder = cache_folder(s->cache), *inside = myna_text("%s/corpus", folder);
    reading r = {.is_terminal = !s->quiet && isatty(STDERR_FILENO)};
    myna_corpus_reader reader = {&r, read_recording, report_bad, s->quiet ? NULL : report_progress};
    status = myna_make_folder_of(inside, error);
    if (status == MYNA_OK)
        status = myna_corpus_open(out, list.items, list.n_items, folder, &reader, (int)s->threads, error);
    if (status == MYNA_OK && r.n_bad)
        myna_note(s->corpus, "%zu of %zu recordings left out, as listed above", r.n_bad, list.n_items);
    free(folder);
    free(inside);
    myna_corpus_list_free(&list);
    return status;
}

static void describe_corpus(const myna_corpus *corpus)
{
    myna_corpus_facts f = myna_corpus_describe(corpus);
    fprintf(stderr, "corpus: %zu recordings, %.2f h of %zu speakers to train on, %.2f h of %zu held out%s\n", f.n_recordings,
        f.hours, f.n_speakers, f.held_out_hours, f.n_held_out_speakers, f.from_cache ? " (from the cache)" : "");
}

/* ---- Saving ------------------------------------------------------------------------------------------------------------ */

/* One training run under way. */
typedef struct run {
    const train_settings *settings;
    myna_trainer *trainer;
    char *checkpoint; /* OUTPUT without its suffix, with .checkpoint */
    train_log log;
    double started, saved;    /* seconds on the monotonic clock */
    double seconds_before;    /* trained in earlier sessions of this run */
    uint64_t steps_before;    /* done when this session began */
    uint64_t last_checkpoint; /* step of the last one written, 0: none yet */
} run;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double seconds_trained(const run *r)
{
    return r->seconds_before + now() - r->started;
}

static myna_status save(run *r, myna_error *error)
{
    myna_status status = myna_trainer_save_checkpoint(r->trainer, r->checkpoint, NULL, 0, error);
    if (status != MYNA_OK) return status;
    r->last_checkpoint = myna_trainer_step_count(r->trainer);
    r->saved = now();
    char hours[32], validation[32];
    snprintf(hours, sizeof hours, "%.2f", seconds_trained(r) / 3600);
    snprintf(validation, sizeof validation, "%.4f", (double)r->log.validation);
    const char *const facts[][2] = {{"training.hours", hours}, {"training.validation_l1", validation}};
    status = myna_trainer_save_model(r->trainer, r->settings->output, facts, 2, error);
    if (status == MYNA_OK && r->settings->plot) status = train_log_plot(&r->log, error);
    return status;
}

/* ---- The loop ------------------------------------------------------------------------------------------------------------ */

static void show_progress(const run *r, const myna_train_report *report)
{
    myna_train_options o = myna_trainer_options(r->trainer);
    double per_second = (double)(report->step - r->steps_before) / (now() - r->started);
    double left = (double)(o.n_steps - report->step) / fmax(per_second, 1e-9);
    enum { WIDTH = 24 };
    int filled = (int)((double)WIDTH * (double)report->step / (double)o.n_steps);
    fprintf(stderr, "\r\033[K[%.*s%*s] step %llu/%llu  loss %.4f  held out %.4f  %.1f segments/s  %d:%02d h left", filled,
        "########################", WIDTH - filled, "", (unsigned long long)report->step, (unsigned long long)o.n_steps,
        train_log_mean_loss(&r->log), (double)r->log.validation, per_second * o.batch, (int)(left / 3600),
        (int)(left / 60) % 60);
}

/* --hours: once the speed is known, the schedule gets its length. */
static void settle_steps(run *r)
{
    double seconds = now() - r->started;
    double left = fmax(r->settings->hours * 3600 - seconds_trained(r), 0);
    uint64_t done = myna_trainer_step_count(r->trainer);
    double per_second = (double)(done - r->steps_before) / seconds;
    myna_trainer_set_steps(r->trainer, done + (uint64_t)fmax(left * per_second, 1));
}

static myna_status train(run *r, myna_error *error)
{
    const train_settings *s = r->settings;
    bool bar = !s->quiet && isatty(STDERR_FILENO);
    myna_status status = MYNA_OK;
    r->started = r->saved = now();
    r->steps_before = myna_trainer_step_count(r->trainer);
    while (status == MYNA_OK && !myna_interrupted &&
           myna_trainer_step_count(r->trainer) < myna_trainer_options(r->trainer).n_steps) {
        myna_train_report report;
        status = myna_trainer_step(r->trainer, &report, error);
        if (status != MYNA_OK) break;
        train_log_step(&r->log, &report);
        if (s->hours > 0 && report.step == r->steps_before + RATE_MEASURING_STEPS) settle_steps(r);
        bool last = report.step == myna_trainer_options(r->trainer).n_steps;
        if (report.step % (uint64_t)s->log_steps == 0 || last) {
            status = train_log_row(&r->log, r->trainer, seconds_trained(r), error);
            if (status == MYNA_OK && !bar && !s->quiet) train_log_print(&r->log, r->trainer);
        }
        if (bar) show_progress(r, &report);
        if (status == MYNA_OK && now() - r->saved > s->checkpoint_minutes * 60) status = save(r, error);
    }
    if (bar) fprintf(stderr, "\n");
    if (status == MYNA_OK) status = save(r, error);
    return status;
}

static void explain_stop(const run *r, myna_status status)
{
    if (status != MYNA_ERROR_NOT_FINITE) return;
    if (r->last_checkpoint)
        fprintf(stderr, "the last good checkpoint is %s (step %llu); --resume goes on from it\n", r->checkpoint,
            (unsigned long long)r->last_checkpoint);
    else fprintf(stderr, "no checkpoint had been written yet\n");
}

static void print_summary(const run *r)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "model", r->settings->output);
    cJSON_AddStringToObject(json, "checkpoint", r->checkpoint);
    cJSON_AddStringToObject(json, "log", r->log.path);
    cJSON_AddNumberToObject(json, "steps", (double)myna_trainer_step_count(r->trainer));
    cJSON_AddNumberToObject(json, "hours", seconds_trained(r) / 3600);
    if (isfinite(r->log.validation)) cJSON_AddNumberToObject(json, "validation_l1", (double)r->log.validation);
    myna_cli_print_json(json);
}

/* ---- Starting -------------------------------------------------------------------------------------------------------------- */

static myna_status start(run *r, myna_corpus *corpus, myna_error *error)
{
    const train_settings *s = r->settings;
    if (s->resume) {
        myna_status status = myna_trainer_resume(&r->trainer, corpus, r->checkpoint, (int)s->threads, error);
        if (status != MYNA_OK) return status;
        if (s->steps) myna_trainer_set_steps(r->trainer, (uint64_t)s->steps);
        r->last_checkpoint = myna_trainer_step_count(r->trainer);
        return train_log_continue(&r->log, r->last_checkpoint, &r->seconds_before, error);
    }
    myna_train_options options;
    myna_train_options_init(&options);
    if (s->steps) options.n_steps = (uint64_t)s->steps;
    options.batch = (int)s->batch;
    options.n_threads = (int)s->threads;
    options.seed = (uint64_t)s->seed;
    options.code_width = (int)s->code_width;
    options.code_noise = (float)s->code_noise;
    options.rate = (float)s->rate;
    options.init_model = s->init;
    return myna_trainer_create(&r->trainer, corpus, &options, error);
}

static int run_training(const train_settings *s, const char *stem)
{
    myna_error error = {0};
    myna_corpus *corpus = NULL;
    run r = {.settings = s, .checkpoint = myna_text("%s.checkpoint", stem)};
    train_log_init(&r.log, stem);
    /* The table is begun before the corpus is read: where nothing can be written, nobody should wait to learn it. */
    myna_status status = s->resume ? MYNA_OK : train_log_start(&r.log, &error);
    if (status == MYNA_OK) status = open_corpus(&corpus, s, &error);
    if (status == MYNA_OK && !s->quiet) describe_corpus(corpus);
    if (status == MYNA_OK) status = start(&r, corpus, &error);
    if (status == MYNA_OK) {
        status = train(&r, &error);
        explain_stop(&r, status);
    }
    if (status == MYNA_OK && s->json) print_summary(&r);
    if (status == MYNA_OK && !s->quiet)
        fprintf(stderr, "%s: step %llu; checkpoint %s, losses %s\n", s->output,
            (unsigned long long)myna_trainer_step_count(r.trainer), r.checkpoint, r.log.path);
    int code = myna_report_status(NULL, status, &error);
    if (status == MYNA_OK && myna_interrupted) code = MYNA_EXIT_INTERRUPTED;
    myna_trainer_free(r.trainer);
    myna_corpus_close(corpus);
    train_log_free(&r.log);
    free(r.checkpoint);
    return code;
}

int myna_cmd_train(int argc, char **argv)
{
    train_settings s = {.batch = 24, .code_width = 16, .code_noise = 0.1, .rate = 1.5e-3, .checkpoint_minutes = 5, .log_steps = 250};
    const myna_option options[] = {
        {"output", 'o', MYNA_OPTION_TEXT, &s.output, "MODEL", "where the model goes (.safetensors); its checkpoint, loss table and\nplot stand beside it", 0, 0, NULL},
        {"hours", 0, MYNA_OPTION_NUMBER, &s.hours, "H", "train for about so long (turned into steps once the speed is known)", 0, 10000, NULL},
        {"steps", 0, MYNA_OPTION_INTEGER, &s.steps, "N", "length of the schedule in steps (default 100000; with --resume: as before)", 0, 1e9, NULL},
        {"batch", 0, MYNA_OPTION_INTEGER, &s.batch, "N", "segments of 1.6 s a step (24)", 1, 4096, NULL},
        {"threads", 0, MYNA_OPTION_INTEGER, &s.threads, "N", "worker threads (all cores)", 1, 256, NULL},
        {"seed", 0, MYNA_OPTION_INTEGER, &s.seed, "N", "of everything random (0)", 0, 9e15, NULL},
        {"init", 0, MYNA_OPTION_TEXT, &s.init, "MODEL", "start from a finished model: fine-tuning", 0, 0, NULL},
        {"resume", 0, MYNA_OPTION_FLAG, &s.resume, NULL, "go on from the checkpoint beside MODEL", 0, 0, NULL},
        {"plot", 0, MYNA_OPTION_FLAG, &s.plot, NULL, "draw the loss curves as SVG beside MODEL", 0, 0, NULL},
        {"rate", 0, MYNA_OPTION_NUMBER, &s.rate, "R", "AdamW learning rate (0.0015; for fine-tuning take 0.0003)", 0, 1, NULL},
        {"code-width", 0, MYNA_OPTION_INTEGER, &s.code_width, "N", "values a step in the bottleneck (16)", 1, 256, NULL},
        {"code-noise", 0, MYNA_OPTION_NUMBER, &s.code_noise, "D", "deviation of the noise on them while training (0.1)", 0, 2, NULL},
        {"checkpoint-minutes", 0, MYNA_OPTION_NUMBER, &s.checkpoint_minutes, "M", "time between checkpoints (5)", 0, 1e6, NULL},
        {"log-steps", 0, MYNA_OPTION_INTEGER, &s.log_steps, "N", "steps between rows of the loss table (250)", 1, 1e9, NULL},
        {"cache", 0, MYNA_OPTION_TEXT, &s.cache, "DIR", "for analysed recordings (XDG_CACHE_HOME/myna)", 0, 0, NULL},
        {"force", 0, MYNA_OPTION_FLAG, &s.force, NULL, "replace an existing MODEL", 0, 0, NULL},
        {"json", 0, MYNA_OPTION_FLAG, &s.json, NULL, "print a summary as JSON", 0, 0, NULL},
        {"quiet", 'q', MYNA_OPTION_FLAG, &s.quiet, NULL, "no progress, no notes", 0, 0, NULL},
        {0},
    };
    const myna_command command = {.usage = "train CORPUS -o MODEL [--hours H | --steps N]",
        .about = "Trains a model on recordings of many speakers, in any language, without transcripts.\n"
                 "CORPUS is a folder with a folder for each speaker, or a manifest.tsv with the columns\n"
                 "path, speaker and optionally split. Ctrl-C saves a checkpoint; --resume goes on.",
        .options = options,
        .min_operands = 1,
        .max_operands = 1};
    myna_strings operands = {0};
    int code = MYNA_EXIT_OK;
    if (myna_options_parse(&command, argc, argv, &operands, &code)) {
        s.corpus = operands.items[0];
        myna_set_quiet(s.quiet);
        const char *suffix = s.output ? myna_path_suffix(s.output) : "";
        if (strcmp(suffix, ".safetensors") != 0) {
            myna_report(NULL, s.output ? "the output must be named .safetensors" : "train needs -o MODEL.safetensors");
            code = MYNA_EXIT_USAGE;
        } else if (s.resume && s.init) {
            myna_report(NULL, "--resume and --init exclude each other");
            code = MYNA_EXIT_USAGE;
        } else {
            char *stem = myna_text("%.*s", (int)(suffix - s.output), s.output);
            if (!s.resume) code = myna_cli_check_output(s.output, s.force);
            if (code == MYNA_EXIT_OK) code = run_training(&s, stem);
            free(stem);
        }
    }
    myna_strings_free(&operands);
    return code;
}
