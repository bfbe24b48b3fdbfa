#include "pipeline/judge.h"

#include "base/arena.h"
#include "base/status.h"
#include "model/features.h"
#include "nn/loss.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    FRAMES = MYNA_SEGMENT_FRAMES,
    POOLED = MYNA_POOLED_BANDS,
    GROUP = MYNA_MEL_BANDS / MYNA_POOLED_BANDS,
    EMBEDDING = MYNA_EMBEDDING_SIZE,
};

/* Of the phones against the L1; of the source's voice against the one that was asked for. */
static const float phones_weight = 0.8f, source_weight = 0.5f;
/* Cosines count so often where speakers are told apart. */
static const float cosine_scale = 15.0f;
static const float ear_rate = 5e-4f, reader_rate = 2e-3f; /* throughout */

/* ---- What all know --------------------------------------------------------------------------------------------------- */

static void find_ear(myna_judge *judge, const myna_layout *layout)
{
    static const char prefix[] = "speaker.";
    judge->ear_begin = layout->n_parameters;
    for (size_t i = 0; i < layout->n_tensors; i++) {
        const myna_tensor *tensor = &layout->tensors[i];
        if (strncmp(tensor->name, prefix, sizeof prefix - 1) != 0) continue;
        if (tensor->offset < judge->ear_begin) judge->ear_begin = tensor->offset;
        judge->ear_end = tensor->offset + tensor->size;
    }
}

myna_status myna_judge_init(myna_judge *judge, const myna_layout *layout, myna_error *error)
{
    const size_t n = layout->n_parameters;
    *judge = (myna_judge){.parameters = calloc(n, sizeof(float)),
        .ear = calloc(n, sizeof(float)),
        .ear_moment1 = calloc(n, sizeof(float)),
        .ear_moment2 = calloc(n, sizeof(float))};
    if (!judge->parameters || !judge->ear || !judge->ear_moment1 || !judge->ear_moment2)
        return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a judge");
    myna_weights_bind(&judge->weights, layout, judge->parameters);
    myna_weights_bind(&judge->ear_weights, layout, judge->ear);
    find_ear(judge, layout);
    return myna_phone_reader_init(&judge->phones, MYNA_CHANNELS, error);
}

void myna_judge_become(myna_judge *judge, const float *parameters, size_t n_parameters)
{
    memcpy(judge->parameters, parameters, n_parameters * sizeof *parameters);
    memcpy(judge->ear + judge->ear_begin, parameters + judge->ear_begin,
        (judge->ear_end - judge->ear_begin) * sizeof *parameters);
}

void myna_judge_clear(myna_judge *judge)
{
    myna_phone_reader_clear(&judge->phones);
    free(judge->parameters);
    free(judge->ear);
    free(judge->ear_moment1);
    free(judge->ear_moment2);
    *judge = (myna_judge){0};
}

/* ---- One thread's part ----------------------------------------------------------------------------------------------- */

struct myna_judge_pass {
    const myna_judge *judge;
    myna_arena arena;
    size_t items;
    myna_network *network;
    myna_phone_pass phones;
    bool has_read, has_told;
    float *in, *din;      /* [items][FRAMES][POOLED]: what both encoders are given, in steps of their own */
    float *said, *dheard; /* [items][MYNA_SEGMENT_STEPS][MYNA_CHANNELS] */
    float *dembedding;    /* [items][EMBEDDING] */
    float *logits;        /* [items] */
    float *unread, *ear;  /* [n_parameters]: gradients of weights, those of the judge's model not for use */
    myna_weights unread_weights, ear_weights;
};

static void lay_out(myna_judge_pass *p, const myna_layout *layout)
{
    const size_t steps = p->items * MYNA_SEGMENT_STEPS;
    MYNA_TAKE(&p->arena, p->in, p->items * FRAMES * POOLED);
    MYNA_TAKE(&p->arena, p->din, p->items * FRAMES * POOLED);
    MYNA_TAKE(&p->arena, p->said, steps * MYNA_CHANNELS);
    MYNA_TAKE(&p->arena, p->dheard, steps * MYNA_CHANNELS);
    MYNA_TAKE(&p->arena, p->dembedding, p->items * EMBEDDING);
    MYNA_TAKE(&p->arena, p->logits, p->items);
    MYNA_TAKE(&p->arena, p->unread, layout->n_parameters);
    MYNA_TAKE(&p->arena, p->ear, layout->n_parameters);
}

myna_status myna_judge_pass_create(
    myna_judge_pass **out, const myna_judge *judge, const myna_layout *layout, size_t items, myna_error *error)
{
    myna_judge_pass *p = calloc(1, sizeof *p);
    if (!p) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a judge");
    p->judge = judge;
    p->items = items;
    lay_out(p, layout);
    if (!myna_arena_reserve(&p->arena)) {
        free(p);
        return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a judge");
    }
    lay_out(p, layout);
    myna_weights_bind(&p->unread_weights, layout, p->unread);
    myna_weights_bind(&p->ear_weights, layout, p->ear);
    myna_status status = myna_phone_pass_init(&p->phones, &judge->phones, items * MYNA_SEGMENT_STEPS, error);
    if (status == MYNA_OK)
        status = myna_network_create(
            &p->network, layout, items, MYNA_SEGMENT_STEPS, myna_speaker_steps(MYNA_SEGMENT_STEPS), error);
    if (status == MYNA_OK) *out = p;
    else myna_judge_pass_free(p);
    return status;
}

void myna_judge_pass_free(myna_judge_pass *pass)
{
    if (!pass) return;
    myna_network_free(pass->network);
    myna_phone_pass_clear(&pass->phones);
    myna_arena_free(&pass->arena);
    free(pass);
}

static const float *pool(myna_judge_pass *p, const float *frames)
{
    myna_pool_frames(p->in, frames, p->items * FRAMES);
    return p->in;
}

/* dout += what din says of the bands that were pooled. */
static void spread(const myna_judge_pass *p, float *dout)
{
    for (size_t i = 0; i < p->items * FRAMES * POOLED; i++)
        for (size_t b = 0; b < GROUP; b++) dout[i * GROUP + b] += p->din[i] / GROUP;
}

/* ---- Words ----------------------------------------------------------------------------------------------------------- */

static const float *listen(myna_judge_pass *p, const float *frames)
{
    return myna_network_listen(p->network, &p->judge->weights, pool(p, frames), true, MYNA_LATENCY_BEST, NULL);
}

/* Adds the gradient of `weight` times what it returns to p->dheard; the reader learns from what was said. */
static double read_phones(myna_judge_pass *p, const float *heard, const uint8_t *labels, float weight)
{
    const size_t rows = p->items * MYNA_SEGMENT_STEPS;
    myna_phone_pass_run(&p->phones, &p->judge->phones, heard, labels, rows, 1.0f / (float)rows);
    const double loss = p->phones.loss;
    for (size_t i = 0; i < rows * MYNA_CHANNELS; i++) p->dheard[i] += weight * p->phones.dcode[i];
    myna_phone_pass_run(&p->phones, &p->judge->phones, p->said, labels, rows, 1.0f / (float)rows);
    p->has_read = true;
    return loss;
}

double myna_judge_words(
    myna_judge_pass *p, float *dout, const float *out, const float *said, const uint8_t *labels, float weight)
{
    const size_t n = p->items * MYNA_SEGMENT_STEPS * MYNA_CHANNELS;
    const float step = weight / (float)n;
    double sum = 0;
    memcpy(p->said, listen(p, said), n * sizeof *p->said);
    const float *heard = listen(p, out);
    for (size_t i = 0; i < n; i++) {
        float e = heard[i] - p->said[i];
        sum += (double)fabsf(e);
        p->dheard[i] = step * (float)((e > 0) - (e < 0));
    }
    double loss = sum / (double)n;
    if (labels) loss += (double)phones_weight * read_phones(p, heard, labels, phones_weight * weight);
    myna_network_listen_backward(
        p->network, p->din, &p->unread_weights, &p->judge->weights, p->in, MYNA_LATENCY_BEST, p->dheard);
    spread(p, dout);
    return loss;
}

/* ---- Voices ---------------------------------------------------------------------------------------------------------- */

/* Returns cos(x, y) and adds `weight` times its gradient by x to dx, unless NULL. */
static double cosine(float *dx, const float *x, const float *y, float weight)
{
    double xy = 0, xx = 1e-12, yy = 1e-12;
    for (int i = 0; i < EMBEDDING; i++) {
        xy += (double)x[i] * (double)y[i];
        xx += (double)x[i] * (double)x[i];
        yy += (double)y[i] * (double)y[i];
    }
    const double value = xy / sqrt(xx * yy);
    for (int i = 0; dx && i < EMBEDDING; i++)
        dx[i] += weight * (float)((double)y[i] / sqrt(xx * yy) - value * (double)x[i] / xx);
    return value;
}

double myna_judge_voice(myna_judge_pass *p, float *dout, const float *out, const float *voices, float weight)
{
    const float *heard = myna_network_embed(p->network, &p->judge->ear_weights, pool(p, out));
    const float share = weight / (float)p->items;
    double sum = 0;
    memset(p->dembedding, 0, p->items * EMBEDDING * sizeof *p->dembedding);
    for (size_t i = 0; i < p->items; i++) {
        const float *x = heard + i * EMBEDDING, *source = voices + i * EMBEDDING;
        float *dx = p->dembedding + i * EMBEDDING;
        sum += 1 - cosine(dx, x, voices + (i + 1) % p->items * EMBEDDING, -share);
        if (cosine(NULL, x, source, 0) > 0) sum += (double)source_weight * cosine(dx, x, source, source_weight * share);
    }
    myna_network_embed_backward(
        p->network, p->din, &p->unread_weights, &p->judge->ear_weights, p->in, p->dembedding);
    spread(p, dout);
    return sum / (double)p->items;
}

double myna_judge_tell_apart(myna_judge_pass *p, const float *said, const float *voices)
{
    const float *heard = myna_network_embed(p->network, &p->judge->ear_weights, pool(p, said));
    const float share = cosine_scale / (float)p->items;
    double sum = 0;
    size_t n_right = 0;
    memset(p->dembedding, 0, p->items * EMBEDDING * sizeof *p->dembedding);
    for (size_t i = 0; i < p->items; i++) {
        const float *x = heard + i * EMBEDDING;
        for (size_t k = 0; k < p->items; k++)
            p->logits[k] = cosine_scale * (float)cosine(NULL, x, voices + k * EMBEDDING, 0);
        sum += myna_cross_entropy(p->logits, p->logits, i, p->items, 1, &n_right);
        for (size_t k = 0; k < p->items; k++)
            cosine(p->dembedding + i * EMBEDDING, x, voices + k * EMBEDDING, share * p->logits[k]);
    }
    memset(p->ear + p->judge->ear_begin, 0, (p->judge->ear_end - p->judge->ear_begin) * sizeof *p->ear);
    myna_network_embed_backward(p->network, NULL, &p->ear_weights, &p->judge->ear_weights, p->in, p->dembedding);
    p->has_told = true;
    return sum / (double)p->items;
}

/* ---- Learning ---------------------------------------------------------------------------------------------------------- */

void myna_judge_join(myna_judge_pass *p, const myna_judge_pass *other)
{
    const myna_judge *judge = p->judge;
    if (p->has_told)
        myna_accumulate(p->ear + judge->ear_begin, other->ear + judge->ear_begin, judge->ear_end - judge->ear_begin);
    if (p->has_read) myna_accumulate(p->phones.gradients, other->phones.gradients, judge->phones.n_parameters);
}

void myna_judge_learn(myna_judge *judge, myna_judge_pass *p, const myna_adamw *options)
{
    const size_t begin = judge->ear_begin, n = judge->ear_end - begin;
    myna_adamw ear = *options, reader = *options;
    ear.rate = ear_rate;
    reader.rate = reader_rate;
    if (p->has_told)
        myna_adamw_update(judge->ear + begin, judge->ear_moment1 + begin, judge->ear_moment2 + begin, p->ear + begin, n,
            &ear, 1, false);
    if (p->has_read) myna_phone_reader_update(&judge->phones, p->phones.gradients, &reader);
    p->has_told = p->has_read = false;
}
