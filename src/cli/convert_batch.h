/* Which recordings a command line names, and what each becomes. */
#ifndef MYNA_CLI_CONVERT_BATCH_H
#define MYNA_CLI_CONVERT_BATCH_H

#include "cli/cli.h"

/* inputs.items[i] is converted into outputs.items[i], where "-" is a standard stream. */
typedef struct myna_batch {
    myna_strings inputs, outputs;
    myna_strings failed, reasons; /* files, and what is wrong with each */
    size_t n_tasks;               /* inputs, and folders that could not be read */
} myna_batch;

bool myna_is_stream(const char *path); /* "-" */

/* `operands` as the command has them, `output` as -o has it (may be NULL), `voice`: names the outputs beside inputs.
 * Reports what makes the whole command wrong; gives an exit code. */
int myna_batch_plan(myna_batch *out, const myna_strings *operands, const char *output, const char *voice);
void myna_batch_fail(myna_batch *batch, const char *file, const char *reason);
void myna_batch_free(myna_batch *batch);

/* Whether output i may be written: it does not exist (unless `force`), is not its own input, nor the output of an
 * earlier input. */
myna_status myna_batch_check_output(const myna_batch *batch, size_t i, bool force, myna_error *error);

#endif
