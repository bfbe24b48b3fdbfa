/* One recording converted: from a file to a file, or as it comes through a pipe. */
#ifndef MYNA_CLI_CONVERT_FILE_H
#define MYNA_CLI_CONVERT_FILE_H

#include "cli/cli.h"
#include "io/audio_file.h"

/* What the recordings of a batch have in common. */
typedef struct myna_conversion {
    const myna_model *model;
    const myna_voice *voice;
    myna_converter_options options; /* source NULL */
} myna_conversion;

typedef struct myna_conversion_report {
    myna_audio_info input;
    myna_profile profile; /* of the input */
    double seconds, wall_seconds;
    double clipped_share; /* of the input's samples that stand at full scale, [0, 1] */
    float pitch_shift_semitones;
} myna_conversion_report;

/* Two passes over `input` in constant memory. `output` gets its sample rate and exactly its number of samples, in time
 * with it. Nothing is left of `output` on failure. ERROR_INTERRUPTED soon after myna_interrupted is set. */
myna_status myna_convert_file(myna_conversion_report *report, const myna_conversion *conversion, const char *input,
    const char *output, myna_error *error);

/* One pass from standard input to standard output: 16-bit little-endian samples at 16 kHz without a header, as many
 * out as in. */
myna_status myna_convert_raw(const myna_conversion *conversion, myna_error *error);

#endif
