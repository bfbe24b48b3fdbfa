/* Any rate to any rate, block by block, by libsamplerate; a delay-free wrapper that keeps count. */
#ifndef MYNA_IO_RESAMPLE_H
#define MYNA_IO_RESAMPLE_H

#include "myna/myna.h"

/* GOOD is SRC_SINC_MEDIUM_QUALITY (121 dB, 90 % of the band; files), FAST is SRC_SINC_FASTEST (97 dB, 80 %; live).
 * STEERED is FAST, and resamples between equal rates too, so that it can be steered. */
typedef enum myna_resample_quality { MYNA_RESAMPLE_FAST, MYNA_RESAMPLE_GOOD, MYNA_RESAMPLE_STEERED } myna_resample_quality;

/* Mono; equal rates hand the input on untouched. Rates differ at most by a factor of 256. */
typedef struct myna_resampler myna_resampler;
myna_status myna_resampler_create(
    myna_resampler **out, int from_hz, int to_hz, myna_resample_quality quality, myna_error *error);
void myna_resampler_free(myna_resampler *resampler);

/* What takes blocks of samples; a failure stops the one who gives them and is passed on. */
typedef myna_status myna_sink(void *context, const float *samples, size_t n, myna_error *error);
/* Takes n samples (`last` when no more come, n may then be 0) and hands every sample they complete to `sink`, in
 * one or more calls. The total is round(n_in * to / from) for any division into blocks. After `last` the resampler
 * is as new; after an error it can only be freed. Never allocates. */
myna_status myna_resampler_push(
    myna_resampler *resampler, const float *in, size_t n, bool last, myna_sink *sink, void *context, myna_error *error);

/* Before the first push, and for good: all outputs but the first lie so many input samples later, at i * from / to +
 * shift; less than one output's distance. Without meaning for equal rates that are not steered. */
void myna_resampler_shift(myna_resampler *resampler, double samples);

/* STEERED only: from now on so many parts per million more samples come out than the rates say, where two clocks do not
 * agree on them. The change is smooth over the next push. */
void myna_resampler_steer(myna_resampler *resampler, double ppm);

#endif
