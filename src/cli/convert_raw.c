#include "base/status.h"
#include "cli/convert_file.h"
#include "cli/standard_streams.h"

#include <math.h>
#include <stdlib.h>

/* 25 ms: what arrives is answered at once, and a full pipe is still converted in reasonable pieces. */
enum { BLOCK_SAMPLES = 400 };

typedef struct raw_stream {
    myna_converter *converter;
    size_t n_late; /* converted samples that precede the recording's first */
} raw_stream;

static myna_status write_samples(raw_stream *stream, const float *samples, size_t n, myna_error *error)
{
    unsigned char bytes[2 * BLOCK_SAMPLES];
    size_t drop = stream->n_late < n ? stream->n_late : n;
    stream->n_late -= drop;
    for (size_t i = drop; i < n;) {
        size_t n_bytes = 0;
        for (; i < n && n_bytes < sizeof bytes; i++) {
            long value = lrintf(fminf(fmaxf(samples[i], -1), 1) * 32767);
            bytes[n_bytes++] = (unsigned char)(value & 0xff);
            bytes[n_bytes++] = (unsigned char)((value >> 8) & 0xff);
        }
        myna_status status = myna_stdout_write(bytes, n_bytes, error);
        if (status != MYNA_OK) return status;
    }
    return MYNA_OK;
}

/* Of an odd number of bytes the last waits in bytes[0] for its other half. */
static size_t take_samples(float *samples, unsigned char *bytes, size_t *n_bytes)
{
    size_t n = *n_bytes / 2;
    for (size_t i = 0; i < n; i++) samples[i] = (float)(int16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8) / 32768;
    bytes[0] = bytes[2 * n];
    *n_bytes &= 1;
    return n;
}

static myna_status convert_all(raw_stream *stream, myna_error *error)
{
    unsigned char bytes[2 * BLOCK_SAMPLES + 1];
    size_t n_bytes = 0, n_read;
    do {
        myna_status status = myna_stdin_read(bytes + n_bytes, 2 * BLOCK_SAMPLES - n_bytes, &n_read, error);
        if (status != MYNA_OK) return status;
        n_bytes += n_read;
        float samples[BLOCK_SAMPLES];
        size_t n = take_samples(samples, bytes, &n_bytes);
        myna_converter_process(stream->converter, samples, n, samples);
        status = write_samples(stream, samples, n, error);
        if (status != MYNA_OK) return status;
    } while (n_read > 0);
    return MYNA_OK;
}

myna_status myna_convert_raw(const myna_conversion *conversion, myna_error *error)
{
    raw_stream stream = {0};
    myna_status status =
        myna_converter_create(&stream.converter, conversion->model, conversion->voice, &conversion->options, error);
    if (status != MYNA_OK) return status;
    size_t latency = stream.n_late = myna_converter_latency_samples(stream.converter);
    float *rest = calloc(latency, sizeof *rest);
    if (!rest) status = myna_fail(error, MYNA_ERROR_MEMORY, "no memory to convert");
    if (status == MYNA_OK) status = convert_all(&stream, error);
    if (status == MYNA_OK) {
        myna_converter_flush(stream.converter, rest);
        status = write_samples(&stream, rest, latency, error);
    }
    free(rest);
    myna_converter_free(stream.converter);
    return status;
}
