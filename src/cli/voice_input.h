/* A target speaker as the command line names one. */
#ifndef MYNA_CLI_VOICE_INPUT_H
#define MYNA_CLI_VOICE_INPUT_H

#include "cli/cli.h"

bool myna_is_voice_name(const char *path); /* ends in .voice */

/* One voice file alone, or recordings of one speaker and folders of such, which are enrolled. Notes it where they hold
 * little speech. Reports failure; gives an exit code. */
int myna_cli_load_voice(myna_voice **out, const myna_model *model, const myna_strings *targets);

/* The person who speaks, enrolled as `path` (a voice file or a recording): a start for running estimates in `options`,
 * which then point to `source`. A NULL path changes nothing. Reports failure; gives an exit code. */
int myna_cli_load_source(myna_source *source, myna_converter_options *options, const char *path, const myna_model *model,
    const myna_voice *target);

#endif
