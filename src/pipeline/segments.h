/* Training segments: which stretch of which recording, perturbed how, as the network's input arrays. */
#ifndef MYNA_PIPELINE_SEGMENTS_H
#define MYNA_PIPELINE_SEGMENTS_H

#include "dsp/mel.h"
#include "model/network.h"
#include "pipeline/corpus.h"

enum {
    MYNA_SEGMENT_FRAMES = 128, /* 1.6 s */
    MYNA_SEGMENT_STEPS = MYNA_SEGMENT_FRAMES / MYNA_STEP_FRAMES,
    MYNA_REFERENCE_FRAMES = 256, /* 3.2 s: nearer to what voices are enrolled from than another segment would be */
    MYNA_REFERENCE_STEPS = MYNA_REFERENCE_FRAMES / MYNA_SPEAKER_FRAMES,
    MYNA_REFERENCE_MIN_FRAMES = 64, /* shorter references are not used; shorter than 256 they are looped */
};

/* Makes segments into its own arrays; each worker has one. */
typedef struct myna_segment_maker myna_segment_maker;

/* What all makers share; the caller's, and constant while makers use it. */
typedef struct myna_segment_source {
    const myna_corpus *corpus;
    const myna_mel *mel;
    const float *ripple;         /* as made by myna_ripple_make */
    const myna_weights *weights; /* for front.mel_mean and front.mel_deviation */
    size_t code_width;
    const float *code_noise;     /* its deviation, which may change between segments; NULL: none */
} myna_segment_source;

myna_status myna_segment_maker_create(
    myna_segment_maker **out, const myna_segment_source *source, size_t max_items, myna_error *error);
void myna_segment_maker_free(myna_segment_maker *maker);

/* Segment number `number` of the endless sequence that (seed, group) stands for, as item `item` of the batch. Group 0:
 * training, what is heard perturbed, with others talking behind some; group 1: held out, as recorded and without noise on
 * the code. */
void myna_segment_make(myna_segment_maker *maker, size_t item, uint64_t seed, uint64_t number, int group);

/* The same items in each other's voices, for the model to convert: item i with the reference of item i + 1 and its F0
 * moved to that one's mean, the last with those of item 0; no noise. Owned by the maker until it makes another segment. */
myna_batch myna_segment_exchange(myna_segment_maker *maker);
/* Item `item` of the batch, segment number `number`, is heard from frames[MYNA_SEGMENT_FRAMES][MYNA_MEL_BANDS], perturbed,
 * instead of from its recording: the same words from somebody else. Its target stays. */
void myna_segment_hear(
    myna_segment_maker *maker, size_t item, const float *frames, uint64_t seed, uint64_t number);

/* One segment's pitch[MYNA_SEGMENT_STEPS][MYNA_PITCH_IN] and ripple[MYNA_SEGMENT_STEPS][MYNA_STEP_OUT] of
 * f0_hz[MYNA_SEGMENT_FRAMES] times ratio; ripple_table as made by myna_ripple_make. */
void myna_segment_pitch(float *pitch, float *ripple, const float *f0_hz, float ratio, const float *ripple_table,
    const myna_weights *weights);

myna_batch myna_segment_batch(const myna_segment_maker *maker);        /* of items made so far at [0, max_items) */
/* [items][MYNA_REFERENCE_STEPS][MYNA_SPEAKER_IN]: their references without noise, or those of the last exchange. */
const float *myna_segment_recorded(const myna_segment_maker *maker, bool exchanged);
const float *myna_segment_target(const myna_segment_maker *maker);     /* [items][steps][MYNA_STEP_OUT], normalised */

/* Measures front.mel_mean, mel_deviation and log_f0 on training recordings into `weights`. */
myna_status myna_front_measure(const myna_weights *weights, const myna_corpus *corpus, const myna_mel *mel, myna_error *error);

#endif
