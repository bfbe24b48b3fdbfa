/* The trainer's inside, shared by train.c (steps) and checkpoint.c (saving and resuming). */
#ifndef MYNA_PIPELINE_TRAINER_H
#define MYNA_PIPELINE_TRAINER_H

#include "base/threads.h"
#include "model/network.h"
#include "nn/optim.h"
#include "pipeline/segments.h"

/* One thread's share of a step: items [first_item, first_item + n_items) of each batch. */
typedef struct worker {
    size_t first_item, n_items;
    myna_segment_maker *maker;
    myna_network *network;
    float *gradients; /* [n_parameters] */
    myna_weights bound; /* into gradients */
    float *dout;
    double loss, parts[2], sum_of_squares;
} worker;

struct myna_trainer {
    myna_corpus *corpus; /* the caller's */
    myna_train_options options;
    uint64_t n_done; /* steps */
    myna_layout layout;
    float *parameters, *average, *moment1, *moment2; /* [n_parameters] */
    myna_weights weights, average_weights;           /* into the first two */
    myna_mel *mel;
    float *ripple;
    myna_team *team;
    worker *workers; /* [n_threads] */

    myna_adamw update; /* of the step under way */
    float gradient_scale, average_decay;
};

/* A trainer with everything but meaningful parameters. options->n_threads 0 becomes the number of cores. */
myna_status myna_trainer_allocate(
    myna_trainer **out, myna_corpus *corpus, const myna_train_options *options, myna_error *error);

#endif
