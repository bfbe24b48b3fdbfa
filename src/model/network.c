#include "model/network.h"

#include "base/arena.h"
#include "base/status.h"
#include "model/block.h"
#include "nn/gemm.h"
#include "nn/layers.h"
#include "nn/optim.h"

#include <stdlib.h>
#include <string.h>

struct myna_network {
    myna_arena arena;
    size_t items, steps, speaker_steps, code_width;
    bool keeps; /* activations, for backward; otherwise it has the encoders only */
    myna_network *reader; /* the speaker encoder for what the content encoder hears; NULL: its own will do */
    float *source;        /* [items][MYNA_EMBEDDING_SIZE]: what it says */
    float *content_in;    /* [rows][c]: after content.in and its normalisation */
    myna_block_trace content[MYNA_CONTENT_BLOCKS]; /* their `out` is normalised */
    float *content_stats[MYNA_CONTENT_NORMS]; /* [items][2][c] */
    float *code;         /* [rows][code_width]: tanh, before noise */
    float *noisy_code;   /* as the decoder hears it */
    float *speaker_in;   /* [speaker rows][192] */
    myna_block_trace speaker[MYNA_SPEAKER_BLOCKS];
    float *pool_weights; /* [items][speaker_steps] */
    float *pooled;       /* [items][2 * 192] */
    float *embedding;    /* [items][MYNA_EMBEDDING_SIZE] */
    float *reference_source; /* the same, before another voice is put in its place */
    float *decoder_row;  /* [rows][code_width + MYNA_PITCH_IN]: code and pitch side by side */
    float *decoder_in;   /* [rows][c] */
    myna_block_trace decoder[MYNA_DECODER_BLOCKS];
    myna_network *listener; /* the content encoder for the references */
    myna_attention_pass attention[MYNA_ATTENTIONS];
    float *gate, *out;   /* [rows][MYNA_STEP_GATES], [rows][MYNA_STEP_OUT] */

    /* backward's scratch, for the larger of the two encoders' rows */
    float *dx;                              /* [rows][c] */
    myna_block_scratch scratch;
    float *dgate, *drow, *dcode;            /* like gate, decoder_row, code */
    float *dembedding, *dpooled;
};

/* Without backward, blocks need two traces in turn: the one they read from and the one they write to. */
static void lay_out_blocks(
    myna_network *n, myna_block_trace *traces, int n_blocks, size_t steps, size_t channels, bool film)
{
    const myna_conv_shape shape = {.items = n->items, .steps = steps, .channels = channels};
    for (int i = 0; i < n_blocks; i++) {
        if (n->keeps || i < 2) myna_block_lay_out(&traces[i], &n->arena, shape, film);
        else traces[i] = traces[i - 2];
    }
}

/* The speaker encoder's input is the same mel spectrum as the content encoder's, in longer steps. */
static size_t reference_steps(const myna_network *n)
{
    return n->speaker_steps * MYNA_SPEAKER_FRAMES / MYNA_STEP_FRAMES;
}

static void lay_out_encoders(myna_network *n)
{
    myna_arena *arena = &n->arena;
    size_t rows = n->items * n->steps, speaker_rows = n->items * n->speaker_steps;
    MYNA_TAKE(arena, n->source, n->items * MYNA_EMBEDDING_SIZE);
    MYNA_TAKE(arena, n->content_in, rows * MYNA_CHANNELS);
    lay_out_blocks(n, n->content, MYNA_CONTENT_BLOCKS, n->steps, MYNA_CHANNELS, true);
    for (int i = 0; i < MYNA_CONTENT_NORMS; i++) MYNA_TAKE(arena, n->content_stats[i], n->items * 2 * MYNA_CHANNELS);
    MYNA_TAKE(arena, n->code, rows * n->code_width);
    MYNA_TAKE(arena, n->speaker_in, speaker_rows * MYNA_SPEAKER_CHANNELS);
    lay_out_blocks(n, n->speaker, MYNA_SPEAKER_BLOCKS, n->speaker_steps, MYNA_SPEAKER_CHANNELS, false);
    MYNA_TAKE(arena, n->pool_weights, speaker_rows);
    MYNA_TAKE(arena, n->pooled, n->items * 2 * MYNA_SPEAKER_CHANNELS);
    MYNA_TAKE(arena, n->embedding, n->items * MYNA_EMBEDDING_SIZE);
    MYNA_TAKE(arena, n->reference_source, n->items * MYNA_EMBEDDING_SIZE);
}

static void lay_out_decoder(myna_network *n)
{
    myna_arena *arena = &n->arena;
    size_t rows = n->items * n->steps;
    MYNA_TAKE(arena, n->noisy_code, rows * n->code_width);
    MYNA_TAKE(arena, n->decoder_row, rows * (n->code_width + MYNA_PITCH_IN));
    MYNA_TAKE(arena, n->decoder_in, rows * MYNA_CHANNELS);
    lay_out_blocks(n, n->decoder, MYNA_DECODER_BLOCKS, n->steps, MYNA_CHANNELS, true);
    MYNA_TAKE(arena, n->gate, rows * MYNA_STEP_GATES);
    MYNA_TAKE(arena, n->out, rows * MYNA_STEP_OUT);
}

static void lay_out_gradients(myna_network *n)
{
    myna_arena *arena = &n->arena;
    size_t rows = n->items * n->steps, speaker_rows = n->items * n->speaker_steps;
    size_t most = rows > speaker_rows ? rows : speaker_rows;
    MYNA_TAKE(arena, n->dx, most * MYNA_CHANNELS);
    MYNA_TAKE(arena, n->scratch.narrow_a, most * MYNA_CHANNELS);
    MYNA_TAKE(arena, n->scratch.narrow_b, most * MYNA_CHANNELS);
    MYNA_TAKE(arena, n->scratch.wide, most * MYNA_CHANNELS * MYNA_EXPANSION);
    MYNA_TAKE(arena, n->dgate, rows * MYNA_STEP_GATES);
    MYNA_TAKE(arena, n->drow, rows * (n->code_width + MYNA_PITCH_IN));
    MYNA_TAKE(arena, n->dcode, rows * n->code_width);
    MYNA_TAKE(arena, n->dembedding, n->items * MYNA_EMBEDDING_SIZE);
    MYNA_TAKE(arena, n->scratch.dembedding, n->items * MYNA_EMBEDDING_SIZE);
    MYNA_TAKE(arena, n->dpooled, n->items * 2 * MYNA_SPEAKER_CHANNELS);
}

static void lay_out(myna_network *n)
{
    lay_out_encoders(n);
    if (!n->keeps) return;
    lay_out_decoder(n);
    for (int i = 0; i < MYNA_ATTENTIONS; i++)
        myna_attention_pass_lay_out(&n->attention[i], &n->arena, n->items, n->steps, reference_steps(n));
    lay_out_gradients(n);
}

static myna_status create(myna_network **out, const myna_network *shape, myna_error *error)
{
    myna_network *n = calloc(1, sizeof *n);
    if (!n) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a network");
    *n = *shape;
    lay_out(n);
    if (!myna_arena_reserve(&n->arena)) {
        free(n);
        return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for the activations of %zu segments", shape->items);
    }
    lay_out(n);
    myna_gemm_init();
    *out = n;
    return MYNA_OK;
}

myna_status myna_network_create(
    myna_network **out, const myna_layout *layout, size_t items, size_t steps, size_t speaker_steps, myna_error *error)
{
    if (items > 1 && myna_speaker_steps(steps) * MYNA_SPEAKER_FRAMES != steps * MYNA_STEP_FRAMES)
        return myna_fail(error, MYNA_ERROR_ARGUMENT, "%zu steps are not whole steps of the speaker encoder", steps);
    const myna_network shape = {
        .items = items, .steps = steps, .speaker_steps = speaker_steps, .code_width = layout->code_width, .keeps = true};
    const myna_network reader = {
        .items = items, .speaker_steps = myna_speaker_steps(steps), .code_width = layout->code_width};
    const myna_network listener = {
        .items = items, .steps = reference_steps(&shape), .code_width = layout->code_width};
    myna_network *n = NULL;
    myna_status status = create(&n, &shape, error);
    if (status == MYNA_OK) myna_network_set_retrieval(n, myna_retrieval_trained);
    if (status == MYNA_OK) status = create(&n->reader, &reader, error);
    if (status == MYNA_OK) status = create(&n->listener, &listener, error);
    if (status == MYNA_OK) *out = n;
    else myna_network_free(n);
    return status;
}

myna_status myna_network_create_encoders(
    myna_network **out, const myna_layout *layout, size_t steps, size_t speaker_steps, myna_error *error)
{
    const myna_network shape = {
        .items = 1, .steps = steps, .speaker_steps = speaker_steps, .code_width = layout->code_width};
    return create(out, &shape, error);
}

void myna_network_free(myna_network *network)
{
    if (!network) return;
    myna_network_free(network->listener);
    myna_network_free(network->reader);
    myna_arena_free(&network->arena);
    free(network);
}

void myna_network_set_retrieval(myna_network *network, myna_retrieval retrieval)
{
    for (int i = 0; i < MYNA_ATTENTIONS; i++) network->attention[i].retrieval = retrieval;
}

/* Block i of content encoder or decoder, of which the first n_ahead see one step of the future. */
static myna_conv_shape step_shape(const myna_network *n, int i, int n_ahead)
{
    bool ahead = i < MYNA_AHEAD_BLOCKS;
    return (myna_conv_shape){
        .items = n->items, .steps = n->steps, .channels = MYNA_CHANNELS, .ahead = ahead, .mute_last = ahead && i >= n_ahead};
}

static myna_conv_shape speaker_shape(const myna_network *n)
{
    return (myna_conv_shape){
        .items = n->items, .steps = n->speaker_steps, .channels = MYNA_SPEAKER_CHANNELS, .ahead = 2};
}

/* The input of block i in a row of blocks. */
static const float *before(const myna_block_trace *traces, int i, const float *first)
{
    return i ? traces[i - 1].out : first;
}

/* ---- Content encoder -------------------------------------------------------------------------------------------- */

static void add_statistics(const myna_network *n, const float *source, myna_content_statistics *sum)
{
    for (size_t item = 0; item < n->items; item++)
        myna_accumulate(sum->source, source + item * MYNA_EMBEDDING_SIZE, MYNA_EMBEDDING_SIZE);
    for (size_t i = 0; i < MYNA_CONTENT_VALUES; i++) {
        for (size_t item = 0; item < n->items; item++) {
            const float *stats = n->content_stats[i / MYNA_CHANNELS] + item * 2 * MYNA_CHANNELS + i % MYNA_CHANNELS;
            sum->mean[i] += stats[0];
            sum->deviation[i] += 1.0f / stats[MYNA_CHANNELS];
        }
    }
}

/* What stands before the content encoder's bottleneck, where source[items][MYNA_EMBEDDING_SIZE] is heard. */
static const float *hear(myna_network *n, const myna_weights *w, const float *in, const float *source,
    myna_latency latency, myna_content_statistics *sum)
{
    size_t rows = n->items * n->steps;
    float *x = n->content_in;
    myna_linear_forward(x, in, w->content.in.weight, w->content.in.bias, rows, MYNA_CHANNELS, MYNA_CONTENT_IN);
    myna_instance_norm_forward(x, n->content_stats[0], x, n->items, n->steps, MYNA_CHANNELS);
    for (int i = 0; i < MYNA_CONTENT_BLOCKS; i++) {
        myna_block_forward(
            &n->content[i], x, &w->content.blocks[i], source, step_shape(n, i, myna_content_ahead(latency)));
        x = n->content[i].out;
        myna_instance_norm_forward(x, n->content_stats[i + 1], x, n->items, n->steps, MYNA_CHANNELS);
    }
    if (sum) add_statistics(n, source, sum);
    return x;
}

/* Into n->source, from in[items][steps][MYNA_CONTENT_IN]. */
static void find_source(myna_network *n, const myna_weights *w, const float *in, bool is_told)
{
    myna_network *reader = n->reader ? n->reader : n;
    const size_t bytes = n->items * MYNA_EMBEDDING_SIZE * sizeof(float);
    if (is_told && reader->speaker_steps > 0) memcpy(n->source, myna_network_embed(reader, w, in), bytes);
    else memset(n->source, 0, bytes);
}

const float *myna_network_listen(myna_network *n, const myna_weights *w, const float *in, bool is_told,
    myna_latency latency, myna_content_statistics *sum)
{
    find_source(n, w, in, is_told);
    return hear(n, w, in, n->source, latency, sum);
}

static void content_forward(myna_network *n, const myna_weights *w, const myna_batch *batch, myna_latency latency)
{
    size_t rows = n->items * n->steps;
    find_source(n, w, batch->content, true);
    for (size_t i = 0; batch->is_known && i < n->items; i++)
        if (!batch->is_known[i]) memset(n->source + i * MYNA_EMBEDDING_SIZE, 0, MYNA_EMBEDDING_SIZE * sizeof *n->source);
    const float *x = hear(n, w, batch->content, n->source, latency, NULL);
    myna_linear_forward(n->code, x, w->content.out.weight, w->content.out.bias, rows, n->code_width, MYNA_CHANNELS);
    myna_tanh_forward(n->code, n->code, rows * n->code_width);
}

void myna_network_listen_backward(myna_network *n, float *dcontent, const myna_weights *d, const myna_weights *w,
    const float *content, myna_latency latency, const float *dheard)
{
    memmove(n->dx, dheard, n->items * n->steps * MYNA_CHANNELS * sizeof *n->dx);
    for (int i = MYNA_CONTENT_BLOCKS - 1; i >= 0; i--) {
        myna_instance_norm_backward(
            n->dx, n->dx, n->content[i].out, n->content_stats[i + 1], n->items, n->steps, MYNA_CHANNELS);
        myna_block_backward(n->dx, NULL, &d->content.blocks[i], &n->content[i], before(n->content, i, n->content_in),
            &w->content.blocks[i], n->source, step_shape(n, i, myna_content_ahead(latency)), &n->scratch);
    }
    myna_instance_norm_backward(n->dx, n->dx, n->content_in, n->content_stats[0], n->items, n->steps, MYNA_CHANNELS);
    myna_linear_backward(dcontent, d->content.in.weight, d->content.in.bias, n->dx, content, w->content.in.weight,
        n->items * n->steps, MYNA_CHANNELS, MYNA_CONTENT_IN);
}

/* From n->dcode, the gradient of the code after tanh. */
static void content_backward(
    myna_network *n, const myna_weights *d, const myna_weights *w, const float *in, myna_latency latency)
{
    size_t rows = n->items * n->steps;
    myna_tanh_backward(n->dcode, n->dcode, n->code, rows * n->code_width);
    myna_linear_backward(n->dx, d->content.out.weight, d->content.out.bias, n->dcode,
        n->content[MYNA_CONTENT_BLOCKS - 1].out, w->content.out.weight, rows, n->code_width, MYNA_CHANNELS);
    myna_network_listen_backward(n, NULL, d, w, in, latency, n->dx);
}

/* ---- Speaker encoder -------------------------------------------------------------------------------------------- */

const float *myna_network_embed(myna_network *n, const myna_weights *w, const float *speaker)
{
    size_t rows = n->items * n->speaker_steps;
    const float *x = n->speaker_in;
    myna_linear_forward(n->speaker_in, speaker, w->speaker.in.weight, w->speaker.in.bias, rows, MYNA_SPEAKER_CHANNELS,
        MYNA_SPEAKER_IN);
    for (int i = 0; i < MYNA_SPEAKER_BLOCKS; i++)
        x = myna_block_forward(&n->speaker[i], x, &w->speaker.blocks[i], NULL, speaker_shape(n));
    myna_pool_forward(n->pooled, n->pool_weights, x, w->speaker.attention.weight, w->speaker.attention.bias, n->items,
        n->speaker_steps, MYNA_SPEAKER_CHANNELS);
    myna_linear_forward(n->embedding, n->pooled, w->speaker.out.weight, w->speaker.out.bias, n->items,
        MYNA_EMBEDDING_SIZE, 2 * MYNA_SPEAKER_CHANNELS);
    return n->embedding;
}

void myna_network_embed_backward(myna_network *n, float *dspeaker, const myna_weights *d, const myna_weights *w,
    const float *in, const float *dembedding)
{
    size_t rows = n->items * n->speaker_steps;
    myna_linear_backward(n->dpooled, d->speaker.out.weight, d->speaker.out.bias, dembedding, n->pooled,
        w->speaker.out.weight, n->items, MYNA_EMBEDDING_SIZE, 2 * MYNA_SPEAKER_CHANNELS);
    myna_pool_backward(n->dx, d->speaker.attention.weight, d->speaker.attention.bias, n->dpooled,
        n->speaker[MYNA_SPEAKER_BLOCKS - 1].out, n->pooled, n->pool_weights, w->speaker.attention.weight, n->items,
        n->speaker_steps, MYNA_SPEAKER_CHANNELS);
    for (int i = MYNA_SPEAKER_BLOCKS - 1; i >= 0; i--)
        myna_block_backward(n->dx, NULL, &d->speaker.blocks[i], &n->speaker[i], before(n->speaker, i, n->speaker_in),
            &w->speaker.blocks[i], NULL, speaker_shape(n), &n->scratch);
    myna_linear_backward(dspeaker, d->speaker.in.weight, d->speaker.in.bias, n->dx, in, w->speaker.in.weight, rows,
        MYNA_SPEAKER_CHANNELS, MYNA_SPEAKER_IN);
}

/* ---- The reference ------------------------------------------------------------------------------------------------ */

/* All there is of the reference can be heard at once, so its content encoder always looks ahead; and it knows whom. */
static void remember(myna_network *n, const myna_weights *w, const myna_batch *batch)
{
    const float *heard = hear(n->listener, w, batch->speaker, n->reference_source, MYNA_LATENCY_BEST, NULL);
    for (int i = 0; i < MYNA_ATTENTIONS; i++)
        myna_attention_pass_remember(
            &n->attention[i], &w->decoder.attention[i], heard, batch->speaker, batch->reference);
}

/* ---- Decoder ------------------------------------------------------------------------------------------------------ */

/* Rows of {code + noise, pitch}. */
static void join_rows(myna_network *n, const float *pitch, const float *noise)
{
    size_t rows = n->items * n->steps, width = n->code_width;
    for (size_t r = 0; r < rows; r++) {
        float *row = n->decoder_row + r * (width + MYNA_PITCH_IN);
        for (size_t i = r * width; i < (r + 1) * width; i++) n->noisy_code[i] = n->code[i] + noise[i];
        memcpy(row, n->noisy_code + r * width, width * sizeof *row);
        memcpy(row + width, pitch + r * MYNA_PITCH_IN, MYNA_PITCH_IN * sizeof *row);
    }
}

static void decoder_forward(myna_network *n, const myna_weights *w, const myna_batch *batch, myna_latency latency)
{
    size_t rows = n->items * n->steps;
    const float *x = n->decoder_in;
    join_rows(n, batch->pitch, batch->noise);
    myna_linear_forward(n->decoder_in, n->decoder_row, w->decoder.in.weight, w->decoder.in.bias, rows, MYNA_CHANNELS,
        n->code_width + MYNA_PITCH_IN);
    for (int i = 0; i < MYNA_DECODER_BLOCKS; i++) {
        int a = myna_attention_before(i);
        if (a >= 0) x = myna_attention_pass_forward(&n->attention[a], &w->decoder.attention[a], x);
        x = myna_block_forward(
            &n->decoder[i], x, &w->decoder.blocks[i], n->embedding, step_shape(n, i, myna_decoder_ahead(latency)));
    }
    myna_linear_forward(n->out, x, w->decoder.out.weight, w->decoder.out.bias, rows, MYNA_STEP_OUT, MYNA_CHANNELS);
    myna_linear_forward(n->gate, x, w->decoder.gate.weight, w->decoder.gate.bias, rows, MYNA_STEP_GATES, MYNA_CHANNELS);
    myna_gate_forward(n->out, n->out, n->gate, batch->ripple, rows, MYNA_STEP_OUT, MYNA_STEP_GATES);
}

/* Leaves the gradients of code and embedding in n->dcode and n->dembedding. */
static void decoder_backward(myna_network *n, const myna_weights *d, const myna_weights *w, const myna_batch *batch,
    myna_latency latency, const float *dout)
{
    size_t rows = n->items * n->steps, width = n->code_width;
    const float *last = n->decoder[MYNA_DECODER_BLOCKS - 1].out;
    myna_gate_backward(n->dgate, dout, n->gate, batch->ripple, rows, MYNA_STEP_OUT, MYNA_STEP_GATES);
    myna_linear_backward(n->scratch.narrow_a, d->decoder.gate.weight, d->decoder.gate.bias, n->dgate, last,
        w->decoder.gate.weight, rows, MYNA_STEP_GATES, MYNA_CHANNELS);
    myna_linear_backward(n->dx, d->decoder.out.weight, d->decoder.out.bias, dout, last, w->decoder.out.weight, rows,
        MYNA_STEP_OUT, MYNA_CHANNELS);
    myna_accumulate(n->dx, n->scratch.narrow_a, rows * MYNA_CHANNELS);
    memset(n->dembedding, 0, n->items * MYNA_EMBEDDING_SIZE * sizeof *n->dembedding);
    for (int i = MYNA_DECODER_BLOCKS - 1; i >= 0; i--) {
        const float *x = before(n->decoder, i, n->decoder_in);
        int a = myna_attention_before(i);
        myna_block_backward(n->dx, n->dembedding, &d->decoder.blocks[i], &n->decoder[i],
            a >= 0 ? n->attention[a].out : x, &w->decoder.blocks[i], n->embedding,
            step_shape(n, i, myna_decoder_ahead(latency)), &n->scratch);
        if (a >= 0)
            myna_attention_pass_backward(&n->attention[a], &d->decoder.attention[a], n->dx, x, batch->speaker,
                &w->decoder.attention[a], n->scratch.narrow_a, n->scratch.narrow_b);
    }
    myna_linear_backward(n->drow, d->decoder.in.weight, d->decoder.in.bias, n->dx, n->decoder_row, w->decoder.in.weight,
        rows, MYNA_CHANNELS, width + MYNA_PITCH_IN);
    for (size_t r = 0; r < rows; r++)
        memcpy(n->dcode + r * width, n->drow + r * (width + MYNA_PITCH_IN), width * sizeof *n->dcode);
}

/* ---- The whole ------------------------------------------------------------------------------------------------------ */

static void embed_reference(myna_network *n, const myna_weights *w, const myna_batch *batch)
{
    const float *found = myna_network_embed(n, w, batch->speaker);
    memcpy(n->reference_source, found, n->items * MYNA_EMBEDDING_SIZE * sizeof *found);
}

/* From n->embedding on. */
static const float *run(myna_network *n, const myna_weights *w, const myna_batch *batch, myna_latency latency)
{
    content_forward(n, w, batch, latency);
    remember(n, w, batch);
    decoder_forward(n, w, batch, latency);
    return n->out;
}

const float *myna_network_forward(
    myna_network *network, const myna_weights *weights, const myna_batch *batch, myna_latency latency)
{
    embed_reference(network, weights, batch);
    return run(network, weights, batch, latency);
}

const float *myna_network_code(const myna_network *network)
{
    return network->noisy_code;
}

void myna_network_backward(myna_network *network, const myna_weights *gradients, const myna_weights *weights,
    const myna_batch *batch, myna_latency latency, const float *dout, const float *dcode)
{
    decoder_backward(network, gradients, weights, batch, latency, dout);
    if (dcode) myna_accumulate(network->dcode, dcode, network->items * network->steps * network->code_width);
    myna_network_embed_backward(network, NULL, gradients, weights, batch->speaker, network->dembedding);
    content_backward(network, gradients, weights, batch->content, latency);
}

/* ---- In one voice ------------------------------------------------------------------------------------------------- */

const float *myna_network_forward_as(myna_network *n, const myna_weights *w, const myna_batch *batch,
    const float *embedding, const float *film_change, myna_latency latency)
{
    embed_reference(n, w, batch);
    for (size_t i = 0; i < n->items; i++)
        memcpy(n->embedding + i * MYNA_EMBEDDING_SIZE, embedding, MYNA_EMBEDDING_SIZE * sizeof *embedding);
    for (int i = 0; i < MYNA_DECODER_BLOCKS; i++) n->decoder[i].film_change = film_change + i * MYNA_FILM;
    run(n, w, batch, latency);
    for (int i = 0; i < MYNA_DECODER_BLOCKS; i++) n->decoder[i].film_change = NULL;
    return n->out;
}

void myna_network_backward_as(myna_network *n, float *dembedding, float *dfilm_change, const myna_weights *gradients,
    const myna_weights *w, const myna_batch *batch, myna_latency latency, const float *dout)
{
    decoder_backward(n, gradients, w, batch, latency, dout);
    memset(dembedding, 0, MYNA_EMBEDDING_SIZE * sizeof *dembedding);
    memset(dfilm_change, 0, (size_t)MYNA_DECODER_BLOCKS * MYNA_FILM * sizeof *dfilm_change);
    for (size_t i = 0; i < n->items; i++) {
        myna_accumulate(dembedding, n->dembedding + i * MYNA_EMBEDDING_SIZE, MYNA_EMBEDDING_SIZE);
        for (int b = 0; b < MYNA_DECODER_BLOCKS; b++)
            myna_accumulate(dfilm_change + b * MYNA_FILM, n->decoder[b].dfilm + i * MYNA_FILM, MYNA_FILM);
    }
}
