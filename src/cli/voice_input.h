/* A target speaker as the command line names one. */
#ifndef MYNA_CLI_VOICE_INPUT_H
#define MYNA_CLI_VOICE_INPUT_H

#include "cli/cli.h"

bool myna_is_voice_name(const char *path); /* ends in .voice */

/* One voice file alone, or recordings of one speaker and folders of such, which are enrolled. Notes it where they hold
 * little speech. Reports failure; gives an exit code. */
int myna_cli_load_voice(myna_voice **out, const myna_model *model, const myna_strings *targets);

#endif
