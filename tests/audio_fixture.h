/* A folder of its own for each test, and audio files in it. */
#ifndef MYNA_AUDIO_FIXTURE_H
#define MYNA_AUDIO_FIXTURE_H

#include "io/audio_file.h"
#include "testing.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[64];
static char path[128];

static const char *at(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/myna-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    DIR *listing = opendir(folder);
    for (struct dirent *entry; (entry = readdir(listing));) unlinkat(dirfd(listing), entry->d_name, 0);
    closedir(listing);
    return rmdir(folder);
}

/* ---- Files made by hand ------------------------------------------------------------------------------------------ */

static unsigned char *put(unsigned char *at, uint32_t value, int n)
{
    for (int i = 0; i < n; i++) *at++ = (unsigned char)(value >> 8 * i);
    return at;
}

typedef struct wave {
    unsigned format, channels, rate_hz, bits; /* format 1: integers, 3: float */
    uint32_t declared_bytes;                  /* the data chunk's length as its header gives it */
    const void *data;
    size_t n_bytes; /* that are there */
} wave;

static void write_bytes(const char *name, const void *data, size_t n)
{
    FILE *file = fopen(at(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, n, file), n);
    fclose(file);
}

static void write_wave(const char *name, wave w)
{
    unsigned char *bytes = malloc(44 + w.n_bytes), *end = bytes;
    unsigned frame_bytes = w.channels * w.bits / 8;
    memcpy(end, "RIFF", 4);
    end = put(end + 4, 36 + w.declared_bytes, 4);
    memcpy(end, "WAVEfmt ", 8);
    end = put(put(put(end + 8, 16, 4), w.format, 2), w.channels, 2);
    end = put(put(put(put(end, w.rate_hz, 4), w.rate_hz * frame_bytes, 4), frame_bytes, 2), w.bits, 2);
    memcpy(end, "data", 4);
    end = put(end + 4, w.declared_bytes, 4);
    memcpy(end, w.data, w.n_bytes);
    write_bytes(name, bytes, 44 + w.n_bytes);
    free(bytes);
}

/* ---- Written files ----------------------------------------------------------------------------------------------- */

static void fill_tone(float *samples, size_t n, int rate_hz)
{
    for (size_t i = 0; i < n; i++) samples[i] = 0.5f * (float)sin(2 * test_pi * 300 * (double)i / rate_hz);
}

static void write_tone(const char *name, size_t n, int rate_hz, size_t block)
{
    float *samples = malloc(n * sizeof *samples);
    fill_tone(samples, n, rate_hz);
    myna_audio_writer *writer;
    assert_int_equal(myna_audio_create(&writer, at(name), rate_hz, 1, NULL), MYNA_OK);
    for (size_t i = 0; i < n; i += block)
        assert_int_equal(myna_audio_write(writer, samples + i, n - i < block ? n - i : block, NULL), MYNA_OK);
    assert_int_equal(myna_audio_commit(writer, NULL), MYNA_OK);
    free(samples);
}

#endif
