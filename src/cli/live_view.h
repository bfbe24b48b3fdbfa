/* What `myna live` shows: on a terminal one line that keeps moving, and keys; elsewhere a line now and then. */
#ifndef MYNA_CLI_LIVE_VIEW_H
#define MYNA_CLI_LIVE_VIEW_H

#include "cli/live_worker.h"

typedef struct myna_live_status {
    myna_live_report report;
    uint64_t xruns;
    myna_live_controls controls;
    const char *voice;          /* its name */
    double latency_ms, seconds; /* running so long */
} myna_live_status;

/* Takes the terminal, where standard error is one and `quiet` is not set: keys come one by one, without echo. */
void myna_live_view_open(bool quiet);
/* Gives it back as it was; fine when it was never taken. Called on every way out. */
void myna_live_view_close(void);

/* Shows the status, on a terminal at once, elsewhere every five seconds. */
void myna_live_view_show(const myna_live_status *status);

/* At the end, unless it is to be quiet: one line about the whole. */
void myna_live_view_summarize(
    const myna_live_report *report, const myna_live_load_figures *load_of_all_blocks, uint64_t xruns);

/* Acts on the keys pressed since: 1-9 voices, b bypass, m mute, + and - pitch. Returns true for q. */
bool myna_live_view_read_keys(myna_live_controls *controls, int n_voices);

#endif
