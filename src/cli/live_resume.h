/* A lost device cannot always be closed (see myna_device_close), so another try is another program, in which nothing is
 * left of the first but what is written here: in the environment. */
#ifndef MYNA_CLI_LIVE_RESUME_H
#define MYNA_CLI_LIVE_RESUME_H

#include "cli/live_path.h"

typedef struct myna_live_resume {
    double start_seconds; /* of the first, by base/clock.h, which goes on from program to program */
    myna_live_controls controls;
    const char *input, *output, *monitor; /* full names; monitor NULL: none */
} myna_live_resume;

/* False, and nothing is changed, where this program is the first. */
bool myna_live_resume_read(myna_live_resume *out);
/* Becomes the other program; returns only where that fails. */
void myna_live_resume_in(char **argv, const myna_live_resume *resume);

#endif
