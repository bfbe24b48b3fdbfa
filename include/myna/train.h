/* Training: from a list of recordings of many speakers to a model. Unpaired, any language; transcripts are of
 * use but not needed.
 *
 *   myna_corpus_open(&corpus, items, n_items, cache_folder, &reader, n_threads, &error);
 *   myna_trainer_create(&trainer, corpus, &options, &error);
 *   while (myna_trainer_step_count(trainer) < options.n_steps) myna_trainer_step(trainer, &report, &error);
 *   myna_trainer_save_model(trainer, "mine.safetensors", NULL, 0, &error);
 *
 * One thread at a time for each object; a trainer starts its own workers. */
#ifndef MYNA_TRAIN_H
#define MYNA_TRAIN_H

#include "myna/myna.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Corpus: 16 kHz PCM and F0 of every usable recording, memory-mapped ----------------------------------------- */

enum { MYNA_MAX_PHONES = 64 };

/* A phone (a speech sound) and when it is spoken. */
typedef struct myna_phone {
    float start_seconds, end_seconds; /* start <= end */
    int label; /* in [0, MYNA_MAX_PHONES): the same for the same phone in all recordings */
} myna_phone;

typedef struct myna_corpus_item {
    const char *path;
    const char *speaker; /* recordings of one speaker share this name */
    bool held_out;       /* kept for the validation loss and never trained on. A speaker with recordings of both kinds
                            counts as two speakers */
    const myna_phone *phones; /* [n_phones], where two overlap the later one counts; needed until the corpus is open.
                                 NULL where it is not known what is said, which may be everywhere: see the trainer */
    size_t n_phones;
} myna_corpus_item;

/* How the corpus gets at recordings. Called from several threads at once. */
typedef struct myna_corpus_reader {
    void *context;
    /* Gives a whole recording as 16 kHz mono, malloc'd. A failure leaves the recording out; ERROR_INTERRUPTED stops
     * everything. */
    myna_status (*read)(void *context, const char *path, float **samples, size_t *n_samples, myna_error *error);
    /* May be NULL: told of each recording that is left out and why, also where the cache knows it; and of progress.
     * Never two at once. */
    void (*on_bad)(void *context, const char *path, const myna_error *error);
    void (*on_progress)(void *context, size_t n_done, size_t n_items);
} myna_corpus_reader;

typedef struct myna_corpus myna_corpus;

typedef struct myna_corpus_facts {
    size_t n_recordings, n_speakers, n_held_out_speakers;
    double hours, held_out_hours; /* of training and held-out speech */
    double phone_hours;           /* of training speech whose phones are known */
    bool from_cache;
    char key[17]; /* names the content: recordings, speakers, split */
} myna_corpus_facts;

/* Maps <cache_folder>/<key>.corpus, after making it on n_threads where it is missing: each recording's PCM, level and
 * F0. Needs room on disk for 32 kB a second of speech, and little memory. Recordings under 0.8 s or without speech are
 * left out. ERROR_SPEECH when fewer than one training segment remains, ERROR_ARGUMENT for a phone out of its ranges. */
MYNA_API myna_status myna_corpus_open(myna_corpus **out, const myna_corpus_item *items, size_t n_items,
    const char *cache_folder, const myna_corpus_reader *reader, int n_threads, myna_error *error);
MYNA_API void myna_corpus_close(myna_corpus *corpus);
MYNA_API myna_corpus_facts myna_corpus_describe(const myna_corpus *corpus);

/* ---- Trainer -------------------------------------------------------------------------------------------------------
 * Where the corpus knows phones, the content encoder's code also learns to tell them apart, by a linear classifier that
 * the model does not keep: what is said then stands in the code whoever says it. A part of the speakers is enough. */

typedef struct myna_train_options {
    uint64_t n_steps;  /* of the whole schedule: warm-up, constant, cool-down over the last 15 % */
    int batch;         /* segments of 1.6 s a step */
    int n_threads;     /* 0: all cores; at most half as many as segments in a batch */
    uint64_t seed;
    int code_width;    /* values a step between content encoder and decoder; ignored with init_model */
    float code_noise;  /* standard deviation, on tanh values */
    float phone_weight; /* of the phones' cross-entropy, a mean over all steps of a batch, against the loss; more takes
                           more of the source away, and words with it */
    float rate;        /* learning rate after warm-up: of Muon for matrices, of AdamW for the rest */
    float self_conversion; /* share of steps whose segments the model converts to another voice before it hears them */
    uint64_t self_conversion_after; /* a model from nothing must learn to speak first: so many steps; 0 with init_model */
    float conversions; /* share of steps that speak segments in each other's voices, where judge_model hears whether they
                          say the same words in the voice that was asked for; 0 without init_model */
    bool single_precision; /* no matrix products in bfloat16, which are taken where the processor has fast ones and
                              make a step 1.6 to 2.4 times as fast: for results that do not depend on it */
    const char *init_model;  /* NULL, or a model to start from */
    const char *judge_model; /* of conversions: init_model (NULL), or one that it was trained on from */
} myna_train_options;

/* 100000 steps, batch 24, all cores, seed 0, code 16 wide with noise 0.1, phones weighing 0.1, rate 1.5e-3,
 * self-conversion of .5 after 3000 */
MYNA_API void myna_train_options_init(myna_train_options *options);

typedef struct myna_train_report {
    uint64_t step; /* steps done, this one included */
    float loss;    /* L1 plus half the L1 of time differences, on normalised log-mel, mean over the batch */
    float l1;      /* both NAN for a step of conversions */
    float phones_right;  /* share of the steps with a known phone that is read off the code; NAN where there are none */
    float gradient_norm; /* before clipping to 1 */
    float rate;
} myna_train_report;

typedef struct myna_trainer myna_trainer;

/* `corpus` must outlive the trainer. */
MYNA_API myna_status myna_trainer_create(
    myna_trainer **out, myna_corpus *corpus, const myna_train_options *options, myna_error *error);
/* Goes on from a checkpoint, with its options; n_threads 0 keeps its thread count, with which the result is the same to
 * the bit as without the interruption. */
MYNA_API myna_status myna_trainer_resume(
    myna_trainer **out, myna_corpus *corpus, const char *checkpoint, int n_threads, myna_error *error);
/* What stands under `key` in the checkpoint that the trainer goes on from: what myna_trainer_save_checkpoint was given,
 * "corpus.key" and "corpus.phone_hours". NULL when absent. */
MYNA_API const char *myna_trainer_fact(const myna_trainer *trainer, const char *key);
MYNA_API void myna_trainer_free(myna_trainer *trainer);

/* One optimiser step. ERROR_NOT_FINITE when loss or gradient are not finite: weights are then as before the step. */
MYNA_API myna_status myna_trainer_step(myna_trainer *trainer, myna_train_report *report, myna_error *error);
/* L1 on fixed segments of the held-out recordings with the averaged weights. NAN where nothing is held out. */
MYNA_API float myna_trainer_validate(myna_trainer *trainer);

MYNA_API uint64_t myna_trainer_step_count(const myna_trainer *trainer);
MYNA_API myna_train_options myna_trainer_options(const myna_trainer *trainer);
/* Change the schedule's length, the learning rate, the code's noise, the phones' weight and the share of self-conversion
 * from the next step on. */
MYNA_API void myna_trainer_set_steps(myna_trainer *trainer, uint64_t n_steps);
MYNA_API void myna_trainer_set_rate(myna_trainer *trainer, float rate);
MYNA_API void myna_trainer_set_code_noise(myna_trainer *trainer, float deviation);
MYNA_API void myna_trainer_set_phone_weight(myna_trainer *trainer, float weight);
MYNA_API void myna_trainer_set_self_conversion(myna_trainer *trainer, float share);
/* Counts the next step as done and leaves the weights: after ERROR_NOT_FINITE the same segments would fail again. */
MYNA_API void myna_trainer_skip(myna_trainer *trainer);

/* Everything needed to resume, and n_facts pairs of {key, value} that are the caller's. Atomic. */
MYNA_API myna_status myna_trainer_save_checkpoint(const myna_trainer *trainer, const char *path,
    const char *const (*facts)[2], size_t n_facts, myna_error *error);
/* The averaged weights as a model file in half precision, with facts about the training and n_facts pairs of
 * {key, value}. Atomic. */
MYNA_API myna_status myna_trainer_save_model(
    myna_trainer *trainer, const char *path, const char *const (*facts)[2], size_t n_facts, myna_error *error);

#ifdef __cplusplus
}
#endif
#endif
