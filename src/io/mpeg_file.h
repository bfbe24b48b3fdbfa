/* MPEG audio files (MP3, and the layers before it) by libmpg123, which libsndfile uses too: there it writes its notes
 * to standard error, and whatever is left of a file is taken for a whole one. */
#ifndef MYNA_IO_MPEG_FILE_H
#define MYNA_IO_MPEG_FILE_H

#include "myna/myna.h"

typedef struct myna_mpeg_info {
    int sample_rate_hz, channels;
    int layer;      /* 1 to 3 */
    int64_t frames; /* samples per channel, as nearly as the file tells */
} myna_mpeg_info;

/* Opens the file behind the descriptor `fd`, which stays the caller's and is read from its start. ERROR_FORMAT where
 * frames do not follow each other without a gap (but for tags), where one is cut off, or where there are fewer than a
 * Xing, Info or VBRI header counts. */
typedef struct myna_mpeg_file myna_mpeg_file;
myna_status myna_mpeg_open(myna_mpeg_file **out, int fd, myna_mpeg_info *info, myna_error *error);
/* Reads n samples [n][channels], fewer at the end or where *is_damaged becomes true. */
size_t myna_mpeg_read(myna_mpeg_file *file, float *samples, size_t n, bool *is_damaged);
bool myna_mpeg_rewind(myna_mpeg_file *file);
void myna_mpeg_close(myna_mpeg_file *file);

#endif
