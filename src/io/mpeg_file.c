#define _GNU_SOURCE
#include "io/mpeg_file.h"

#include "base/status.h"

#include <mpg123.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct myna_mpeg_file {
    mpg123_handle *decoder;
    size_t frame_bytes; /* of one sample of all channels */
};

static mpg123_handle *open_decoder(int fd)
{
    mpg123_handle *decoder = mpg123_init() == MPG123_OK ? mpg123_new(NULL, NULL) : NULL;
    if (!decoder) return NULL;
    mpg123_param(decoder, MPG123_REMOVE_FLAGS, MPG123_AUTO_RESAMPLE, 0);
    mpg123_param(decoder, MPG123_ADD_FLAGS, MPG123_QUIET | MPG123_FORCE_FLOAT | MPG123_GAPLESS, 0);
    if (lseek(fd, 0, SEEK_SET) == 0 && mpg123_open_fd(decoder, fd) == MPG123_OK) return decoder;
    mpg123_delete(decoder);
    return NULL;
}

/* ---- Is it whole? ------------------------------------------------------------------------------------------------ */

/* The frames a first frame of side information counts (those of LAME and of Fraunhofer's encoders have one); 0 where it
 * is a frame of sound. */
static int64_t count_declared(const unsigned char *body, size_t n_bytes)
{
    enum { LATEST = 40 }; /* the name stands behind a silent frame's side information, 9 to 34 bytes */
    size_t n_near = n_bytes < LATEST ? n_bytes : LATEST, flags_bytes = 8, vbri_bytes = 14;
    const unsigned char *end = body + n_bytes, *xing = memmem(body, n_near, "Xing", 4), *count = NULL;
    if (!xing) xing = memmem(body, n_near, "Info", 4);
    const unsigned char *vbri = memmem(body, n_near, "VBRI", 4);
    if (xing && (size_t)(end - xing) > flags_bytes && (xing[7] & 1)) count = xing + flags_bytes;
    else if (vbri) count = vbri + vbri_bytes;
    if (!count || end - count < 4) return 0;
    return (int64_t)count[0] << 24 | count[1] << 16 | count[2] << 8 | count[3];
}

/* Tags may stand between frames, where files were joined. */
static bool is_tag(int fd, int64_t offset)
{
    char head[4] = {0};
    if (pread(fd, head, sizeof head, (off_t)offset) != sizeof head) return false;
    return memcmp(head, "TAG", 3) == 0 || memcmp(head, "ID3", 3) == 0 || memcmp(head, "APET", 4) == 0 ||
           memcmp(head, "LYRI", 4) == 0;
}

/* Of a frame that is cut off libmpg123 says nothing. */
static bool is_frame(int fd, int64_t offset)
{
    unsigned char head[2];
    return pread(fd, head, sizeof head, (off_t)offset) == sizeof head && head[0] == 0xff && (head[1] & 0xe0) == 0xe0;
}

/* Walks over the frames; what it looks for does not need them decoded. */
static myna_status walk(mpg123_handle *decoder, int fd, myna_error *error)
{
    int64_t n_frames = 0, n_declared = 0, end = -1;
    int result;
    while ((result = mpg123_framebyframe_next(decoder)) == MPG123_OK || result == MPG123_NEW_FORMAT) {
        unsigned long header;
        unsigned char *body;
        size_t n_body = 0;
        struct mpg123_frameinfo frame;
        int64_t begin = mpg123_framepos(decoder);
        if (mpg123_info(decoder, &frame) != MPG123_OK) break;
        if (n_frames == 0 && mpg123_framedata(decoder, &header, &body, &n_body) == MPG123_OK)
            n_declared = count_declared(body, n_body);
        if (end >= 0 && begin != end && !is_tag(fd, end)) break;
        end = begin + frame.framesize;
        n_frames++;
    }
    if (n_frames == 0) return myna_fail(error, MYNA_ERROR_FORMAT, "damaged: no MPEG audio frames");
    if (result != MPG123_DONE) return myna_fail(error, MYNA_ERROR_FORMAT, "damaged at byte %lld", (long long)end);
    if (is_frame(fd, end)) return myna_fail(error, MYNA_ERROR_FORMAT, "truncated: it ends within a frame");
    if (n_frames < n_declared)
        return myna_fail(error, MYNA_ERROR_FORMAT, "truncated: %lld of %lld MPEG frames", (long long)n_frames,
            (long long)n_declared);
    return MYNA_OK;
}

static myna_status check(int fd, myna_error *error)
{
    mpg123_handle *decoder = open_decoder(fd);
    if (!decoder) return myna_fail(error, MYNA_ERROR_FORMAT, "damaged: libmpg123 cannot open it");
    mpg123_param(decoder, MPG123_ADD_FLAGS, MPG123_IGNORE_INFOFRAME, 0); /* it comes as a frame like others */
    myna_status status = walk(decoder, fd, error);
    mpg123_delete(decoder);
    return status;
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

static bool start(myna_mpeg_file *file, myna_mpeg_info *info)
{
    long rate_hz;
    int encoding;
    struct mpg123_frameinfo frame;
    if (mpg123_getformat(file->decoder, &rate_hz, &info->channels, &encoding) != MPG123_OK) return false;
    if (mpg123_info(file->decoder, &frame) != MPG123_OK || encoding != MPG123_ENC_FLOAT_32) return false;
    /* only this format from now on: a file that changes it in the middle is refused */
    mpg123_format_none(file->decoder);
    mpg123_format(file->decoder, rate_hz, info->channels, encoding);
    info->sample_rate_hz = (int)rate_hz;
    info->layer = frame.layer;
    info->frames = mpg123_length(file->decoder);
    file->frame_bytes = (size_t)info->channels * sizeof(float);
    return true;
}

myna_status myna_mpeg_open(myna_mpeg_file **out, int fd, myna_mpeg_info *info, myna_error *error)
{
    myna_status status = check(fd, error);
    if (status != MYNA_OK) return status;
    myna_mpeg_file *file = calloc(1, sizeof *file);
    if (!file) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory to read audio");
    file->decoder = open_decoder(fd);
    if (!file->decoder || !start(file, info)) {
        myna_mpeg_close(file);
        return myna_fail(error, MYNA_ERROR_FORMAT, "damaged: libmpg123 cannot decode it");
    }
    *out = file;
    return MYNA_OK;
}

size_t myna_mpeg_read(myna_mpeg_file *file, float *samples, size_t n, bool *is_damaged)
{
    size_t n_bytes = 0;
    int result = mpg123_read(file->decoder, (void *)samples, n * file->frame_bytes, &n_bytes);
    *is_damaged = result != MPG123_OK && result != MPG123_DONE;
    return n_bytes / file->frame_bytes;
}

bool myna_mpeg_rewind(myna_mpeg_file *file)
{
    return mpg123_seek(file->decoder, 0, SEEK_SET) == 0;
}

void myna_mpeg_close(myna_mpeg_file *file)
{
    if (!file) return;
    mpg123_delete(file->decoder);
    free(file);
}
