/* What a training run writes: the model and, named after it, what stands beside it. */
#ifndef MYNA_CLI_TRAIN_FILES_H
#define MYNA_CLI_TRAIN_FILES_H

#include "cli/cli.h"

typedef struct train_files {
    char *model, *checkpoint, *table; /* NAME.safetensors, NAME.checkpoint, NAME.tsv */
    char *plot;                       /* NAME.svg, or NULL where none is drawn */
} train_files;

/* A run that resumes goes on with a plot that is there. */
void train_files_name(train_files *files, const char *model, bool with_plot, bool resumes);
void train_files_free(train_files *files);

/* To be asked before any work; leaves no trace. Refused: a file that is the corpus's manifest or `init` (may be NULL),
 * one that exists unless `force` or `resume`, an `init` that is no model, no checkpoint to resume from. Reports; gives
 * an exit code. */
int train_files_check(const train_files *files, const char *corpus, const char *init, bool resume, bool force);
/* Makes the folder where it is missing, and sees that files can be written there: nobody should wait for an analysis to
 * learn that they cannot. */
myna_status train_files_prepare(const train_files *files, myna_error *error);

#endif
