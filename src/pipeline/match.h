/* Statistics matching: each mel band of the network's output is moved to the mean and spread that the target's speech
 * would have there. How much louder one frame is than another belongs to the words rather than to the voice, but
 * changes with the bands' spreads, by 4 to 5 dB (root mean square): half of each frame's change is taken back, in all
 * bands alike. The level of all frames together, which that moves as well, is for the output's gain to set.
 *
 * What the network makes of the source differs from the target's recordings in what it keeps of the source's voice, and
 * in what happened to be said: after 5 s as much in one as in the other. What it makes of those recordings themselves,
 * in their own voice, says the same words as they do and differs only by what the network gets wrong. So the first
 * difference counts for 1 / (1 + 5 s (1 / seconds of source + 1 / seconds of target)), the second for the rest. */
#ifndef MYNA_PIPELINE_MATCH_H
#define MYNA_PIPELINE_MATCH_H

#include "model/voice.h"

/* Plain data. */
typedef struct myna_match {
    myna_band_statistics output; /* of the network's output for the source, before matching */
    float output_seconds;        /* of speech, that `output` counts as */
    myna_band_statistics own;    /* of its output for the target's recordings in their own voice */
    myna_band_statistics target; /* of these recordings */
    float target_seconds;
    float scale[MYNA_MEL_BANDS], offset[MYNA_MEL_BANDS]; /* before loudness: scale * log_mel + offset */
} myna_match;

/* `output` of output_seconds of speech: 0, or statistics that are not known, where there is nothing yet. What is
 * unknown of the voice counts as no difference. */
void myna_match_init(
    myna_match *match, const myna_band_statistics *output, float output_seconds, const myna_voice *voice);

/* Running estimates: moves `output` by a step's n_frames speech frames log_mel[n_frames][MYNA_MEL_BANDS], then computes
 * the match anew. Ten seconds of speech are remembered: long enough to hear every sound of a language several times,
 * short enough to reach a new speaker within two or three sentences. A frame moves a band by about 0.25 % of its
 * distance at most. Pauses do not count. */
void myna_match_learn(myna_match *match, const float *log_mel, size_t n_frames);

/* log_mel[MYNA_MEL_BANDS] in place. The result lies in [-6, 2.5]; what is not a number becomes -6. */
void myna_match_apply(const myna_match *match, float *log_mel);

#endif
