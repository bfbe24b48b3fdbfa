#include "model/speaker.h"

#include "base/status.h"
#include "model/attention.h"
#include "model/content_norm.h"
#include "model/features.h"
#include "model/network.h"

#include <stdlib.h>
#include <string.h>

static myna_status allocate(myna_speaker *out, size_t n_keys, myna_error *error)
{
    out->n_keys = n_keys;
    bool is_complete = true;
    for (int i = 0; i < MYNA_ATTENTIONS; i++) {
        out->key_columns[i] = malloc(n_keys * MYNA_ATTENTION_KEY * sizeof(float));
        out->values[i] = malloc(n_keys * MYNA_CHANNELS * sizeof(float));
        is_complete = is_complete && out->key_columns[i] && out->values[i];
    }
    if (is_complete) return MYNA_OK;
    myna_speaker_clear(out);
    return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a voice of %zu steps", n_keys);
}

static void take(myna_speaker *speaker, const myna_speaker *memory)
{
    myna_speaker_clear(speaker);
    speaker->n_keys = memory->n_keys;
    memcpy(speaker->key_columns, memory->key_columns, sizeof speaker->key_columns);
    memcpy(speaker->values, memory->values, sizeof speaker->values);
}

static void transpose(float *columns, const float *rows, size_t n_rows, size_t n_columns)
{
    for (size_t i = 0; i < n_rows; i++)
        for (size_t c = 0; c < n_columns; c++) columns[c * n_rows + i] = rows[i * n_columns + c];
}

/* `memory` has room for 1 + n_steps keys. */
static myna_status fill(myna_speaker *memory, myna_content_statistics *content_statistics, const myna_model *model,
    const float *log_mel, size_t n_steps, myna_error *error)
{
    const myna_weights *w = &model->weights;
    float *content = malloc((n_steps + 1) * MYNA_CONTENT_IN * sizeof *content);
    float *keys = malloc(memory->n_keys * MYNA_ATTENTION_KEY * sizeof *keys);
    myna_network *network = NULL;
    myna_status status = content && keys ? MYNA_OK : myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a voice");
    if (status == MYNA_OK && n_steps > 0)
        status = myna_network_create_encoders(&network, &model->layout, n_steps, myna_speaker_steps(n_steps), error);
    if (status == MYNA_OK) {
        const float *heard = NULL;
        myna_content_statistics found = {0};
        myna_encoder_input(content, log_mel, n_steps * MYNA_STEP_FRAMES, w);
        if (network) heard = myna_network_listen(network, w, content, true, MYNA_LATENCY_BEST, &found);
        if (content_statistics) myna_content_complete(content_statistics, w, &found, n_steps);
        for (int i = 0; i < MYNA_ATTENTIONS; i++) {
            myna_attention_memory(keys, memory->values[i], &w->decoder.attention[i], heard, content, n_steps);
            transpose(memory->key_columns[i], keys, memory->n_keys, MYNA_ATTENTION_KEY);
        }
    }
    myna_network_free(network);
    free(content);
    free(keys);
    return status;
}

myna_status myna_speaker_remember(myna_speaker *speaker, myna_content_statistics *content, const myna_model *model,
    const float *log_mel, size_t n_frames, myna_error *error)
{
    size_t n_steps = n_frames / MYNA_STEP_FRAMES;
    myna_speaker memory = {0};
    myna_status status = allocate(&memory, 1 + n_steps, error);
    if (status == MYNA_OK) status = fill(&memory, content, model, log_mel, n_steps, error);
    if (status == MYNA_OK) take(speaker, &memory);
    else myna_speaker_clear(&memory);
    return status;
}

myna_status myna_speaker_remember_nothing(myna_speaker *speaker, const myna_speaker *other, myna_error *error)
{
    myna_speaker memory = {0};
    myna_status status = allocate(&memory, 1, error);
    if (status != MYNA_OK) return status;
    for (int i = 0; i < MYNA_ATTENTIONS; i++) {
        for (size_t c = 0; c < MYNA_ATTENTION_KEY; c++)
            memory.key_columns[i][c] = other->key_columns[i][c * other->n_keys];
        memcpy(memory.values[i], other->values[i], MYNA_CHANNELS * sizeof(float));
    }
    take(speaker, &memory);
    return MYNA_OK;
}

void myna_speaker_clear(myna_speaker *speaker)
{
    for (int i = 0; i < MYNA_ATTENTIONS; i++) {
        free(speaker->key_columns[i]);
        free(speaker->values[i]);
        speaker->key_columns[i] = speaker->values[i] = NULL;
    }
    speaker->n_keys = 0;
}
