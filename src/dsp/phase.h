/* From magnitudes to a waveform: where phase starts (a pulse train at F0, or noise) and how it is made consistent
 * (Griffin-Lim; Griffin and Lim 1984, fast: Perraudin et al. 2013; streaming RTISI-LA: Zhu et al. 2007). */
#ifndef MYNA_DSP_PHASE_H
#define MYNA_DSP_PHASE_H

#include "base/rng.h"
#include "dsp/stft.h"

/* ---- Excitation: a pulse train at F0 where voiced, white noise elsewhere, frame by frame ------------------- */

typedef struct myna_excitation myna_excitation;
myna_status myna_excitation_create(myna_excitation **out, uint64_t seed, myna_error *error);
void myna_excitation_free(myna_excitation *excitation);
void myna_excitation_reset(myna_excitation *excitation); /* the same noise again */
/* Moves on by one hop and gives unit phasors of the newest frame: phase[MYNA_BINS], each of length 1. f0_hz is the
 * F0 at the frame's middle: it goes there from the previous frame's, and is held to the frame's end until later
 * frames say otherwise. (With F0 applied to the newest hop instead, half a window late, spectral convergence is 2 to
 * 5 dB worse.) */
void myna_excitation_next(myna_excitation *excitation, myna_complex *phase, float f0_hz);

/* ---- Streaming Griffin-Lim (RTISI-LA) ----------------------------------------------------------------------- */

typedef struct myna_rtisi myna_rtisi;
/* look_ahead frames in [-1, 8]; iterations a frame in [0, 64] (0: the start phase as it is).
 * Spectral convergence from pulse phase over six recordings, in dB, for 0, 1, 2, 4 and 8 iterations:
 * look-ahead 0: -11.8, -13.0, -13.7, -14.5, -15.6; look-ahead 3: -11.8, -15.9, -17.8, -19.6, -21.4.
 * -1: samples are given away before the last frame that covers them is there, raised by what it will add. No judge
 * hears the difference to 0 (tests/eval/ABLATIONS.md), and they come a hop earlier. */
myna_status myna_rtisi_create(myna_rtisi **out, int look_ahead, int iterations, myna_error *error);
void myna_rtisi_free(myna_rtisi *rtisi);
void myna_rtisi_reset(myna_rtisi *rtisi);
/* Takes frame m's magnitude[MYNA_BINS] and start phase[MYNA_BINS]; gives the MYNA_HOP_SAMPLES samples that frame
 * m - look_ahead completes: those at its window's start, [200 (m - look_ahead), + 200) in the time of window
 * starts. (Zeros while m < look_ahead; with look-ahead -1 the first hop never comes.) Never allocates. */
void myna_rtisi_push(myna_rtisi *rtisi, float *out, const float *magnitude, const myna_complex *phase);

/* ---- Whole-file Griffin-Lim, for tests and comparisons -------------------------------------------------------- */

/* samples[(n_frames - 1) * MYNA_HOP_SAMPLES + MYNA_WINDOW_SAMPLES] from magnitude[n_frames][MYNA_BINS] and start
 * phase (same shape); momentum 0.99 is the fast variant, 0 the classic. */
myna_status myna_griffin_lim(float *samples, const float *magnitude, const myna_complex *phase, size_t n_frames,
    int iterations, float momentum, myna_error *error);
/* 20 log10(|| |STFT(samples)| - magnitude || / || magnitude ||), dB: how far a signal is from its magnitudes. */
myna_status myna_spectral_convergence(
    double *out_db, const float *samples, const float *magnitude, size_t n_frames, myna_error *error);

#endif
