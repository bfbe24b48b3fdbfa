/* A recording's bytes by their offset, from a file or as they come through a pipe. */
#ifndef MYNA_IO_AUDIO_BYTES_H
#define MYNA_IO_AUDIO_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of what comes through a pipe so many first bytes are kept: headers are looked at more than once, samples are not. */
enum { MYNA_AUDIO_KEPT_BYTES = 1 << 20 };

typedef struct myna_audio_bytes {
    int fd;              /* the caller's */
    unsigned char *kept; /* [MYNA_AUDIO_KEPT_BYTES], the caller's; NULL: `fd` is a file */
    int64_t n_came;      /* through the pipe */
    bool has_ended;      /* the pipe */
    int reason;          /* errno of the read that failed, or 0; EINTR: a signal ended the wait */
} myna_audio_bytes;

/* Reads n bytes at `offset`, waiting for them; fewer at the end, and after a failure. Behind the bytes kept, those of a
 * pipe are there once and in order. */
size_t myna_audio_bytes_read(myna_audio_bytes *bytes, void *out, size_t n, int64_t offset);

#endif
