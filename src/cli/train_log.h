/* The loss table beside a model being trained: one row every so many steps. */
#ifndef MYNA_CLI_TRAIN_LOG_H
#define MYNA_CLI_TRAIN_LOG_H

#include "myna/train.h"

#include <stdio.h>

typedef struct train_log {
    const char *path;         /* the caller's */
    bool is_begun;            /* the table has a row of this run; before, another run's may stand there */
    myna_train_report report; /* of the last step */
    double loss, l1, phones_right; /* sums since the last row */
    uint64_t n_steps, n_loss_steps, n_phone_steps; /* all, those with a loss, those with a known phone */
    double mean_loss;         /* of the last row; NAN before the first */
    float validation;         /* of the last row; NAN before the first and where nothing is held out */
} train_log;

void train_log_init(train_log *log, const char *path);
/* Goes on with the table that is there: cuts off rows after `step`. */
myna_status train_log_continue(train_log *log, uint64_t step, myna_error *error);

void train_log_step(train_log *log, const myna_train_report *report);
/* Validates and appends a row of the steps since the last one, of which there must be some. The first row of a run
 * begins the table anew. */
myna_status train_log_row(train_log *log, myna_trainer *trainer, double seconds, myna_error *error);
/* "loss 0.4321  held out 0.2345", for people: since the last row, or of it; "not known" while all steps were conversions. */
void train_log_describe(char out[64], const train_log *log);
/* Draws the table as loss curves. */
myna_status train_log_plot(const train_log *log, const char *plot_path, myna_error *error);

#endif
