/* How busy converting keeps a core: the time a block took over its length, for the last blocks and for all. */
#ifndef MYNA_CLI_LIVE_LOAD_H
#define MYNA_CLI_LIVE_LOAD_H

#include <stdint.h>

enum { MYNA_LOAD_RECENT = 1000, MYNA_LOAD_BINS = 2000 };

/* Plain data; starts with zeros. */
typedef struct myna_live_load {
    uint64_t n_blocks;
    double recent[MYNA_LOAD_RECENT]; /* of block i at i % MYNA_LOAD_RECENT */
    uint64_t counts[MYNA_LOAD_BINS]; /* of all, in steps of 0.1 %; the last for all above */
    double most;                     /* of all */
} myna_live_load;

/* Shares of the block's length; 0 where there was none. */
typedef struct myna_live_load_figures {
    double p50, p95, p99, most;
} myna_live_load_figures;

void myna_live_load_add(myna_live_load *load, double share);
myna_live_load_figures myna_live_load_recent(const myna_live_load *load);
myna_live_load_figures myna_live_load_total(const myna_live_load *load);

#endif
