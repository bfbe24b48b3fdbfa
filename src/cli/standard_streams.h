/* Standard input and output as `-` names them. Errors name "standard input" and "standard output"; all return
 * ERROR_INTERRUPTED when a wait ends by myna_interrupted. */
#ifndef MYNA_CLI_STANDARD_STREAMS_H
#define MYNA_CLI_STANDARD_STREAMS_H

#include "cli/cli.h"

/* Waits for up to n bytes; *n_read 0 at the end. */
myna_status myna_stdin_read(void *bytes, size_t n, size_t *n_read, myna_error *error);
myna_status myna_stdout_write(const void *bytes, size_t n, myna_error *error);

/* A folder of our own under TMPDIR, for audio files that come and go by pipe: their readers and writers need to seek. */
typedef struct myna_scratch {
    char *folder, *input, *output; /* malloc'd paths */
} myna_scratch;
myna_status myna_scratch_create(myna_scratch *out, myna_error *error);
void myna_scratch_remove(myna_scratch *scratch); /* with its files; fine on a zeroed struct */

myna_status myna_stdin_save(const char *path, myna_error *error);
myna_status myna_stdout_copy(const char *path, myna_error *error);

#endif
