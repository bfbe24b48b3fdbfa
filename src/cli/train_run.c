#define _GNU_SOURCE
#include "cli/train_run.h"

#include "base/clock.h"
#include "base/status.h"
#include "cli/corpus_list.h"
#include "cli/find_files.h"
#include "cli/phone_list.h"
#include "cli/train_files.h"
#include "cli/train_log.h"
#include "io/audio_file.h"
#include "myna/train.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --hours becomes a step count after so many steps; until then the schedule's end is out of sight. */
enum { RATE_MEASURING_STEPS = 40, FAR_STEPS = 100000 };

/* ---- Corpus ------------------------------------------------------------------------------------------------------ */

typedef struct reading {
    bool is_terminal;
    size_t n_bad;
} reading;

static myna_status read_recording(
    void *context, const char *path, float **samples, size_t *n_samples, myna_error *error)
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

static myna_status open_list(
    myna_corpus **out, const myna_corpus_list *list, const train_settings *s, myna_error *error)
{
    char *folder = cache_folder(s->cache), *inside = myna_text("%s/corpus", folder);
    reading r = {.is_terminal = !s->quiet && isatty(STDERR_FILENO)};
    myna_corpus_reader reader = {&r, read_recording, report_bad, s->quiet ? NULL : report_progress};
    myna_status status = myna_make_folder_of(inside, error);
    if (status != MYNA_OK && !s->cache) {
        const myna_error cause = *error;
        myna_fail(error, status, "%s; --cache names another folder for analysed recordings", cause.detail);
        myna_fail_in(error, status, cause.file);
    }
    if (status == MYNA_OK)
        status = myna_corpus_open(out, list->items, list->n_items, folder, &reader, (int)s->threads, error);
    if (status == MYNA_OK && r.n_bad)
        myna_note(s->corpus, "%zu of %zu recordings left out, as listed above", r.n_bad, list->n_items);
    free(folder);
    free(inside);
    return status == MYNA_OK || error->file[0] ? status : myna_fail_in(error, status, s->corpus);
}

static void describe_corpus(const myna_corpus *corpus, const train_settings *s)
{
    myna_corpus_facts f = myna_corpus_describe(corpus);
    fprintf(stderr, "corpus: %zu recordings, %.2f h of %zu speakers to train on, %.2f h of %zu held out%s\n",
        f.n_recordings, f.hours, f.n_speakers, f.held_out_hours, f.n_held_out_speakers,
        f.from_cache ? " (from the cache)" : "");
    if (f.phone_hours > 0) fprintf(stderr, "phones: known of %.2f h to train on\n", f.phone_hours);
    if (f.n_speakers == 1 && !s->init && !s->resume)
        myna_note(s->corpus, "all of one speaker: voices are learnt from many, a folder each, or --init a model of many");
}

static myna_status open_corpus(myna_corpus **out, const train_settings *s, const train_files *files, myna_error *error)
{
    myna_corpus_list list = {0};
    myna_phone *phones = NULL;
    myna_status status = myna_corpus_list_read(&list, s->corpus, error);
    if (status == MYNA_OK && s->phones) status = myna_phone_list_read(&phones, &list, s->phones, error);
    if (status == MYNA_OK) status = train_files_prepare(files, error);
    if (status == MYNA_OK) status = open_list(out, &list, s, error);
    if (status == MYNA_OK && !s->quiet) describe_corpus(*out, s);
    free(phones);
    myna_corpus_list_free(&list);
    return status;
}

/* ---- Saving ------------------------------------------------------------------------------------------------------ */

/* One training run under way. */
typedef struct run {
    const train_settings *settings;
    train_files files;
    myna_trainer *trainer;
    train_log log;
    double started, saved;    /* seconds on the monotonic clock */
    double seconds_before;    /* trained in earlier sessions of this run */
    double hours;             /* to be turned into steps; 0: the schedule has its length */
    uint64_t steps_before;    /* done when this session began */
    uint64_t last_checkpoint; /* step of the last one written or resumed from */
    bool has_checkpoint;
    bool has_bar; /* of progress, on a line of standard error */
} run;

static double seconds_trained(const run *r)
{
    return r->seconds_before + myna_seconds_now() - r->started;
}

static myna_status write_row(run *r, myna_error *error)
{
    char losses[64];
    myna_status status = train_log_row(&r->log, r->trainer, seconds_trained(r), error);
    if (status != MYNA_OK || r->has_bar || r->settings->quiet) return status;
    train_log_describe(losses, &r->log);
    fprintf(stderr, "step %llu/%llu  %s\n", (unsigned long long)r->log.report.step,
        (unsigned long long)myna_trainer_options(r->trainer).n_steps, losses);
    return MYNA_OK;
}

/* With a row up to here, so that after resuming the next one continues the table. */
static myna_status save_checkpoint(run *r, myna_error *error)
{
    myna_status status = r->log.n_steps ? write_row(r, error) : MYNA_OK;
    if (status != MYNA_OK) return status;
    char seconds[32], hours[32];
    snprintf(seconds, sizeof seconds, "%.1f", seconds_trained(r));
    snprintf(hours, sizeof hours, "%g", r->hours);
    const char *const facts[][2] = {{"seconds", seconds}, {"hours", hours}};
    status = myna_trainer_save_checkpoint(r->trainer, r->files.checkpoint, facts, r->hours > 0 ? 2 : 1, error);
    if (status != MYNA_OK) return status;
    r->last_checkpoint = myna_trainer_step_count(r->trainer);
    r->has_checkpoint = true;
    return MYNA_OK;
}

static myna_status save(run *r, myna_error *error)
{
    myna_status status = save_checkpoint(r, error);
    if (status != MYNA_OK) return status;
    r->saved = myna_seconds_now();
    char hours[32], validation[32];
    snprintf(hours, sizeof hours, "%.2f", seconds_trained(r) / 3600);
    snprintf(validation, sizeof validation, "%.4f", (double)r->log.validation);
    const char *const facts[][2] = {{"training.hours", hours}, {"training.validation_l1", validation}};
    status = myna_trainer_save_model(r->trainer, r->files.model, facts, isfinite(r->log.validation) ? 2 : 1, error);
    if (status == MYNA_OK && r->files.plot) status = train_log_plot(&r->log, r->files.plot, error);
    return status;
}

/* After a step that failed. A checkpoint there is lies further back than the weights, which may already be on their way
 * to nowhere, and stays. Without one they are all there is: they are kept, past the step that would fail again. */
static myna_status explain_not_finite(run *r, myna_error *error)
{
    uint64_t failed = myna_trainer_step_count(r->trainer) + 1;
    double rate = (double)myna_trainer_options(r->trainer).rate;
    bool is_first = failed == r->steps_before + 1;
    if (!is_first && !r->has_checkpoint) {
        myna_trainer_skip(r->trainer);
        myna_status status = save_checkpoint(r, error);
        if (status != MYNA_OK) return status;
    }
    if (is_first)
        myna_fail(error, MYNA_ERROR_NOT_FINITE,
            "the loss is not finite at step %llu, the first from these weights: start from others, or with a lower "
            "--rate",
            (unsigned long long)failed);
    else
        myna_fail(error, MYNA_ERROR_NOT_FINITE,
            "the loss is not finite at step %llu: --resume with a --rate below %g goes on from the checkpoint of step "
            "%llu",
            (unsigned long long)failed, rate, (unsigned long long)r->last_checkpoint);
    return myna_fail_in(error, MYNA_ERROR_NOT_FINITE, r->files.model);
}

/* ---- The loop ---------------------------------------------------------------------------------------------------- */

static void show_progress(const run *r, uint64_t step)
{
    myna_train_options o = myna_trainer_options(r->trainer);
    double per_second = (double)(step - r->steps_before) / (myna_seconds_now() - r->started);
    double left =
        r->hours > 0 ? r->hours * 3600 - seconds_trained(r) : (double)(o.n_steps - step) / fmax(per_second, 1e-9);
    enum { WIDTH = 24 };
    int filled = (int)((double)WIDTH * (double)step / (double)o.n_steps);
    char losses[64];
    train_log_describe(losses, &r->log);
    fprintf(stderr, "\r\033[K[%.*s%*s] step %llu/%llu  %s  %.1f segments/s  %d:%02d h left", filled,
        "########################", WIDTH - filled, "", (unsigned long long)step, (unsigned long long)o.n_steps, losses,
        per_second * o.batch, (int)(left / 3600), (int)(left / 60) % 60);
}

/* --hours: once the speed is known, the schedule gets its length. A self-conversion is a forward pass more, where a step
 * otherwise takes as long as three; those that begin later were not measured. */
static void settle_steps(run *r)
{
    const myna_train_options o = myna_trainer_options(r->trainer);
    uint64_t done = myna_trainer_step_count(r->trainer);
    double per_second = (double)(done - r->steps_before) / (myna_seconds_now() - r->started);
    double left = fmax(r->hours * 3600 - seconds_trained(r), 0) * per_second;
    double before = done < o.self_conversion_after ? (double)(o.self_conversion_after - done) : INFINITY;
    if (left > before) left = before + (left - before) / (1 + (double)o.self_conversion / 3);
    myna_trainer_set_steps(r->trainer, done + (uint64_t)fmin(fmax(left, 1), 1e9));
    r->hours = 0;
}

static myna_status step(run *r, myna_error *error)
{
    const train_settings *s = r->settings;
    myna_train_report report;
    myna_status status = myna_trainer_step(r->trainer, &report, error);
    if (status == MYNA_ERROR_NOT_FINITE) return explain_not_finite(r, error);
    if (status != MYNA_OK) return status;
    train_log_step(&r->log, &report);
    if (r->hours > 0 && report.step == r->steps_before + RATE_MEASURING_STEPS) settle_steps(r);
    if (report.step % (uint64_t)s->log_steps == 0) status = write_row(r, error);
    if (r->has_bar) show_progress(r, report.step);
    if (status == MYNA_OK && myna_seconds_now() - r->saved > s->checkpoint_minutes * 60) status = save(r, error);
    return status;
}

static myna_status train(run *r, myna_error *error)
{
    myna_status status = MYNA_OK;
    r->started = r->saved = myna_seconds_now();
    while (status == MYNA_OK && !myna_interrupted &&
           myna_trainer_step_count(r->trainer) < myna_trainer_options(r->trainer).n_steps)
        status = step(r, error);
    if (status == MYNA_OK) status = myna_trainer_step_count(r->trainer) ? save(r, error) : MYNA_ERROR_INTERRUPTED;
    if (r->has_bar) fprintf(stderr, "\n");
    return status;
}

/* ---- Starting ---------------------------------------------------------------------------------------------------- */

static myna_status create(run *r, myna_corpus *corpus, myna_error *error)
{
    const train_settings *s = r->settings;
    myna_train_options options;
    myna_train_options_init(&options);
    if (s->steps) options.n_steps = (uint64_t)s->steps;
    if (s->batch) options.batch = (int)s->batch;
    if (s->seed >= 0) options.seed = (uint64_t)s->seed;
    if (s->code_width) options.code_width = (int)s->code_width;
    if (s->code_noise >= 0) options.code_noise = (float)s->code_noise;
    if (s->phone_weight >= 0) options.phone_weight = (float)s->phone_weight;
    if (s->self_conversion >= 0) options.self_conversion = (float)s->self_conversion;
    options.conversions = (float)s->conversions;
    if (s->rate > 0) options.rate = (float)s->rate;
    options.single_precision = s->single_precision;
    options.n_threads = (int)s->threads;
    options.init_model = s->init;
    options.judge_model = s->judge;
    r->hours = s->hours;
    return myna_trainer_create(&r->trainer, corpus, &options, error);
}

/* How far a resumed run goes: as --steps or --hours say, or as it would have gone, be it by --hours that had not become
 * steps yet. */
static myna_status settle_length(run *r, myna_error *error)
{
    const train_settings *s = r->settings;
    const char *hours = myna_trainer_fact(r->trainer, "hours");
    unsigned long long done = myna_trainer_step_count(r->trainer);
    myna_status status = MYNA_OK;
    if (s->steps && (uint64_t)s->steps < done)
        status = myna_fail(
            error, MYNA_ERROR_ARGUMENT, "%llu steps are done, more than --steps %lld", done, (long long)s->steps);
    else if (s->hours > 0 && s->hours * 3600 < r->seconds_before)
        status = myna_fail(error, MYNA_ERROR_ARGUMENT, "%.4g hours are trained, more than --hours %g",
            r->seconds_before / 3600, s->hours);
    if (status != MYNA_OK) return myna_fail_in(error, status, r->files.model);
    if (s->steps) myna_trainer_set_steps(r->trainer, (uint64_t)s->steps);
    else if (s->hours > 0) r->hours = s->hours;
    else if (hours) r->hours = strtod(hours, NULL);
    if (r->hours > 0) myna_trainer_set_steps(r->trainer, 2 * done + FAR_STEPS);
    if (myna_trainer_options(r->trainer).n_steps <= done)
        myna_note(r->files.model, "all %llu steps are done; a larger --steps or --hours goes on", done);
    return MYNA_OK;
}

static myna_status resume(run *r, myna_corpus *corpus, myna_error *error)
{
    const train_settings *s = r->settings;
    myna_status status = myna_trainer_resume(&r->trainer, corpus, r->files.checkpoint, (int)s->threads, error);
    if (status != MYNA_OK) return status;
    const char *seconds = myna_trainer_fact(r->trainer, "seconds"), *key = myna_trainer_fact(r->trainer, "corpus.key");
    if (!key || strcmp(key, myna_corpus_describe(corpus).key) != 0)
        myna_note(s->corpus, "not what %s was trained on so far, or changed since", r->files.checkpoint);
    const char *phones = myna_trainer_fact(r->trainer, "corpus.phone_hours");
    if (phones && strtod(phones, NULL) > 0 && !s->phones)
        myna_note(r->files.checkpoint, "was trained with --phones so far, and goes on without them");
    r->seconds_before = seconds ? strtod(seconds, NULL) : 0;
    r->last_checkpoint = r->steps_before = myna_trainer_step_count(r->trainer);
    r->has_checkpoint = true;
    if (s->rate > 0) myna_trainer_set_rate(r->trainer, (float)s->rate);
    if (s->code_noise >= 0) myna_trainer_set_code_noise(r->trainer, (float)s->code_noise);
    if (s->phone_weight >= 0) myna_trainer_set_phone_weight(r->trainer, (float)s->phone_weight);
    if (s->self_conversion >= 0) myna_trainer_set_self_conversion(r->trainer, (float)s->self_conversion);
    status = settle_length(r, error);
    return status == MYNA_OK ? train_log_continue(&r->log, r->steps_before, error) : status;
}

/* ---- The whole --------------------------------------------------------------------------------------------------- */

static void print_summary(const run *r)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "model", r->files.model);
    cJSON_AddStringToObject(json, "checkpoint", r->files.checkpoint);
    cJSON_AddStringToObject(json, "log", r->files.table);
    cJSON_AddNumberToObject(json, "steps", (double)myna_trainer_step_count(r->trainer));
    cJSON_AddNumberToObject(json, "hours", seconds_trained(r) / 3600);
    if (isfinite(r->log.validation)) cJSON_AddNumberToObject(json, "validation_l1", (double)r->log.validation);
    myna_cli_print_json(json);
}

static int run_all(run *r)
{
    const train_settings *s = r->settings;
    myna_error error = {0};
    myna_corpus *corpus = NULL;
    myna_status status = open_corpus(&corpus, s, &r->files, &error);
    if (status == MYNA_OK) status = s->resume ? resume(r, corpus, &error) : create(r, corpus, &error);
    if (status == MYNA_OK) status = train(r, &error);
    if (status == MYNA_OK && s->json) print_summary(r);
    if (status == MYNA_OK && !s->quiet)
        fprintf(stderr, "%s: step %llu; checkpoint %s, losses %s\n", r->files.model,
            (unsigned long long)myna_trainer_step_count(r->trainer), r->files.checkpoint, r->files.table);
    int code = myna_report_status(NULL, status, &error);
    if (status == MYNA_OK && myna_interrupted) code = MYNA_EXIT_INTERRUPTED;
    myna_trainer_free(r->trainer);
    myna_corpus_close(corpus);
    return code;
}

int train_run(const train_settings *s)
{
    run r = {.settings = s, .has_bar = !s->quiet && isatty(STDERR_FILENO)};
    train_files_name(&r.files, s->output, s->plot, s->resume);
    train_log_init(&r.log, r.files.table);
    int code = train_files_check(&r.files, s->corpus, s->init, s->resume, s->force);
    if (code == MYNA_EXIT_OK) code = run_all(&r);
    train_files_free(&r.files);
    return code;
}
