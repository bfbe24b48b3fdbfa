/* The parts of `myna bench`: each measures something and puts figures on the report. */
#ifndef MYNA_CLI_BENCH_H
#define MYNA_CLI_BENCH_H

#include "cli/cli.h"

enum { MYNA_BENCH_MAX_LENGTHS = 16 };

typedef struct myna_bench {
    /* what was asked for */
    int n_runs, n_threads, batch;
    bool is_short;                          /* smaller work, to see that everything runs */
    bool single_precision;                  /* training without bfloat16 */
    double lengths[MYNA_BENCH_MAX_LENGTHS]; /* seconds, ascending */
    size_t n_lengths;

    float *speech; /* [n_samples] what is listened to, 16 kHz: the recording given, or made up */
    size_t n_samples;
    const myna_model *model;
    const myna_voice *voice;

    struct cJSON *json; /* NULL: lines for people */
} myna_bench;

/* Of several runs, in seconds. */
typedef struct myna_bench_figure {
    double least, median;
} myna_bench_figure;

typedef void myna_bench_job(void *context);
/* Once to warm up, then n_runs times. */
myna_bench_figure myna_bench_time(myna_bench_job *job, void *context, int n_runs);

/* Headings, times, and other numbers with their unit. `key` is the name in JSON, where times are seconds. */
void myna_bench_heading(const myna_bench *b, const char *text);
void myna_bench_put(const myna_bench *b, const char *key, const char *label, myna_bench_figure figure);
void myna_bench_put_number(const myna_bench *b, const char *key, const char *label, double value, const char *unit);

/* `seconds` of speech, round and round: malloc'd. NULL when memory is short. */
float *myna_bench_speech(const myna_bench *b, double seconds, size_t *n_samples);

myna_status myna_bench_mel(const myna_bench *b, myna_error *error);         /* log-mel of 60 s */
myna_status myna_bench_griffin_lim(const myna_bench *b, myna_error *error); /* whole-file, 32 iterations, 10 s */
myna_status myna_bench_network(const myna_bench *b, myna_error *error);     /* forward: whole file, single steps */
myna_status myna_bench_training(const myna_bench *b, myna_error *error);    /* a step, and its matrix products */
myna_status myna_bench_length(const myna_bench *b, myna_error *error);      /* cost against length */
myna_status myna_bench_live(const myna_bench *b, myna_error *error);        /* blocks of 5, 10, 20 ms in real time */

#endif
