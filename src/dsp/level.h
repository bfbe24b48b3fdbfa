/* Active speech level: the mean power of frames that hold speech, gated like ITU-R BS.1770: 25 ms frames above
 * -70 dBFS, and of those the ones above their mean less 10 dB. Pauses of any length leave it alone, and so does an offset:
 * each frame's mean is taken out. */
#ifndef MYNA_DSP_LEVEL_H
#define MYNA_DSP_LEVEL_H

#include "myna/myna.h"

/* RMS that speech has after normalisation: -20 dBFS. */
#define MYNA_NORMAL_RMS 0.1f

/* Plain data, about 3 KiB: a histogram of frame powers in 0.25 dB bins. */
enum { MYNA_LEVEL_BINS = 320 };
typedef struct myna_level_meter {
    uint32_t count[MYNA_LEVEL_BINS];
    double power[MYNA_LEVEL_BINS];
    double frame_power, frame_sum; /* of the frame being filled */
    int frame_samples;
} myna_level_meter;

void myna_level_init(myna_level_meter *meter);
void myna_level_push(myna_level_meter *meter, const float *samples, size_t n); /* any n */
/* RMS over active frames; 0 when there are none. */
float myna_level_rms(const myna_level_meter *meter);
/* Gain that takes this level to MYNA_NORMAL_RMS; 1 when there is no speech. At most 1000 (60 dB). */
float myna_level_gain(const myna_level_meter *meter);

#endif
