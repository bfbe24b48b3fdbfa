#include "model/reconstruct.h"

#include "base/status.h"
#include "dsp/profile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A block of steps on its way through the network. */
typedef struct block {
    float in[MYNA_STREAM_MAX_STEPS * MYNA_STEP_OUT], out[MYNA_STREAM_MAX_STEPS * MYNA_STEP_OUT];
    float f0_hz[MYNA_STREAM_MAX_STEPS * MYNA_STEP_FRAMES], out_f0_hz[MYNA_STREAM_MAX_STEPS * MYNA_STEP_FRAMES];
} block;

/* Steps [first, first + MYNA_STREAM_MAX_STEPS) of n_steps; silence after the last. F0 comes pitch_lag steps late. */
static void fill_block(block *b, const myna_passage *passage, size_t first, size_t n_steps, size_t pitch_lag)
{
    for (size_t s = 0; s < MYNA_STREAM_MAX_STEPS; s++) {
        size_t step = first + s, pitch_step = step - pitch_lag;
        float *in = b->in + s * MYNA_STEP_OUT, *f0 = b->f0_hz + s * MYNA_STEP_FRAMES;
        for (size_t i = 0; step >= n_steps && i < MYNA_STEP_OUT; i++) in[i] = log10f(MYNA_MEL_FLOOR);
        if (step < n_steps) memcpy(in, passage->log_mel + step * MYNA_STEP_OUT, MYNA_STEP_OUT * sizeof *in);
        bool has_pitch = step >= pitch_lag && pitch_step < n_steps;
        for (size_t i = 0; i < MYNA_STEP_FRAMES; i++)
            f0[i] = has_pitch ? passage->f0_hz[pitch_step * MYNA_STEP_FRAMES + i] : 0;
    }
}

static void hand_out(
    block *b, const float *log_mel, size_t first, size_t n_steps, size_t delay, myna_reconstructed *sink, void *context)
{
    for (size_t s = 0; s < MYNA_STREAM_MAX_STEPS; s++) {
        if (first + s < delay || first + s - delay >= n_steps) continue;
        for (size_t i = 0; i < MYNA_STEP_FRAMES; i++) {
            const float *in = log_mel + ((first + s - delay) * MYNA_STEP_FRAMES + i) * MYNA_MEL_BANDS;
            if (myna_mel_is_speech(in)) sink(context, in, b->out + (s * MYNA_STEP_FRAMES + i) * MYNA_MEL_BANDS);
        }
    }
}

myna_status myna_reconstruct_frames(const myna_model *model, const myna_speaker *speaker, myna_latency latency,
    myna_retrieval retrieval, const myna_passage *passage, myna_reconstructed *sink, void *context, myna_error *error)
{
    size_t n_steps = passage->n_frames / MYNA_STEP_FRAMES, pitch_lag = (size_t)myna_content_ahead(latency);
    size_t delay = pitch_lag + (size_t)myna_decoder_ahead(latency);
    myna_stream *stream = NULL;
    block *b = calloc(1, sizeof *b);
    if (!b) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a pass through the network");
    myna_status status = myna_stream_create(&stream, model, speaker, latency, passage->content, false, error);
    if (status == MYNA_OK) {
        myna_stream_set_retrieval(stream, retrieval);
        for (size_t first = 0; first < n_steps + delay; first += MYNA_STREAM_MAX_STEPS) {
            fill_block(b, passage, first, n_steps, pitch_lag);
            myna_stream_push(stream, b->out, b->out_f0_hz, b->in, b->f0_hz, MYNA_STREAM_MAX_STEPS);
            hand_out(b, passage->log_mel, first, n_steps, delay, sink, context);
        }
    }
    myna_stream_free(stream);
    free(b);
    return status;
}

static void measure(void *context, const float *log_mel, const float *out_log_mel)
{
    (void)log_mel;
    myna_band_meter_push(context, out_log_mel);
}

myna_status myna_reconstruct(myna_band_statistics *out, const myna_model *model, const myna_speaker *speaker,
    myna_latency latency, myna_retrieval retrieval, const myna_passage *passage, myna_error *error)
{
    myna_band_meter meter = {0};
    myna_status status = myna_reconstruct_frames(model, speaker, latency, retrieval, passage, measure, &meter, error);
    if (status != MYNA_OK) return status;
    memset(out, 0, sizeof *out);
    myna_band_meter_result(&meter, out);
    return MYNA_OK;
}
