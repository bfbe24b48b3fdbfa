#include "model/stream.h"

#include "base/arena.h"
#include "base/status.h"
#include "model/content_norm.h"
#include "model/features.h"
#include "nn/gemm.h"
#include "nn/layers.h"
#include "nn/optim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAST = MYNA_TAPS - 1,
    N_BLOCKS = MYNA_CONTENT_BLOCKS + MYNA_DECODER_BLOCKS,
    C = MYNA_CHANNELS,
    FADE_STEPS = 4,   /* from one voice to the next */
    PAUSE_STEPS = 20, /* after speech that still count as speech: training segments have their pauses too */
};

_Static_assert(MYNA_MAX_CODE_WIDTH <= (int)C, "a code fits where channels do");

struct myna_stream {
    myna_arena arena;
    const myna_model *model;
    int content_ahead, decoder_ahead;
    myna_retrieval retrieval;
    int64_t n_pushed; /* steps so far */
    myna_content_norm content_norm, content_norm_at_start;
    int steps_after_speech;
    bool is_speech[MYNA_STREAM_MAX_STEPS]; /* of the steps being pushed */

    float *past[N_BLOCKS];             /* [PAST + MAX_STEPS][C]: the last inputs of each block, then the new ones */
    const myna_speaker *speaker, *speaker_before;
    float *source_film[MYNA_CONTENT_BLOCKS]; /* [2 C], of whom it hears */
    float *film[MYNA_DECODER_BLOCKS];     /* [2 C], in use */
    float *film_aim[MYNA_DECODER_BLOCKS]; /* where it moves to */
    int fade_steps;                       /* still to go from speaker_before */
    float *f0_hz;                      /* [AHEAD_BLOCKS + MAX_STEPS][STEP_FRAMES]: waits for the decoder's look-ahead */

    float *row, *x, *conv, *norm, *wide, *y; /* one call's activations */
    float *stats, *gate, *out, *ripple;
    float *query_row, *found, *found_before; /* of the attention */
    float *head_query, *head_found, *scores; /* of one of its heads; scores[rows][1 + steps of the longest voice] */
};

static void lay_out(myna_stream *s)
{
    myna_arena *arena = &s->arena;
    const size_t rows = MYNA_STREAM_MAX_STEPS, code_row = s->model->layout.code_width + MYNA_PITCH_IN;
    for (int i = 0; i < N_BLOCKS; i++) MYNA_TAKE(arena, s->past[i], (PAST + rows) * C);
    for (int i = 0; i < MYNA_CONTENT_BLOCKS; i++) MYNA_TAKE(arena, s->source_film[i], 2 * C);
    for (int i = 0; i < MYNA_DECODER_BLOCKS; i++) MYNA_TAKE(arena, s->film[i], 2 * C);
    for (int i = 0; i < MYNA_DECODER_BLOCKS; i++) MYNA_TAKE(arena, s->film_aim[i], 2 * C);
    MYNA_TAKE(arena, s->f0_hz, (MYNA_AHEAD_BLOCKS + rows) * MYNA_STEP_FRAMES);
    MYNA_TAKE(arena, s->row, rows * (code_row > MYNA_CONTENT_IN ? code_row : MYNA_CONTENT_IN));
    MYNA_TAKE(arena, s->x, rows * C);
    MYNA_TAKE(arena, s->conv, (PAST + rows) * C);
    MYNA_TAKE(arena, s->norm, rows * C);
    MYNA_TAKE(arena, s->wide, rows * C * MYNA_EXPANSION);
    MYNA_TAKE(arena, s->y, rows * C);
    MYNA_TAKE(arena, s->stats, rows * 2);
    MYNA_TAKE(arena, s->gate, rows * MYNA_STEP_GATES);
    MYNA_TAKE(arena, s->out, rows * MYNA_STEP_OUT);
    MYNA_TAKE(arena, s->ripple, rows * MYNA_STEP_OUT);
    MYNA_TAKE(arena, s->query_row, rows * MYNA_ATTENTION_KEY);
    MYNA_TAKE(arena, s->found, rows * C);
    MYNA_TAKE(arena, s->found_before, rows * C);
    MYNA_TAKE(arena, s->head_query, rows * MYNA_HEAD_KEY);
    MYNA_TAKE(arena, s->head_found, rows * MYNA_HEAD_VALUE);
    MYNA_TAKE(arena, s->scores, rows * (1 + MYNA_VOICE_MAX_FRAMES / MYNA_STEP_FRAMES));
}

/* NULL: somebody unknown. */
static void set_source(myna_stream *s, const myna_content_statistics *content)
{
    static const float unknown[MYNA_EMBEDDING_SIZE];
    for (int i = 0; i < MYNA_CONTENT_BLOCKS; i++) {
        const myna_linear *film = &s->model->weights.content.blocks[i].film;
        myna_linear_forward(s->source_film[i], content ? content->source : unknown, film->weight, film->bias, 1, 2 * C,
            MYNA_EMBEDDING_SIZE);
    }
}

void myna_stream_set_speaker(myna_stream *s, const myna_speaker *speaker)
{
    s->speaker_before = s->speaker;
    s->speaker = speaker;
    for (int i = 0; i < MYNA_DECODER_BLOCKS; i++) {
        const myna_linear *film = &s->model->weights.decoder.blocks[i].film;
        myna_linear_forward(s->film_aim[i], speaker->embedding, film->weight, film->bias, 1, 2 * C, MYNA_EMBEDDING_SIZE);
        myna_accumulate(s->film_aim[i], speaker->film_change + i * MYNA_FILM, MYNA_FILM);
    }
    s->fade_steps = FADE_STEPS;
}

/* By n of the steps that are still to go. */
static void move_film(myna_stream *s, size_t n)
{
    if (s->fade_steps == 0) return;
    int steps = n < (size_t)s->fade_steps ? (int)n : s->fade_steps;
    float part = (float)steps / (float)s->fade_steps;
    for (int i = 0; i < MYNA_DECODER_BLOCKS; i++)
        for (size_t c = 0; c < 2 * C; c++) s->film[i][c] += part * (s->film_aim[i][c] - s->film[i][c]);
    s->fade_steps -= steps;
    for (int i = 0; s->fade_steps == 0 && i < MYNA_DECODER_BLOCKS; i++) /* to the last bit */
        memcpy(s->film[i], s->film_aim[i], 2 * C * sizeof *s->film[i]);
}

myna_status myna_stream_create(myna_stream **out, const myna_model *model, const myna_speaker *speaker, myna_latency latency,
    const myna_content_statistics *content, bool learns, myna_error *error)
{
    myna_stream *s = calloc(1, sizeof *s);
    if (!s) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a stream");
    s->model = model;
    s->content_ahead = myna_content_ahead(latency);
    s->decoder_ahead = myna_decoder_ahead(latency);
    s->retrieval = myna_retrieval_at(latency);
    lay_out(s);
    if (!myna_arena_reserve(&s->arena)) {
        free(s);
        return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a stream");
    }
    lay_out(s);
    myna_gemm_init();
    set_source(s, content);
    myna_stream_set_speaker(s, speaker);
    myna_content_norm_init(&s->content_norm_at_start, &model->weights, content, learns);
    myna_stream_reset(s);
    *out = s;
    return MYNA_OK;
}

void myna_stream_free(myna_stream *stream)
{
    if (!stream) return;
    myna_arena_free(&stream->arena);
    free(stream);
}

void myna_stream_set_retrieval(myna_stream *stream, myna_retrieval retrieval)
{
    stream->retrieval = retrieval;
}

void myna_stream_reset(myna_stream *s)
{
    s->n_pushed = 0;
    s->content_norm = s->content_norm_at_start;
    s->steps_after_speech = PAUSE_STEPS;
    move_film(s, FADE_STEPS);
    for (int i = 0; i < N_BLOCKS; i++) memset(s->past[i], 0, PAST * C * sizeof(float));
    memset(s->f0_hz, 0, MYNA_AHEAD_BLOCKS * MYNA_STEP_FRAMES * sizeof(float));
}

/* Training pads with zeros before step 0; so rows of earlier steps must be zero wherever a block will read them. */
static void clear_before_start(float *x, int64_t first_step, size_t n)
{
    for (size_t i = 0; i < n && first_step + (int64_t)i < 0; i++) memset(x + i * C, 0, C * sizeof *x);
}

/* Whether a block reads the step after its own: it has no tap for it, or one that this latency mutes, or hears it. */
typedef enum future { NO_FUTURE, MUTED_FUTURE, HEARD_FUTURE } future;

/* Of the i-th block of an encoder or decoder that looks n_ahead steps ahead. */
static future future_of(int i, int n_ahead)
{
    if (i < n_ahead) return HEARD_FUTURE;
    return i < MYNA_AHEAD_BLOCKS ? MUTED_FUTURE : NO_FUTURE;
}

/* Runs block `number` over s->x[n][C] in place. One that hears the future gives its output one step late: the newest
 * input is its tap +1. `film` as in myna_film_norm_forward. */
static void push_block(myna_stream *s, const myna_block *w, const myna_packed_block *packed, int number, const float *film,
    future reads, size_t n)
{
    const bool muted = reads == MUTED_FUTURE;
    float *past = s->past[number];
    size_t wide = C * MYNA_EXPANSION;
    memcpy(past + PAST * C, s->x, n * C * sizeof(float));
    myna_conv_shape shape = {.items = 1, .steps = PAST + n, .channels = C, .ahead = muted, .mute_last = muted};
    myna_dwconv_forward(s->conv, past, w->conv_weight, w->conv_bias, shape);
    myna_film_norm_forward(s->norm, s->stats, s->conv + PAST * C, film, 1, n, C);
    myna_packed_linear_forward(&packed->expand, s->wide, s->norm, n);
    myna_gelu_forward(s->wide, s->wide, n * wide);
    myna_packed_linear_forward(&packed->project, s->y, s->wide, n);
    myna_residual_forward(s->x, past + (reads == HEARD_FUTURE ? PAST - 1 : PAST) * C, s->y, w->gain, n, C);
    memmove(past, past + n * C, PAST * C * sizeof(float));
}

/* Content only: normalises s->x[n][C], whose rows are steps from first_step on. Rows before step 0 become zeros. (Behind
 * a look-ahead a row is an older step than the one whose is_speech it gets, by two steps of the twenty that count on.) */
static void normalize(myna_stream *s, int number, int64_t first_step, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (first_step + (int64_t)i >= 0)
            myna_content_norm_apply(&s->content_norm, number, s->x + i * C, s->is_speech[i]);
    clear_before_start(s->x, first_step, n);
}

static void find_speech(myna_stream *s, const float *log_mel, size_t n)
{
    for (size_t i = 0; i < n * MYNA_STEP_FRAMES; i++) {
        bool found = myna_mel_is_speech(log_mel + i * MYNA_MEL_BANDS);
        if (i % MYNA_STEP_FRAMES == 0) s->steps_after_speech += s->steps_after_speech < PAUSE_STEPS;
        if (found) s->steps_after_speech = 0;
        s->is_speech[i / MYNA_STEP_FRAMES] = s->steps_after_speech < PAUSE_STEPS;
    }
}

/* log_mel -> s->x (after the last content block) -> tanh code in s->y[n][code_width]. */
static void push_content(myna_stream *s, const float *log_mel, size_t n)
{
    const myna_weights *w = &s->model->weights;
    const myna_packed_weights *p = &s->model->packed;
    int64_t first = s->n_pushed;
    find_speech(s, log_mel, n);
    myna_encoder_input(s->row, log_mel, n * MYNA_STEP_FRAMES, w);
    myna_packed_linear_forward(&p->content.in, s->x, s->row, n);
    normalize(s, 0, first, n);
    for (int i = 0; i < MYNA_CONTENT_BLOCKS; i++) {
        future reads = future_of(i, s->content_ahead);
        push_block(s, &w->content.blocks[i], &p->content.blocks[i], i, s->source_film[i], reads, n);
        first -= reads == HEARD_FUTURE;
        normalize(s, i + 1, first, n);
    }
    size_t width = s->model->layout.code_width;
    myna_packed_linear_forward(&p->content.out, s->y, s->x, n);
    myna_tanh_forward(s->y, s->y, n * width);
}

/* What the queries of attention `a` find in the speaker's memory: found[n][C]. */
static void look_up(myna_stream *s, int a, const myna_speaker *speaker, float *found, size_t n)
{
    const float scale = 1.0f / sqrtf((float)MYNA_HEAD_KEY);
    if (speaker->n_keys == 1) {
        for (size_t i = 0; i < n; i++)
            memcpy(found + i * C, s->model->weights.decoder.attention[a].no_value, C * sizeof *found);
        return;
    }
    for (size_t head = 0; head < MYNA_ATTENTION_HEADS; head++) {
        for (size_t i = 0; i < n; i++)
            memcpy(s->head_query + i * MYNA_HEAD_KEY, s->query_row + i * MYNA_ATTENTION_KEY + head * MYNA_HEAD_KEY,
                MYNA_HEAD_KEY * sizeof *found);
        myna_packed_linear_forward(&speaker->keys[a][head], s->scores, s->head_query, n);
        myna_softmax_rows(s->scores, n, speaker->n_keys, speaker->n_keys, scale);
        myna_packed_linear_forward(&speaker->values[a][head], s->head_found, s->scores, n);
        for (size_t i = 0; i < n; i++)
            memcpy(found + i * C + head * MYNA_HEAD_VALUE, s->head_found + i * MYNA_HEAD_VALUE, MYNA_HEAD_VALUE * sizeof *found);
    }
}

/* Runs attention `a` over s->x[n][C] in place. */
static void push_attention(myna_stream *s, int a, size_t n)
{
    const myna_attention *w = &s->model->weights.decoder.attention[a];
    const myna_packed_weights *p = &s->model->packed;
    const float before = (float)s->fade_steps / FADE_STEPS;
    myna_norm_forward(s->norm, s->stats, s->x, w->norm_scale, w->norm_shift, n, C);
    myna_packed_linear_forward(&p->decoder.query[a], s->query_row, s->norm, n);
    myna_retrieval_ask(s->query_row, n, s->retrieval);
    look_up(s, a, s->speaker, s->found, n);
    if (s->fade_steps > 0) {
        look_up(s, a, s->speaker_before, s->found_before, n);
        for (size_t i = 0; i < n * C; i++) s->found[i] += before * (s->found_before[i] - s->found[i]);
    }
    myna_retrieval_take(s->found, w->no_value, n, s->retrieval);
    myna_packed_linear_forward(&p->decoder.found[a], s->y, s->found, n);
    memcpy(s->norm, s->x, n * C * sizeof *s->x);
    myna_residual_forward(s->x, s->norm, s->y, w->gain, n, C);
}

/* Code in s->y and F0 of the same steps -> s->x after the last decoder block. */
static void push_decoder(myna_stream *s, const float *f0_hz, size_t n)
{
    const myna_weights *w = &s->model->weights;
    const myna_packed_weights *p = &s->model->packed;
    int64_t first = s->n_pushed - s->content_ahead;
    size_t width = s->model->layout.code_width;
    for (size_t i = 0; i < n; i++) {
        float *row = s->row + i * (width + MYNA_PITCH_IN);
        memcpy(row, s->y + i * width, width * sizeof *row);
        for (size_t k = 0; k < MYNA_STEP_FRAMES; k++)
            myna_pitch_features(row + width + k * (MYNA_PITCH_BINS + 1), f0_hz[i * MYNA_STEP_FRAMES + k]);
    }
    myna_packed_linear_forward(&p->decoder.in, s->x, s->row, n);
    clear_before_start(s->x, first, n);
    for (int i = 0; i < MYNA_DECODER_BLOCKS; i++) {
        int a = myna_attention_before(i);
        if (a >= 0) {
            push_attention(s, a, n);
            clear_before_start(s->x, first, n);
        }
        future reads = future_of(i, s->decoder_ahead);
        push_block(s, &w->decoder.blocks[i], &p->decoder.blocks[i], MYNA_CONTENT_BLOCKS + i, s->film[i], reads, n);
        first -= reads == HEARD_FUTURE;
        clear_before_start(s->x, first, n);
    }
}

/* s->x and the F0 of its steps -> log-mel with harmonics. */
static void push_output(myna_stream *s, float *log_mel, const float *f0_hz, size_t n)
{
    const myna_weights *w = &s->model->weights;
    const myna_packed_weights *p = &s->model->packed;
    size_t frames = n * MYNA_STEP_FRAMES;
    float to_normalized = MYNA_STREAM_HARMONICS / w->front.mel_deviation[0];
    for (size_t i = 0; i < frames; i++) {
        float *ripple = s->ripple + i * MYNA_MEL_BANDS;
        myna_ripple_at(ripple, s->model->ripple, f0_hz[i]);
        for (size_t b = 0; b < MYNA_MEL_BANDS; b++) ripple[b] *= to_normalized;
    }
    myna_packed_linear_forward(&p->decoder.out, s->out, s->x, n);
    myna_packed_linear_forward(&p->decoder.gate, s->gate, s->x, n);
    myna_gate_forward(s->out, s->out, s->gate, s->ripple, n, MYNA_STEP_OUT, MYNA_STEP_GATES);
    for (size_t i = 0; i < frames; i++) myna_denormalize(log_mel + i * MYNA_MEL_BANDS, s->out + i * MYNA_MEL_BANDS, w);
}

void myna_stream_push(
    myna_stream *s, float *out_log_mel, float *out_f0_hz, const float *log_mel, const float *f0_hz, size_t n_steps)
{
    size_t waiting = (size_t)s->decoder_ahead * MYNA_STEP_FRAMES, n_frames = n_steps * MYNA_STEP_FRAMES;
    move_film(s, n_steps);
    push_content(s, log_mel, n_steps);
    push_decoder(s, f0_hz, n_steps);
    memcpy(s->f0_hz + waiting, f0_hz, n_frames * sizeof *f0_hz);
    push_output(s, out_log_mel, s->f0_hz, n_steps);
    memcpy(out_f0_hz, s->f0_hz, n_frames * sizeof *f0_hz);
    memmove(s->f0_hz, s->f0_hz + n_frames, waiting * sizeof *f0_hz);
    s->n_pushed += (int64_t)n_steps;
}
