/* The whole live path without a device: a file is heard, a file is spoken into. */
#ifndef MYNA_CLI_LIVE_FILE_H
#define MYNA_CLI_LIVE_FILE_H

#include "cli/live_worker.h"

typedef struct myna_live_file {
    const char *input, *output;
    double block_seconds;
    bool in_real_time; /* as a device would, through the worker's thread; otherwise as fast as possible */
} myna_live_file;

typedef struct myna_live_file_result {
    double latency_seconds; /* the worker's: a whole number of samples */
    myna_live_report report;
    myna_live_load_figures load; /* of all blocks */
} myna_live_file_result;

/* The output has the input's rate and comes as late as it would from a device: it is longer than the input by the
 * worker's latency. settings' rate is filled in. `on_block` (may be NULL) is called after each block;
 * false ends the file there. */
typedef bool myna_live_on_block(void *context, myna_live_worker *worker, double seconds);
myna_status myna_live_file_run(myna_live_file_result *result, const myna_live_file *file,
    const myna_live_settings *settings, myna_live_on_block *on_block, void *context, myna_error *error);

#endif
