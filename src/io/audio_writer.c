/* The writing half of audio_file.h. libsndfile writes through functions of ours, for it keeps the system's reasons to
 * itself and never reports what goes wrong while it closes a file. */
#define _GNU_SOURCE
#include "base/file.h"
#include "base/status.h"
#include "io/audio_file.h"

#include <errno.h>
#include <math.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 4096 };

struct myna_audio_writer {
    myna_new_file file;
    SNDFILE *sound;
    int reason;         /* errno of the first operation that failed, or 0 */
    bool is_integer;    /* 16-bit samples, rounded here: libsndfile's scale is 32767 one way and 32768 the other */
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
    {".opus", "Ogg Opus", SF_FORMAT_OGG | SF_FORMAT_OPUS},
};
enum { N_FORMATS = sizeof formats / sizeof *formats };

static const int64_t max_wav_data_bytes = 0xffffffff - 4096; /* a 32-bit length, less room for the header */

/* ---- libsndfile's view of the file ---------------------------------------------------------------------------- */

static int descriptor(const myna_audio_writer *writer)
{
    return fileno(writer->file.stream);
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
        else if (errno != EINTR) writer->reason = errno;
    }
    return n;
}

/* ---- Create, write, commit ------------------------------------------------------------------------------------ */

static int format_of(const char *path)
{
    const char *suffix = strrchr(path, '.');
    int i = 0;
    while (i < N_FORMATS && !(suffix && strcasecmp(suffix, formats[i].suffix) == 0)) i++;
    return i;
}

static bool opus_takes(int rate_hz)
{
    return rate_hz == 8000 || rate_hz == 12000 || rate_hz == 16000 || rate_hz == 24000 || rate_hz == 48000;
}

static myna_status open_sound(myna_audio_writer *writer, int format, int sample_rate_hz, myna_error *error)
{
    static SF_VIRTUAL_IO operations = {file_length, file_seek, file_read, file_write, file_tell};
    SF_INFO info = {.samplerate = sample_rate_hz, .channels = 1, .format = formats[format].format};
    writer->sound = sf_open_virtual(&operations, SFM_WRITE, &info, writer);
    if (writer->reason) return myna_fail(error, MYNA_ERROR_FILE, "%s", strerror(writer->reason));
    if (writer->sound) return MYNA_OK;
    return myna_fail(error, MYNA_ERROR_ARGUMENT, "cannot write %s at %d Hz", formats[format].name, sample_rate_hz);
}

myna_status myna_audio_create(myna_audio_writer **out, const char *path, int sample_rate_hz, myna_error *error)
{
    int format = format_of(path);
    if (format == N_FORMATS) {
        myna_fail(error, MYNA_ERROR_ARGUMENT, "audio is written as .wav, .flac, .ogg or .opus");
        return myna_fail_in(error, MYNA_ERROR_ARGUMENT, path);
    }
    if ((formats[format].format & SF_FORMAT_SUBMASK) == SF_FORMAT_OPUS && !opus_takes(sample_rate_hz)) {
        myna_fail(error, MYNA_ERROR_ARGUMENT, "Opus takes 8, 12, 16, 24 or 48 kHz, not %d Hz", sample_rate_hz);
        return myna_fail_in(error, MYNA_ERROR_ARGUMENT, path);
    }
    myna_audio_writer *writer = calloc(1, sizeof *writer);
    if (!writer) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory to write audio");
    writer->is_integer = (formats[format].format & SF_FORMAT_SUBMASK) == SF_FORMAT_PCM_16;
    writer->bytes_left =
        (formats[format].format & SF_FORMAT_TYPEMASK) == SF_FORMAT_WAV ? max_wav_data_bytes : INT64_MAX;
    myna_status status = myna_new_file_open(&writer->file, path, error);
    if (status == MYNA_OK) status = open_sound(writer, format, sample_rate_hz, error);
    if (status != MYNA_OK) {
        myna_audio_abandon(writer);
        return myna_fail_in(error, status, path);
    }
    *out = writer;
    return MYNA_OK;
}

static myna_status fail_write(const myna_audio_writer *writer, myna_error *error)
{
    const char *reason = writer->reason ? strerror(writer->reason) : sf_strerror(writer->sound);
    myna_fail(error, MYNA_ERROR_FILE, "%s", reason);
    return myna_fail_in(error, MYNA_ERROR_FILE, writer->file.path);
}

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
    return sf_write_short(writer->sound, writer->block.integers, (sf_count_t)n) == (sf_count_t)n;
}

myna_status myna_audio_write(myna_audio_writer *writer, const float *samples, size_t n, myna_error *error)
{
    writer->bytes_left -= (int64_t)(n * sizeof(int16_t));
    if (writer->bytes_left < 0) {
        myna_fail(error, MYNA_ERROR_FILE, "a WAV file ends at 4 GiB; write .flac instead");
        return myna_fail_in(error, MYNA_ERROR_FILE, writer->file.path);
    }
    if (!all_finite(samples, n)) {
        myna_fail(error, MYNA_ERROR_NOT_FINITE, "a sample to be written is infinite or not a number");
        return myna_fail_in(error, MYNA_ERROR_NOT_FINITE, writer->file.path);
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
    bool good = sf_close(writer->sound) == 0;
    writer->sound = NULL;
    myna_status status = MYNA_OK;
    if (good && writer->reason == 0) status = myna_new_file_commit(&writer->file, error);
    else status = fail_write(writer, error);
    myna_audio_abandon(writer);
    return status;
}

void myna_audio_abandon(myna_audio_writer *writer)
{
    if (!writer) return;
    if (writer->sound) sf_close(writer->sound);
    myna_new_file_abandon(&writer->file);
    free(writer);
}
