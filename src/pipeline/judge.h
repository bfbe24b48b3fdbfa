/* A model that listens to what is being trained. The mel loss asks for the spectrum that is likeliest, which is smoother
 * than speech, and there is no recording for it to ask for where one speaker's words are to be another's. So a judge, a
 * finished model whose weights stay, hears the output as a listener would, and is heard in turn by what trains (a
 * perceptual loss: Johnson et al. 2016): its content encoder is to hear the words of the source, its speaker encoder
 * the voice that was asked for. */
#ifndef MYNA_PIPELINE_JUDGE_H
#define MYNA_PIPELINE_JUDGE_H

#include "model/network.h"
#include "pipeline/segments.h"

/* One thread's judge of segments: `items` of MYNA_SEGMENT_STEPS at a time. */
typedef struct myna_judge myna_judge;

myna_status myna_judge_create(myna_judge **out, const myna_layout *layout, size_t items, myna_error *error);
void myna_judge_free(myna_judge *judge);

/* Both add to dout[items][MYNA_SEGMENT_STEPS][MYNA_STEP_OUT] the gradient of `weight` times what they return, a mean
 * over the items, of out[items][MYNA_SEGMENT_STEPS][MYNA_STEP_OUT], normalised log-mel; `weights` are the judge's. */

/* L1 between what the content encoder hears (before its bottleneck, where values have deviation 1) in `out` and in said,
 * of the same shape. */
double myna_judge_words(
    myna_judge *judge, float *dout, const myna_weights *weights, const float *out, const float *said, float weight);
/* 1 less the cosine of out's embedding with voices[items][MYNA_EMBEDDING_SIZE]. */
double myna_judge_voice(
    myna_judge *judge, float *dout, const myna_weights *weights, const float *out, const float *voices, float weight);

#endif
