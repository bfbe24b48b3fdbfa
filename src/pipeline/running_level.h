/* The source's speech level as it is heard, for converting without a first pass. */
#ifndef MYNA_PIPELINE_RUNNING_LEVEL_H
#define MYNA_PIPELINE_RUNNING_LEVEL_H

#include <stdbool.h>

/* Plain data. Listens to voiced steps only: voicing does not depend on the level, so the estimate finds any level at
 * once, and background noise, however long, leaves it alone. */
typedef struct myna_running_level {
    double power; /* mean of voiced steps */
    double voiced_seconds;
} myna_running_level;

/* Speech is taken to be at `speech_level_db` (dBFS) until some is heard. */
void myna_running_level_init(myna_running_level *level, float speech_level_db);
/* One step's mean power. Early steps weigh more than in a plain mean, so that the start is forgotten within a few
 * tenths of a second; later the average forgets with a time constant of 3 s of voiced speech: a few phrases, so that
 * it follows a speaker who moves, and not the stress within a sentence. */
void myna_running_level_push(myna_running_level *level, float power, bool voiced);
/* As myna_level_gain. */
float myna_running_level_gain(const myna_running_level *level);

#endif
