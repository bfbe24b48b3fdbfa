#include "cli/live_path.h"

#include "base/status.h"

#include <math.h>
#include <stdlib.h>

enum {
    BLOCK = 400,  /* at 16 kHz: one step of the network */
    DELAY = 4096, /* power of two, more than any latency */
};

static const float fade_seconds = 0.02f;        /* of bypass and mute */
static const float meter_fall_db_a_second = 40; /* a needle that eyes can follow */

struct myna_live_path {
    myna_live_settings settings;
    myna_live_controls controls;
    myna_resampler *down;
    myna_converter *converter;
    size_t latency_samples;
    float delay[DELAY]; /* what was heard, sample i at i % DELAY */
    size_t n_heard;
    uint64_t n_in;  /* of all pushes, at the input's rate */
    float wet, dry; /* gains in use, on their way to what controls want */
    myna_live_meters meters;
    myna_sink *sink; /* of the push under way */
    void *context;
};

/* ---- Life -------------------------------------------------------------------------------------------------------- */

myna_status myna_live_path_create(myna_live_path **out, const myna_live_settings *settings, myna_error *error)
{
    myna_live_path *p = calloc(1, sizeof *p);
    if (!p) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory to convert live");
    p->settings = *settings;
    p->controls =
        (myna_live_controls){.pitch = settings->options.pitch, .semitones = settings->options.pitch_semitones};
    p->wet = settings->wet;
    p->dry = 1 - settings->wet;
    p->meters.input_db = p->meters.output_db = MYNA_LIVE_LOWEST_DB;
    myna_status status =
        myna_converter_create(&p->converter, settings->model, settings->voices[0], &settings->options, error);
    if (status == MYNA_OK)
        status =
            myna_resampler_create(&p->down, settings->input_rate_hz, MYNA_SAMPLE_RATE_HZ, MYNA_RESAMPLE_FAST, error);
    if (status != MYNA_OK) {
        myna_live_path_free(p);
        return status;
    }
    p->latency_samples = myna_converter_latency_samples(p->converter);
    *out = p;
    return MYNA_OK;
}

void myna_live_path_free(myna_live_path *path)
{
    if (!path) return;
    myna_converter_free(path->converter);
    myna_resampler_free(path->down);
    free(path);
}

size_t myna_live_path_latency_samples(const myna_live_path *path)
{
    return path->latency_samples;
}

double myna_live_path_heard_seconds(const myna_live_path *p)
{
    return (double)p->n_in / p->settings.input_rate_hz;
}

/* ---- Samples through --------------------------------------------------------------------------------------------- */

static void measure(float *db, const float *samples, size_t n)
{
    float sum = 0, seconds = (float)n / MYNA_SAMPLE_RATE_HZ;
    for (size_t i = 0; i < n; i++) sum += samples[i] * samples[i];
    float now = 10 * log10f(sum / (float)n + 1e-10f);
    *db = fmaxf(now, fmaxf(*db - meter_fall_db_a_second * seconds, MYNA_LIVE_LOWEST_DB));
}

static float approach(float value, float aim)
{
    const float step = 1 / (fade_seconds * MYNA_SAMPLE_RATE_HZ);
    return value < aim ? fminf(value + step, aim) : fmaxf(value - step, aim);
}

/* n <= BLOCK samples at 16 kHz: converted, and what was heard as long ago beside it. */
static void convert(myna_live_path *p, float *out, const float *in, size_t n)
{
    const myna_live_controls *c = &p->controls;
    float wet = c->mute || c->bypass ? 0 : p->settings.wet, dry = c->mute ? 0 : c->bypass ? 1 : 1 - p->settings.wet;
    myna_converter_process(p->converter, in, n, out);
    for (size_t i = 0; i < n; i++) {
        p->delay[p->n_heard % DELAY] = in[i];
        float then = p->n_heard >= p->latency_samples ? p->delay[(p->n_heard - p->latency_samples) % DELAY] : 0;
        p->n_heard++;
        p->wet = approach(p->wet, wet);
        p->dry = approach(p->dry, dry);
        out[i] = p->wet * out[i] + p->dry * then;
    }
}

/* Both or neither, so that the channels stay in step. */
static void tap(myna_live_path *p, const float *heard, const float *spoken, size_t n)
{
    myna_live_taps *taps = p->settings.taps;
    if (!taps) return;
    if (myna_ring_room(taps->heard) < n || myna_ring_room(taps->spoken) < n) {
        atomic_fetch_add_explicit(&taps->lost, n, memory_order_relaxed);
        return;
    }
    myna_ring_write(taps->heard, heard, n);
    myna_ring_write(taps->spoken, spoken, n);
}

static myna_status at_16_khz(void *context, const float *samples, size_t n, myna_error *error)
{
    myna_live_path *p = context;
    float in[BLOCK], out[BLOCK];
    myna_status status = MYNA_OK;
    for (size_t part; n > 0 && status == MYNA_OK; samples += part, n -= part) {
        part = n < BLOCK ? n : BLOCK;
        for (size_t i = 0; i < part; i++) in[i] = isfinite(samples[i]) ? fminf(fmaxf(samples[i], -1), 1) : 0;
        convert(p, out, in, part);
        measure(&p->meters.input_db, in, part);
        measure(&p->meters.output_db, out, part);
        tap(p, in, out, part);
        status = p->sink(p->context, out, part, error);
    }
    return status;
}

myna_status myna_live_path_push(
    myna_live_path *p, const float *in, size_t n, myna_sink *sink, void *context, myna_error *error)
{
    p->sink = sink;
    p->context = context;
    p->n_in += n;
    return myna_resampler_push(p->down, in, n, false, at_16_khz, p, error);
}

/* ---- Controls and meters ----------------------------------------------------------------------------------------- */

void myna_live_path_control(myna_live_path *p, const myna_live_controls *controls)
{
    if (controls->voice != p->controls.voice)
        myna_converter_set_voice(p->converter, p->settings.voices[controls->voice], NULL);
    if (controls->pitch != p->controls.pitch || controls->semitones != p->controls.semitones)
        myna_converter_set_pitch(p->converter, controls->pitch, controls->semitones);
    p->controls = *controls;
}

myna_live_meters myna_live_path_meters(const myna_live_path *p)
{
    myna_live_meters meters = p->meters;
    myna_converter_f0(p->converter, &meters.heard_f0_hz, &meters.spoken_f0_hz);
    return meters;
}
