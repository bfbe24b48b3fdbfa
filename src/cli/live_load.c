#include "cli/live_load.h"

#include "base/percentile.h"

#include <math.h>
#include <string.h>

static const double bin = 0.001;

void myna_live_load_add(myna_live_load *l, double share)
{
    l->recent[l->n_blocks++ % MYNA_LOAD_RECENT] = share;
    l->counts[(int)fmin(share / bin, MYNA_LOAD_BINS - 1)]++;
    l->most = fmax(l->most, share);
}

myna_live_load_figures myna_live_load_recent(const myna_live_load *l)
{
    double sorted[MYNA_LOAD_RECENT];
    size_t n = l->n_blocks < MYNA_LOAD_RECENT ? (size_t)l->n_blocks : MYNA_LOAD_RECENT;
    if (n == 0) return (myna_live_load_figures){0};
    memcpy(sorted, l->recent, n * sizeof *sorted);
    myna_sort(sorted, n);
    return (myna_live_load_figures){.p50 = myna_percentile(sorted, n, 50),
        .p95 = myna_percentile(sorted, n, 95),
        .p99 = myna_percentile(sorted, n, 99),
        .most = sorted[n - 1]};
}

/* The upper end of the bin, so as not to promise too much. */
static double find(const myna_live_load *l, double percent)
{
    uint64_t below = 0;
    for (int i = 0; i < MYNA_LOAD_BINS - 1; i++) {
        below += l->counts[i];
        if ((double)below >= (double)l->n_blocks * percent / 100) return (i + 1) * bin;
    }
    return l->most;
}

myna_live_load_figures myna_live_load_total(const myna_live_load *l)
{
    if (l->n_blocks == 0) return (myna_live_load_figures){0};
    return (myna_live_load_figures){find(l, 50), find(l, 95), find(l, 99), l->most};
}
