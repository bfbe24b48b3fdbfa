/* Front end, phase stage, network, and conversion against length: one thread each. */
#include "base/clock.h"
#include "base/rng.h"
#include "base/status.h"
#include "cli/bench.h"
#include "dsp/analysis.h"
#include "dsp/phase.h"
#include "model/stream.h"
#include "model/voice.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static myna_status no_memory(myna_error *error)
{
    return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for what is measured");
}

/* ---- Log-mel ----------------------------------------------------------------------------------------------------- */

typedef struct mel_job {
    myna_mel *mel;
    myna_analyzer *analyzer;
    float *samples, *log_mel; /* [n_frames][MYNA_MEL_BANDS] */
    size_t n_frames;
} mel_job;

static void find_log_mel(void *context)
{
    mel_job *job = context;
    myna_analyzer_reset(job->analyzer);
    for (size_t k = 0; k < job->n_frames; k++) {
        myna_frame frame;
        myna_analyzer_push(job->analyzer, &frame, job->samples + k * MYNA_HOP_SAMPLES);
        myna_log_mel(job->log_mel + k * MYNA_MEL_BANDS, frame.mel, 1);
    }
}

myna_status myna_bench_mel(const myna_bench *b, myna_error *error)
{
    mel_job job = {0};
    size_t n;
    job.samples = myna_bench_speech(b, b->is_short ? 1 : 60, &n);
    if (!job.samples) return no_memory(error);
    job.n_frames = n / MYNA_HOP_SAMPLES;
    job.log_mel = malloc(job.n_frames * MYNA_MEL_BANDS * sizeof(float));
    myna_status status = job.log_mel ? myna_mel_create(&job.mel, error) : no_memory(error);
    if (status == MYNA_OK) status = myna_analyzer_create(&job.analyzer, job.mel, -1, error);
    if (status == MYNA_OK) {
        myna_bench_heading(b, "front end");
        myna_bench_put(b, "log_mel", b->is_short ? "log-mel of 1 s" : "log-mel of 60 s",
            myna_bench_time(find_log_mel, &job, b->n_runs));
    }
    myna_analyzer_free(job.analyzer);
    myna_mel_free(job.mel);
    free(job.samples);
    free(job.log_mel);
    return status;
}

/* ---- Griffin-Lim ---------------------------------------------------------------------------------------------------
 */

typedef struct phase_job {
    float *samples, *magnitude; /* [n_frames][MYNA_BINS] */
    myna_complex *phase;        /* the same shape: random */
    size_t n_frames;
    int iterations;
    myna_status status;
} phase_job;

static void run_griffin_lim(void *context)
{
    phase_job *job = context;
    myna_status status =
        myna_griffin_lim(job->samples, job->magnitude, job->phase, job->n_frames, job->iterations, 0.99f, NULL);
    if (status != MYNA_OK) job->status = status;
}

static void draw_phase(phase_job *job, uint64_t stream)
{
    myna_rng rng = myna_rng_seed(1, stream);
    for (size_t i = 0; i < job->n_frames * MYNA_BINS; i++) {
        float angle = myna_rng_uniform(&rng, 0, 6.2831853f);
        job->phase[i] = (myna_complex){cosf(angle), sinf(angle)};
    }
}

static myna_status make_magnitudes(phase_job *job, myna_error *error)
{
    myna_stft *stft;
    myna_status status = myna_stft_create(&stft, error);
    if (status != MYNA_OK) return status;
    for (size_t k = 0; k < job->n_frames; k++) {
        myna_stft_forward(stft, job->phase, job->samples + k * MYNA_HOP_SAMPLES);
        myna_magnitude(job->magnitude + k * MYNA_BINS, job->phase, MYNA_BINS);
    }
    myna_stft_free(stft);
    return MYNA_OK;
}

/* The convergence is a mean over as many start phases as there are runs: it differs by tenths of a dB. */
static myna_status run_phase(phase_job *job, const myna_bench *b, myna_error *error)
{
    double sum_db = 0, db = 0;
    draw_phase(job, 0);
    myna_bench_figure figure = myna_bench_time(run_griffin_lim, job, b->n_runs);
    for (int i = 0; i < b->n_runs && job->status == MYNA_OK; i++) {
        draw_phase(job, (uint64_t)i);
        run_griffin_lim(job);
        if (job->status == MYNA_OK)
            job->status = myna_spectral_convergence(&db, job->samples, job->magnitude, job->n_frames, error);
        sum_db += db;
    }
    if (job->status != MYNA_OK) return job->status;
    myna_bench_heading(b, "phase");
    myna_bench_put(b, "griffin_lim",
        b->is_short ? "Griffin-Lim, 2 iterations, 1 s" : "Griffin-Lim, 32 iterations, 10 s", figure);
    myna_bench_put_number(b, "griffin_lim_convergence_db", "its spectral convergence", sum_db / b->n_runs, "dB");
    return MYNA_OK;
}

myna_status myna_bench_griffin_lim(const myna_bench *b, myna_error *error)
{
    phase_job job = {.iterations = b->is_short ? 2 : 32};
    size_t n;
    job.samples = myna_bench_speech(b, b->is_short ? 1 : 10, &n);
    if (!job.samples) return no_memory(error);
    job.n_frames = (n - MYNA_WINDOW_SAMPLES) / MYNA_HOP_SAMPLES + 1;
    job.magnitude = malloc(job.n_frames * MYNA_BINS * sizeof *job.magnitude);
    job.phase = malloc(job.n_frames * MYNA_BINS * sizeof *job.phase);
    myna_status status = job.magnitude && job.phase ? make_magnitudes(&job, error) : no_memory(error);
    if (status == MYNA_OK) status = run_phase(&job, b, error);
    free(job.samples);
    free(job.magnitude);
    free(job.phase);
    return status;
}

/* ---- Network -------------------------------------------------------------------------------------------------------
 */

typedef struct network_job {
    myna_stream *stream;
    float *log_mel, *out;
    size_t n_steps, steps_a_call;
} network_job;

static void run_network(void *context)
{
    network_job *job = context;
    float f0_hz[MYNA_STREAM_MAX_STEPS * MYNA_STEP_FRAMES], out_f0_hz[MYNA_STREAM_MAX_STEPS * MYNA_STEP_FRAMES];
    for (int i = 0; i < MYNA_STREAM_MAX_STEPS * MYNA_STEP_FRAMES; i++) f0_hz[i] = 140;
    for (size_t step = 0; step < job->n_steps; step += job->steps_a_call)
        myna_stream_push(
            job->stream, job->out, out_f0_hz, job->log_mel + step * MYNA_STEP_OUT, f0_hz, job->steps_a_call);
}

myna_status myna_bench_network(const myna_bench *b, myna_error *error)
{
    network_job job = {.n_steps = b->is_short ? 32 : 400};
    job.log_mel = malloc(job.n_steps * MYNA_STEP_OUT * sizeof(float));
    job.out = malloc((size_t)MYNA_STREAM_MAX_STEPS * MYNA_STEP_OUT * sizeof(float));
    myna_status status = job.log_mel && job.out ? MYNA_OK : no_memory(error);
    if (status == MYNA_OK)
        status = myna_stream_create(&job.stream, b->model, &b->voice->speaker, MYNA_LATENCY_LOW, NULL, false, error);
    if (status == MYNA_OK) {
        myna_rng rng = myna_rng_seed(1, 1);
        for (size_t i = 0; i < job.n_steps * MYNA_STEP_OUT; i++) job.log_mel[i] = myna_rng_normal(&rng) - 1;
        myna_bench_heading(b, "network, forward");
        job.steps_a_call = MYNA_STREAM_MAX_STEPS;
        myna_bench_put(b, "network", b->is_short ? "whole recording, 0.8 s" : "whole recording, 10 s",
            myna_bench_time(run_network, &job, b->n_runs));
        job.steps_a_call = 1;
        myna_bench_figure figure = myna_bench_time(run_network, &job, b->n_runs);
        figure.least /= (double)job.n_steps;
        figure.median /= (double)job.n_steps;
        myna_bench_put(b, "network_step", "a step of 25 ms", figure);
    }
    myna_stream_free(job.stream);
    free(job.log_mel);
    free(job.out);
    return status;
}

/* ---- Cost against length -------------------------------------------------------------------------------------------
 */

typedef struct length_job {
    const myna_bench *bench;
    myna_converter *converter;
    double seconds;
} length_job;

/* In blocks of a second, as myna convert reads files. */
static void convert_length(void *context)
{
    length_job *job = context;
    static float block[MYNA_SAMPLE_RATE_HZ];
    size_t n = (size_t)(job->seconds * MYNA_SAMPLE_RATE_HZ);
    myna_converter_reset(job->converter);
    for (size_t done = 0, taken; done < n; done += taken) {
        taken = n - done < MYNA_SAMPLE_RATE_HZ ? n - done : MYNA_SAMPLE_RATE_HZ;
        for (size_t i = 0; i < taken; i++) block[i] = job->bench->speech[(done + i) % job->bench->n_samples];
        myna_converter_process(job->converter, block, taken, block);
    }
}

static double peak_megabytes(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (double)usage.ru_maxrss / 1024 : 0;
}

static double time_length(length_job *job, bool once)
{
    if (!once) return myna_bench_time(convert_length, job, job->bench->n_runs).least;
    double start = myna_seconds_now();
    convert_length(job);
    return myna_seconds_now() - start;
}

myna_status myna_bench_length(const myna_bench *b, myna_error *error)
{
    length_job job = {.bench = b};
    myna_status status = myna_converter_create(&job.converter, b->model, b->voice, NULL, error);
    if (status != MYNA_OK) return status;
    if (!b->json) printf("conversion; over 60 s once %28s %14s\n", "time over length", "peak memory");
    for (size_t i = 0; i < b->n_lengths; i++) {
        char key[48];
        job.seconds = b->is_short ? b->lengths[i] / 10 : b->lengths[i];
        double share = time_length(&job, job.seconds > 60) / job.seconds;
        if (!b->json) printf("  %6g s %46.5f %11.1f MB\n", job.seconds, share, peak_megabytes());
        snprintf(key, sizeof key, "rtf_%g_s", job.seconds);
        if (b->json) myna_bench_put_number(b, key, NULL, share, NULL);
        snprintf(key, sizeof key, "peak_mb_%g_s", job.seconds);
        if (b->json) myna_bench_put_number(b, key, NULL, peak_megabytes(), NULL);
        fflush(stdout);
    }
    myna_converter_free(job.converter);
    return MYNA_OK;
}
