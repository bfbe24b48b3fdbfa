#include "io/audio_bytes.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static size_t receive(myna_audio_bytes *bytes, unsigned char *out, size_t n)
{
    size_t done = 0;
    while (done < n && !bytes->has_ended && bytes->reason == 0) {
        ssize_t got = read(bytes->fd, out + done, n - done);
        if (got > 0) done += (size_t)got;
        else if (got == 0) bytes->has_ended = true;
        else bytes->reason = errno;
    }
    bytes->n_came += (int64_t)done;
    return done;
}

/* The part of [offset, offset + n) among the bytes kept, of which the missing ones are waited for. */
static size_t read_kept(myna_audio_bytes *bytes, void *out, size_t n, int64_t offset)
{
    if (offset >= MYNA_AUDIO_KEPT_BYTES) return 0;
    size_t start = (size_t)offset, room = MYNA_AUDIO_KEPT_BYTES - start, end = start + (n < room ? n : room);
    if (bytes->n_came < (int64_t)end) receive(bytes, bytes->kept + bytes->n_came, end - (size_t)bytes->n_came);
    if (bytes->n_came < (int64_t)end) end = (size_t)bytes->n_came;
    if (end <= start) return 0;
    memcpy(out, bytes->kept + start, end - start);
    return end - start;
}

size_t myna_audio_bytes_read(myna_audio_bytes *bytes, void *out, size_t n, int64_t offset)
{
    if (!bytes->kept) {
        ssize_t got = pread(bytes->fd, out, n, (off_t)offset);
        return got > 0 ? (size_t)got : 0;
    }
    size_t done = read_kept(bytes, out, n, offset);
    if (offset + (int64_t)done == bytes->n_came) done += receive(bytes, (unsigned char *)out + done, n - done);
    return done;
}
