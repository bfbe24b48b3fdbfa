/* Times the trainer's step on prepared batches, and a loop of nothing but the step's matrix products, on request: each
 * line on standard input is "step THREADS N" or "gemm THREADS N", and is answered by a line of seconds for one of N
 * repetitions. scripts/bench-training alternates these with PyTorch. usage: bench_training BATCH */
#include "base/rng.h"
#include "nn/gemm.h"
#include "pipeline/trainer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_THREADS = 64 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* malloc'd; n normal values of deviation `scale`. */
static float *draw(size_t n, float scale, uint64_t stream)
{
    float *x = malloc((n + 1) * sizeof *x);
    myna_rng rng = myna_rng_seed(1, stream);
    if (!x) abort();
    for (size_t i = 0; i < n; i++) x[i] = scale * myna_rng_normal(&rng);
    return x;
}

/* ---- The trainer's step --------------------------------------------------------------------------------------------
 */

/* A trainer, and for each of its workers a batch that never changes. */
typedef struct bench {
    myna_trainer *trainer;
    myna_batch batches[MAX_THREADS];
    float *targets[MAX_THREADS];
} bench;

/* Every segment looks things up: the most there is to do. */
static const bool *all_true(size_t n)
{
    bool *x = malloc(n);
    if (!x) abort();
    memset(x, true, n);
    return x;
}

static void bench_create(bench *b, int batch, int n_threads)
{
    myna_train_options options;
    myna_train_options_init(&options);
    options.batch = batch;
    options.n_threads = n_threads;
    if (myna_trainer_allocate(&b->trainer, NULL, &options, NULL) != MYNA_OK) abort();
    myna_parameters_init(b->trainer->parameters, &b->trainer->layout, 1);
    for (int i = 0; i < b->trainer->options.n_threads; i++) {
        size_t items = b->trainer->workers[i].n_items, steps = items * MYNA_SEGMENT_STEPS;
        b->batches[i] = (myna_batch){draw(steps * MYNA_CONTENT_IN, 1, 1),
            draw(items * MYNA_REFERENCE_STEPS * MYNA_SPEAKER_IN, 1, 2), draw(steps * MYNA_PITCH_IN, 0.2f, 3),
            draw(steps * MYNA_STEP_OUT, 1, 4), draw(steps * b->trainer->layout.code_width, 0.1f, 5),
            all_true(items)};
        b->targets[i] = draw(steps * MYNA_STEP_OUT, 1, 6);
    }
}

static void gradient_job(void *context, int member, int n_members)
{
    (void)n_members;
    bench *b = context;
    myna_worker_gradients(
        b->trainer, &b->trainer->workers[member], &b->batches[member], b->targets[member], MYNA_LATENCY_BEST);
}

static double time_step(bench *b, int n)
{
    double start = now();
    for (int i = 0; i < n; i++) {
        myna_train_report report;
        myna_team_run(b->trainer->team, gradient_job, b);
        if (myna_trainer_update(b->trainer, &report, NULL) != MYNA_OK) abort();
    }
    return (now() - start) / n;
}

/* ---- Its matrix products alone -------------------------------------------------------------------------------------
 */

enum { WIDEST = MYNA_STEP_OUT };

typedef struct gemm_job {
    const myna_trainer *trainer;
    int n;
    float *buffers[MAX_THREADS][2]; /* [rows][WIDEST]: activations and their gradients */
} gemm_job;

static size_t rows_of(const char *name, size_t items)
{
    if (strstr(name, ".film.") || strncmp(name, "speaker.out.", 12) == 0) return items;
    return items * (strncmp(name, "speaker.", 8) == 0 ? MYNA_REFERENCE_STEPS : MYNA_SEGMENT_STEPS);
}

/* Forward, gradient of the input (except of the first layers' inputs), gradient of the weights. */
static void multiply(void *context, int member, int n_members)
{
    (void)n_members;
    const gemm_job *job = context;
    const myna_trainer *t = job->trainer;
    worker *w = &t->workers[member];
    float *in = job->buffers[member][0], *out = job->buffers[member][1];
    for (int repeat = 0; repeat < job->n; repeat++) {
        for (size_t i = 0; i < t->layout.n_tensors; i++) {
            const myna_tensor *tensor = &t->layout.tensors[i];
            size_t n_out = tensor->dims[0], n_in = tensor->dims[1], rows = rows_of(tensor->name, w->n_items);
            if (tensor->n_dims != 2 || tensor->init == MYNA_INIT_TAPS || n_out == 1) continue;
            const float *weight = t->parameters + tensor->offset;
            bool first =
                strcmp(tensor->name, "content.in.weight") == 0 || strcmp(tensor->name, "speaker.in.weight") == 0;
            myna_gemm_nt(out, in, weight, rows, n_out, n_in, 0);
            if (!first) myna_gemm_nn(in, out, weight, rows, n_in, n_out, 0);
            myna_gemm_tn(w->gradients + tensor->offset, out, in, n_out, n_in, rows, 0);
        }
    }
}

static double time_gemm(const myna_trainer *trainer, int n)
{
    gemm_job job = {.trainer = trainer, .n = n};
    for (int i = 0; i < trainer->options.n_threads; i++)
        for (int k = 0; k < 2; k++)
            job.buffers[i][k] = draw(trainer->workers[i].n_items * MYNA_SEGMENT_STEPS * WIDEST, 0, 0);
    double start = now();
    myna_team_run(trainer->team, multiply, &job);
    double seconds = (now() - start) / n;
    for (int i = 0; i < trainer->options.n_threads; i++)
        for (int k = 0; k < 2; k++) free(job.buffers[i][k]);
    return seconds;
}

int main(int argc, char **argv)
{
    static bench benches[MAX_THREADS + 1]; /* by thread count, made when first asked for */
    int batch = argc == 2 ? atoi(argv[1]) : 0;
    if (batch < 1) {
        fprintf(stderr, "usage: bench_training BATCH\n");
        return 1;
    }
    char what[8];
    for (int n_threads, n; scanf("%7s %d %d", what, &n_threads, &n) == 3;) {
        if (n_threads < 1 || n_threads > MAX_THREADS || n_threads > batch || n < 1) return 1;
        bench *b = &benches[n_threads];
        if (!b->trainer) bench_create(b, batch, n_threads);
        printf("%.9f\n", strcmp(what, "step") == 0 ? time_step(b, n) : time_gemm(b->trainer, n));
        fflush(stdout);
    }
    return 0;
}
