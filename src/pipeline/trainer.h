/* The trainer's inside, shared by train.c (steps), train_conversion.c (those that convert), train_update.c (their second
 * half) and checkpoint.c (saving and resuming); parity tests and benchmarks take a step on batches of their own through it. */
#ifndef MYNA_PIPELINE_TRAINER_H
#define MYNA_PIPELINE_TRAINER_H

#include "base/threads.h"
#include "model/network.h"
#include "model/tensor_file.h"
#include "nn/gemm.h"
#include "nn/optim.h"
#include "pipeline/judge.h"
#include "pipeline/phones.h"
#include "pipeline/segments.h"

/* One thread's share of a step: items [first_item, first_item + n_items) of each batch. */
typedef struct worker {
    size_t first_item, n_items;
    myna_segment_maker *maker;
    myna_network *network;
    myna_bfloat *rounding; /* NULL: products in single precision */
    float *gradients; /* [n_parameters] */
    float *muon; /* scratch for the largest matrix */
    myna_weights bound; /* into gradients */
    float *dout;
    myna_phone_pass phones; /* where the trainer has a reader */
    myna_judge_pass *judge; /* where the trainer has one, and for it: */
    float *own, *voices;    /* its own conversions, like dout; its ear's of the references, [n_items][MYNA_EMBEDDING_SIZE] */
    bool is_judged;         /* this step */
    double loss, parts[2], sum_of_squares;
    myna_content_statistics content[2]; /* sums over n_listened segments: not told whom it hears, and told */
    size_t n_listened;
} worker;

struct myna_trainer {
    myna_corpus *corpus; /* the caller's */
    myna_train_options options;
    uint64_t n_done; /* steps */
    myna_facts facts; /* of the checkpoint it goes on from */
    myna_layout layout;
    float *parameters, *average, *moment1, *moment2; /* [n_parameters]; Muon has no second moment */
    myna_weights weights, average_weights;           /* into the first two */
    myna_judge judge; /* the model it started from; none where no steps convert */
    myna_phone_reader phones; /* empty where the corpus knows none */
    myna_mel *mel;
    float *ripple;
    myna_team *team;
    worker *workers; /* [n_threads] */

    myna_adamw update; /* of the step under way */
    float gradient_scale, average_decay;
};

/* A trainer with everything but meaningful parameters. options->n_threads 0 becomes the number of cores. `corpus` may be
 * NULL where no steps of its own are asked for. */
myna_status myna_trainer_allocate(
    myna_trainer **out, myna_corpus *corpus, const myna_train_options *options, myna_error *error);

/* A step's two halves. First each worker, in a thread of its own: forward, loss and backward over its n_items of
 * MYNA_SEGMENT_STEPS, with MYNA_REFERENCE_STEPS of the speaker; target[n_items][MYNA_SEGMENT_STEPS][MYNA_STEP_OUT]. */
void myna_worker_gradients(
    const myna_trainer *t, worker *w, const myna_batch *batch, const float *target, myna_latency latency);
/* The gradients of the phones' loss after a forward: of the code (NULL: there is none) and, in w->phones, of their reader. */
const float *myna_worker_read_phones(const myna_trainer *t, worker *w, const myna_batch *batch);

/* Of the next step. One model serves all latencies because training draws one for each batch. */
myna_latency myna_trainer_latency(const myna_trainer *t);
/* Does it convert what the content encoder hears? Is it nothing but conversions? */
bool myna_trainer_self_converts(const myna_trainer *t);
bool myna_trainer_converts(const myna_trainer *t);
/* Of the segments made, the first of which is number `first`: replaces what is heard by conversions. */
void myna_worker_convert_inputs(const myna_trainer *t, worker *w, uint64_t first);
/* As myna_worker_gradients, of conversions of the segments made. */
void myna_worker_conversion_gradients(const myna_trainer *t, worker *w);

/* Then, from one thread: joins the workers' gradients (into those of worker 0), clips, updates. Fails as
 * myna_trainer_step does. */
myna_status myna_trainer_update(myna_trainer *t, myna_train_report *report, myna_error *error);

/* Measures front.content_mean and its three neighbours for the averaged weights, on training segments. */
void myna_trainer_measure_content(myna_trainer *t);

#endif
