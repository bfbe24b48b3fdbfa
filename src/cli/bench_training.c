/* A training step on batches that never change: how long it takes, how much of that lies inside matrix products, and
 * how fast those are in the step, alone, and for a large square matrix. */
#include "base/clock.h"
#include "base/percentile.h"
#include "base/rng.h"
#include "base/status.h"
#include "cli/bench.h"
#include "nn/gemm.h"
#include "pipeline/trainer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WIDEST = MYNA_STEP_OUT,
    SQUARE = 1024,
    HEARD_STEPS = MYNA_REFERENCE_FRAMES / MYNA_STEP_FRAMES, /* of a reference, in the content encoder's steps */
};

/* What one worker trains on, and memory for its products alone. */
typedef struct share {
    float *content, *speaker, *pitch, *ripple, *noise, *target;
    bool *reference; /* [items]: all true, the most there is to do */
    float *in, *out; /* [items * HEARD_STEPS][WIDEST] */
    myna_gemm_tally tally;
} share;

typedef struct bench {
    myna_trainer *trainer;
    share *shares; /* of each worker */
    myna_status status;
} bench;

/* n normal values of deviation `scale`. */
static bool draw(float **out, size_t n, float scale, uint64_t stream)
{
    myna_rng rng = myna_rng_seed(1, stream);
    *out = malloc((n + 1) * sizeof **out);
    for (size_t i = 0; *out && i < n; i++) (*out)[i] = scale * myna_rng_normal(&rng);
    return *out != NULL;
}

static bool fill_share(share *s, const worker *w, size_t code_width)
{
    size_t steps = w->n_items * MYNA_SEGMENT_STEPS;
    s->reference = malloc(w->n_items + 1);
    if (s->reference) memset(s->reference, true, w->n_items);
    return s->reference && draw(&s->content, steps * MYNA_CONTENT_IN, 1, 1) &&
           draw(&s->speaker, w->n_items * MYNA_REFERENCE_STEPS * MYNA_SPEAKER_IN, 1, 2) &&
           draw(&s->pitch, steps * MYNA_PITCH_IN, 0.2f, 3) && draw(&s->ripple, steps * MYNA_STEP_OUT, 1, 4) &&
           draw(&s->noise, steps * code_width, 0.1f, 5) && draw(&s->target, steps * MYNA_STEP_OUT, 1, 6) &&
           draw(&s->in, w->n_items * HEARD_STEPS * WIDEST, 0.1f, 7) &&
           draw(&s->out, w->n_items * HEARD_STEPS * WIDEST, 0.1f, 8);
}

static void bench_close(bench *b)
{
    for (int i = 0; b->shares && i < b->trainer->options.n_threads; i++) {
        share *s = &b->shares[i];
        float *owned[] = {s->content, s->speaker, s->pitch, s->ripple, s->noise, s->target, s->in, s->out};
        for (size_t k = 0; k < sizeof owned / sizeof owned[0]; k++) free(owned[k]);
        free(s->reference);
    }
    free(b->shares);
    myna_trainer_free(b->trainer);
}

static myna_status bench_open(bench *b, const myna_bench *to, int n_threads, myna_error *error)
{
    myna_train_options options;
    myna_train_options_init(&options);
    options.batch = to->batch;
    options.single_precision = to->single_precision;
    options.n_threads = n_threads;
    *b = (bench){0};
    myna_status status = myna_trainer_allocate(&b->trainer, NULL, &options, error);
    if (status != MYNA_OK) return status;
    myna_parameters_init(b->trainer->parameters, &b->trainer->layout, 1);
    b->shares = calloc((size_t)b->trainer->options.n_threads, sizeof *b->shares);
    bool filled = b->shares != NULL;
    for (int i = 0; filled && i < b->trainer->options.n_threads; i++)
        filled = fill_share(&b->shares[i], &b->trainer->workers[i], b->trainer->layout.code_width);
    if (filled) return MYNA_OK;
    bench_close(b);
    return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a batch");
}

/* ---- The step ---------------------------------------------------------------------------------------------------- */

static void find_gradients(void *context, int member, int n_members)
{
    (void)n_members;
    bench *b = context;
    share *s = &b->shares[member];
    myna_batch batch = {s->content, s->speaker, s->pitch, s->ripple, s->noise, NULL, s->reference, NULL};
    myna_worker_gradients(b->trainer, &b->trainer->workers[member], &batch, s->target, MYNA_LATENCY_BEST);
}

static void begin_watching(void *context, int member, int n_members)
{
    (void)n_members;
    share *s = &((bench *)context)->shares[member];
    s->tally = (myna_gemm_tally){0};
    myna_gemm_watch(&s->tally);
}

static void end_watching(void *context, int member, int n_members)
{
    (void)context, (void)member, (void)n_members;
    myna_gemm_watch(NULL);
}

/* Its products are the network's and Muon's. */
static void take_step(void *context)
{
    bench *b = context;
    myna_train_report report;
    myna_team_run(b->trainer->team, begin_watching, b);
    myna_team_run(b->trainer->team, find_gradients, b);
    myna_status status = myna_trainer_update(b->trainer, &report, NULL);
    myna_team_run(b->trainer->team, end_watching, b);
    if (status != MYNA_OK) b->status = status;
}

/* ---- Its products alone ------------------------------------------------------------------------------------------ */

static bool starts_with(const char *name, const char *beginning)
{
    return strncmp(name, beginning, strlen(beginning)) == 0;
}

/* Does it work on the reference, from what gets no gradient? */
static bool is_of_memory(const char *name)
{
    return starts_with(name, "decoder.attention.") && (strstr(name, ".key.") || strstr(name, ".value."));
}

static size_t rows_of(const char *name, size_t items)
{
    if (strstr(name, ".film.") || starts_with(name, "speaker.out.")) return items;
    if (is_of_memory(name)) return items * HEARD_STEPS;
    return items * (starts_with(name, "speaker.") ? (size_t)MYNA_REFERENCE_STEPS : (size_t)MYNA_SEGMENT_STEPS);
}

/* Rows that go forward only: the content encoder hears the references, the speaker encoder the content. */
static size_t heard_rows_of(const char *name, size_t items)
{
    if (strstr(name, ".film.") && starts_with(name, "content.")) return items;
    if (starts_with(name, "content.") && !starts_with(name, "content.out.")) return items * HEARD_STEPS;
    if (starts_with(name, "speaker.out.")) return items;
    return starts_with(name, "speaker.") ? items * myna_speaker_steps(MYNA_SEGMENT_STEPS) : 0;
}

/* Of every matrix: forward, gradient of the input where that is not the first, gradient of the weights. What the attention
 * multiplies without one, a fiftieth of all, and Muon are left out. */
static void multiply(void *context, int member, int n_members)
{
    bench *b = context;
    const myna_layout *layout = &b->trainer->layout;
    share *s = &b->shares[member];
    worker *w = &b->trainer->workers[member];
    begin_watching(context, member, n_members);
    myna_gemm_round(w->rounding);
    for (size_t i = 0; i < layout->n_tensors; i++) {
        const myna_tensor *tensor = &layout->tensors[i];
        size_t n_out = tensor->dims[0], n_in = tensor->dims[1], rows = rows_of(tensor->name, w->n_items);
        if (tensor->n_dims != 2 || tensor->init == MYNA_INIT_TAPS || n_out == 1) continue;
        const float *weight = b->trainer->parameters + tensor->offset;
        bool first = is_of_memory(tensor->name) || strcmp(tensor->name, "content.in.weight") == 0 ||
                     strcmp(tensor->name, "speaker.in.weight") == 0;
        size_t heard_rows = heard_rows_of(tensor->name, w->n_items);
        if (heard_rows > 0) myna_gemm_nt(s->out, s->in, weight, heard_rows, n_out, n_in, 0);
        myna_gemm_nt(s->out, s->in, weight, rows, n_out, n_in, 0);
        if (!first) myna_gemm_nn(s->in, s->out, weight, rows, n_in, n_out, 0);
        myna_gemm_tn(w->gradients + tensor->offset, s->out, s->in, n_out, n_in, rows, 0);
    }
    myna_gemm_round(NULL);
    end_watching(context, member, n_members);
}

static void multiply_all(void *context)
{
    bench *b = context;
    myna_team_run(b->trainer->team, multiply, b);
}

/* ---- Report ------------------------------------------------------------------------------------------------------ */

/* Seconds inside products and their GFLOP/s, of a mean thread. */
static void add_up(const bench *b, double *seconds, double *gflops)
{
    double sum = 0, work = 0;
    int n = b->trainer->options.n_threads;
    for (int i = 0; i < n; i++) {
        sum += b->shares[i].tally.seconds;
        work += b->shares[i].tally.operations;
    }
    *seconds = sum / n;
    *gflops = 1e-9 * work / sum;
}

static void put_number(const myna_bench *to, const char *what, int n, const char *label, double value, const char *unit)
{
    char key[64];
    snprintf(key, sizeof key, "%s_%d_threads", what, n);
    myna_bench_put_number(to, key, label, value, unit);
}

static void put_time(const myna_bench *to, const char *what, int n, const char *label, myna_bench_figure figure)
{
    char key[64];
    snprintf(key, sizeof key, "%s_%d_threads", what, n);
    myna_bench_put(to, key, label, figure);
}

/* Each step on its own, so that its time and that of its products belong together. */
static myna_status report(bench *b, const myna_bench *to)
{
    int n = b->trainer->options.n_threads;
    double best_share = 0, best_gflops = 0, alone_gflops = 0, seconds, gflops;
    myna_bench_figure step = {1e9, 0}, alone = {1e9, 0};
    double *steps = malloc(2 * (size_t)to->n_runs * sizeof *steps);
    if (!steps) return MYNA_ERROR_MEMORY;
    double *products = steps + to->n_runs;
    take_step(b);
    for (int i = 0; i < to->n_runs; i++) {
        double start = myna_seconds_now();
        take_step(b);
        steps[i] = myna_seconds_now() - start;
        add_up(b, &seconds, &gflops);
        if (steps[i] < step.least) {
            step.least = steps[i];
            best_share = seconds / steps[i];
            best_gflops = gflops;
        }
        start = myna_seconds_now();
        multiply_all(b);
        products[i] = myna_seconds_now() - start;
        add_up(b, &seconds, &gflops);
        if (gflops > alone_gflops) alone_gflops = gflops;
        if (products[i] < alone.least) alone.least = products[i];
    }
    myna_sort(steps, (size_t)to->n_runs);
    myna_sort(products, (size_t)to->n_runs);
    step.median = myna_percentile(steps, (size_t)to->n_runs, 50);
    alone.median = myna_percentile(products, (size_t)to->n_runs, 50);
    free(steps);
    char heading[48];
    const char *precision = b->trainer->workers[0].rounding ? "bfloat16" : "single precision";
    snprintf(heading, sizeof heading, "training, %s, %d thread%s", precision, n, n > 1 ? "s" : "");
    myna_bench_heading(to, heading);
    put_time(to, "training_step", n, "a step", step);
    put_time(to, "training_products", n, "its matrix products alone", alone);
    put_number(to, "segments_a_second", n, "segments of 1.6 s a second", to->batch / step.least, "");
    put_number(to, "gemm_share", n, "of the fastest step inside matrix products", 100 * best_share, "%");
    put_number(to, "gemm_gflops", n, "their speed in the step, a thread", best_gflops, "GFLOP/s");
    put_number(to, "gemm_gflops_alone", n, "alone, at its best: the peak for these shapes", alone_gflops, "GFLOP/s");
    return b->status;
}

static void multiply_square(void *context)
{
    float **m = context;
    myna_gemm_nn(m[0], m[1], m[2], SQUARE, SQUARE, SQUARE, 0);
}

static myna_status put_peak(const myna_bench *to, myna_error *error)
{
    float *m[3] = {NULL};
    bool drawn = true;
    for (int i = 0; i < 3; i++) drawn = draw(&m[i], (size_t)SQUARE * SQUARE, 1, 0) && drawn;
    if (drawn) {
        double seconds = myna_bench_time(multiply_square, m, to->n_runs).least;
        myna_bench_put_number(to, "gemm_gflops_square", "OpenBLAS sgemm, 1024 x 1024 x 1024, one thread",
            2e-9 * SQUARE * SQUARE * SQUARE / seconds, "GFLOP/s");
    }
    for (int i = 0; i < 3; i++) free(m[i]);
    return drawn ? MYNA_OK : myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a matrix");
}

myna_status myna_bench_training(const myna_bench *to, myna_error *error)
{
    myna_status status = MYNA_OK;
    for (int n = 1; n <= to->n_threads && status == MYNA_OK; n += n < to->n_threads ? to->n_threads - n : 1) {
        bench b;
        status = bench_open(&b, to, n, error);
        if (status != MYNA_OK) return status;
        status = report(&b, to);
        bench_close(&b);
    }
    return status == MYNA_OK ? put_peak(to, error) : status;
}
