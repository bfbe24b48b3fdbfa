/* Attention over the reference. An embedding says what a voice is like on the whole; how it sounds in each of its
 * sounds the decoder looks up in a recording of it. Before two of its blocks it asks for steps that sound alike
 * (keys: what the content encoder makes of them, which is nearly the same for all voices) and gets their mel
 * spectrum (values), or, where nothing is alike, no_value. Retrieval of a target's frames, as kNN-VC (2305.18975) does
 * it by nearest neighbours and FragmentVC (2010.14150) by attention, here beside the embedding. The content encoder
 * learns nothing from this use of it. */
#ifndef MYNA_MODEL_ATTENTION_H
#define MYNA_MODEL_ATTENTION_H

#include "base/arena.h"
#include "model/tensors.h"
#include "nn/layers.h"

/* Keys [1 + steps][MYNA_ATTENTION_KEY] and values [1 + steps][MYNA_CHANNELS] of heard[steps][MYNA_CHANNELS], as
 * myna_network_listen gives it, and of the same steps' content[steps][MYNA_CONTENT_IN]; row 0 is no_key and no_value. */
void myna_attention_memory(
    float *key, float *value, const myna_attention *weights, const float *heard, const float *content, size_t steps);

/* How far a decoder leans on what it finds: queries count `sharpness` times, which tells sounds apart more sharply, and
 * what is found lies `strength` times as far from no_value. Both are 1 in training, where what is said is the target's
 * own speech and a reference is 3 s, so that little is asked of it; in a conversion more of both gives likeness for few
 * words (ABLATIONS.md, "Retrieval", "Told whom it hears" and "What was said is not the voice"). */
typedef struct myna_retrieval {
    float sharpness, strength;
} myna_retrieval;
extern const myna_retrieval myna_retrieval_trained; /* 1 and 1 */
/* What a conversion at this latency uses. */
myna_retrieval myna_retrieval_at(myna_latency latency);
/* What a voice's own recordings are spoken with, to hear what the network gets wrong in it (pipeline/match.h), for all
 * latencies: with that of conversions at best likeness is .003 less and the margin .006, at low .014 and .014. */
extern const myna_retrieval myna_retrieval_of_own;
/* Before and after a look-up, in place: query[rows][MYNA_ATTENTION_KEY] and found[rows][MYNA_CHANNELS]. */
void myna_retrieval_ask(float *query, size_t rows, myna_retrieval retrieval);
void myna_retrieval_take(float *found, const float *no_value, size_t rows, myna_retrieval retrieval);

/* A batch's way through the attention, and back; rows = items * steps, n_keys = 1 + reference_steps. */
typedef struct myna_attention_pass {
    size_t items, steps, reference_steps;
    myna_retrieval retrieval;
    const float *heard;                      /* [items][reference_steps][c], the caller's */
    float *key, *value;                      /* [items][n_keys][MYNA_ATTENTION_KEY], [items][n_keys][c] */
    size_t *n_used;                          /* [items]: 1 or n_keys */
    float *norm, *stats, *query;             /* [rows][c], [rows][2], [rows][MYNA_ATTENTION_KEY] */
    float *weights;                          /* [items][heads][steps][n_keys] */
    float *found, *y, *out;                  /* [rows][c] */
    float *dquery, *dkey, *dvalue, *dscores; /* dscores[steps][n_keys] */
} myna_attention_pass;

/* See arena.h: to be called twice. `retrieval` is the caller's to set. */
void myna_attention_pass_lay_out(
    myna_attention_pass *pass, myna_arena *arena, size_t items, size_t steps, size_t reference_steps);
/* What is heard of the references' content[items][reference_steps][MYNA_CONTENT_IN]: heard[items][reference_steps][c],
 * to stay until backward has run. An item that may not use its reference has only no_key and no_value. */
void myna_attention_pass_remember(myna_attention_pass *pass, const myna_attention *weights, const float *heard,
    const float *content, const bool *used);
/* Returns out[rows][c] of x[rows][c]. */
const float *myna_attention_pass_forward(myna_attention_pass *pass, const myna_attention *weights, const float *x);
/* dx[rows][c] holds d(out) on entry and d(x) on return. `x` and `content` [items][reference_steps][MYNA_CONTENT_IN] are
 * those of the forward; a and b, [rows][c], are scratch. */
void myna_attention_pass_backward(myna_attention_pass *pass, const myna_attention *gradients, float *dx, const float *x,
    const float *content, const myna_attention *weights, float *a, float *b);

#endif
