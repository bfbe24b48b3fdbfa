/* The loss table beside a model being trained: one row every so many steps. */
#ifndef MYNA_CLI_TRAIN_LOG_H
#define MYNA_CLI_TRAIN_LOG_H

#include "myna/train.h"

#include <stdio.h>

typedef struct train_log {
    char *path, *plot_path;   /* STEM.tsv, STEM.svg */
    myna_train_report report; /* of the last step */
    double loss, l1;          /* sums since the last row */
    uint64_t n_steps;
    double mean_loss;         /* of the last row; NAN before the first */
    float validation;         /* of the last row; NAN before the first */
} train_log;

void train_log_init(train_log *log, const char *stem);
void train_log_free(train_log *log);
/* Writes the header line over whatever stood there; or cuts off rows after `step`, and tells the seconds of the last one
 * kept. */
myna_status train_log_start(const train_log *log, myna_error *error);
myna_status train_log_continue(train_log *log, uint64_t step, double *seconds, myna_error *error);

void train_log_step(train_log *log, const myna_train_report *report);
double train_log_mean_loss(const train_log *log); /* since the last row, or of it */
/* Validates and appends a row. */
myna_status train_log_row(train_log *log, myna_trainer *trainer, double seconds, myna_error *error);
void train_log_print(const train_log *log, const myna_trainer *trainer); /* the last row, for people, on stderr */
/* Draws the table as loss curves into STEM.svg. */
myna_status train_log_plot(const train_log *log, myna_error *error);

#endif
