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

static const char header[] = "step\tsegments\tseconds\tloss\tl1\tvalidation_l1\tgradient_norm\trate\tphones_right\n";

void train_log_init(train_log *log, const char *path)
{
    *log = (train_log){.path = path, .mean_loss = NAN, .validation = NAN};
}

static myna_status fail(const train_log *log, myna_error *error)
{
    myna_fail(error, MYNA_ERROR_FILE, "%s", strerror(errno));
    return myna_fail_in(error, MYNA_ERROR_FILE, log->path);
}

enum { COLUMN_STEP, COLUMN_SEGMENTS, COLUMN_SECONDS, COLUMN_LOSS, COLUMN_L1, COLUMN_VALIDATION, N_COLUMNS };

/* A row's first columns, NAN where one is empty. False for the header, and for the torn line of a crash. */
static bool read_row(double columns[N_COLUMNS], char *line)
{
    for (int i = 0; i < N_COLUMNS; i++) {
        char *end = line;
        columns[i] = *line == '\t' ? NAN : strtod(line, &end); /* which would pass over the tab */
        if (*end != '\t') return false;
        line = end + 1;
    }
    return true;
}

myna_status train_log_continue(train_log *log, uint64_t step, myna_error *error)
{
    FILE *old = fopen(log->path, "re");
    if (!old) return errno == ENOENT ? MYNA_OK : fail(log, error);
    myna_new_file kept;
    myna_status status = myna_new_file_open(&kept, log->path, error);
    char *line = NULL;
    size_t capacity = 0;
    if (status == MYNA_OK) fputs(header, kept.stream);
    while (status == MYNA_OK && getline(&line, &capacity, old) >= 0) {
        double columns[N_COLUMNS];
        if (!read_row(columns, line)) continue;
        if (columns[COLUMN_STEP] > (double)step) break;
        log->mean_loss = columns[COLUMN_LOSS];
        log->validation = (float)columns[COLUMN_VALIDATION];
        log->is_begun = true;
        fputs(line, kept.stream);
    }
    free(line);
    fclose(old);
    return status == MYNA_OK ? myna_new_file_commit(&kept, error) : status;
}

void train_log_step(train_log *log, const myna_train_report *report)
{
    log->report = *report;
    log->n_steps++;
    if (isfinite(report->loss)) {
        log->loss += (double)report->loss;
        log->l1 += (double)report->l1;
        log->n_loss_steps++;
    }
    if (!isfinite(report->phones_right)) return;
    log->phones_right += (double)report->phones_right;
    log->n_phone_steps++;
}

static double mean_loss(const train_log *log)
{
    return log->n_loss_steps ? log->loss / (double)log->n_loss_steps : log->mean_loss;
}

/* Nothing where there is no such figure. */
static void print_figure(char out[32], const char *format, double value)
{
    out[0] = '\0';
    if (isfinite(value)) snprintf(out, 32, format, value);
}

myna_status train_log_row(train_log *log, myna_trainer *trainer, double seconds, myna_error *error)
{
    const myna_train_report *r = &log->report;
    char loss[32], l1[32], validation[32], phones_right[32];
    log->mean_loss = mean_loss(log);
    log->validation = myna_trainer_validate(trainer);
    print_figure(loss, "%.5f", log->loss / (double)log->n_loss_steps);
    print_figure(l1, "%.5f", log->l1 / (double)log->n_loss_steps);
    print_figure(validation, "%.5f", (double)log->validation);
    print_figure(phones_right, "%.4f", log->phones_right / (double)log->n_phone_steps);
    FILE *stream = fopen(log->path, log->is_begun ? "ae" : "we");
    if (!stream) return fail(log, error);
    if (!log->is_begun) fputs(header, stream);
    log->is_begun = true;
    fprintf(stream, "%llu\t%llu\t%.1f\t%s\t%s\t%s\t%.4f\t%.6g\t%s\n", (unsigned long long)r->step,
        (unsigned long long)r->step * (unsigned)myna_trainer_options(trainer).batch, seconds, loss, l1, validation,
        (double)r->gradient_norm, (double)r->rate, phones_right);
    log->loss = log->l1 = log->phones_right = 0;
    log->n_steps = log->n_loss_steps = log->n_phone_steps = 0;
    return fclose(stream) == 0 ? MYNA_OK : fail(log, error);
}

void train_log_describe(char out[64], const train_log *log)
{
    char loss[32], held_out[32];
    print_figure(loss, "%.4f", mean_loss(log));
    print_figure(held_out, "  held out %.4f", (double)log->validation);
    snprintf(out, 64, "loss %s%s", *loss ? loss : "not known", held_out);
}

/* ---- The table as curves ------------------------------------------------------------------------------------------- */

typedef struct curves {
    float *step, *l1, *validation; /* [n] each */
    size_t n;
    bool has_validation; /* somewhere */
} curves;

static bool add_point(curves *c, const double columns[N_COLUMNS])
{
    float **grown[] = {&c->step, &c->l1, &c->validation};
    static const int sources[] = {COLUMN_STEP, COLUMN_L1, COLUMN_VALIDATION};
    for (int i = 0; i < 3; i++) {
        float *larger = realloc(*grown[i], (c->n + 1) * sizeof(float));
        if (!larger) return false;
        larger[c->n] = (float)columns[sources[i]];
        *grown[i] = larger;
    }
    c->has_validation |= isfinite(c->validation[c->n]);
    c->n++;
    return true;
}

static bool read_curves(curves *out, FILE *stream)
{
    char *line = NULL;
    size_t length = 0;
    bool good = true;
    while (good && getline(&line, &length, stream) >= 0) {
        double columns[N_COLUMNS];
        if (read_row(columns, line)) good = add_point(out, columns);
    }
    free(line);
    return good;
}

myna_status train_log_plot(const train_log *log, const char *plot_path, myna_error *error)
{
    curves c = {0};
    if (!log->is_begun) {
        myna_note(plot_path, "not drawn: the loss table has no rows");
        return MYNA_OK;
    }
    FILE *stream = fopen(log->path, "re");
    if (!stream) return fail(log, error);
    myna_status status = MYNA_OK;
    if (!read_curves(&c, stream)) status = myna_fail(error, MYNA_ERROR_MEMORY, "no memory for curves");
    fclose(stream);
    const myna_plot_series series[] = {
        {"training (perturbed)", c.step, c.l1, c.n}, {"held out", c.step, c.validation, c.n}};
    const myna_panel panel = {.title = "L1 on normalised log-mel",
        .kind = MYNA_PANEL_LINES,
        .lines = {series, c.has_validation ? 2 : 1, "steps"}};
    if (status == MYNA_OK) status = myna_plot_save(plot_path, 900, myna_plot_good_height(&panel, 1), &panel, 1, error);
    free(c.step);
    free(c.l1);
    free(c.validation);
    return status;
}
