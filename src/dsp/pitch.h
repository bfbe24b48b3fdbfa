/* A causal pitch tracker: normalised cross-correlation (NCCF, Talkin 1995) candidates every hop, and an online
 * Viterbi path through them that decides a fixed number of frames late. */
#ifndef MYNA_DSP_PITCH_H
#define MYNA_DSP_PITCH_H

#include "dsp/stft.h"

#define MYNA_F0_MIN_HZ 60.0f
#define MYNA_F0_MAX_HZ 420.0f
enum { MYNA_PITCH_MAX_LAG = 8 };
/* A voice's melody stays within so many semitones of its middle. What is further off is a creak, a shriek or a wrong
 * octave, and counts as that far off in a voice's mean and spread: of 273 recordings the mean is then within 0.5 semitones
 * of Harvest's (Morise 2017) and the spread within a factor of 1.16, both root mean square, for 0.8 and 1.3. */
enum { MYNA_F0_REACH_SEMITONES = 8 };

typedef struct myna_pitch_tracker myna_pitch_tracker;
/* lag_frames in [0, MYNA_PITCH_MAX_LAG]: how many later frames may help a decision. All memory taken here. */
myna_status myna_pitch_create(myna_pitch_tracker **out, int lag_frames, myna_error *error);
void myna_pitch_free(myna_pitch_tracker *tracker);
void myna_pitch_reset(myna_pitch_tracker *tracker);

/* Takes the next hop[MYNA_HOP_SAMPLES]; returns F0 in Hz, 0 where unvoiced, of the frame lag_frames before this
 * one (0 while there is none). This frame's window ends with this hop. Independent of the signal's scale down to
 * about -70 dBFS. One thread at a time; never allocates. */
float myna_pitch_push(myna_pitch_tracker *tracker, const float *hop);

#endif
