/* A judge listens to what is being trained. The mel loss asks for the spectrum that is likeliest, which is smoother than
 * speech, and there is no recording for it to ask for where one speaker's words are to be another's. So a finished model,
 * whose weights stay, hears the output as a listener would, and is heard in turn by what trains (a perceptual loss:
 * Johnson et al. 2016): its content encoder is to hear the words of the source, a speaker encoder the voice that was
 * asked for.
 *     Beside the training, and from recordings alone, the judge learns: to read phones off what its content encoder hears,
 * and, with a speaker encoder of its own, to tell speakers apart (InfoNCE, 1807.03748, as speaker verification is trained:
 * GE2E, 1710.10467). The model's would not do, since the decoder was made to please it. */
#ifndef MYNA_PIPELINE_JUDGE_H
#define MYNA_PIPELINE_JUDGE_H

#include "model/network.h"
#include "pipeline/phones.h"
#include "pipeline/segments.h"

/* What all threads' judges know. Of the ear's parameters only [ear_begin, ear_end) are used, the speaker encoder's. */
typedef struct myna_judge {
    float *parameters;                      /* [n_parameters] of the model; NULL: there is no judge */
    float *ear, *ear_moment1, *ear_moment2; /* [n_parameters] */
    myna_weights weights, ear_weights;      /* into the first two */
    size_t ear_begin, ear_end;
    myna_phone_reader phones; /* of what stands before the bottleneck */
} myna_judge;

/* Parameters are all 0: the caller has more to say. */
myna_status myna_judge_init(myna_judge *judge, const myna_layout *layout, myna_error *error);
/* From a finished model's parameters. */
void myna_judge_become(myna_judge *judge, const float *parameters, size_t n_parameters);
void myna_judge_clear(myna_judge *judge);

/* One thread's part: `items` segments of MYNA_SEGMENT_STEPS at a time. `judge` must outlive it. */
typedef struct myna_judge_pass myna_judge_pass;

myna_status myna_judge_pass_create(
    myna_judge_pass **out, const myna_judge *judge, const myna_layout *layout, size_t items, myna_error *error);
void myna_judge_pass_free(myna_judge_pass *pass);

/* The first two add to dout[items][MYNA_SEGMENT_STEPS][MYNA_STEP_OUT] the gradient of `weight` times what they return, of
 * out[items][MYNA_SEGMENT_STEPS][MYNA_STEP_OUT], normalised log-mel. */

/* L1 between what the content encoder hears (before its bottleneck, where values have deviation 1) in `out` and in
 * said, of the same shape; and, where labels[items][MYNA_SEGMENT_STEPS] is not NULL, a part of the cross-entropy of these
 * phones as the judge reads them in `out`, which `said` teaches it. */
double myna_judge_words(
    myna_judge_pass *pass, float *dout, const float *out, const float *said, const uint8_t *labels, float weight);
/* 1 less the cosine of what the ear hears in `out` with the voice that was asked for, and a part of the cosine with the
 * source's where that is above 0; a mean over the items. voices[items][MYNA_EMBEDDING_SIZE] are the items' own, and each
 * was asked to speak in the next one's, as myna_segment_exchange has it. */
double myna_judge_voice(myna_judge_pass *pass, float *dout, const float *out, const float *voices, float weight);

/* The ear learns from said[items][MYNA_SEGMENT_STEPS][MYNA_STEP_OUT] which of voices[items][MYNA_EMBEDDING_SIZE], heard
 * by it in other recordings, is whose. Returns the cross-entropy, a mean over the items. */
double myna_judge_tell_apart(myna_judge_pass *pass, const float *said, const float *voices);

/* Adds to `pass` what another of the same judge has learned in the same step. */
void myna_judge_join(myna_judge_pass *pass, const myna_judge_pass *other);
/* Moves the judge by what `pass` learned since the last time. `options` but for the rates, which are the judge's own. */
void myna_judge_learn(myna_judge *judge, myna_judge_pass *pass, const myna_adamw *options);

#endif
