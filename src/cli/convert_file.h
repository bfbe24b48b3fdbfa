/* One recording converted: from a file to a file, or as it comes through a pipe. */
#ifndef MYNA_CLI_CONVERT_FILE_H
#define MYNA_CLI_CONVERT_FILE_H

#include "cli/cli.h"
#include "io/audio_file.h"

/* What the recordings of a batch have in common. */
typedef struct myna_conversion {
    const myna_model *model;
    const myna_voice *voice;
    myna_converter_options options; /* a source is where running estimates start */
    bool is_live;                   /* files too are heard once only, on running estimates, and resampled as live */
    bool is_raw;                    /* standard streams are 16-bit little-endian mono at 16 kHz without a header */
    bool shows_progress;            /* of long files, on a line of standard error that is gone afterwards */
} myna_conversion;

typedef struct myna_conversion_report {
    myna_audio_info input;
    bool has_profile; /* of the input: not where that came through a pipe */
    myna_profile profile;
    double seconds, wall_seconds;
    double clipped_share; /* of the input's samples that stand at full scale, [0, 1] */
    float pitch_shift_semitones;
} myna_conversion_report;

/* Converts in constant memory; `output` gets the input's sample rate and exactly its number of samples, in time with
 * it. A file is heard twice, the first time to measure it, unless is_live. "-" as `input` is standard input, converted as it comes on
 * running estimates; "-" as `output` is standard output, written as it is made. Nothing is left of an output file on
 * failure. ERROR_INTERRUPTED soon after myna_interrupted is set. */
myna_status myna_convert_file(myna_conversion_report *report, const myna_conversion *conversion, const char *input,
    const char *output, myna_error *error);

#endif
