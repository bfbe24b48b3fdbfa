#include "base/status.h"
#include "base/threads.h"
#include "dsp/ripple.h"
#include "model/model.h"
#include "model/network.h"
#include "nn/loss.h"
#include "nn/muon.h"
#include "pipeline/segments.h"
#include "pipeline/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VALIDATION_SEGMENTS = 96, CONTENT_SEGMENTS = 192 };

void myna_train_options_init(myna_train_options *options)
{
    *options = (myna_train_options){.n_steps = 100000,
        .batch = 24,
        .code_width = 16,
        .code_noise = 0.1f,
        .phone_weight = 0.1f,
        .rate = 1.5e-3f,
        .self_conversion = 0.5f,
        .self_conversion_after = 3000};
}

/* ---- Making ---------------------------------------------------------------------------------------------------------- */

/* Of Muon, for any of the matrices. */
static size_t most_scratch(const myna_layout *layout)
{
    size_t most = 0;
    for (size_t i = 0; i < layout->n_tensors; i++) {
        const myna_tensor *tensor = &layout->tensors[i];
        size_t size = myna_muon_scratch_size(tensor->dims[0], tensor->dims[1]);
        if (myna_tensor_maps(tensor) && size > most) most = size;
    }
    return most;
}

static myna_status create_judge(const myna_trainer *t, worker *w, myna_error *error)
{
    w->own = calloc(w->n_items * MYNA_SEGMENT_STEPS * MYNA_STEP_OUT + 1, sizeof *w->own);
    w->voices = calloc(w->n_items * MYNA_EMBEDDING_SIZE + 1, sizeof *w->voices);
    if (!w->own || !w->voices) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for conversions");
    return myna_judge_pass_create(&w->judge, &t->judge, &t->layout, w->n_items, error);
}

static myna_status create_workers(myna_trainer *t, myna_error *error)
{
    t->workers = calloc((size_t)t->options.n_threads, sizeof *t->workers);
    if (!t->workers) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for workers");
    myna_segment_source source = {.corpus = t->corpus,
        .mel = t->mel,
        .ripple = t->ripple,
        .weights = &t->weights,
        .code_width = t->layout.code_width,
        .code_noise = &t->options.code_noise};
    for (int i = 0; i < t->options.n_threads; i++) {
        worker *w = &t->workers[i];
        size_t begin, end;
        myna_slice((size_t)t->options.batch, i, t->options.n_threads, &begin, &end);
        w->first_item = begin;
        w->n_items = end - begin;
        size_t n_out = w->n_items * MYNA_SEGMENT_STEPS * MYNA_STEP_OUT;
        w->gradients = calloc(t->layout.n_parameters, sizeof *w->gradients);
        w->dout = calloc(n_out + 1, sizeof *w->dout);
        w->muon = malloc(most_scratch(&t->layout) * sizeof *w->muon);
        if (!w->gradients || !w->dout || !w->muon) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for gradients");
        myna_weights_bind(&w->bound, &t->layout, w->gradients);
        if (!t->options.single_precision && myna_bfloat_is_fast()) {
            w->rounding = myna_bfloat_create();
            if (!w->rounding) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for matrix products");
        }
        myna_status status = myna_segment_maker_create(&w->maker, &source, w->n_items, error);
        if (status == MYNA_OK)
            status = myna_network_create(
                &w->network, &t->layout, w->n_items, MYNA_SEGMENT_STEPS, MYNA_REFERENCE_STEPS, error);
        if (status == MYNA_OK && t->phones.parameters)
            status = myna_phone_pass_init(&w->phones, &t->phones, w->n_items * MYNA_SEGMENT_STEPS, error);
        if (status == MYNA_OK && t->judge.parameters) status = create_judge(t, w, error);
        if (status != MYNA_OK) return status;
    }
    return MYNA_OK;
}

myna_status myna_trainer_allocate(myna_trainer **out, myna_corpus *corpus, const myna_train_options *options, myna_error *error)
{
    if (options->batch < 1 || options->batch > 4096)
        return myna_fail(error, MYNA_ERROR_ARGUMENT, "a batch of %d segments", options->batch);
    if (options->code_width < 1 || options->code_width > MYNA_MAX_CODE_WIDTH)
        return myna_fail(error, MYNA_ERROR_ARGUMENT, "a code of %d values", options->code_width);
    myna_trainer *t = calloc(1, sizeof *t);
    if (!t) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a trainer");
    t->corpus = corpus;
    t->options = *options;
    t->options.init_model = t->options.judge_model = NULL;
    if (t->options.n_threads < 1) t->options.n_threads = myna_cpu_count();
    /* A thread's segments exchange their voices for self-conversion, for which it needs two. */
    const int most_threads = corpus && options->batch > 1 ? options->batch / 2 : options->batch;
    if (t->options.n_threads > most_threads) t->options.n_threads = most_threads;
    myna_layout_init(&t->layout, (size_t)options->code_width);
    size_t n = t->layout.n_parameters;
    t->parameters = calloc(n, sizeof(float));
    t->average = calloc(n, sizeof(float));
    t->moment1 = calloc(n, sizeof(float));
    t->moment2 = calloc(n, sizeof(float));
    t->ripple = calloc((size_t)MYNA_RIPPLE_ROWS * MYNA_MEL_BANDS, sizeof(float));
    myna_status status = MYNA_OK;
    if (!t->parameters || !t->average || !t->moment1 || !t->moment2 || !t->ripple)
        status = myna_fail(error, MYNA_ERROR_MEMORY, "no memory for %zu parameters", n);
    if (status == MYNA_OK && options->conversions > 0) status = myna_judge_init(&t->judge, &t->layout, error);
    if (status == MYNA_OK) status = myna_mel_create(&t->mel, error);
    if (status == MYNA_OK) status = myna_ripple_make(t->ripple, t->mel, error);
    if (status == MYNA_OK && corpus && corpus->phones)
        status = myna_phone_reader_init(&t->phones, t->layout.code_width, error);
    if (status == MYNA_OK) status = myna_team_create(&t->team, t->options.n_threads, error);
    if (status == MYNA_OK) {
        myna_weights_bind(&t->weights, &t->layout, t->parameters);
        myna_weights_bind(&t->average_weights, &t->layout, t->average);
        status = create_workers(t, error);
    }
    if (status == MYNA_OK) *out = t;
    else myna_trainer_free(t);
    return status;
}

/* What is normalised for the one is so for the other, and the layout is the same. */
static bool is_of_one_line(const myna_model *model, const myna_trainer *t)
{
    const myna_weights *a = &model->weights, *b = &t->weights;
    return model->layout.code_width == t->layout.code_width && a->front.mel_deviation[0] == b->front.mel_deviation[0] &&
           memcmp(a->front.mel_mean, b->front.mel_mean, MYNA_MEL_BANDS * sizeof(float)) == 0;
}

static myna_status seat_other_judge(myna_trainer *t, const char *path, myna_error *error)
{
    myna_model *model = NULL;
    myna_status status = myna_model_load(&model, path, error);
    if (status != MYNA_OK) return status;
    if (is_of_one_line(model, t)) {
        myna_judge_become(&t->judge, model->parameters, t->layout.n_parameters);
    } else {
        myna_fail(error, MYNA_ERROR_MODEL, "cannot judge a model that was not trained on from it");
        status = myna_fail_in(error, MYNA_ERROR_MODEL, path);
    }
    myna_model_free(model);
    return status;
}

myna_status myna_trainer_create(
    myna_trainer **out, myna_corpus *corpus, const myna_train_options *options, myna_error *error)
{
    if (!out || !corpus || !options) return myna_fail(error, MYNA_ERROR_ARGUMENT, "a trainer needs a corpus and options");
    if (options->conversions > 0 && !options->init_model)
        return myna_fail(error, MYNA_ERROR_ARGUMENT, "conversions need a model to start from");
    myna_model *model = NULL;
    myna_trainer *t = NULL;
    myna_train_options used = *options;
    myna_status status = MYNA_OK;
    if (options->init_model) {
        status = myna_model_load(&model, options->init_model, error);
        if (status != MYNA_OK) return status;
        used.code_width = (int)model->layout.code_width;
        used.self_conversion_after = 0;
    }
    status = myna_trainer_allocate(&t, corpus, &used, error);
    if (status == MYNA_OK && model) {
        memcpy(t->parameters, model->parameters, t->layout.n_parameters * sizeof(float));
        if (t->judge.parameters && options->judge_model) status = seat_other_judge(t, options->judge_model, error);
        else if (t->judge.parameters) myna_judge_become(&t->judge, model->parameters, t->layout.n_parameters);
    } else if (status == MYNA_OK) {
        myna_parameters_init(t->parameters, &t->layout, used.seed);
        status = myna_front_measure(&t->weights, corpus, t->mel, error);
    }
    myna_model_free(model);
    if (status != MYNA_OK) {
        myna_trainer_free(t);
        return status;
    }
    memcpy(t->average, t->parameters, t->layout.n_parameters * sizeof(float));
    *out = t;
    return MYNA_OK;
}

void myna_trainer_free(myna_trainer *t)
{
    if (!t) return;
    for (int i = 0; t->workers && i < t->options.n_threads; i++) {
        myna_network_free(t->workers[i].network);
        myna_segment_maker_free(t->workers[i].maker);
        myna_bfloat_free(t->workers[i].rounding);
        myna_phone_pass_clear(&t->workers[i].phones);
        free(t->workers[i].gradients);
        free(t->workers[i].muon);
        free(t->workers[i].dout);
        myna_judge_pass_free(t->workers[i].judge);
        free(t->workers[i].own);
        free(t->workers[i].voices);
    }
    free(t->workers);
    myna_team_free(t->team);
    myna_mel_free(t->mel);
    myna_phone_reader_clear(&t->phones);
    free(t->ripple);
    free(t->parameters);
    free(t->average);
    myna_judge_clear(&t->judge);
    free(t->moment1);
    free(t->moment2);
    myna_facts_free(&t->facts);
    free(t);
}

/* ---- A step ------------------------------------------------------------------------------------------------------------ */

/* 1/4, 1/4, 1/2. */
myna_latency myna_trainer_latency(const myna_trainer *t)
{
    myna_rng rng = myna_rng_seed(~t->options.seed, t->n_done);
    uint32_t quarter = myna_rng_below(&rng, 4);
    return quarter == 0 ? MYNA_LATENCY_LOW : quarter == 1 ? MYNA_LATENCY_BALANCED : MYNA_LATENCY_BEST;
}

const float *myna_worker_read_phones(const myna_trainer *t, worker *w, const myna_batch *batch)
{
    if (!t->phones.parameters || !batch->phones) return NULL;
    size_t n_steps = (size_t)t->options.batch * MYNA_SEGMENT_STEPS;
    myna_phone_pass_run(&w->phones, &t->phones, myna_network_code(w->network), batch->phones,
        w->n_items * MYNA_SEGMENT_STEPS, t->options.phone_weight / (float)n_steps);
    return w->phones.dcode;
}

void myna_worker_gradients(
    const myna_trainer *t, worker *w, const myna_batch *batch, const float *target, myna_latency latency)
{
    myna_gemm_round(w->rounding);
    const float *out = myna_network_forward(w->network, &t->weights, batch, latency);
    float share = (float)w->n_items / (float)t->options.batch;
    memset(w->parts, 0, sizeof w->parts);
    w->loss = myna_loss(w->dout, w->parts, out, target, w->n_items, MYNA_SEGMENT_FRAMES, MYNA_MEL_BANDS, share);
    if (w->is_judged) myna_judge_words(w->judge, w->dout, out, target, NULL, share);
    memset(w->gradients, 0, t->layout.n_parameters * sizeof(float));
    const float *dcode = myna_worker_read_phones(t, w, batch);
    myna_network_backward(w->network, &w->bound, &t->weights, batch, latency, w->dout, dcode);
    myna_gemm_round(NULL);
}

/* The judge learns from every step's recordings. */
static void teach_judge(const myna_trainer *t, worker *w)
{
    myna_gemm_round(w->rounding);
    const float *recorded = myna_segment_recorded(w->maker, false);
    const float *heard = myna_network_embed(w->network, &t->judge.ear_weights, recorded);
    memcpy(w->voices, heard, w->n_items * MYNA_EMBEDDING_SIZE * sizeof *w->voices);
    myna_judge_tell_apart(w->judge, myna_segment_target(w->maker), w->voices);
    myna_gemm_round(NULL);
}

/* Each worker: makes its share of the batch, forward and backward. */
static void gradient_job(void *context, int member, int n_members)
{
    (void)n_members;
    myna_trainer *t = context;
    worker *w = &t->workers[member];
    uint64_t first = t->n_done * (uint64_t)t->options.batch + w->first_item;
    for (size_t i = 0; i < w->n_items; i++) myna_segment_make(w->maker, i, t->options.seed, first + i, 0);
    if (t->judge.parameters) teach_judge(t, w);
    if (myna_trainer_converts(t)) {
        myna_worker_conversion_gradients(t, w);
        return;
    }
    const bool self_converts = myna_trainer_self_converts(t);
    w->is_judged = t->judge.parameters && self_converts;
    if (self_converts) myna_worker_convert_inputs(t, w, first);
    myna_batch batch = myna_segment_batch(w->maker);
    myna_worker_gradients(t, w, &batch, myna_segment_target(w->maker), myna_trainer_latency(t));
}

myna_status myna_trainer_step(myna_trainer *t, myna_train_report *report, myna_error *error)
{
    if (!t || !report) return myna_fail(error, MYNA_ERROR_ARGUMENT, "no trainer, or no place for its report");
    myna_team_run(t->team, gradient_job, t);
    return myna_trainer_update(t, report, error);
}

/* ---- Validation -------------------------------------------------------------------------------------------------------- */

static void validate_job(void *context, int member, int n_members)
{
    myna_trainer *t = context;
    worker *w = &t->workers[member];
    size_t begin, end;
    myna_slice(VALIDATION_SEGMENTS, member, n_members, &begin, &end);
    memset(w->parts, 0, sizeof w->parts);
    /* The network's shape is fixed, so whole shares are made and the last one repeats segments. */
    size_t n_rounds = (end - begin + w->n_items - 1) / w->n_items;
    for (size_t round = 0; round < n_rounds; round++) {
        for (size_t i = 0; i < w->n_items; i++)
            myna_segment_make(w->maker, i, 0, begin + (round * w->n_items + i) % (end - begin), 1);
        myna_batch batch = myna_segment_batch(w->maker);
        const float *out = myna_network_forward(w->network, &t->average_weights, &batch, MYNA_LATENCY_BEST);
        myna_loss(w->dout, w->parts, out, myna_segment_target(w->maker), w->n_items, MYNA_SEGMENT_FRAMES, MYNA_MEL_BANDS,
            (float)(end - begin) / (float)(n_rounds * VALIDATION_SEGMENTS));
    }
}

float myna_trainer_validate(myna_trainer *t)
{
    if (!t->corpus->groups[1].n_speakers) return NAN;
    myna_team_run(t->team, validate_job, t);
    double l1 = 0;
    for (int i = 0; i < t->options.n_threads; i++) l1 += t->workers[i].parts[0];
    return (float)l1;
}

/* ---- The average recording -------------------------------------------------------------------------------------------- */

static void listen_job(void *context, int member, int n_members)
{
    myna_trainer *t = context;
    worker *w = &t->workers[member];
    size_t begin, end;
    myna_slice(CONTENT_SEGMENTS, member, n_members, &begin, &end);
    memset(w->content, 0, sizeof w->content);
    w->n_listened = 0;
    for (size_t first = begin; first < end; first += w->n_items) { /* whole shares, as for validation */
        for (size_t i = 0; i < w->n_items; i++) myna_segment_make(w->maker, i, t->options.seed, first + i, 0);
        myna_batch batch = myna_segment_batch(w->maker);
        for (int told = 0; told < 2; told++)
            myna_network_listen(
                w->network, &t->average_weights, batch.content, told, MYNA_LATENCY_BEST, &w->content[told]);
        w->n_listened += w->n_items;
    }
}

static void average_content(float *mean, float *deviation, const myna_trainer *t, bool is_told)
{
    for (size_t i = 0; i < MYNA_CONTENT_VALUES; i++) {
        double mean_sum = 0, deviation_sum = 0, n = 0;
        for (int k = 0; k < t->options.n_threads; k++) {
            const worker *w = &t->workers[k];
            mean_sum += (double)w->content[is_told].mean[i];
            deviation_sum += (double)w->content[is_told].deviation[i];
            n += (double)w->n_listened;
        }
        mean[i] = (float)(mean_sum / n);
        deviation[i] = (float)(deviation_sum / n);
    }
}

void myna_trainer_measure_content(myna_trainer *t)
{
    const myna_weights *average = &t->average_weights;
    myna_team_run(t->team, listen_job, t);
    average_content(average->front.content_mean, average->front.content_deviation, t, true);
    average_content(average->front.unknown_mean, average->front.unknown_deviation, t, false);
}

/* ---- Small things ------------------------------------------------------------------------------------------------------- */

uint64_t myna_trainer_step_count(const myna_trainer *trainer)
{
    return trainer->n_done;
}

myna_train_options myna_trainer_options(const myna_trainer *trainer)
{
    return trainer->options;
}

void myna_trainer_set_steps(myna_trainer *trainer, uint64_t n_steps)
{
    trainer->options.n_steps = n_steps;
}

void myna_trainer_set_rate(myna_trainer *trainer, float rate)
{
    trainer->options.rate = rate;
}

void myna_trainer_set_code_noise(myna_trainer *trainer, float deviation)
{
    trainer->options.code_noise = deviation;
}

void myna_trainer_set_phone_weight(myna_trainer *trainer, float weight)
{
    trainer->options.phone_weight = weight;
}

void myna_trainer_set_self_conversion(myna_trainer *trainer, float share)
{
    trainer->options.self_conversion = share;
}

void myna_trainer_skip(myna_trainer *trainer)
{
    trainer->n_done++;
}
