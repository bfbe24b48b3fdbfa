#define _GNU_SOURCE
#include "io/audio_file.h"

#include "base/status.h"
#include "io/audio_signature.h"
#include "io/resample.h"

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

struct myna_audio_reader {
    int fd;
    int64_t offset; /* libsndfile's place in the file */
    myna_audio_extent extent;
    SNDFILE *sound;
    char *path;
    myna_audio_info info;
    bool length_is_exact; /* the header's length, not an estimate or a count of pages */
    int64_t position;     /* frames read */
    float *block;         /* [BLOCK_FRAMES][channels] */
};

/* ---- libsndfile's view of the file -------------------------------------------------------------------------- */

static sf_count_t file_length(void *context)
{
    struct stat file;
    return fstat(((myna_audio_reader *)context)->fd, &file) == 0 ? file.st_size : -1;
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

/* libsndfile reads to the file's end where a WAV file's length is 0xffffffff, but nothing where it is 0: so it is
 * shown the one for the other. */
static sf_count_t file_read(void *data, sf_count_t n, void *context)
{
    myna_audio_reader *reader = context;
    ssize_t got = pread(reader->fd, data, (size_t)n, (off_t)reader->offset);
    if (got <= 0) return 0;
    for (int64_t i = 0; reader->extent.zero_length_at >= 0 && i < 4; i++) {
        int64_t place = reader->extent.zero_length_at + i - reader->offset;
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

/* ---- Opening ------------------------------------------------------------------------------------------------ */

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

static myna_status refuse(myna_audio_reader *reader, const char *path, myna_error *error)
{
    if (myna_audio_is_foreign(reader->fd, path)) return refuse_foreign(path, error);
    int code = sf_error(NULL);
    if (code == SF_ERR_UNRECOGNISED_FORMAT)
        return myna_fail(error, MYNA_ERROR_FORMAT, "not an audio file (WAV, FLAC, Ogg, MP3, AIFF, ...)");
    const char *reason = sf_error_number(code);
    size_t length = strlen(reason);
    while (length > 0 && strchr(". \n", reason[length - 1])) length--;
    return myna_fail(error, MYNA_ERROR_FORMAT, "%.*s", (int)length, reason);
}

static myna_status check_length(const myna_audio_reader *reader, int64_t file_bytes, myna_error *error)
{
    if (reader->info.frames == 0) return myna_fail(error, MYNA_ERROR_FORMAT, "holds no samples");
    if (reader->extent.end > file_bytes)
        return myna_fail(error, MYNA_ERROR_FORMAT, "breaks off %lld bytes before the end its header gives",
            (long long)(reader->extent.end - file_bytes));
    return MYNA_OK;
}

/* Opens the sound in `reader->fd`; what is taken on failure is released by myna_audio_close. */
static myna_status open_sound(myna_audio_reader *reader, const char *path, myna_error *error)
{
    struct stat file;
    if (fstat(reader->fd, &file) != 0) return myna_fail(error, MYNA_ERROR_FILE, "%s", strerror(errno));
    if (S_ISDIR(file.st_mode)) return myna_fail(error, MYNA_ERROR_FILE, "%s", strerror(EISDIR));
    if (!S_ISREG(file.st_mode)) return myna_fail(error, MYNA_ERROR_FILE, "not a regular file");
    if (file.st_size == 0) return myna_fail(error, MYNA_ERROR_FORMAT, "the file is empty");
    SF_INFO sound = {0};
    static SF_VIRTUAL_IO operations = {file_length, file_seek, file_read, file_write, file_tell};
    reader->extent = myna_audio_find_extent(reader->fd);
    reader->sound = sf_open_virtual(&operations, SFM_READ, &sound, reader);
    if (!reader->sound) return refuse(reader, path, error);
    if (sound.channels < 1 || sound.channels > MAX_CHANNELS)
        return myna_fail(error, MYNA_ERROR_FORMAT, "%d channels, not 1 to %d", sound.channels, MAX_CHANNELS);
    if (sound.samplerate < MIN_RATE_HZ || sound.samplerate > MAX_RATE_HZ)
        return myna_fail(error, MYNA_ERROR_FORMAT, "a sample rate of %d Hz, not %d to %d Hz", sound.samplerate,
            MIN_RATE_HZ, MAX_RATE_HZ);
    int type = sound.format & SF_FORMAT_TYPEMASK;
    reader->info.sample_rate_hz = sound.samplerate;
    reader->info.channels = sound.channels;
    reader->info.frames = sound.frames == SF_COUNT_MAX || sound.frames < 0 ? -1 : sound.frames;
    reader->length_is_exact = type != SF_FORMAT_OGG && type != SF_FORMAT_MPEG && reader->info.frames >= 0;
    describe_format(reader->info.format, sizeof reader->info.format, sound.format);
    reader->block = malloc((size_t)BLOCK_FRAMES * (size_t)sound.channels * sizeof *reader->block);
    reader->path = strdup(path);
    if (!reader->block || !reader->path) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory to read audio");
    return check_length(reader, file.st_size, error);
}

myna_status myna_audio_open(myna_audio_reader **out, const char *path, myna_audio_info *info, myna_error *error)
{
    myna_audio_reader *reader = calloc(1, sizeof *reader);
    if (!reader) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory to read audio");
    reader->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe without a writer must not hang */
    myna_status status =
        reader->fd < 0 ? myna_fail(error, MYNA_ERROR_FILE, "%s", strerror(errno)) : open_sound(reader, path, error);
    if (status != MYNA_OK) {
        myna_audio_close(reader);
        return myna_fail_in(error, status, path);
    }
    if (info) *info = reader->info;
    *out = reader;
    return MYNA_OK;
}

void myna_audio_close(myna_audio_reader *reader)
{
    if (!reader) return;
    if (reader->sound) sf_close(reader->sound);
    if (reader->fd >= 0) close(reader->fd);
    free(reader->block);
    free(reader->path);
    free(reader);
}

/* ---- Reading ------------------------------------------------------------------------------------------------ */

/* The mean of the channels; false where it is not finite. */
static bool mix(float *mono, const float *block, size_t n_frames, size_t channels)
{
    bool finite = true;
    for (size_t i = 0; i < n_frames; i++) {
        double sum = 0;
        for (size_t c = 0; c < channels; c++) sum += block[i * channels + c];
        mono[i] = (float)(sum / (double)channels);
        finite &= isfinite(mono[i]) != 0;
    }
    return finite;
}

/* At a short read: is this where the file should end? */
static myna_status check_end(const myna_audio_reader *reader, myna_error *error)
{
    if (reader->position == 0) return myna_fail(error, MYNA_ERROR_FORMAT, "holds no samples");
    double rate_hz = reader->info.sample_rate_hz;
    if (reader->length_is_exact && reader->position < reader->info.frames)
        return myna_fail(error, MYNA_ERROR_FORMAT, "breaks off after %.2f of %.2f seconds",
            (double)reader->position / rate_hz, (double)reader->info.frames / rate_hz);
    if (sf_error(reader->sound) != SF_ERR_NO_ERROR)
        return myna_fail(error, MYNA_ERROR_FORMAT, "damaged after %.2f seconds", (double)reader->position / rate_hz);
    return MYNA_OK;
}

/* One block of at most BLOCK_FRAMES. */
static myna_status read_block(myna_audio_reader *reader, float *samples, size_t n, size_t *n_read, myna_error *error)
{
    size_t got = (size_t)sf_readf_float(reader->sound, reader->block, (sf_count_t)n);
    if (!mix(samples, reader->block, got, (size_t)reader->info.channels))
        return myna_fail(error, MYNA_ERROR_NOT_FINITE, "a sample after %.2f seconds is infinite or not a number",
            (double)reader->position / reader->info.sample_rate_hz);
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

myna_status myna_audio_rewind(myna_audio_reader *reader, myna_error *error)
{
    if (sf_seek(reader->sound, 0, SEEK_SET) != 0) {
        myna_fail(error, MYNA_ERROR_FILE, "cannot be read a second time");
        return myna_fail_in(error, MYNA_ERROR_FILE, reader->path);
    }
    reader->position = 0;
    return MYNA_OK;
}

/* ---- Whole recordings --------------------------------------------------------------------------------------- */

typedef struct recording {
    float *samples;
    size_t n, size;
} recording;

static myna_status append(void *context, const float *samples, size_t n, myna_error *error)
{
    recording *all = context;
    if (n > all->size - all->n) {
        size_t size = 2 * all->size > all->n + n ? 2 * all->size : all->n + n;
        float *grown = size < SIZE_MAX / sizeof *grown ? realloc(all->samples, size * sizeof *grown) : NULL;
        if (!grown) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for the recording");
        all->samples = grown;
        all->size = size;
    }
    memcpy(all->samples + all->n, samples, n * sizeof *samples);
    all->n += n;
    return MYNA_OK;
}

static myna_status read_all(myna_audio_reader *reader, recording *all, myna_error *error)
{
    myna_resampler *resampler = NULL;
    myna_status status =
        myna_resampler_create(&resampler, reader->info.sample_rate_hz, MYNA_SAMPLE_RATE_HZ, MYNA_RESAMPLE_GOOD, error);
    for (size_t n = BLOCK_FRAMES; status == MYNA_OK && n == BLOCK_FRAMES;) {
        float block[BLOCK_FRAMES];
        status = myna_audio_read(reader, block, BLOCK_FRAMES, &n, error);
        if (status == MYNA_OK) status = myna_resampler_push(resampler, block, n, n < BLOCK_FRAMES, append, all, error);
    }
    myna_resampler_free(resampler);
    return status;
}

myna_status myna_audio_load(
    float **samples, size_t *n_samples, const char *path, myna_audio_info *info, myna_error *error)
{
    myna_audio_reader *reader;
    myna_audio_info found;
    myna_status status = myna_audio_open(&reader, path, &found, error);
    if (status != MYNA_OK) return status;
    recording all = {0};
    status = read_all(reader, &all, error);
    myna_audio_close(reader);
    if (status != MYNA_OK) {
        free(all.samples);
        return myna_fail_in(error, status, path);
    }
    *samples = all.samples;
    *n_samples = all.n;
    if (info) *info = found;
    return MYNA_OK;
}
