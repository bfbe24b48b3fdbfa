/* The writing half of audio_file.h. libsndfile writes files through functions of ours, for it keeps the system's
 * reasons to itself and never reports what goes wrong while it closes a file. Streams need no library. */
#define _GNU_SOURCE
#include "base/file.h"
#include "base/status.h"
#include "io/audio_file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* 16-bit samples: a pipe takes PIPE_BUF bytes (4096) whole or not at all, so that a signal finds no half-written block
 * to go on waiting with. */
enum { BLOCK = 2048 };

struct myna_audio_writer {
    int fd;
    char *name;         /* in errors */
    myna_new_file file; /* zero for a stream */
    SNDFILE *sound;     /* NULL for a stream */
    int reason;         /* errno of the first operation that failed, or 0 */
    bool is_integer;    /* 16-bit samples, rounded here: libsndfile's scale is 32767 one way and 32768 the other */
    off_t header_at;    /* of a WAV stream into a file, whose lengths are written in the end; -1: a pipe, or no header */
    int64_t bytes_lost; /* of which libsndfile believes that they were written */
    int64_t bytes_left; /* until a WAV header cannot say the length any more */
    union {
        int16_t integers[BLOCK];
        float floats[BLOCK];
    } block;
};

static const struct {
    const char *suffix, *name;
    int format;
} formats[] = {
    {".wav", "WAV", SF_FORMAT_WAV | SF_FORMAT_PCM_16},
    {".flac", "FLAC", SF_FORMAT_FLAC | SF_FORMAT_PCM_16},
    {".ogg", "Ogg Vorbis", SF_FORMAT_OGG | SF_FORMAT_VORBIS},
    {".oga", "Ogg Vorbis", SF_FORMAT_OGG | SF_FORMAT_VORBIS},
    {".opus", "Ogg Opus", SF_FORMAT_OGG | SF_FORMAT_OPUS},
};
enum { N_FORMATS = sizeof formats / sizeof *formats };

static const int64_t max_wav_data_bytes = 0xffffffff - 4096; /* a 32-bit length, less room for the header */

/* ---- libsndfile's view of the file ------------------------------------------------------------------------------- */

static int descriptor(const myna_audio_writer *writer)
{
    return writer->fd;
}

static sf_count_t file_length(void *context)
{
    struct stat file;
    return fstat(descriptor(context), &file) == 0 ? file.st_size : -1;
}

static sf_count_t file_seek(sf_count_t offset, int whence, void *context)
{
    return lseek(descriptor(context), offset, whence);
}

static sf_count_t file_tell(void *context)
{
    return lseek(descriptor(context), 0, SEEK_CUR);
}

static sf_count_t file_read(void *data, sf_count_t n, void *context)
{
    ssize_t got = read(descriptor(context), data, (size_t)n);
    return got < 0 ? 0 : got;
}

/* Claims success always: the reason is kept, and libsndfile leaks memory where an Ogg header cannot be written. */
static sf_count_t file_write(const void *data, sf_count_t n, void *context)
{
    myna_audio_writer *writer = context;
    sf_count_t done = 0;
    while (done < n && writer->reason == 0) {
        ssize_t wrote = write(descriptor(writer), (const char *)data + done, (size_t)(n - done));
        if (wrote >= 0) done += wrote;
        else writer->reason = errno;
    }
    writer->bytes_lost += n - done;
    return n;
}

/* ---- Create ------------------------------------------------------------------------------------------------------ */

static int format_of(const char *path)
{
    const char *suffix = strrchr(path, '.');
    int i = 0;
    while (i < N_FORMATS && !(suffix && strcasecmp(suffix, formats[i].suffix) == 0)) i++;
    return i;
}

bool myna_audio_has_suffix(const char *path)
{
    return format_of(path) < N_FORMATS;
}

static bool opus_takes(int rate_hz)
{
    return rate_hz == 8000 || rate_hz == 12000 || rate_hz == 16000 || rate_hz == 24000 || rate_hz == 48000;
}

static myna_status fail_write(const myna_audio_writer *writer, myna_error *error)
{
    if (writer->reason == EINTR) return MYNA_ERROR_INTERRUPTED;
    const char *reason = writer->reason ? strerror(writer->reason) : sf_strerror(writer->sound);
    myna_fail(error, MYNA_ERROR_FILE, "%s", reason);
    return myna_fail_in(error, MYNA_ERROR_FILE, writer->name);
}

static myna_status open_file(
    myna_audio_writer *writer, const char *path, int format, int sample_rate_hz, int channels, myna_error *error)
{
    static SF_VIRTUAL_IO operations = {file_length, file_seek, file_read, file_write, file_tell};
    SF_INFO info = {.samplerate = sample_rate_hz, .channels = channels, .format = formats[format].format};
    myna_status status = myna_new_file_open(&writer->file, path, error);
    if (status != MYNA_OK) return status;
    writer->fd = fileno(writer->file.stream);
    writer->sound = sf_open_virtual(&operations, SFM_WRITE, &info, writer);
    if (writer->reason) return fail_write(writer, error);
    if (writer->sound) return MYNA_OK;
    return myna_fail(error, MYNA_ERROR_ARGUMENT, "cannot write %s at %d Hz", formats[format].name, sample_rate_hz);
}

/* NULL without memory. */
static myna_audio_writer *allocate(int fd, const char *name)
{
    myna_audio_writer *writer = calloc(1, sizeof *writer);
    if (!writer || !(writer->name = strdup(name))) {
        free(writer);
        return NULL;
    }
    writer->fd = fd;
    writer->is_integer = true;
    writer->header_at = -1;
    writer->bytes_left = INT64_MAX;
    return writer;
}

myna_status myna_audio_create(
    myna_audio_writer **out, const char *path, int sample_rate_hz, int channels, myna_error *error)
{
    int format = format_of(path);
    if (format == N_FORMATS) {
        myna_fail(error, MYNA_ERROR_ARGUMENT, "audio is written as " MYNA_AUDIO_SUFFIXES);
        return myna_fail_in(error, MYNA_ERROR_ARGUMENT, path);
    }
    if ((formats[format].format & SF_FORMAT_SUBMASK) == SF_FORMAT_OPUS && !opus_takes(sample_rate_hz)) {
        myna_fail(error, MYNA_ERROR_ARGUMENT, "Opus takes 8, 12, 16, 24 or 48 kHz, not %d Hz; write .ogg, .flac or .wav", sample_rate_hz);
        return myna_fail_in(error, MYNA_ERROR_ARGUMENT, path);
    }
    myna_audio_writer *writer = allocate(-1, path);
    if (!writer) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory to write audio");
    writer->is_integer = (formats[format].format & SF_FORMAT_SUBMASK) == SF_FORMAT_PCM_16;
    if ((formats[format].format & SF_FORMAT_TYPEMASK) == SF_FORMAT_WAV) writer->bytes_left = max_wav_data_bytes;
    myna_status status = open_file(writer, path, format, sample_rate_hz, channels, error);
    if (status != MYNA_OK) {
        myna_audio_abandon(writer);
        return myna_fail_in(error, status, path);
    }
    *out = writer;
    return MYNA_OK;
}

/* Lengths of all ones mean "to the end", as from ffmpeg and GStreamer. In a file they are corrected at its end. */
static void write_open_header(myna_audio_writer *writer, int sample_rate_hz)
{
    struct {
        char riff[4];
        uint32_t length;
        char wave_fmt[8];
        uint32_t fmt_length;
        uint16_t format, channels;
        uint32_t rate_hz, bytes_per_second;
        uint16_t frame_bytes, bits;
        char data[4];
        uint32_t data_length;
    } header = {.riff = "RIFF",
        .length = UINT32_MAX,
        .wave_fmt = "WAVEfmt ",
        .fmt_length = htole32(16),
        .format = htole16(1),
        .channels = htole16(1),
        .rate_hz = htole32((uint32_t)sample_rate_hz),
        .bytes_per_second = htole32(2 * (uint32_t)sample_rate_hz),
        .frame_bytes = htole16(2),
        .bits = htole16(16),
        .data = "data",
        .data_length = UINT32_MAX};
    bool appends = fcntl(writer->fd, F_GETFL) & O_APPEND; /* "program >>file": all that is written stands at the end */
    writer->header_at = appends ? -1 : lseek(writer->fd, 0, SEEK_CUR);
    file_write(&header, sizeof header, writer);
}

static void finish_header(myna_audio_writer *writer)
{
    enum { RIFF_LENGTH_AT = 4, DATA_LENGTH_AT = 40, HEADER = 44 };
    off_t end = writer->header_at >= 0 ? lseek(writer->fd, 0, SEEK_CUR) : -1;
    int64_t n_bytes = end - writer->header_at - HEADER;
    if (end < 0 || n_bytes < 0 || n_bytes > max_wav_data_bytes) return;
    const uint32_t data_length = htole32((uint32_t)n_bytes), riff_length = htole32((uint32_t)n_bytes + HEADER - 8);
    if (pwrite(writer->fd, &riff_length, sizeof riff_length, writer->header_at + RIFF_LENGTH_AT) < 0 ||
        pwrite(writer->fd, &data_length, sizeof data_length, writer->header_at + DATA_LENGTH_AT) < 0)
        writer->reason = errno;
}

myna_status myna_audio_create_stream(
    myna_audio_writer **out, int fd, const char *name, bool has_header, int sample_rate_hz, myna_error *error)
{
    myna_audio_writer *writer = allocate(fd, name);
    if (!writer) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory to write audio");
    if (has_header) write_open_header(writer, sample_rate_hz);
    if (writer->reason) {
        myna_status status = fail_write(writer, error);
        myna_audio_abandon(writer);
        return status;
    }
    *out = writer;
    return MYNA_OK;
}

/* ---- Write, commit ----------------------------------------------------------------------------------------------- */

static float limit(float sample)
{
    return fminf(fmaxf(sample, -1.0f), 1.0f);
}

static bool all_finite(const float *samples, size_t n)
{
    bool finite = true;
    for (size_t i = 0; i < n; i++) finite &= isfinite(samples[i]) != 0;
    return finite;
}

/* One block of at most BLOCK samples; false when not all of it was written. */
static bool write_block(myna_audio_writer *writer, const float *samples, size_t n)
{
    if (!writer->is_integer) {
        for (size_t i = 0; i < n; i++) writer->block.floats[i] = limit(samples[i]);
        return sf_write_float(writer->sound, writer->block.floats, (sf_count_t)n) == (sf_count_t)n;
    }
    for (size_t i = 0; i < n; i++) {
        long rounded = lrintf(limit(samples[i]) * 32768.0f);
        writer->block.integers[i] = (int16_t)(rounded > INT16_MAX ? INT16_MAX : rounded);
    }
    if (!writer->sound) {
        for (size_t i = 0; i < n; i++)
            writer->block.integers[i] = (int16_t)htole16((uint16_t)writer->block.integers[i]);
        file_write(writer->block.integers, (sf_count_t)(n * sizeof(int16_t)), writer);
        return true;
    }
    return sf_write_short(writer->sound, writer->block.integers, (sf_count_t)n) == (sf_count_t)n;
}

myna_status myna_audio_write(myna_audio_writer *writer, const float *samples, size_t n, myna_error *error)
{
    writer->bytes_left -= (int64_t)(n * sizeof(int16_t));
    if (writer->bytes_left < 0) {
        myna_fail(error, MYNA_ERROR_FILE, "a WAV file ends at 4 GiB; write .flac instead");
        return myna_fail_in(error, MYNA_ERROR_FILE, writer->name);
    }
    if (!all_finite(samples, n)) {
        myna_fail(error, MYNA_ERROR_NOT_FINITE, "a sample to be written is infinite or not a number");
        return myna_fail_in(error, MYNA_ERROR_NOT_FINITE, writer->name);
    }
    for (size_t done = 0; done < n;) {
        size_t part = n - done < BLOCK ? n - done : BLOCK;
        bool good = write_block(writer, samples + done, part);
        if (!good || writer->reason) return fail_write(writer, error);
        done += part;
    }
    return MYNA_OK;
}

myna_status myna_audio_commit(myna_audio_writer *writer, myna_error *error)
{
    if (!writer->sound) finish_header(writer);
    bool good = !writer->sound || sf_close(writer->sound) == 0;
    writer->sound = NULL;
    myna_status status = MYNA_OK;
    if (!good || writer->reason) status = fail_write(writer, error);
    else if (writer->file.stream) status = myna_new_file_commit(&writer->file, error);
    myna_audio_abandon(writer);
    return status;
}

myna_status myna_audio_salvage(myna_audio_writer *writer, myna_error *error)
{
    bool is_wav = writer->bytes_left != INT64_MAX;
    if (is_wav && writer->reason) { /* as long as its header will say: a hole takes no room on a disk */
        off_t end = lseek(descriptor(writer), 0, SEEK_END);
        if (end >= 0 && ftruncate(descriptor(writer), end + writer->bytes_lost) != 0) return fail_write(writer, error);
    }
    writer->reason = 0;
    return myna_audio_commit(writer, error);
}

void myna_audio_abandon(myna_audio_writer *writer)
{
    if (!writer) return;
    if (writer->sound) sf_close(writer->sound);
    myna_new_file_abandon(&writer->file);
    free(writer->name);
    free(writer);
}
