/* The network step by step: a few past steps of each block are all its state. */
#ifndef MYNA_MODEL_STREAM_H
#define MYNA_MODEL_STREAM_H

#include "model/attention.h"
#include "model/model.h"
#include "model/network.h"
#include "model/speaker.h"

enum { MYNA_STREAM_MAX_STEPS = 16 }; /* in one call: enough rows to make each GEMM worth its weights */

/* Harmonics are drawn so much deeper than the network asks for: speech in its own voice has .97 of their natural depth at 1
 * and 1.06 at 1.15, which sounds cleaner (DNSMOS +.03 over 127 pairs) at the same likeness and words; at 1.3 both suffer. */
#define MYNA_STREAM_HARMONICS 1.15f

typedef struct myna_stream myna_stream;
/* `content` with `learns` as in myna_content_norm_init is taken in now. `model` and `speaker` must outlive the stream. */
myna_status myna_stream_create(myna_stream **out, const myna_model *model, const myna_speaker *speaker, myna_latency latency,
    const myna_content_statistics *content, bool learns, myna_error *error);
void myna_stream_free(myna_stream *stream);
void myna_stream_reset(myna_stream *stream); /* the speaker stays */
/* Instead of myna_retrieval_at the stream's latency. */
void myna_stream_set_retrieval(myna_stream *stream, myna_retrieval retrieval);
/* Another speaker, faded in over 4 steps (0.1 s), from the one before alone: a third, within that time, ends the first.
 * All must outlive the stream. Never allocates. */
void myna_stream_set_speaker(myna_stream *stream, const myna_speaker *speaker);

/* The next n_steps <= MYNA_STREAM_MAX_STEPS steps. Step j of `content` comes with the F0 of step
 * j - myna_content_ahead(latency), which is what a pitch tracker MYNA_STEP_FRAMES * myna_content_ahead frames late
 * gives at the same time. Gives log-mel (denormalised, harmonics added) of step j - content ahead - decoder ahead:
 *   log_mel[n_steps][MYNA_STEP_FRAMES][MYNA_MEL_BANDS] and its out_f0_hz[n_steps][MYNA_STEP_FRAMES],
 * without meaning for steps before the first. Inputs: log_mel of the same shape at normal level, f0_hz[n_steps][2].
 * Never allocates. */
void myna_stream_push(myna_stream *stream, float *out_log_mel, float *out_f0_hz, const float *log_mel, const float *f0_hz,
    size_t n_steps);

#endif
