/* Steps that convert. The mel loss needs a recording of what is to come out, so that training by it alone never speaks one
 * speaker's words in another's voice. */
#include "nn/loss.h"
#include "pipeline/trainer.h"

#include <string.h>

/* Against the words: of the voice, and of staying near to the judge's own conversion at best, for what judges do not hear.
 * Without that harmonics come apart, and the voice weighing half as much lets the source through (ABLATIONS.md, "A judge
 * that listens"). */
static const float voice_weight = 4.0f, own_weight = 2.0f;
/* What is heard in another voice must not lose its words on the way: less than a conversion leans. */
static const myna_retrieval mild = {.sharpness = 1.0f, .strength = 2.0f};

/* A share of all steps; `salt` tells kinds of steps apart. */
static bool draw(const myna_trainer *t, uint64_t salt, float share)
{
    myna_rng rng = myna_rng_seed(t->options.seed ^ salt, t->n_done);
    return myna_rng_uniform(&rng, 0, 1) < share;
}

/* Untrained, the model would only take the words away. */
bool myna_trainer_self_converts(const myna_trainer *t)
{
    return t->n_done >= t->options.self_conversion_after && draw(t, 0x73656c66, t->options.self_conversion);
}

bool myna_trainer_converts(const myna_trainer *t)
{
    return t->judge.parameters && draw(t, 0x636f6e76, t->options.conversions);
}

/* As a conversion at `retrieval` speaks it. */
static const float *speak(
    worker *w, const myna_weights *weights, const myna_batch *batch, myna_retrieval retrieval, myna_latency latency)
{
    myna_network_set_retrieval(w->network, retrieval);
    return myna_network_forward(w->network, weights, batch, latency);
}

/* Self-conversion (as SelfVC 2310.09653 trains): a segment is heard in another voice, as a conversion speaks it, and to
 * be given back in its own. Whatever of a voice passes the content encoder is then the wrong voice's, and the decoder learns
 * not to believe it: as it must when it converts. */
void myna_worker_convert_inputs(const myna_trainer *t, worker *w, uint64_t first)
{
    myna_batch exchanged = myna_segment_exchange(w->maker);
    myna_gemm_round(w->rounding);
    const float *frames = speak(w, &t->average_weights, &exchanged, mild, MYNA_LATENCY_BEST);
    myna_network_set_retrieval(w->network, myna_retrieval_trained);
    myna_gemm_round(NULL);
    for (size_t i = 0; i < w->n_items; i++)
        myna_segment_hear(w->maker, i, frames + i * MYNA_SEGMENT_STEPS * MYNA_STEP_OUT, t->options.seed, first + i);
}

void myna_worker_conversion_gradients(const myna_trainer *t, worker *w)
{
    const myna_latency best = MYNA_LATENCY_BEST, latency = myna_trainer_latency(t);
    const size_t n_out = w->n_items * MYNA_SEGMENT_STEPS * MYNA_STEP_OUT;
    const float share = (float)w->n_items / (float)t->options.batch;
    const float *said = myna_segment_target(w->maker);
    myna_batch batch = myna_segment_exchange(w->maker);
    batch.phones = myna_segment_batch(w->maker).phones;
    myna_gemm_round(w->rounding);
    myna_batch recorded = batch;
    recorded.speaker = myna_segment_recorded(w->maker, true);
    memcpy(w->own, speak(w, &t->judge.weights, &recorded, myna_retrieval_at(best), best), n_out * sizeof *w->own);
    const float *out = speak(w, &t->weights, &batch, myna_retrieval_at(latency), latency);
    w->loss = myna_loss(w->dout, NULL, out, w->own, w->n_items, MYNA_SEGMENT_FRAMES, MYNA_MEL_BANDS, own_weight * share);
    w->loss += (double)share * myna_judge_words(w->judge, w->dout, out, said, batch.phones, share);
    w->loss += (double)(voice_weight * share) * myna_judge_voice(w->judge, w->dout, out, w->voices, voice_weight * share);
    memset(w->gradients, 0, t->layout.n_parameters * sizeof *w->gradients);
    const float *dcode = myna_worker_read_phones(t, w, &batch);
    myna_network_backward(w->network, &w->bound, &t->weights, &batch, latency, w->dout, dcode);
    myna_network_set_retrieval(w->network, myna_retrieval_trained);
    myna_gemm_round(NULL);
}
