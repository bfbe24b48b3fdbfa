#include "pipeline/options.h"

#include "base/status.h"

#include <math.h>

static const int most_iterations = 64;
static const float lowest_gate_db = -80.0f, highest_gate_db = -10.0f;

void myna_converter_options_init(myna_converter_options *options)
{
    *options = (myna_converter_options){
        .latency = MYNA_LATENCY_BEST,
        .pitch = MYNA_PITCH_AUTO,
        .iterations = MYNA_DEFAULT_ITERATIONS,
        .gate_db = MYNA_DEFAULT_GATE_DB,
    };
}

/* What a first pass that heard speech cannot have found: the converter would turn it into noise without a word. */
static bool is_known(const myna_source *source)
{
    const myna_profile *p = &source->profile;
    if (!isfinite(p->speech_seconds) || !isfinite(source->output_gain)) return false;
    if (p->speech_seconds > 0 &&
        !(isfinite(p->speech_level_db) && isfinite(p->log_f0_mean) && isfinite(p->log_f0_deviation)))
        return false;
    for (int i = 0; p->speech_seconds > 0 && i < MYNA_CONTENT_VALUES; i++)
        if (!isfinite(source->content.mean[i]) || !isnormal(source->content.deviation[i])) return false;
    for (int i = 0; p->speech_seconds > 0 && i < MYNA_EMBEDDING_SIZE; i++)
        if (!isfinite(source->content.source[i])) return false;
    for (int b = 0; b < MYNA_MEL_BANDS; b++)
        if (!isfinite(source->output.mean[b]) || !isfinite(source->output.deviation[b])) return false;
    return true;
}

myna_status myna_options_resolve(myna_converter_options *out, const myna_converter_options *options, myna_error *error)
{
    myna_converter_options defaults;
    myna_converter_options_init(&defaults);
    if (!options) options = &defaults;
    if ((unsigned)options->latency > MYNA_LATENCY_BEST)
        return myna_fail(error, MYNA_ERROR_ARGUMENT, "latency %d is unknown", (int)options->latency);
    if ((unsigned)options->pitch > MYNA_PITCH_KEEP)
        return myna_fail(error, MYNA_ERROR_ARGUMENT, "pitch mode %d is unknown", (int)options->pitch);
    float semitones = options->pitch_semitones;
    if (!(semitones >= -MYNA_MOST_SEMITONES && semitones <= MYNA_MOST_SEMITONES))
        return myna_fail(
            error, MYNA_ERROR_ARGUMENT, "a shift of %g semitones is not within -24 to 24", (double)semitones);
    if (options->iterations < 0 || options->iterations > most_iterations)
        return myna_fail(
            error, MYNA_ERROR_ARGUMENT, "%d iterations are not within 0 to %d", options->iterations, most_iterations);
    if (!(options->gate_db >= lowest_gate_db && options->gate_db <= highest_gate_db))
        return myna_fail(
            error, MYNA_ERROR_ARGUMENT, "a gate at %g dB is not within -80 to -10", (double)options->gate_db);
    if (options->source && !is_known(options->source))
        return myna_fail(error, MYNA_ERROR_NOT_FINITE, "the source's profile or statistics are infinite, not a number or without spread");
    *out = *options;
    return MYNA_OK;
}
