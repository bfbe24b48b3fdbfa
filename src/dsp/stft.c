#include "dsp/stft.h"

#include "base/arena.h"
#include "base/simd.h"
#include "base/status.h"

#include <fftw3.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct myna_fft {
    myna_arena arena;
    size_t n_samples, n_bins;
    float *samples;          /* [n_samples]; aligned as the plans expect */
    fftwf_complex *spectrum; /* [n_bins]; the inverse destroys it */
    fftwf_plan forward, inverse;
};

/* FFTW's planner keeps process-wide state. */
static pthread_mutex_t planner = PTHREAD_MUTEX_INITIALIZER;

static void lay_out(myna_fft *fft, myna_arena *arena)
{
    MYNA_TAKE(arena, fft->samples, fft->n_samples);
    MYNA_TAKE(arena, fft->spectrum, fft->n_bins);
}

static void fft_close(myna_fft *fft)
{
    pthread_mutex_lock(&planner);
    if (fft->forward) fftwf_destroy_plan(fft->forward);
    if (fft->inverse) fftwf_destroy_plan(fft->inverse);
    pthread_mutex_unlock(&planner);
    myna_arena_free(&fft->arena);
}

static bool fft_open(myna_fft *fft, size_t n_samples)
{
    *fft = (myna_fft){.n_samples = n_samples, .n_bins = n_samples / 2 + 1};
    lay_out(fft, &fft->arena);
    if (!myna_arena_reserve(&fft->arena)) return false;
    lay_out(fft, &fft->arena);

    int n = (int)n_samples;
    pthread_mutex_lock(&planner);
    fft->forward = fftwf_plan_dft_r2c_1d(n, fft->samples, fft->spectrum, FFTW_ESTIMATE);
    fft->inverse = fftwf_plan_dft_c2r_1d(n, fft->spectrum, fft->samples, FFTW_ESTIMATE);
    pthread_mutex_unlock(&planner);
    if (fft->forward && fft->inverse) return true;
    fft_close(fft);
    return false;
}

myna_status myna_fft_create(myna_fft **out, int n_samples, myna_error *error)
{
    if (n_samples < 2 || n_samples % 2)
        return myna_fail(
            error, MYNA_ERROR_ARGUMENT, "a transform of %d samples, not a positive even number", n_samples);
    myna_fft *fft = malloc(sizeof *fft);
    if (!fft || !fft_open(fft, (size_t)n_samples)) {
        free(fft);
        return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a transform of %d samples", n_samples);
    }
    *out = fft;
    return MYNA_OK;
}

void myna_fft_free(myna_fft *fft)
{
    if (!fft) return;
    fft_close(fft);
    free(fft);
}

void myna_fft_forward(myna_fft *fft, myna_complex *spectrum, const float *samples)
{
    memcpy(fft->samples, samples, fft->n_samples * sizeof *samples);
    fftwf_execute(fft->forward);
    memcpy(spectrum, fft->spectrum, fft->n_bins * sizeof *spectrum);
}

void myna_fft_inverse(myna_fft *fft, float *samples, const myna_complex *spectrum)
{
    memcpy(fft->spectrum, spectrum, fft->n_bins * sizeof *spectrum);
    fftwf_execute(fft->inverse);
    memcpy(samples, fft->samples, fft->n_samples * sizeof *samples);
}

struct myna_stft {
    myna_fft fft;
    float analysis[MYNA_WINDOW_SAMPLES];  /* periodic Hann */
    float synthesis[MYNA_WINDOW_SAMPLES]; /* the same over (transform length * overlapped sum of squares) */
};

static void make_windows(myna_stft *stft)
{
    for (int i = 0; i < MYNA_WINDOW_SAMPLES; i++) {
        stft->analysis[i] = (float)myna_hann(i);
        stft->synthesis[i] = (float)(myna_hann(i) / (myna_hann_squares * MYNA_FFT_SAMPLES));
    }
}

myna_status myna_stft_create(myna_stft **out, myna_error *error)
{
    myna_stft *stft = malloc(sizeof *stft);
    if (!stft || !fft_open(&stft->fft, MYNA_FFT_SAMPLES)) {
        free(stft);
        return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a short-time Fourier transform");
    }
    make_windows(stft);
    *out = stft;
    return MYNA_OK;
}

void myna_stft_free(myna_stft *stft)
{
    if (!stft) return;
    fft_close(&stft->fft);
    free(stft);
}

MYNA_VECTORIZED static void multiply(float *restrict out, const float *a, const float *b)
{
    for (int i = 0; i < MYNA_WINDOW_SAMPLES; i++) out[i] = a[i] * b[i];
}

/* Into stft->fft.spectrum. */
static void transform(myna_stft *stft, const float *frame)
{
    float *samples = stft->fft.samples;
    multiply(samples, frame, stft->analysis);
    memset(samples + MYNA_WINDOW_SAMPLES, 0, (MYNA_FFT_SAMPLES - MYNA_WINDOW_SAMPLES) * sizeof *samples);
    fftwf_execute(stft->fft.forward);
}

void myna_stft_forward(myna_stft *stft, myna_complex *spectrum, const float *frame)
{
    transform(stft, frame);
    memcpy(spectrum, stft->fft.spectrum, MYNA_BINS * sizeof *spectrum);
}

void myna_stft_inverse(myna_stft *stft, float *frame, const myna_complex *spectrum)
{
    memcpy(stft->fft.spectrum, spectrum, MYNA_BINS * sizeof *spectrum);
    fftwf_execute(stft->fft.inverse);
    multiply(frame, stft->fft.samples, stft->synthesis);
}

MYNA_VECTORIZED static void magnitudes(float *restrict magnitude, const myna_complex *spectrum, size_t n_bins)
{
    for (size_t k = 0; k < n_bins; k++)
        magnitude[k] = sqrtf(spectrum[k].re * spectrum[k].re + spectrum[k].im * spectrum[k].im);
}

void myna_magnitude(float *magnitude, const myna_complex *spectrum, size_t n_bins)
{
    magnitudes(magnitude, spectrum, n_bins);
}

void myna_stft_magnitude(myna_stft *stft, float *magnitude, const float *frame)
{
    transform(stft, frame);
    magnitudes(magnitude, (const myna_complex *)stft->fft.spectrum, MYNA_BINS);
}
