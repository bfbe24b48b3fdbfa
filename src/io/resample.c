#include "io/resample.h"

#include "base/status.h"

#include <samplerate.h>
#include <stdlib.h>

enum { BLOCK = 1024 };

struct myna_resampler {
    SRC_STATE *state; /* NULL for equal rates */
    int from_hz, to_hz;
    double ratio, shift;
    int64_t n_in, n_out;
    float block[BLOCK];
};

static const float silence[BLOCK];

myna_status myna_resampler_create(
    myna_resampler **out, int from_hz, int to_hz, myna_resample_quality quality, myna_error *error)
{
    if (from_hz <= 0 || to_hz <= 0 || !src_is_valid_ratio((double)to_hz / from_hz))
        return myna_fail(error, MYNA_ERROR_ARGUMENT, "cannot resample %d Hz to %d Hz", from_hz, to_hz);
    myna_resampler *resampler = calloc(1, sizeof *resampler);
    if (!resampler) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a resampler");
    resampler->from_hz = from_hz;
    resampler->to_hz = to_hz;
    resampler->ratio = (double)to_hz / from_hz;
    if (from_hz != to_hz || quality == MYNA_RESAMPLE_STEERED) {
        int kind = quality == MYNA_RESAMPLE_GOOD ? SRC_SINC_MEDIUM_QUALITY : SRC_SINC_FASTEST;
        int reason = 0;
        resampler->state = src_new(kind, 1, &reason);
        if (!resampler->state) {
            free(resampler);
            return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a resampler");
        }
    }
    *out = resampler;
    return MYNA_OK;
}

void myna_resampler_free(myna_resampler *resampler)
{
    if (!resampler) return;
    if (resampler->state) src_delete(resampler->state);
    free(resampler);
}

/* Makes the step to the second output longer or shorter. At a new ratio libsamplerate goes there smoothly over a call,
 * unless it is set. */
static void shift_second(const myna_resampler *resampler, SRC_DATA *step)
{
    if (resampler->n_out == 0) {
        step->src_ratio = 1 / ((double)resampler->from_hz / resampler->to_hz + resampler->shift);
        step->output_frames = 1;
    } else if (resampler->n_out == 1) {
        src_set_ratio(resampler->state, resampler->ratio);
    }
}

/* Converts all of `in` but gives no sample past number `limit`. libsamplerate's sinc filters are centred on their
 * input: output i lies at input time i * from / to, and appears once half a filter of later input is there. */
static myna_status convert(myna_resampler *resampler, const float *in, size_t n, int64_t limit, myna_sink *sink,
    void *context, myna_error *error)
{
    while (resampler->n_out < limit) {
        SRC_DATA step = {.data_in = in,
            .data_out = resampler->block,
            .input_frames = (long)n,
            .output_frames = BLOCK,
            .src_ratio = resampler->ratio};
        if (resampler->shift != 0) shift_second(resampler, &step);
        int reason = src_process(resampler->state, &step);
        if (reason != 0) return myna_fail(error, MYNA_ERROR_ARGUMENT, "resampling: %s", src_strerror(reason));
        int64_t made = step.output_frames_gen;
        if (made > limit - resampler->n_out) made = limit - resampler->n_out;
        resampler->n_out += made;
        myna_status status = made > 0 ? sink(context, resampler->block, (size_t)made, error) : MYNA_OK;
        if (status != MYNA_OK) return status;
        in += step.input_frames_used;
        n -= (size_t)step.input_frames_used;
        if (n == 0 && step.output_frames_gen < step.output_frames) break;
    }
    return MYNA_OK;
}

myna_status myna_resampler_push(
    myna_resampler *resampler, const float *in, size_t n, bool last, myna_sink *sink, void *context, myna_error *error)
{
    if (!resampler->state) return n > 0 ? sink(context, in, n, error) : MYNA_OK;
    resampler->n_in += (int64_t)n;
    myna_status status = n > 0 ? convert(resampler, in, n, INT64_MAX, sink, context, error) : MYNA_OK;
    if (!last) return status;
    /* The end is pushed out by silence rather than by libsamplerate's end_of_input, whose last sample or two depend
     * on the division into blocks. */
    int64_t total = (2 * resampler->n_in * resampler->to_hz + resampler->from_hz) / (2 * (int64_t)resampler->from_hz);
    while (status == MYNA_OK && resampler->n_out < total)
        status = convert(resampler, silence, BLOCK, total, sink, context, error);
    src_reset(resampler->state);
    resampler->n_in = resampler->n_out = 0;
    return status;
}

void myna_resampler_shift(myna_resampler *resampler, double samples)
{
    resampler->shift = resampler->state ? samples : 0;
}

void myna_resampler_steer(myna_resampler *resampler, double ppm)
{
    resampler->ratio = (double)resampler->to_hz / resampler->from_hz * (1 + ppm * 1e-6);
}
