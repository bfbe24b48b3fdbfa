#define _GNU_SOURCE
#include "cli/train_log.h"

#include "base/file.h"
#include "base/status.h"
#include "cli/cli.h"
#include "io/plot.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char header[] = "step\tsegments\tseconds\tloss\tl1\tvalidation_l1\tgradient_norm\trate\n";

void train_log_init(train_log *log, const char *stem)
{
    *log = (train_log){.path = myna_text("%s.tsv", stem),
        .plot_path = myna_text("%s.svg", stem),
        .mean_loss = NAN,
        .validation = NAN};
}

void train_log_free(train_log *log)
{
    free(log->path);
    free(log->plot_path);
}

static myna_status fail(const train_log *log, myna_error *error)
{
    myna_fail(error, MYNA_ERROR_FILE, "%s", strerror(errno));
    return myna_fail_in(error, MYNA_ERROR_FILE, log->path);
}

myna_status train_log_start(const train_log *log, myna_error *error)
{
    FILE *stream = fopen(log->path, "we");
    if (!stream) return fail(log, error);
    fputs(header, stream);
    return fclose(stream) == 0 ? MYNA_OK : fail(log, error);
}

myna_status train_log_continue(train_log *log, uint64_t step, double *seconds, myna_error *error)
{
    FILE *old = fopen(log->path, "re");
    if (!old) return train_log_start(log, error);
    myna_new_file kept;
    myna_status status = myna_new_file_open(&kept, log->path, error);
    char *line = NULL;
    size_t capacity = 0;
    while (status == MYNA_OK && getline(&line, &capacity, old) >= 0) {
        unsigned long long row_step;
        double row_seconds, loss;
        float validation;
        bool is_row = sscanf(line, "%llu\t%*s\t%lf\t%lf\t%*s\t%f", &row_step, &row_seconds, &loss, &validation) == 4;
        if (is_row && row_step > step) break;
        if (is_row) {
            *seconds = row_seconds;
            log->mean_loss = loss;
            log->validation = validation;
        }
        fputs(line, kept.stream);
    }
    free(line);
    fclose(old);
    return status == MYNA_OK ? myna_new_file_commit(&kept, error) : status;
}

void train_log_step(train_log *log, const myna_train_report *report)
{
    log->report = *report;
    log->loss += (double)report->loss;
    log->l1 += (double)report->l1;
    log->n_steps++;
}

double train_log_mean_loss(const train_log *log)
{
    return log->n_steps ? log->loss / (double)log->n_steps : log->mean_loss;
}

myna_status train_log_row(train_log *log, myna_trainer *trainer, double seconds, myna_error *error)
{
    const myna_train_report *r = &log->report;
    log->mean_loss = train_log_mean_loss(log);
    log->validation = myna_trainer_validate(trainer);
    FILE *stream = fopen(log->path, "ae");
    if (!stream) return fail(log, error);
    fprintf(stream, "%llu\t%llu\t%.1f\t%.5f\t%.5f\t%.5f\t%.4f\t%.6g\n", (unsigned long long)r->step,
        (unsigned long long)r->step * (unsigned)myna_trainer_options(trainer).batch, seconds, log->mean_loss,
        log->l1 / (double)log->n_steps, (double)log->validation, (double)r->gradient_norm, (double)r->rate);
    log->loss = log->l1 = 0;
    log->n_steps = 0;
    return fclose(stream) == 0 ? MYNA_OK : fail(log, error);
}

void train_log_print(const train_log *log, const myna_trainer *trainer)
{
    fprintf(stderr, "step %llu/%llu  loss %.4f  held out %.4f\n", (unsigned long long)log->report.step,
        (unsigned long long)myna_trainer_options(trainer).n_steps, log->mean_loss, (double)log->validation);
}

/* ---- The table as curves ------------------------------------------------------------------------------------------- */

typedef struct curves {
    float *step, *l1, *validation; /* [n] each */
    size_t n;
} curves;

static bool read_curves(curves *out, FILE *stream)
{
    char *line = NULL;
    size_t length = 0;
    bool good = true;
    while (good && getline(&line, &length, stream) >= 0) {
        float step, l1, validation;
        if (sscanf(line, "%f\t%*s\t%*s\t%*s\t%f\t%f", &step, &l1, &validation) != 3) continue;
        float *grown[] = {out->step, out->l1, out->validation}, values[] = {step, l1, validation};
        for (int i = 0; i < 3; i++) {
            float *larger = realloc(grown[i], (out->n + 1) * sizeof(float));
            good = good && larger;
            if (larger) grown[i] = larger;
            if (larger) larger[out->n] = values[i];
        }
        out->step = grown[0];
        out->l1 = grown[1];
        out->validation = grown[2];
        out->n += good;
    }
    free(line);
    return good;
}

myna_status train_log_plot(const train_log *log, myna_error *error)
{
    curves c = {0};
    FILE *stream = fopen(log->path, "re");
    if (!stream) return fail(log, error);
    myna_status status = read_curves(&c, stream) ? MYNA_OK : myna_fail(error, MYNA_ERROR_MEMORY, "no memory for curves");
    fclose(stream);
    const myna_plot_series series[] = {{"training (perturbed)", c.step, c.l1, c.n}, {"held out", c.step, c.validation, c.n}};
    const myna_panel panel = {.title = "L1 on normalised log-mel", .kind = MYNA_PANEL_LINES, .lines = {series, 2, "steps"}};
    if (status == MYNA_OK && c.n > 1)
        status = myna_plot_save(log->plot_path, 900, myna_plot_good_height(&panel, 1), &panel, 1, error);
    free(c.step);
    free(c.l1);
    free(c.validation);
    return status;
}
