#include "model/speaker.h"

#include "base/status.h"
#include "model/attention.h"
#include "model/content_norm.h"
#include "model/features.h"
#include "model/network.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_VALUES = MYNA_HEAD_KEY > MYNA_HEAD_VALUE ? MYNA_HEAD_KEY : MYNA_HEAD_VALUE };

static void lay_out(myna_speaker *out, const myna_steady *way)
{
    for (int a = 0; a < MYNA_ATTENTIONS; a++) {
        for (int head = 0; head < MYNA_ATTENTION_HEADS; head++) {
            myna_packed_linear_lay_out(&out->keys[a][head], &out->arena, way, out->n_keys, MYNA_HEAD_KEY);
            myna_packed_linear_lay_out(&out->values[a][head], &out->arena, way, MYNA_HEAD_VALUE, out->n_keys);
        }
    }
}

static myna_status allocate(myna_speaker *out, const myna_model *model, size_t n_keys, myna_error *error)
{
    out->n_keys = n_keys;
    lay_out(out, model->packed.way);
    if (!myna_arena_reserve(&out->arena))
        return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a voice of %zu steps", n_keys);
    lay_out(out, model->packed.way);
    return MYNA_OK;
}

static void take(myna_speaker *speaker, const myna_speaker *memory)
{
    myna_speaker_clear(speaker);
    speaker->n_keys = memory->n_keys;
    speaker->arena = memory->arena;
    memcpy(speaker->keys, memory->keys, sizeof speaker->keys);
    memcpy(speaker->values, memory->values, sizeof speaker->values);
}

/* Of key[n_keys][MYNA_ATTENTION_KEY] and value[n_keys][MYNA_CHANNELS]; scratch[n_keys][MOST_VALUES]. */
static void pack(const myna_speaker *memory, int a, const float *key, const float *value, float *scratch)
{
    const size_t n = memory->n_keys;
    for (size_t head = 0; head < MYNA_ATTENTION_HEADS; head++) {
        for (size_t i = 0; i < n; i++)
            memcpy(scratch + i * MYNA_HEAD_KEY, key + i * MYNA_ATTENTION_KEY + head * MYNA_HEAD_KEY, MYNA_HEAD_KEY * sizeof *key);
        myna_packed_linear_fill(&memory->keys[a][head], scratch);
        for (size_t i = 0; i < n; i++)
            for (size_t c = 0; c < MYNA_HEAD_VALUE; c++)
                scratch[c * n + i] = value[i * MYNA_CHANNELS + head * MYNA_HEAD_VALUE + c];
        myna_packed_linear_fill(&memory->values[a][head], scratch);
    }
}

/* `memory` has room for 1 + n_steps keys, n_steps > 0. */
static myna_status fill(myna_speaker *memory, myna_content_statistics *found, const myna_model *model, const float *log_mel,
    size_t n_steps, myna_error *error)
{
    const myna_weights *w = &model->weights;
    float *content = malloc(n_steps * MYNA_CONTENT_IN * sizeof *content);
    float *key = malloc(memory->n_keys * MYNA_ATTENTION_KEY * sizeof *key);
    float *value = malloc(memory->n_keys * MYNA_CHANNELS * sizeof *value);
    float *scratch = malloc(memory->n_keys * MOST_VALUES * sizeof *scratch);
    myna_network *network = NULL;
    myna_status status = MYNA_OK;
    if (!content || !key || !value || !scratch) status = myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a voice");
    if (status == MYNA_OK)
        status = myna_network_create_encoders(&network, &model->layout, n_steps, myna_speaker_steps(n_steps), error);
    if (status == MYNA_OK) {
        myna_encoder_input(content, log_mel, n_steps * MYNA_STEP_FRAMES, w);
        const float *heard = myna_network_listen(network, w, content, true, MYNA_LATENCY_BEST, found);
        for (int i = 0; i < MYNA_ATTENTIONS; i++) {
            myna_attention_memory(key, value, &w->decoder.attention[i], heard, content, n_steps);
            pack(memory, i, key, value, scratch);
        }
    }
    myna_network_free(network);
    free(content);
    free(key);
    free(value);
    free(scratch);
    return status;
}

myna_status myna_speaker_remember(myna_speaker *speaker, myna_content_statistics *content, const myna_model *model,
    const float *log_mel, size_t n_frames, myna_error *error)
{
    const size_t n_steps = n_frames / MYNA_STEP_FRAMES;
    myna_content_statistics found = {0};
    myna_speaker memory = {.n_keys = 1};
    myna_status status = MYNA_OK;
    if (n_steps > 0) {
        status = allocate(&memory, model, 1 + n_steps, error);
        if (status == MYNA_OK) status = fill(&memory, &found, model, log_mel, n_steps, error);
    }
    if (status != MYNA_OK) {
        myna_speaker_clear(&memory);
        return status;
    }
    if (content) myna_content_complete(content, &model->weights, &found, n_steps);
    take(speaker, &memory);
    return MYNA_OK;
}

void myna_speaker_remember_nothing(myna_speaker *speaker)
{
    myna_speaker_clear(speaker);
    speaker->n_keys = 1;
}

void myna_speaker_clear(myna_speaker *speaker)
{
    myna_arena_free(&speaker->arena);
    memset(speaker->keys, 0, sizeof speaker->keys);
    memset(speaker->values, 0, sizeof speaker->values);
    speaker->n_keys = 0;
}
