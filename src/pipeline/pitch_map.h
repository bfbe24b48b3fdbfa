/* From the source's melody to the target's: log-F0 moved to the target's mean and spread. */
#ifndef MYNA_PIPELINE_PITCH_MAP_H
#define MYNA_PIPELINE_PITCH_MAP_H

#include "myna/myna.h"

/* Plain data. Means and deviations are of ln(F0 in Hz). */
typedef struct myna_pitch_map {
    bool follows_target; /* MYNA_PITCH_AUTO */
    float shift;         /* ln of the wanted extra ratio */
    float source_mean, source_deviation, target_mean, target_deviation;
    float voiced_seconds; /* weight of the source's estimate */
} myna_pitch_map;

/* source_log_f0, target_log_f0: {mean, deviation}. Of options only `pitch` and `pitch_semitones` are read. */
void myna_pitch_map_init(myna_pitch_map *map, const myna_converter_options *options, const float source_log_f0[2],
    const float target_log_f0[2]);
/* Takes other `pitch` and `pitch_semitones` from options; the source's estimate stays. */
void myna_pitch_map_set(myna_pitch_map *map, const myna_converter_options *options);
/* Moves the source's estimate by one voiced frame: the start counts as one second of voiced speech, then an average
 * that forgets with a time constant of 20 s of voiced speech. A sentence's melody fits several times into 20 s, so the
 * map does not follow it; a speaker's change is followed within a few sentences. What is further than
 * MYNA_F0_REACH_SEMITONES from the mean counts as that far. Unvoiced frames (0) change nothing. */
void myna_pitch_map_learn(myna_pitch_map *map, float f0_hz);
/* In Hz within [MYNA_F0_MIN_HZ, MYNA_F0_MAX_HZ]; 0 stays 0. */
float myna_pitch_map_apply(const myna_pitch_map *map, float f0_hz);
/* Semitones from the source's mean to what it is mapped to (before the clamp). */
float myna_pitch_map_shift(const myna_pitch_map *map);

#endif
