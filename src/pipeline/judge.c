#include "pipeline/judge.h"

#include "base/arena.h"
#include "base/status.h"
#include "model/features.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES = MYNA_SEGMENT_FRAMES, POOLED = MYNA_POOLED_BANDS, GROUP = MYNA_MEL_BANDS / MYNA_POOLED_BANDS };

struct myna_judge {
    myna_arena arena;
    size_t items;
    myna_network *network;
    float *in, *din;       /* [items][FRAMES][POOLED]: what both encoders are given, in steps of their own */
    float *said, *dheard;  /* [items][MYNA_SEGMENT_STEPS][MYNA_CHANNELS] */
    float *dembedding;     /* [items][MYNA_EMBEDDING_SIZE] */
    float *unread;         /* [n_parameters]: gradients of the judge's weights, which stay as they are */
    myna_weights unread_weights;
};

static void lay_out(myna_judge *j, const myna_layout *layout)
{
    const size_t steps = j->items * MYNA_SEGMENT_STEPS;
    MYNA_TAKE(&j->arena, j->in, j->items * FRAMES * POOLED);
    MYNA_TAKE(&j->arena, j->din, j->items * FRAMES * POOLED);
    MYNA_TAKE(&j->arena, j->said, steps * MYNA_CHANNELS);
    MYNA_TAKE(&j->arena, j->dheard, steps * MYNA_CHANNELS);
    MYNA_TAKE(&j->arena, j->dembedding, j->items * MYNA_EMBEDDING_SIZE);
    MYNA_TAKE(&j->arena, j->unread, layout->n_parameters);
}

myna_status myna_judge_create(myna_judge **out, const myna_layout *layout, size_t items, myna_error *error)
{
    myna_judge *j = calloc(1, sizeof *j);
    if (!j) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a judge");
    j->items = items;
    lay_out(j, layout);
    if (!myna_arena_reserve(&j->arena)) {
        free(j);
        return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a judge");
    }
    lay_out(j, layout);
    myna_weights_bind(&j->unread_weights, layout, j->unread);
    myna_status status = myna_network_create(
        &j->network, layout, items, MYNA_SEGMENT_STEPS, myna_speaker_steps(MYNA_SEGMENT_STEPS), error);
    if (status == MYNA_OK) *out = j;
    else myna_judge_free(j);
    return status;
}

void myna_judge_free(myna_judge *judge)
{
    if (!judge) return;
    myna_network_free(judge->network);
    myna_arena_free(&judge->arena);
    free(judge);
}

static const float *pool(myna_judge *j, const float *frames)
{
    myna_pool_frames(j->in, frames, j->items * FRAMES);
    return j->in;
}

/* dout += what din says of the bands that were pooled. */
static void spread(const myna_judge *j, float *dout)
{
    for (size_t i = 0; i < j->items * FRAMES * POOLED; i++)
        for (size_t b = 0; b < GROUP; b++) dout[i * GROUP + b] += j->din[i] / GROUP;
}

double myna_judge_words(
    myna_judge *j, float *dout, const myna_weights *weights, const float *out, const float *said, float weight)
{
    const size_t n = j->items * MYNA_SEGMENT_STEPS * MYNA_CHANNELS;
    const float step = weight / (float)n;
    double sum = 0;
    memcpy(j->said, myna_network_listen(j->network, weights, pool(j, said), true, MYNA_LATENCY_BEST, NULL),
        n * sizeof *j->said);
    const float *heard = myna_network_listen(j->network, weights, pool(j, out), true, MYNA_LATENCY_BEST, NULL);
    for (size_t i = 0; i < n; i++) {
        float e = heard[i] - j->said[i];
        sum += (double)fabsf(e);
        j->dheard[i] = step * (float)((e > 0) - (e < 0));
    }
    myna_network_listen_backward(
        j->network, j->din, &j->unread_weights, weights, j->in, MYNA_LATENCY_BEST, j->dheard);
    spread(j, dout);
    return sum / (double)n;
}

/* Returns 1 - cos(x, y) and writes `weight` times its gradient by x. */
static double cosine_distance(float *dx, const float *x, const float *y, float weight)
{
    double xy = 0, xx = 1e-12, yy = 1e-12;
    for (int i = 0; i < MYNA_EMBEDDING_SIZE; i++) {
        xy += (double)x[i] * (double)y[i];
        xx += (double)x[i] * (double)x[i];
        yy += (double)y[i] * (double)y[i];
    }
    const double cosine = xy / sqrt(xx * yy);
    for (int i = 0; i < MYNA_EMBEDDING_SIZE; i++)
        dx[i] = weight * (float)(cosine * (double)x[i] / xx - (double)y[i] / sqrt(xx * yy));
    return 1 - cosine;
}

double myna_judge_voice(
    myna_judge *j, float *dout, const myna_weights *weights, const float *out, const float *voices, float weight)
{
    const float *heard = myna_network_embed(j->network, weights, pool(j, out));
    double sum = 0;
    for (size_t i = 0; i < j->items * MYNA_EMBEDDING_SIZE; i += MYNA_EMBEDDING_SIZE)
        sum += cosine_distance(j->dembedding + i, heard + i, voices + i, weight / (float)j->items);
    myna_network_embed_backward(j->network, j->din, &j->unread_weights, weights, j->in, j->dembedding);
    spread(j, dout);
    return sum / (double)j->items;
}
