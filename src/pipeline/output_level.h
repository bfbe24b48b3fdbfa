/* The source's level kept: what the network makes of a source, matched to the target, is on average a few decibels
 * louder or softer than the source was. */
#ifndef MYNA_PIPELINE_OUTPUT_LEVEL_H
#define MYNA_PIPELINE_OUTPUT_LEVEL_H

#include <stddef.h>

/* Plain data; all powers at normal level, over frames whose input is speech. */
typedef struct myna_output_level {
    double heard, spoken; /* mean power of the source and of what was made of it */
    double speech_seconds;
} myna_output_level;

/* Starts as if `start_seconds` of speech had come out just right. */
void myna_output_level_init(myna_output_level *level, double start_seconds);
/* One frame. Means forget with a time constant of `memory_seconds` of speech. */
void myna_output_level_learn(myna_output_level *level, double heard, double spoken, double memory_seconds);
/* What takes the output to the source's level: at most 4, at least 1/4. */
float myna_output_level_gain(const myna_output_level *level);

/* Mean square of the samples in a frame, without its window, from magnitude[MYNA_BINS]. */
double myna_magnitude_power(const float *magnitude);

#endif
