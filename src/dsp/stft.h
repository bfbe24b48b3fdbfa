/* The short-time Fourier transform: a periodic Hann window of 50 ms every 12.5 ms, zero-padded to 1024 samples.
 * The only room that knows FFTW. */
#ifndef MYNA_DSP_STFT_H
#define MYNA_DSP_STFT_H

#include "myna/myna.h"

#include <math.h>

enum {
    MYNA_WINDOW_SAMPLES = 800,
    MYNA_HOP_SAMPLES = 200,
    MYNA_FFT_SAMPLES = 1024,
    MYNA_BINS = MYNA_FFT_SAMPLES / 2 + 1,
    MYNA_OVERLAP = MYNA_WINDOW_SAMPLES / MYNA_HOP_SAMPLES, /* frames that share a sample */
};

/* Sample i of the window. */
static inline double myna_hann(int i)
{
    return 0.5 - 0.5 * cos(2 * 3.14159265358979323846 * i / MYNA_WINDOW_SAMPLES);
}
/* Sum of the squared windows of all frames that share a sample: the same for each, as the window is periodic. */
static const double myna_hann_squares = 0.375 * MYNA_OVERLAP;

/* One complex value of a spectrum, laid out as FFTW's. */
typedef struct myna_complex {
    float re, im;
} myna_complex;

/* Plans and scratch; one thread at a time. Creation takes a process-wide lock (FFTW's planner is not
 * thread-safe) and uses FFTW_ESTIMATE, so that results do not depend on the machine's mood. */
typedef struct myna_stft myna_stft;
myna_status myna_stft_create(myna_stft **out, myna_error *error);
void myna_stft_free(myna_stft *stft);

/* spectrum[MYNA_BINS] of window * frame[MYNA_WINDOW_SAMPLES]; the frame starts at the transform's sample 0. */
void myna_stft_forward(myna_stft *stft, myna_complex *spectrum, const float *frame);
/* frame[MYNA_WINDOW_SAMPLES], windowed again and scaled so that frames overlap-added every hop restore the signal
 * exactly where MYNA_OVERLAP frames overlap. Leaves `spectrum` as it was. */
void myna_stft_inverse(myna_stft *stft, float *frame, const myna_complex *spectrum);

/* magnitude[MYNA_BINS] of the same, for whom phases do not matter. */
void myna_stft_magnitude(myna_stft *stft, float *magnitude, const float *frame);

/* |z| of each bin. */
void myna_magnitude(float *magnitude, const myna_complex *spectrum, size_t n_bins);

/* A real transform of any even length, for the tests; the same rules. */
typedef struct myna_fft myna_fft;
myna_status myna_fft_create(myna_fft **out, int n_samples, myna_error *error);
void myna_fft_free(myna_fft *fft);
void myna_fft_forward(myna_fft *fft, myna_complex *spectrum, const float *samples);  /* [n/2 + 1] from [n] */
void myna_fft_inverse(myna_fft *fft, float *samples, const myna_complex *spectrum);  /* unscaled: n times the signal */

#endif
