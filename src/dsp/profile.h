/* The profile of a recording, measured block by block, and up to 30 s of its speech frames kept for the network. */
#ifndef MYNA_DSP_PROFILE_H
#define MYNA_DSP_PROFILE_H

#include "dsp/analysis.h"

/* Mean and deviation of each mel band, gathered frame by frame; plain data. */
typedef struct myna_band_meter {
    double sum[MYNA_MEL_BANDS], sum_of_squares[MYNA_MEL_BANDS];
    size_t n_frames;
} myna_band_meter;
void myna_band_meter_push(myna_band_meter *meter, const float *log_mel); /* [MYNA_MEL_BANDS]; the caller chooses speech frames */
/* False, and `out` untouched, below 8 frames. */
bool myna_band_meter_result(const myna_band_meter *meter, myna_band_statistics *out);

/* Are these statistics of anything? Where there was too little speech they are all zero. */
bool myna_statistics_known(const myna_band_statistics *statistics);

typedef struct myna_profile_meter myna_profile_meter;
/* Keeps at most max_frames frames, from the stretches of about a second that hold speech, without what is as loud
 * but far from any voice, unless all is whispered; 0: none. */
myna_status myna_profile_meter_create(
    myna_profile_meter **out, const myna_mel *mel, size_t max_frames, myna_error *error);
void myna_profile_meter_free(myna_profile_meter *meter);
void myna_profile_meter_push(myna_profile_meter *meter, const float *samples, size_t n); /* any n; never allocates */

/* The profile of all that was pushed; band statistics from the frames kept. `default_log_f0`: mean and deviation where
 * fewer than 8 frames are voiced. Brings the kept frames to normal level; nothing can be pushed afterwards.
 * ERROR_NOT_FINITE when a sample was NaN or infinite. */
myna_status myna_profile_meter_finish(
    myna_profile_meter *meter, myna_profile *out, const float default_log_f0[2], myna_error *error);
/* After finish: log_mel[*n_frames][MYNA_MEL_BANDS] and f0_hz[*n_frames], owned by the meter. */
const float *myna_profile_meter_log_mel(const myna_profile_meter *meter, size_t *n_frames);
const float *myna_profile_meter_f0(const myna_profile_meter *meter);

#endif
