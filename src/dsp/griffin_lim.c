#include "base/arena.h"
#include "base/simd.h"
#include "base/status.h"
#include "dsp/phase.h"

#include <math.h>
#include <string.h>

typedef struct workspace {
    myna_arena arena;
    myna_stft *stft;
    size_t n_frames, n_samples;
    myna_complex *spectra;  /* [n_frames][MYNA_BINS] of the signal */
    myna_complex *previous; /* the same, an iteration earlier */
    float *samples;         /* [n_samples] */
    float *edge_gain;       /* [n_samples] 1 over the share of frames that overlap there */
} workspace;

static void lay_out(workspace *w, myna_arena *arena)
{
    MYNA_TAKE(arena, w->spectra, w->n_frames * MYNA_BINS);
    MYNA_TAKE(arena, w->previous, w->n_frames * MYNA_BINS);
    MYNA_TAKE(arena, w->samples, w->n_samples);
    MYNA_TAKE(arena, w->edge_gain, w->n_samples);
}

static void close_workspace(workspace *w)
{
    myna_stft_free(w->stft);
    myna_arena_free(&w->arena);
}

/* Fewer than MYNA_OVERLAP frames overlap near the ends; the gain there is held at 10, where samples count little. */
static void make_edge_gain(workspace *w)
{
    const double least = 0.1;
    float share[MYNA_WINDOW_SAMPLES];
    for (int i = 0; i < MYNA_WINDOW_SAMPLES; i++) share[i] = (float)(myna_hann(i) * myna_hann(i) / myna_hann_squares);
    for (size_t k = 0; k < w->n_frames; k++)
        for (size_t i = 0; i < MYNA_WINDOW_SAMPLES; i++) w->edge_gain[k * MYNA_HOP_SAMPLES + i] += share[i];
    for (size_t i = 0; i < w->n_samples; i++) w->edge_gain[i] = (float)(1 / fmax(w->edge_gain[i], least));
}

static myna_status open_workspace(workspace *w, size_t n_frames, myna_error *error)
{
    if (!n_frames) return myna_fail(error, MYNA_ERROR_ARGUMENT, "no frames");
    *w = (workspace){.n_frames = n_frames, .n_samples = (n_frames - 1) * MYNA_HOP_SAMPLES + MYNA_WINDOW_SAMPLES};
    lay_out(w, &w->arena);
    if (!myna_arena_reserve(&w->arena))
        return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for %zu frames", n_frames);
    lay_out(w, &w->arena);
    make_edge_gain(w);
    myna_status status = myna_stft_create(&w->stft, error);
    if (status != MYNA_OK) close_workspace(w);
    return status;
}

static void analyse(workspace *w, const float *samples)
{
    for (size_t k = 0; k < w->n_frames; k++)
        myna_stft_forward(w->stft, w->spectra + k * MYNA_BINS, samples + k * MYNA_HOP_SAMPLES);
}

/* target[MYNA_BINS]: `magnitude` with the phases of z. */
MYNA_VECTORIZED static void give_magnitude(
    myna_complex *restrict target, const myna_complex *restrict z, const float *restrict magnitude)
{
    const float tiny = 1e-30f;
    for (size_t b = 0; b < MYNA_BINS; b++) {
        float scale = magnitude[b] / sqrtf(z[b].re * z[b].re + z[b].im * z[b].im + tiny);
        target[b] = (myna_complex){z[b].re * scale, z[b].im * scale};
    }
}

/* The signal of `magnitude` with the phases of w->spectra. */
MYNA_VECTORIZED static void synthesise(workspace *w, const float *magnitude)
{
    memset(w->samples, 0, w->n_samples * sizeof *w->samples);
    for (size_t k = 0; k < w->n_frames; k++) {
        myna_complex target[MYNA_BINS];
        float frame[MYNA_WINDOW_SAMPLES];
        give_magnitude(target, w->spectra + k * MYNA_BINS, magnitude + k * MYNA_BINS);
        myna_stft_inverse(w->stft, frame, target);
        for (size_t i = 0; i < MYNA_WINDOW_SAMPLES; i++) w->samples[k * MYNA_HOP_SAMPLES + i] += frame[i];
    }
    for (size_t i = 0; i < w->n_samples; i++) w->samples[i] *= w->edge_gain[i];
}

/* spectra <- spectra - share * previous, previous <- spectra as they were. */
MYNA_VECTORIZED static void accelerate(workspace *w, float share)
{
    myna_complex *restrict spectra = w->spectra, *restrict previous = w->previous;
    const size_t n = w->n_frames * MYNA_BINS;
    for (size_t i = 0; i < n; i++) {
        myna_complex now = spectra[i];
        spectra[i].re -= share * previous[i].re;
        spectra[i].im -= share * previous[i].im;
        previous[i] = now;
    }
}

myna_status myna_griffin_lim(float *samples, const float *magnitude, const myna_complex *phase, size_t n_frames,
    int iterations, float momentum, myna_error *error)
{
    workspace w;
    myna_status status = open_workspace(&w, n_frames, error);
    if (status != MYNA_OK) return status;
    memcpy(w.spectra, phase, n_frames * MYNA_BINS * sizeof *phase);
    synthesise(&w, magnitude);
    for (int i = 0; i < iterations; i++) {
        analyse(&w, w.samples);
        accelerate(&w, i ? momentum / (1 + momentum) : 0);
        synthesise(&w, magnitude);
    }
    memcpy(samples, w.samples, w.n_samples * sizeof *samples);
    close_workspace(&w);
    return MYNA_OK;
}

myna_status myna_spectral_convergence(
    double *out_db, const float *samples, const float *magnitude, size_t n_frames, myna_error *error)
{
    workspace w;
    myna_status status = open_workspace(&w, n_frames, error);
    if (status != MYNA_OK) return status;
    analyse(&w, samples);
    double missed = 0, wanted = 0;
    for (size_t i = 0; i < n_frames * MYNA_BINS; i++) {
        double got = hypot((double)w.spectra[i].re, (double)w.spectra[i].im), target = (double)magnitude[i];
        missed += (got - target) * (got - target);
        wanted += target * target;
    }
    *out_db = 10 * log10(missed / wanted);
    close_workspace(&w);
    return MYNA_OK;
}
