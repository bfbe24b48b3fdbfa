#include "pipeline/pitch_map.h"

#include "dsp/pitch.h"

#include <math.h>

static const float frame_seconds = (float)MYNA_HOP_SAMPLES / MYNA_SAMPLE_RATE_HZ;
static const float start_seconds = 1.0f, memory_seconds = 20.0f;
static const float octave = 0.69314718f; /* ln 2 */
static const float reach = 0.69314718f * MYNA_F0_REACH_SEMITONES / 12;

/* Spreads are taken over within limits: estimates of short or creaky recordings are rough, and a melody stretched
 * further sounds sung. */
static const float least_deviation = 0.05f, least_ratio = 0.7f, most_ratio = 1.4f;

void myna_pitch_map_init(myna_pitch_map *map, const myna_converter_options *options, const float source_log_f0[2],
    const float target_log_f0[2])
{
    *map = (myna_pitch_map){
        .source_mean = source_log_f0[0],
        .source_deviation = source_log_f0[1],
        .target_mean = target_log_f0[0],
        .target_deviation = target_log_f0[1],
        .voiced_seconds = start_seconds,
    };
    myna_pitch_map_set(map, options);
}

void myna_pitch_map_set(myna_pitch_map *map, const myna_converter_options *options)
{
    map->follows_target = options->pitch == MYNA_PITCH_AUTO;
    map->shift = options->pitch_semitones * octave / 12.0f;
}

void myna_pitch_map_learn(myna_pitch_map *map, float f0_hz)
{
    if (f0_hz <= 0) return;
    map->voiced_seconds = fminf(map->voiced_seconds + frame_seconds, memory_seconds);
    float rate = frame_seconds / map->voiced_seconds, variance = map->source_deviation * map->source_deviation;
    float before = fminf(fmaxf(logf(f0_hz) - map->source_mean, -reach), reach), after = (1 - rate) * before;
    map->source_mean += rate * before;
    map->source_deviation = sqrtf(variance + rate * (before * after - variance)); /* Welford, 1962 */
}

float myna_pitch_map_apply(const myna_pitch_map *map, float f0_hz)
{
    if (f0_hz <= 0) return 0;
    float log_f0 = logf(f0_hz);
    if (map->follows_target) {
        float ratio = map->target_deviation / fmaxf(map->source_deviation, least_deviation);
        ratio = fminf(fmaxf(ratio, least_ratio), most_ratio);
        log_f0 = map->target_mean + (log_f0 - map->source_mean) * ratio;
    }
    return fminf(fmaxf(expf(log_f0 + map->shift), MYNA_F0_MIN_HZ), MYNA_F0_MAX_HZ);
}

float myna_pitch_map_shift(const myna_pitch_map *map)
{
    float moved = map->follows_target ? map->target_mean - map->source_mean : 0;
    return 12.0f / octave * (moved + map->shift);
}
