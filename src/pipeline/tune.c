/* Tuning a voice: gradient steps on its embedding and on the decoder's scales and shifts, the network as it is. */
#include "base/status.h"
#include "model/features.h"
#include "model/network.h"
#include "model/voice.h"
#include "nn/loss.h"
#include "nn/optim.h"
#include "pipeline/perturb.h"
#include "pipeline/segments.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SEGMENT = MYNA_SEGMENT_STEPS,
    REFERENCE = MYNA_REFERENCE_FRAMES / MYNA_STEP_FRAMES, /* steps of the rest that the attention may look at */
    SPEAKER_STEPS = MYNA_REFERENCE_STEPS,
    LEAST_SEGMENTS = 5,
    HELD_BACK_PART = 5, /* every fifth segment tells when to stop */
    MAX_STEPS = 100,
    PATIENCE = 8, /* steps without an improvement */
    N_FILM = MYNA_DECODER_BLOCKS * MYNA_FILM,
    N_VALUES = MYNA_EMBEDDING_SIZE + N_FILM,
};
static const float rate = 3e-3f;

/* The embedding and, behind it, film_change. */
typedef float tuned[N_VALUES];

/* Some of the voice's segments as a batch. */
typedef struct portion {
    size_t items;
    float *content, *speaker, *pitch, *ripple, *noise, *target, *dout;
    bool *reference;
    myna_network *network;
} portion;

typedef struct tuning {
    const myna_model *model;
    const myna_voice *voice;
    size_t n_steps, n_segments;
    portion learnt, held_back;
    float *scratch; /* [n_parameters]: gradients nobody reads */
    myna_weights bound;
    tuned values, best, gradient, moment1, moment2;
} tuning;

/* ---- Batches -------------------------------------------------------------------------------------------------------
 */

static bool is_held_back(size_t segment)
{
    return segment % HELD_BACK_PART == HELD_BACK_PART / 2;
}

static myna_status allocate(portion *p, const myna_layout *layout, myna_error *error)
{
    size_t steps = p->items * SEGMENT;
    p->content = calloc(steps, MYNA_CONTENT_IN * sizeof(float));
    p->speaker = calloc(p->items, (size_t)REFERENCE * MYNA_CONTENT_IN * sizeof(float));
    p->pitch = calloc(steps, MYNA_PITCH_IN * sizeof(float));
    p->ripple = calloc(steps, MYNA_STEP_OUT * sizeof(float));
    p->noise = calloc(steps, layout->code_width * sizeof(float));
    p->target = calloc(steps, MYNA_STEP_OUT * sizeof(float));
    p->dout = calloc(steps, MYNA_STEP_OUT * sizeof(float));
    p->reference = calloc(p->items, sizeof(bool));
    bool is_whole =
        p->content && p->speaker && p->pitch && p->ripple && p->noise && p->target && p->dout && p->reference;
    if (!is_whole) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for tuning");
    myna_status status = myna_network_create(&p->network, layout, p->items, SEGMENT, SPEAKER_STEPS, error);
    if (status == MYNA_OK) myna_network_set_retrieval(p->network, myna_retrieval_at(MYNA_LATENCY_BEST));
    return status;
}

static void release(portion *p)
{
    float *owned[] = {p->content, p->speaker, p->pitch, p->ripple, p->noise, p->target, p->dout};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++) free(owned[i]);
    free(p->reference);
    myna_network_free(p->network);
}

/* Steps around the segment, later ones first and beginning anew at the end; none of its own and, as their windows
 * overlap with it, none of its neighbours. */
static void fill_reference(const tuning *t, float *out, size_t segment)
{
    enum { APART = 2 };
    size_t from = segment * SEGMENT + SEGMENT + APART, others = t->n_steps - SEGMENT - 2 * APART;
    for (size_t i = 0; i < REFERENCE; i++) {
        size_t step = (from + i % others) % t->n_steps;
        myna_encoder_input(
            out + i * MYNA_CONTENT_IN, t->voice->log_mel + step * MYNA_STEP_OUT, MYNA_STEP_FRAMES, &t->model->weights);
    }
}

static void fill_item(const tuning *t, portion *p, size_t item, size_t segment)
{
    const myna_weights *w = &t->model->weights;
    size_t first_frame = segment * MYNA_SEGMENT_FRAMES;
    float *target = p->target + item * SEGMENT * MYNA_STEP_OUT;
    for (size_t k = 0; k < MYNA_SEGMENT_FRAMES; k++)
        myna_normalize(target + k * MYNA_MEL_BANDS, t->voice->log_mel + (first_frame + k) * MYNA_MEL_BANDS, w);
    myna_segment_pitch(p->pitch + item * SEGMENT * MYNA_PITCH_IN, p->ripple + item * SEGMENT * MYNA_STEP_OUT,
        t->voice->f0_hz + first_frame, 1, t->model->ripple, w);
    fill_reference(t, p->speaker + item * REFERENCE * MYNA_CONTENT_IN, segment);
    p->reference[item] = true;
}

static myna_status fill(tuning *t, myna_error *error)
{
    for (size_t i = 0; i < t->n_segments; i++) (is_held_back(i) ? &t->held_back : &t->learnt)->items++;
    myna_status status = allocate(&t->learnt, &t->model->layout, error);
    if (status == MYNA_OK) status = allocate(&t->held_back, &t->model->layout, error);
    if (status != MYNA_OK) return status;
    size_t n_learnt = 0, n_held_back = 0;
    for (size_t i = 0; i < t->n_segments; i++) {
        if (is_held_back(i)) fill_item(t, &t->held_back, n_held_back++, i);
        else fill_item(t, &t->learnt, n_learnt++, i);
    }
    return MYNA_OK;
}

/* ---- Steps ---------------------------------------------------------------------------------------------------------
 */

static myna_batch batch_of(const portion *p)
{
    return (myna_batch){.content = p->content,
        .speaker = p->speaker,
        .pitch = p->pitch,
        .ripple = p->ripple,
        .noise = p->noise,
        .reference = p->reference};
}

/* The segments as other speakers might have said them, so that it is the tuned values which have to bring the voice. */
static void perturb(portion *p, const myna_weights *weights, uint64_t seed)
{
    myna_rng rng = myna_rng_seed(seed, p->items);
    for (size_t i = 0; i < p->items; i++)
        myna_perturb(p->content + i * SEGMENT * MYNA_CONTENT_IN, p->target + i * SEGMENT * MYNA_STEP_OUT,
            MYNA_SEGMENT_FRAMES, weights, &rng);
}

/* L1; leaves the loss's gradient in p->dout. */
static float forward(const tuning *t, portion *p)
{
    myna_batch batch = batch_of(p);
    double parts[2] = {0};
    const float *out = myna_network_forward_as(
        p->network, &t->model->weights, &batch, t->values, t->values + MYNA_EMBEDDING_SIZE, MYNA_LATENCY_BEST);
    myna_loss(p->dout, parts, out, p->target, p->items, SEGMENT * MYNA_STEP_FRAMES, MYNA_MEL_BANDS, 1);
    return (float)parts[0];
}

static void take_step(tuning *t, uint64_t number)
{
    portion *p = &t->learnt;
    myna_batch batch = batch_of(p);
    const myna_adamw adam = {rate, 0.9f, 0.98f, 1e-8f, 0, number};
    perturb(p, &t->model->weights, number);
    forward(t, p);
    myna_network_backward_as(p->network, t->gradient, t->gradient + MYNA_EMBEDDING_SIZE, &t->bound, &t->model->weights,
        &batch, MYNA_LATENCY_BEST, p->dout);
    myna_adamw_update(t->values, t->moment1, t->moment2, t->gradient, N_VALUES, &adam, 1, 0);
}

/* Leaves the best values in t->best. */
static myna_tuning tune(tuning *t)
{
    memcpy(t->values, t->voice->speaker.embedding, sizeof t->voice->speaker.embedding);
    memcpy(t->values + MYNA_EMBEDDING_SIZE, t->voice->speaker.film_change, sizeof t->voice->speaker.film_change);
    memcpy(t->best, t->values, sizeof t->best);
    perturb(&t->held_back, &t->model->weights, 0);
    myna_tuning report = {.loss_before = forward(t, &t->held_back)};
    report.loss_after = report.loss_before;
    for (int step = 1; step <= MAX_STEPS && step <= report.n_steps + PATIENCE; step++) {
        take_step(t, (uint64_t)step);
        float loss = forward(t, &t->held_back);
        if (!(loss < report.loss_after)) continue; /* NaN is no improvement */
        report.loss_after = loss;
        report.n_steps = step;
        memcpy(t->best, t->values, sizeof t->best);
    }
    return report;
}

/* ---- The whole -----------------------------------------------------------------------------------------------------
 */

static myna_status copy_voice(
    myna_voice **out, const myna_model *model, const myna_voice *voice, const float *values, myna_error *error)
{
    myna_voice *copy = calloc(1, sizeof *copy);
    size_t n = voice->n_frames;
    if (copy) {
        copy->profile = voice->profile;
        copy->n_frames = n;
        copy->log_mel = malloc(n * MYNA_MEL_BANDS * sizeof *copy->log_mel);
        copy->f0_hz = malloc(n * sizeof *copy->f0_hz);
    }
    myna_status status = MYNA_OK;
    if (!copy || !copy->log_mel || !copy->f0_hz) {
        status = myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a voice");
    } else {
        memcpy(copy->log_mel, voice->log_mel, n * MYNA_MEL_BANDS * sizeof *copy->log_mel);
        memcpy(copy->f0_hz, voice->f0_hz, n * sizeof *copy->f0_hz);
        status = myna_voice_set_embedding(copy, model, values, values + MYNA_EMBEDDING_SIZE, error);
    }
    if (status == MYNA_OK) *out = copy;
    else myna_voice_free(copy);
    return status;
}

myna_status myna_voice_tune(
    myna_voice **out, const myna_model *model, const myna_voice *voice, myna_tuning *report, myna_error *error)
{
    if (!out || !model || !voice || !report)
        return myna_fail(error, MYNA_ERROR_ARGUMENT, "tuning needs a model, a voice and a place for its report");
    myna_status status = myna_voice_check_model(voice, model, error);
    if (status != MYNA_OK) return status;
    if (voice->n_frames == 0) return myna_fail(error, MYNA_ERROR_MODEL, "a voice without recordings cannot be tuned");
    size_t n_steps = voice->n_frames / MYNA_STEP_FRAMES, n_segments = n_steps / SEGMENT;
    if (n_segments < LEAST_SEGMENTS)
        return myna_fail(error, MYNA_ERROR_SPEECH, "%.1f s of speech; tuning needs %.0f s or more",
            (double)n_steps * 0.025, LEAST_SEGMENTS * SEGMENT * 0.025);
    tuning *t = calloc(1, sizeof *t);
    if (!t) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for tuning");
    t->model = model;
    t->voice = voice;
    t->n_steps = n_steps;
    t->n_segments = n_segments;
    t->scratch = calloc(model->layout.n_parameters, sizeof *t->scratch);
    if (!t->scratch) status = myna_fail(error, MYNA_ERROR_MEMORY, "no memory for gradients");
    if (status == MYNA_OK) status = fill(t, error);
    if (status == MYNA_OK) {
        myna_weights_bind(&t->bound, &model->layout, t->scratch);
        myna_tuning found = tune(t);
        status = copy_voice(out, model, voice, t->best, error);
        if (status == MYNA_OK) *report = found;
    }
    release(&t->learnt);
    release(&t->held_back);
    free(t->scratch);
    free(t);
    return status;
}
