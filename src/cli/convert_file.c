#include "cli/convert_file.h"

#include "base/clock.h"
#include "base/status.h"
#include "cli/convert_batch.h"
#include "io/resample.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    READ_SAMPLES = 8192,
    HEARD_SAMPLES = 12800,  /* at 16 kHz: enough network steps in one call to make its matrix products pay */
    STREAM_BLOCKS_HZ = 100, /* what comes through a pipe waits for no more than 10 ms of company */
    LONG_RECORDING_SECONDS = 60,
};

static const float full_scale = 0.9995f; /* and above it a sample counts as clipped */

/* -1 dBFS. The converter limits at it gently; resampling can swing a little beyond, which is cut. */
static const float peak = 0.8912509f;

typedef struct job {
    const myna_conversion *conversion;
    bool is_stream; /* the input */
    bool keeps_what_came; /* until an interruption, which is how one ends a pipe that cannot be read again */
    bool is_heard_twice;
    myna_audio_info info;
    myna_audio_reader *reader;
    myna_audio_writer *writer;
    myna_resampler *down, *up; /* input rate to 16 kHz, and back */
    myna_source_meter *meter;  /* hears the first pass over a file */
    myna_converter *converter; /* hears the last pass; NULL until then */
    myna_source source;        /* what the first pass found */
    int64_t n_read, n_clipped; /* in this pass */
    int64_t n_written;
    size_t n_late; /* converted samples that precede the recording's first */
    float pitch_shift_semitones;
    bool shows_progress;
    int percent; /* shown */
    size_t n_heard;
    float heard[HEARD_SAMPLES], converted[HEARD_SAMPLES], block[READ_SAMPLES];
} job;

/* ---- The last pass, backwards from the output -------------------------------------------------------------------- */

/* Never more samples than were read. */
static myna_status write_samples(void *context, const float *samples, size_t n, myna_error *error)
{
    job *j = context;
    float limited[READ_SAMPLES];
    if ((int64_t)n > j->n_read - j->n_written) n = (size_t)(j->n_read - j->n_written);
    j->n_written += (int64_t)n;
    for (size_t done = 0, part; done < n; done += part) {
        part = n - done < READ_SAMPLES ? n - done : READ_SAMPLES;
        for (size_t i = 0; i < part; i++) limited[i] = fmaxf(-peak, fminf(peak, samples[done + i]));
        myna_status status = myna_audio_write(j->writer, limited, part, error);
        if (status != MYNA_OK) return status;
    }
    return MYNA_OK;
}

static myna_status deliver(job *j, size_t n, bool last, myna_error *error)
{
    size_t drop = j->n_late < n ? j->n_late : n;
    j->n_late -= drop;
    return myna_resampler_push(j->up, j->converted + drop, n - drop, last, write_samples, j, error);
}

/* Hands what was gathered to the meter or to the converter. */
static myna_status consume(job *j, myna_error *error)
{
    size_t n = j->n_heard;
    j->n_heard = 0;
    if (myna_interrupted && !j->keeps_what_came) return MYNA_ERROR_INTERRUPTED;
    if (!j->converter) {
        myna_source_meter_process(j->meter, j->heard, n);
        return MYNA_OK;
    }
    myna_converter_process(j->converter, j->heard, n, j->converted);
    return deliver(j, n, false, error);
}

/* ---- All passes -------------------------------------------------------------------------------------------------- */

static myna_status gather(void *context, const float *samples, size_t n, myna_error *error)
{
    job *j = context;
    myna_status status = MYNA_OK;
    while (n > 0 && status == MYNA_OK) {
        size_t room = HEARD_SAMPLES - j->n_heard, part = n < room ? n : room;
        memcpy(j->heard + j->n_heard, samples, part * sizeof *samples);
        j->n_heard += part;
        samples += part;
        n -= part;
        if (j->n_heard == HEARD_SAMPLES) status = consume(j, error);
    }
    return status;
}

static int64_t count_clipped(const float *samples, size_t n)
{
    int64_t count = 0;
    for (size_t i = 0; i < n; i++) count += fabsf(samples[i]) >= full_scale;
    return count;
}

static void show_progress(job *j)
{
    int percent = (int)(100 * j->n_read / j->info.frames);
    if (percent == j->percent) return;
    j->percent = percent;
    fprintf(stderr, "\r%s: %d %%\033[K", j->converter ? "converting" : "measuring", percent);
}

/* From the reader to the meter or the converter: gathering what a file gives, passing on what a pipe gives. */
static myna_status pass(job *j, myna_error *error)
{
    size_t n_block = j->is_stream ? (size_t)(j->info.sample_rate_hz / STREAM_BLOCKS_HZ) : READ_SAMPLES;
    myna_status status = MYNA_OK;
    j->n_read = j->n_clipped = 0;
    for (bool is_last = false; status == MYNA_OK && !is_last;) {
        size_t n = 0;
        status = myna_audio_read(j->reader, j->block, n_block, &n, error);
        if (status == MYNA_ERROR_INTERRUPTED && j->keeps_what_came) status = MYNA_OK; /* and n is 0 */
        if (status != MYNA_OK) break;
        is_last = n < n_block || (j->keeps_what_came && myna_interrupted);
        j->n_read += (int64_t)n;
        j->n_clipped += count_clipped(j->block, n);
        status = myna_resampler_push(j->down, j->block, n, is_last, gather, j, error);
        if (status == MYNA_OK && (j->is_stream || is_last)) status = consume(j, error);
        if (j->shows_progress) show_progress(j);
    }
    return status;
}

static myna_status first_pass(job *j, myna_error *error)
{
    const myna_conversion *c = j->conversion;
    myna_status status = myna_source_meter_create(&j->meter, c->model, c->voice, &c->options, error);
    if (status == MYNA_OK) status = pass(j, error);
    if (status == MYNA_OK) status = myna_source_meter_finish(j->meter, &j->source, error);
    return status == MYNA_OK ? myna_audio_rewind(j->reader, error) : status;
}

/* The rest of the recording comes out with one sample of silence more, so that rounding on the way to 16 kHz and back
 * can only give too much, which write_samples cuts. */
static myna_status finish(job *j, myna_error *error)
{
    j->heard[0] = 0;
    j->n_heard = 1;
    myna_status status = consume(j, error);
    size_t latency = myna_converter_latency_samples(j->converter);
    if (status != MYNA_OK) return status;
    j->pitch_shift_semitones = myna_converter_pitch_shift(j->converter);
    float *rest = calloc(latency, sizeof *rest);
    if (!rest) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory to convert");
    myna_converter_flush(j->converter, rest);
    size_t drop = j->n_late; /* of a recording shorter than the latency */
    status = myna_resampler_push(j->up, rest + drop, latency - drop, true, write_samples, j, error);
    free(rest);
    return status;
}

static myna_status last_pass(job *j, myna_error *error)
{
    myna_converter_options options = j->conversion->options;
    if (j->is_heard_twice) options.source = &j->source;
    myna_status status =
        myna_converter_create(&j->converter, j->conversion->model, j->conversion->voice, &options, error);
    if (status != MYNA_OK) return status;
    j->n_late = myna_converter_latency_samples(j->converter);
    status = pass(j, error);
    return status == MYNA_OK ? finish(j, error) : status;
}

/* ---- From open to close ------------------------------------------------------------------------------------------ */

static myna_status open_input(job *j, const char *input, myna_error *error)
{
    j->is_stream = myna_is_stream(input);
    j->is_heard_twice = !j->is_stream && !j->conversion->is_live;
    bool has_header = !j->conversion->is_raw;
    myna_status status;
    if (!j->is_stream) status = myna_audio_open(&j->reader, input, &j->info, error);
    else status = myna_audio_open_stream(&j->reader, STDIN_FILENO, "standard input", has_header, &j->info, error);
    if (status != MYNA_OK) return status;
    bool is_long = j->info.frames / j->info.sample_rate_hz >= LONG_RECORDING_SECONDS;
    j->shows_progress = j->conversion->shows_progress && !j->is_stream && is_long;
    return MYNA_OK;
}

static myna_status open_output(job *j, const char *output, myna_error *error)
{
    j->keeps_what_came = j->is_stream && !myna_is_stream(output);
    int rate_hz = j->info.sample_rate_hz;
    bool has_header = !j->conversion->is_raw;
    if (!myna_is_stream(output)) return myna_audio_create(&j->writer, output, rate_hz, 1, error);
    return myna_audio_create_stream(&j->writer, STDOUT_FILENO, "standard output", has_header, rate_hz, error);
}

/* The output is opened before the first pass: a folder that cannot be written shows before minutes of work. */
static myna_status open_all(job *j, const char *input, const char *output, myna_error *error)
{
    myna_status status = open_input(j, input, error);
    int rate_hz = j->info.sample_rate_hz;
    myna_resample_quality quality = j->conversion->is_live ? MYNA_RESAMPLE_FAST : MYNA_RESAMPLE_GOOD;
    if (status == MYNA_OK) status = open_output(j, output, error);
    if (status == MYNA_OK)
        status = myna_resampler_create(&j->down, rate_hz, MYNA_SAMPLE_RATE_HZ, quality, error);
    if (status == MYNA_OK)
        status = myna_resampler_create(&j->up, MYNA_SAMPLE_RATE_HZ, rate_hz, quality, error);
    return status;
}

static void close_all(job *j)
{
    if (j->shows_progress) fputs("\r\033[K", stderr);
    myna_converter_free(j->converter);
    myna_source_meter_free(j->meter);
    myna_resampler_free(j->up);
    myna_resampler_free(j->down);
    myna_audio_abandon(j->writer);
    myna_audio_close(j->reader);
    free(j);
}

myna_status myna_convert_file(myna_conversion_report *report, const myna_conversion *conversion, const char *input,
    const char *output, myna_error *error)
{
    double start = myna_seconds_now();
    myna_conversion_report result = {0};
    job *j = calloc(1, sizeof *j);
    if (!j) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory to convert");
    j->conversion = conversion;
    myna_status status = open_all(j, input, output, error);
    if (status == MYNA_OK && j->is_heard_twice) status = first_pass(j, error);
    if (status == MYNA_OK) status = last_pass(j, error);
    if (status == MYNA_OK) {
        result.input = j->info;
        result.has_profile = j->is_heard_twice;
        result.profile = j->source.profile;
        result.seconds = (double)j->n_read / j->info.sample_rate_hz;
        result.clipped_share = (double)j->n_clipped / (double)(j->n_read > 0 ? j->n_read : 1);
        result.pitch_shift_semitones = j->pitch_shift_semitones;
        status = myna_audio_commit(j->writer, error);
        j->writer = NULL;
    }
    close_all(j);
    if (status != MYNA_OK) return status;
    result.wall_seconds = myna_seconds_now() - start;
    *report = result;
    return MYNA_OK;
}
