/* The content encoder's instance normalisation outside training: with the statistics of the whole recording where they
 * are known, with estimates where it is still being spoken. Why there is one: see myna_network_listen. */
#ifndef MYNA_MODEL_CONTENT_NORM_H
#define MYNA_MODEL_CONTENT_NORM_H

#include "model/model.h"
#include "model/network.h"

/* Measures log_mel[n_frames][MYNA_MEL_BANDS] at normal level, and embeds who speaks there. The training average counts as
 * 5 s more of speech: a few seconds hold some sounds of a language and not others, and taking those for the speaker costs
 * words (on nine dev pairs of 3 to 9 s, error rate of characters .064 with a quarter of a second instead, .039 so; the same
 * likeness). */
myna_status myna_content_measure(myna_content_statistics *out, const myna_model *model, myna_latency latency,
    const float *log_mel, size_t n_frames, myna_error *error);
/* That share of the average, for what myna_network_listen `found` over one recording of n_steps. */
void myna_content_complete(
    myna_content_statistics *out, const myna_weights *weights, const myna_content_statistics *found, size_t n_steps);

/* Plain data. */
typedef struct myna_content_norm {
    bool learns;
    float mean[MYNA_CONTENT_VALUES], variance[MYNA_CONTENT_VALUES], rstd[MYNA_CONTENT_VALUES];
    float speech_seconds[MYNA_CONTENT_NORMS]; /* weight of what was learnt */
} myna_content_norm;

/* Known statistics stay as they are, unless `learns`. Where `content` is NULL it starts at the training average of what is
 * heard without a source, which counts as 10 s of speech, and learns in any case (on the same pairs, error rate of
 * characters after 0.5, 1, 2, 5 and 12 s: .28, .23, .18, .12, .08). Memory fades over 20 s of speech, in which a
 * language's sounds have all been heard many times. */
void myna_content_norm_init(
    myna_content_norm *norm, const myna_weights *weights, const myna_content_statistics *content, bool learns);
/* One step of normalisation `number` (0 after content.in, i + 1 after block i): x[MYNA_CHANNELS] in place. Learns from
 * the step first where it may and `is_speech`. */
void myna_content_norm_apply(myna_content_norm *norm, int number, float *x, bool is_speech);

#endif
