/* The mel axis: 256 triangular bands from 50 to 7600 Hz, and what is done along it. */
#ifndef MYNA_DSP_MEL_H
#define MYNA_DSP_MEL_H

#include "dsp/stft.h"

/* Sparse filter rows in both directions; immutable, shared. Bands are spaced on the HTK mel scale
 * (2595 log10(1 + f / 700)), never narrower than one bin to each side, each summing to 1. */
typedef struct myna_mel myna_mel;
myna_status myna_mel_create(myna_mel **out, myna_error *error);
void myna_mel_free(myna_mel *mel);

/* mel[MYNA_MEL_BANDS] = filters * magnitude[MYNA_BINS]. */
void myna_mel_forward(const myna_mel *mel, float *bands, const float *magnitude);

/* Smallest mel magnitude before the logarithm, so the smallest log-mel is -4. */
#define MYNA_MEL_FLOOR 1e-4f
/* log_mel = log10(max(gain * bands, MYNA_MEL_FLOOR)), MYNA_MEL_BANDS values. */
void myna_log_mel(float *log_mel, const float *bands, float gain);

/* The way back: magnitude[MYNA_BINS] >= 0 whose mel spectrum is 10^log_mel, by multiplicative non-negative least
 * squares (Lee and Seung, 2001), MYNA_MEL_INVERSE_ITERATIONS updates from the bands' interpolation. Bins that no
 * band reaches are 0. Natural mel back to natural magnitude, spectral convergence in dB after 0, 1, 2, 4, 8 and 60
 * updates: -17.3, -20.0, -20.6, -20.8, -20.9, -20.9; its mel spectrum to the one asked for after 8: -52. */
enum { MYNA_MEL_INVERSE_ITERATIONS = 8 };
void myna_mel_inverse(const myna_mel *mel, float *magnitude, const float *log_mel);

/* log-mel of the same sound with its frequency axis scaled: out(f) = in(f / ratio), linear between bands, the
 * ends held. One frame of MYNA_MEL_BANDS; `out` must not overlap `in`. ratio 1.2 makes formants 20 % higher. Its
 * logarithm goes in a straight line from the lowest band's to the highest's, between which there must be no more than a
 * factor of 4. */
typedef struct myna_mel_warp {
    uint16_t from[MYNA_MEL_BANDS]; /* lower neighbour */
    float part[MYNA_MEL_BANDS];    /* of the upper one */
} myna_mel_warp;
void myna_mel_warp_init(myna_mel_warp *warp, float lowest_ratio, float highest_ratio);
void myna_mel_warp_apply(const myna_mel_warp *warp, float *out, const float *in);

/* Summed mel magnitude of speech at normal level, -20 dBFS: the median over frames within 10 dB of the active level is 258
 * on the median of 16 corpus recordings (197 to 302). */
#define MYNA_SPEECH_SUM 258.0f
/* Does a frame at normal level hold speech? True when its summed mel magnitude is no more than 20 dB under that of
 * speech; so do about 70 % of these recordings' frames. */
bool myna_mel_is_speech(const float *log_mel);

#endif
