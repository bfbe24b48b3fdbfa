/* How long a live block takes to convert, in real time: between blocks the processor sleeps, and finds its caches cold
 * and its clock low, as it does in `myna live`. */
#define _GNU_SOURCE
#include "base/clock.h"
#include "base/percentile.h"
#include "base/status.h"
#include "cli/bench.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const int blocks_ms[] = {5, 10, 20};
enum { N_BLOCKS = sizeof blocks_ms / sizeof blocks_ms[0] };

/* Of the shares of a block's time that converting it takes. */
typedef struct spread {
    double p50, p95, p99, most;
} spread;

static void sleep_until(double seconds)
{
    struct timespec until = {.tv_sec = (time_t)seconds};
    until.tv_nsec = (long)((seconds - (double)until.tv_sec) * 1e9);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static void convert_blocks(
    double *shares, size_t n_blocks, size_t block_samples, myna_converter *converter, const myna_bench *b)
{
    float block[MYNA_SAMPLE_RATE_HZ / 50];
    const double period = (double)block_samples / MYNA_SAMPLE_RATE_HZ, start = myna_seconds_now();
    for (size_t i = 0; i < n_blocks; i++) {
        for (size_t k = 0; k < block_samples; k++) block[k] = b->speech[(i * block_samples + k) % b->n_samples];
        sleep_until(start + (double)i * period);
        double begin = myna_seconds_now();
        myna_converter_process(converter, block, block_samples, block);
        shares[i] = (myna_seconds_now() - begin) / period;
    }
}

static myna_status measure(spread *out, int block_ms, const myna_bench *b, myna_error *error)
{
    size_t block_samples = (size_t)(block_ms * MYNA_SAMPLE_RATE_HZ / 1000);
    size_t n_blocks = (size_t)((b->is_short ? 200 : 10000) / block_ms);
    double *shares = malloc(n_blocks * sizeof *shares);
    if (!shares) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for %zu blocks", n_blocks);
    myna_converter *converter;
    myna_status status = myna_converter_create(&converter, b->model, b->voice, NULL, error);
    if (status == MYNA_OK) {
        convert_blocks(shares, n_blocks, block_samples, converter, b);
        myna_sort(shares, n_blocks);
        out->p50 = myna_percentile(shares, n_blocks, 50);
        out->p95 = myna_percentile(shares, n_blocks, 95);
        out->p99 = myna_percentile(shares, n_blocks, 99);
        out->most = shares[n_blocks - 1];
        myna_converter_free(converter);
    }
    free(shares);
    return status;
}

static void report(const myna_bench *b, int block_ms, const spread *s)
{
    if (!b->json) {
        printf("  %-3d ms %39.3f %7.3f %7.3f %7.3f\n", block_ms, s->p50, s->p95, s->p99, s->most);
        fflush(stdout);
        return;
    }
    char key[32];
    snprintf(key, sizeof key, "live_%d_ms", block_ms);
    cJSON *item = cJSON_AddObjectToObject(b->json, key);
    cJSON_AddNumberToObject(item, "p50", s->p50);
    cJSON_AddNumberToObject(item, "p95", s->p95);
    cJSON_AddNumberToObject(item, "p99", s->p99);
    cJSON_AddNumberToObject(item, "max", s->most);
}

/* The smallest block that leaves half of its time to the rest of the computer in 99 of 100 cases: a share of up to one
 * is made good by the block that waits in the ring, see cli/live_worker.h. */
myna_status myna_bench_live(const myna_bench *b, myna_error *error)
{
    const double most_share = 0.5;
    int recommended = 0;
    if (!b->json) printf("live, latency best: time over block %15s %7s %7s %7s\n", "p50", "p95", "p99", "max");
    for (int i = 0; i < N_BLOCKS; i++) {
        spread s = {0};
        myna_status status = measure(&s, blocks_ms[i], b, error);
        if (status != MYNA_OK) return status;
        report(b, blocks_ms[i], &s);
        if (!recommended && s.p99 < most_share) recommended = blocks_ms[i];
    }
    if (b->json) cJSON_AddNumberToObject(b->json, "recommended_block_ms", recommended);
    else if (recommended) printf("  recommended: myna live --block %d\n", recommended);
    else printf("  recommended: a longer --block, or --iterations 2; this computer is slow or busy\n");
    return MYNA_OK;
}
