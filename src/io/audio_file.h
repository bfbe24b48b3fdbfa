/* Audio files by libsndfile (MP3: mpeg_file.h), as 16 kHz-agnostic blocks of mono float: the only room that includes
 * sndfile.h. */
#ifndef MYNA_IO_AUDIO_FILE_H
#define MYNA_IO_AUDIO_FILE_H

#include "myna/myna.h"

typedef struct myna_audio_info {
    int sample_rate_hz, channels;
    int64_t frames;  /* per channel; -1 where the format does not say; for MP3 an estimate */
    char format[64]; /* "WAV, 16 bit PCM" */
} myna_audio_info;

/* A file being read, mixed down to mono (the mean of the channels), at its own rate. Errors name the file. A format
 * libsndfile does not know is ERROR_FORMAT; for m4a, webm and the like the reason holds the ffmpeg command that
 * converts it. Opening refuses files without samples, files shorter than their header says, and Ogg and MP3 files with
 * damaged or missing pages and frames; lengths that streaming writers leave open (0, 0x7fffffff, 0xffffffff) mean "to
 * the end". Only regular files. `info` may be NULL. */
typedef struct myna_audio_reader myna_audio_reader;
myna_status myna_audio_open(myna_audio_reader **out, const char *path, myna_audio_info *info, myna_error *error);
/* The same for what comes through the descriptor `fd`, which stays the caller's; errors call it `name`. WAV, AU, AIFF
 * and FLAC, since these are read without seeking: not by myna_audio_rewind either. Without a header it is 16-bit
 * little-endian mono at 16 kHz. A signal that ends a wait is ERROR_INTERRUPTED, here and in reading. */
myna_status myna_audio_open_stream(
    myna_audio_reader **out, int fd, const char *name, bool has_header, myna_audio_info *info, myna_error *error);
/* Reads n samples, fewer only at the end; *n_read 0 after it. ERROR_FORMAT when the file breaks off or is damaged,
 * or holds samples far beyond full scale, ERROR_NOT_FINITE on NaN and infinity, ERROR_SPEECH at the end of a file whose
 * channels cancel each other out. */
myna_status myna_audio_read(myna_audio_reader *reader, float *samples, size_t n, size_t *n_read, myna_error *error);
myna_status myna_audio_rewind(myna_audio_reader *reader, myna_error *error);
void myna_audio_close(myna_audio_reader *reader);

/* A file of one or two channels, interleaved, being written under a temporary name beside `path`; the suffix chooses
 * WAV (.wav, 16-bit PCM, at most 4 GiB), FLAC (.flac, 16 bit), Ogg Vorbis (.ogg, .oga) or Ogg Opus (.opus, which has
 * five rates). Samples are limited to [-1, 1]. Commit closes, syncs, renames and frees; abandon removes and frees. A
 * full disk is noticed at the latest in commit. */
typedef struct myna_audio_writer myna_audio_writer;
#define MYNA_AUDIO_SUFFIXES ".wav, .flac, .ogg, .oga or .opus"
bool myna_audio_has_suffix(const char *path); /* one of these, in any case */
myna_status myna_audio_create(
    myna_audio_writer **out, const char *path, int sample_rate_hz, int channels, myna_error *error);
/* The same for 16-bit samples that go out through the descriptor `fd` (the caller's; errors call it `name`) at once,
 * after a WAV header of open length or without any. A signal that ends a wait is ERROR_INTERRUPTED. */
myna_status myna_audio_create_stream(
    myna_audio_writer **out, int fd, const char *name, bool has_header, int sample_rate_hz, myna_error *error);
/* n samples of all channels together. */
myna_status myna_audio_write(myna_audio_writer *writer, const float *samples, size_t n, myna_error *error);
myna_status myna_audio_commit(myna_audio_writer *writer, myna_error *error);
/* Commit after a write that failed, of what was written before it: for what cannot be made again. */
myna_status myna_audio_salvage(myna_audio_writer *writer, myna_error *error);
void myna_audio_abandon(myna_audio_writer *writer);

/* A whole recording as 16 kHz mono; *samples is malloc'd and the caller's. `info` (may be NULL) is the file's. */
myna_status myna_audio_load(
    float **samples, size_t *n_samples, const char *path, myna_audio_info *info, myna_error *error);

#endif
