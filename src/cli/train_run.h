/* A training run, from the corpus to the saved model. */
#ifndef MYNA_CLI_TRAIN_RUN_H
#define MYNA_CLI_TRAIN_RUN_H

#include "cli/cli.h"

/* What the command line says; 0 and NULL: nothing, but for seed, code_noise, phone_weight and self_conversion, where that
 * is below 0. */
typedef struct train_settings {
    const char *corpus, *output, *init, *judge, *cache, *phones;
    double hours, checkpoint_minutes, code_noise, phone_weight, self_conversion, conversions, rate;
    int64_t steps, batch, threads, seed, code_width, log_steps;
    bool single_precision, resume, force, plot, quiet, json;
} train_settings;

/* Trains until the end of the schedule or an interruption, and saves. Reports failure; gives an exit code. Up to the
 * first step no file is made or changed but the corpus's cache. */
int train_run(const train_settings *settings);

#endif
