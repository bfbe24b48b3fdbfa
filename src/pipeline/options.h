/* Converter options: defaults and ranges, for everything that takes them. */
#ifndef MYNA_PIPELINE_OPTIONS_H
#define MYNA_PIPELINE_OPTIONS_H

#include "myna/myna.h"

#define MYNA_MOST_SEMITONES 24.0f

/* `out` becomes `options`, or the defaults where that is NULL. ERROR_ARGUMENT names what is out of range. */
myna_status myna_options_resolve(myna_converter_options *out, const myna_converter_options *options, myna_error *error);

/* Frames that the waveform stage looks ahead, as myna_rtisi_create takes them. */
static inline int myna_phase_ahead(myna_latency latency)
{
    return latency == MYNA_LATENCY_BEST ? 3 : -1;
}

#endif
