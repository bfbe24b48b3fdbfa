/* Statistics matching: each mel band of the network's output is moved to the mean and spread of the target's. How much
 * louder one frame is than another belongs to the words rather than to the voice, but changes with the bands' spreads, by
 * 4 to 5 dB (root mean square): half of each frame's change is taken back, in all bands alike. The level of all frames
 * together, which that moves as well, is for the output's gain to set. */
#ifndef MYNA_PIPELINE_MATCH_H
#define MYNA_PIPELINE_MATCH_H

#include "myna/myna.h"

/* Plain data. */
typedef struct myna_match {
    myna_band_statistics output; /* of the network's output, before matching */
    myna_band_statistics target;
    float speech_seconds;                                /* weight of `output` while it is learnt */
    float scale[MYNA_MEL_BANDS], offset[MYNA_MEL_BANDS]; /* before loudness: scale * log_mel + offset */
} myna_match;


/* With unknown statistics on either side the match leaves everything as it is. */
void myna_match_init(myna_match *match, const myna_band_statistics *output, const myna_band_statistics *target);

/* Running estimates: moves `output` by a step's n_frames speech frames log_mel[n_frames][MYNA_MEL_BANDS], then
 * computes the match anew. The start counts as 5 s of speech, which then are forgotten with a time constant of 10 s of
 * speech: long enough to hear every sound of a language several times, so that the match does not follow the words
 * (one frame moves a band by 0.25 % of its distance at most), short enough
 * to reach a new speaker within two or three sentences. Pauses do not count. */
void myna_match_learn(myna_match *match, const float *log_mel, size_t n_frames);

/* log_mel[MYNA_MEL_BANDS] in place. The result lies in [-6, 2.5]; what is not a number becomes -6. */
void myna_match_apply(const myna_match *match, float *log_mel);

#endif
