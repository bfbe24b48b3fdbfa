#define _GNU_SOURCE
#include "io/audio_file.h"

#include "base/status.h"
#include "io/audio_signature.h"
#include "io/mpeg_file.h"
#include "io/ogg_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BLOCK_FRAMES = 4096,
    MAX_CHANNELS = 64,
    MIN_RATE_HZ = 1000,
    MAX_RATE_HZ = 768000,
};

static const int64_t endless = INT64_MAX / 2; /* bytes or frames: what libsndfile is told of a pipe's length */

struct myna_audio_reader {
    myna_audio_bytes bytes;
    bool is_stream;
    int64_t offset; /* libsndfile's place in the file */
    myna_audio_extent extent;
    SNDFILE *sound;
    myna_mpeg_file *mpeg; /* in place of `sound` */
    char *path;
    myna_audio_info info;
    bool length_is_exact; /* the header's length, not an estimate or a count of pages */
    bool is_damaged;      /* as `mpeg` finds while it decodes */
    int64_t position;     /* frames read */
    double energy_in;     /* of the channels so far, */
    double energy_out;    /* and of what they were mixed down to */
    float *block;         /* [BLOCK_FRAMES][channels] */
};

/* ---- libsndfile's view of the file ------------------------------------------------------------------------------- */

/* A stream's is where its audio ends, so that libsndfile does not look for more behind it. */
static sf_count_t file_length(void *context)
{
    const myna_audio_reader *reader = context;
    struct stat file;
    if (reader->is_stream) return reader->extent.end >= 0 ? reader->extent.end : endless;
    return fstat(reader->bytes.fd, &file) == 0 ? file.st_size : -1;
}

static sf_count_t file_tell(void *context)
{
    return ((myna_audio_reader *)context)->offset;
}

static sf_count_t file_seek(sf_count_t offset, int whence, void *context)
{
    myna_audio_reader *reader = context;
    if (whence == SEEK_CUR) offset += reader->offset;
    if (whence == SEEK_END) offset += file_length(context);
    if (offset < 0) return -1;
    return reader->offset = offset;
}

/* Of the lengths that leave a WAV file's end open, libsndfile knows 0xffffffff and is shown it for any. */
static sf_count_t file_read(void *data, sf_count_t n, void *context)
{
    myna_audio_reader *reader = context;
    sf_count_t got = (sf_count_t)myna_audio_bytes_read(&reader->bytes, data, (size_t)n, reader->offset);
    for (int64_t i = 0; reader->extent.open_length_at >= 0 && i < 4; i++) {
        int64_t place = reader->extent.open_length_at + i - reader->offset;
        if (place >= 0 && place < got) ((unsigned char *)data)[place] = 0xff;
    }
    reader->offset += got;
    return got;
}

static sf_count_t file_write(const void *data, sf_count_t n, void *context)
{
    (void)data, (void)n, (void)context;
    return 0;
}

/* ---- Opening ----------------------------------------------------------------------------------------------------- */

/* "WAV, 16 bit PCM" from libsndfile's "WAV (Microsoft)" and "Signed 16 bit PCM". */
static void describe_format(char *out, size_t size, int format)
{
    SF_FORMAT_INFO major = {.format = format & SF_FORMAT_TYPEMASK};
    SF_FORMAT_INFO minor = {.format = format & SF_FORMAT_SUBMASK};
    if (sf_command(NULL, SFC_GET_FORMAT_INFO, &major, sizeof major) != 0) major.name = "unknown";
    if (sf_command(NULL, SFC_GET_FORMAT_INFO, &minor, sizeof minor) != 0) minor.name = "unknown";
    const char *bracket = strstr(major.name, " (");
    int length = bracket ? (int)(bracket - major.name) : (int)strlen(major.name);
    const char *prefix = "Signed ";
    bool has_prefix = strncmp(minor.name, prefix, strlen(prefix)) == 0;
    snprintf(out, size, "%.*s, %s", length, major.name, minor.name + (has_prefix ? strlen(prefix) : 0));
}

/* In single quotes where a shell would otherwise take the name apart. */
static void quote(char *out, size_t size, const char *name, int length, const char *suffix)
{
    size_t harmless = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-+.,/@:");
    const char *mark = harmless == strlen(name) || strchr(name, '\'') ? "" : "'";
    snprintf(out, size, "%s%.*s%s%s", mark, length, name, suffix, mark);
}

static myna_status refuse_foreign(const char *path, myna_error *error)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    int stem = dot && (!slash || dot > slash + 1) ? (int)(dot - path) : (int)strlen(path);
    char from[256], to[256];
    quote(from, sizeof from, path, (int)strlen(path), "");
    quote(to, sizeof to, path, stem, ".wav");
    /* A command that does not fit would be cut off, and a wrong command is worse than a general one. */
    bool fits = strlen(from) + strlen(to) < sizeof error->detail - 100;
    return myna_fail(error, MYNA_ERROR_FORMAT,
        "libsndfile cannot read this format; convert it first: ffmpeg -i %s -ar 16000 -ac 1 %s", fits ? from : "IN",
        fits ? to : "OUT.wav");
}

/* Why reading a stream came to nothing, where that lies in the pipe; MYNA_OK elsewhere. */
static myna_status check_pipe(const myna_audio_reader *reader, myna_error *error)
{
    int reason = reader->bytes.reason;
    if (reason == EINTR) return MYNA_ERROR_INTERRUPTED;
    return reason ? myna_fail(error, MYNA_ERROR_FILE, "%s", strerror(reason)) : MYNA_OK;
}

static myna_status refuse(myna_audio_reader *reader, const char *path, myna_error *error)
{
    myna_status status = check_pipe(reader, error);
    if (status != MYNA_OK) return status;
    if (myna_audio_is_foreign(&reader->bytes, path)) return refuse_foreign(path, error);
    int code = sf_error(NULL);
    if (code == SF_ERR_UNRECOGNISED_FORMAT)
        return myna_fail(error, MYNA_ERROR_FORMAT, "not an audio file (WAV, FLAC, Ogg, MP3, AIFF, ...)");
    const char *reason = sf_error_number(code), *prefix = "Error : ";
    /* libsndfile's own bookkeeping; what led there stood in the file */
    if (strncmp(reason, "Internal error", strlen("Internal error")) == 0)
        return myna_fail(error, MYNA_ERROR_FORMAT, "its header states an impossible sample rate or length");
    if (strncmp(reason, prefix, strlen(prefix)) == 0) reason += strlen(prefix);
    size_t length = strlen(reason);
    while (length > 0 && strchr(". \n", reason[length - 1])) length--;
    return myna_fail(error, MYNA_ERROR_FORMAT, "%.*s", (int)length, reason);
}

static myna_status check_sound(const SF_INFO *sound, myna_error *error)
{
    if (sound->channels < 1 || sound->channels > MAX_CHANNELS)
        return myna_fail(error, MYNA_ERROR_FORMAT, "%d channels, not 1 to %d", sound->channels, MAX_CHANNELS);
    if (sound->samplerate < MIN_RATE_HZ || sound->samplerate > MAX_RATE_HZ)
        return myna_fail(error, MYNA_ERROR_FORMAT, "a sample rate of %d Hz, not %d to %d Hz", sound->samplerate,
            MIN_RATE_HZ, MAX_RATE_HZ);
    return sound->frames == 0 ? myna_fail(error, MYNA_ERROR_FORMAT, "holds no samples") : MYNA_OK;
}

/* Gets ready to read what was opened. */
static myna_status accept(myna_audio_reader *reader, const char *path, const SF_INFO *sound, myna_error *error)
{
    myna_status status = check_sound(sound, error);
    if (status != MYNA_OK) return status;
    int type = sound->format & SF_FORMAT_TYPEMASK;
    bool is_open = sound->frames < 0 || sound->frames == SF_COUNT_MAX ||
                   (reader->is_stream && reader->extent.end < 0 && type != SF_FORMAT_FLAC);
    reader->info.sample_rate_hz = sound->samplerate;
    reader->info.channels = sound->channels;
    reader->info.frames = is_open ? -1 : sound->frames;
    reader->length_is_exact = type != SF_FORMAT_OGG && type != SF_FORMAT_MPEG && !is_open;
    describe_format(reader->info.format, sizeof reader->info.format, sound->format);
    reader->block = malloc((size_t)BLOCK_FRAMES * (size_t)sound->channels * sizeof *reader->block);
    reader->path = strdup(path);
    if (!reader->block || !reader->path) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory to read audio");
    return MYNA_OK;
}

/* `sound` is zero, or says what has no header. */
static SNDFILE *open_library(myna_audio_reader *reader, SF_INFO *sound)
{
    static SF_VIRTUAL_IO operations = {file_length, file_seek, file_read, file_write, file_tell};
    return sf_open_virtual(&operations, SFM_READ, sound, reader);
}

static myna_status open_sound(myna_audio_reader *reader, const char *path, SF_INFO sound, myna_error *error)
{
    reader->sound = open_library(reader, &sound);
    return reader->sound ? accept(reader, path, &sound, error) : refuse(reader, path, error);
}

static myna_status open_mpeg(myna_audio_reader *reader, const char *path, myna_error *error)
{
    static const int layers[] = {SF_FORMAT_MPEG_LAYER_I, SF_FORMAT_MPEG_LAYER_II, SF_FORMAT_MPEG_LAYER_III};
    myna_mpeg_info info;
    myna_status status = myna_mpeg_open(&reader->mpeg, reader->bytes.fd, &info, error);
    if (status != MYNA_OK) return status;
    SF_INFO sound = {.frames = info.frames,
        .samplerate = info.sample_rate_hz,
        .channels = info.channels,
        .format = SF_FORMAT_MPEG | layers[info.layer - 1]};
    return accept(reader, path, &sound, error);
}

static myna_status open_file(myna_audio_reader *reader, const char *path, myna_error *error)
{
    struct stat file;
    reader->bytes.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe without a writer must not hang */
    if (reader->bytes.fd < 0 || fstat(reader->bytes.fd, &file) != 0)
        return myna_fail(error, MYNA_ERROR_FILE, "%s", strerror(errno));
    if (S_ISDIR(file.st_mode)) return myna_fail(error, MYNA_ERROR_FILE, "%s", strerror(EISDIR));
    if (!S_ISREG(file.st_mode)) return myna_fail(error, MYNA_ERROR_FILE, "not a regular file");
    if (file.st_size == 0) return myna_fail(error, MYNA_ERROR_FORMAT, "the file is empty");
    if (myna_audio_is_mpeg(&reader->bytes)) return open_mpeg(reader, path, error);
    myna_status status = myna_audio_is_ogg(&reader->bytes) ? myna_ogg_check(&reader->bytes, error) : MYNA_OK;
    if (status != MYNA_OK) return status;
    reader->extent = myna_audio_find_extent(&reader->bytes);
    status = open_sound(reader, path, (SF_INFO){0}, error);
    if (status == MYNA_OK && reader->extent.end > file.st_size)
        status = myna_fail(error, MYNA_ERROR_FORMAT, "breaks off %lld bytes before the end its header gives",
            (long long)(reader->extent.end - file.st_size));
    return status;
}

static myna_status open_stream(myna_audio_reader *reader, const char *name, bool has_header, myna_error *error)
{
    SF_INFO sound = {0};
    reader->extent = (myna_audio_extent){-1, -1};
    reader->bytes.kept = malloc(MYNA_AUDIO_KEPT_BYTES);
    if (!reader->bytes.kept) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory to read audio");
    if (!has_header) {
        sound.samplerate = MYNA_SAMPLE_RATE_HZ;
        sound.channels = 1;
        sound.format = SF_FORMAT_RAW | SF_FORMAT_PCM_16 | SF_ENDIAN_LITTLE;
    } else if (myna_audio_can_stream(&reader->bytes)) {
        reader->extent = myna_audio_find_extent(&reader->bytes);
    } else {
        myna_status status = check_pipe(reader, error);
        if (status != MYNA_OK) return status;
        if (reader->bytes.n_came == 0) return myna_fail(error, MYNA_ERROR_FORMAT, "is empty");
        return myna_fail(error, MYNA_ERROR_FORMAT,
            "only WAV, AU, AIFF and FLAC can be read from a pipe; give the file's name instead");
    }
    return open_sound(reader, name, sound, error);
}

/* Hands out an opened reader, or releases what was taken until opening failed. */
static myna_status conclude(myna_audio_reader **out, myna_audio_reader *reader, const char *path, myna_audio_info *info,
    myna_status status, myna_error *error)
{
    if (status != MYNA_OK) {
        myna_audio_close(reader);
        return myna_fail_in(error, status, path);
    }
    if (info) *info = reader->info;
    *out = reader;
    return MYNA_OK;
}

myna_status myna_audio_open(myna_audio_reader **out, const char *path, myna_audio_info *info, myna_error *error)
{
    myna_audio_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory to read audio");
    return conclude(out, reader, path, info, open_file(reader, path, error), error);
}

myna_status myna_audio_open_stream(
    myna_audio_reader **out, int fd, const char *name, bool has_header, myna_audio_info *info, myna_error *error)
{
    myna_audio_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory to read audio");
    reader->bytes.fd = fd;
    reader->is_stream = true;
    return conclude(out, reader, name, info, open_stream(reader, name, has_header, error), error);
}

void myna_audio_close(myna_audio_reader *reader)
{
    if (!reader) return;
    if (reader->sound) sf_close(reader->sound);
    myna_mpeg_close(reader->mpeg);
    if (reader->bytes.fd >= 0 && !reader->is_stream) close(reader->bytes.fd);
    free(reader->bytes.kept);
    free(reader->block);
    free(reader->path);
    free(reader);
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

/* Beyond 60 dB above full scale nothing is sound: it is damage, or integers that were written as float. */
static const float largest_sample = 1000.0f;

/* The mean of the channels. Gives the number of samples that are audio, up to the first that is none. */
static size_t mix(myna_audio_reader *reader, float *mono, size_t n_frames)
{
    size_t channels = (size_t)reader->info.channels;
    for (size_t i = 0; i < n_frames; i++) {
        const float *frame = reader->block + i * channels;
        double sum = 0, squares = 0;
        for (size_t c = 0; c < channels; c++) {
            if (!(fabsf(frame[c]) <= largest_sample)) return i;
            sum += (double)frame[c];
            squares += (double)frame[c] * (double)frame[c];
        }
        mono[i] = (float)(sum / (double)channels);
        reader->energy_in += squares / (double)channels;
        reader->energy_out += (double)mono[i] * (double)mono[i];
    }
    return n_frames;
}

/* Of frame i in the block, where mixing stopped. */
static myna_status refuse_sample(const myna_audio_reader *reader, size_t i, myna_error *error)
{
    double seconds = (double)(reader->position + (int64_t)i) / reader->info.sample_rate_hz;
    const float *frame = reader->block + i * (size_t)reader->info.channels;
    for (int c = 0; c < reader->info.channels; c++) {
        if (!isfinite(frame[c]))
            return myna_fail(
                error, MYNA_ERROR_NOT_FINITE, "a sample after %.2f seconds is infinite or not a number", seconds);
    }
    return myna_fail(error, MYNA_ERROR_FORMAT,
        "damaged: a sample after %.2f seconds is more than %g times full scale", seconds, (double)largest_sample);
}

/* What opposite channels leave of each other is no recording, even where a codec made it more than nothing. */
static bool channels_cancel(const myna_audio_reader *reader)
{
    return reader->energy_in > 0 && reader->energy_out < 1e-3 * reader->energy_in;
}

/* At a short read: is this where the file should end? */
static myna_status check_end(const myna_audio_reader *reader, myna_error *error)
{
    myna_status status = check_pipe(reader, error);
    if (status != MYNA_OK) return status;
    if (reader->position == 0) return myna_fail(error, MYNA_ERROR_FORMAT, "holds no samples");
    double rate_hz = reader->info.sample_rate_hz;
    if (reader->length_is_exact && reader->position < reader->info.frames)
        return myna_fail(error, MYNA_ERROR_FORMAT, "breaks off after %.2f of %.2f seconds",
            (double)reader->position / rate_hz, (double)reader->info.frames / rate_hz);
    if (reader->is_damaged || (reader->sound && sf_error(reader->sound) != SF_ERR_NO_ERROR))
        return myna_fail(error, MYNA_ERROR_FORMAT, "damaged after %.2f seconds", (double)reader->position / rate_hz);
    if (reader->is_stream && reader->info.frames < 0 && !reader->bytes.has_ended)
        return myna_fail(error, MYNA_ERROR_FORMAT, "a WAV stream ends at 4 GiB");
    if (channels_cancel(reader))
        return myna_fail(error, MYNA_ERROR_SPEECH, "its channels cancel each other out: take one of them alone");
    return MYNA_OK;
}

/* n frames into the block, fewer at the end and where the file is damaged. */
static size_t decode(myna_audio_reader *reader, size_t n)
{
    if (reader->mpeg) return myna_mpeg_read(reader->mpeg, reader->block, n, &reader->is_damaged);
    return (size_t)sf_readf_float(reader->sound, reader->block, (sf_count_t)n);
}

/* One block of at most BLOCK_FRAMES. */
static myna_status read_block(myna_audio_reader *reader, float *samples, size_t n, size_t *n_read, myna_error *error)
{
    size_t got = decode(reader, n), n_mixed = mix(reader, samples, got);
    if (n_mixed < got) return refuse_sample(reader, n_mixed, error);
    reader->position += (int64_t)got;
    *n_read = got;
    return got < n ? check_end(reader, error) : MYNA_OK;
}

myna_status myna_audio_read(myna_audio_reader *reader, float *samples, size_t n, size_t *n_read, myna_error *error)
{
    size_t done = 0;
    while (done < n) {
        size_t want = n - done < BLOCK_FRAMES ? n - done : BLOCK_FRAMES, got = 0;
        myna_status status = read_block(reader, samples + done, want, &got, error);
        if (status != MYNA_OK) return myna_fail_in(error, status, reader->path);
        done += got;
        if (got < want) break;
    }
    *n_read = done;
    return MYNA_OK;
}

/* Codecs that libsndfile cannot seek in, such as GSM 6.10, begin anew. */
static bool rewind_sound(myna_audio_reader *reader)
{
    if (sf_seek(reader->sound, 0, SEEK_SET) == 0) return true;
    if (reader->is_stream) return false;
    SF_INFO sound = {0};
    sf_close(reader->sound);
    reader->offset = 0;
    return (reader->sound = open_library(reader, &sound)) != NULL;
}

myna_status myna_audio_rewind(myna_audio_reader *reader, myna_error *error)
{
    if (reader->mpeg ? !myna_mpeg_rewind(reader->mpeg) : !rewind_sound(reader)) {
        myna_fail(error, MYNA_ERROR_FILE, "cannot be read a second time");
        return myna_fail_in(error, MYNA_ERROR_FILE, reader->path);
    }
    reader->position = 0;
    reader->energy_in = reader->energy_out = 0;
    return MYNA_OK;
}
