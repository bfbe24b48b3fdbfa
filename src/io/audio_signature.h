/* What a file's own bytes say where libsndfile keeps silent: which foreign format it is, and whether its end is
 * missing. */
#ifndef MYNA_IO_AUDIO_SIGNATURE_H
#define MYNA_IO_AUDIO_SIGNATURE_H

#include "io/audio_bytes.h"

/* Whether this is one of the formats people bring that libsndfile cannot read but ffmpeg can (MP4/M4A, AAC, WebM,
 * Matroska, WMA, AMR, 3GP), by content or else by the suffix of `path`. */
bool myna_audio_is_foreign(myna_audio_bytes *bytes, const char *path);
bool myna_audio_has_foreign_suffix(const char *path);

bool myna_audio_is_ogg(myna_audio_bytes *bytes);
/* MPEG audio of layers 1 to 3, with or without ID3v2 tags before it. */
bool myna_audio_is_mpeg(myna_audio_bytes *bytes);

/* Whether this is one of the formats that can be read from the first byte to the last without seeking: WAV, AU, AIFF,
 * FLAC. */
bool myna_audio_can_stream(myna_audio_bytes *bytes);

/* What a WAV, RF64, Wave64, AIFF or AU header says of where the audio ends. */
typedef struct myna_audio_extent {
    int64_t end; /* offset behind the audio, perhaps beyond the file's; -1: other format, or length left open */
    int64_t open_length_at; /* offset of a 32-bit data length that a streaming writer left open in a WAV file, or -1 */
} myna_audio_extent;
myna_audio_extent myna_audio_find_extent(myna_audio_bytes *bytes);

#endif
