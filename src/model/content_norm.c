#include "model/content_norm.h"

#include "base/simd.h"
#include "base/status.h"
#include "model/features.h"
#include "nn/layers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const float step_seconds = (float)(MYNA_STEP_FRAMES * MYNA_HOP_SAMPLES) / MYNA_SAMPLE_RATE_HZ;
static const float start_seconds = 10.0f, memory_seconds = 20.0f, average_seconds = 5.0f;

/* ---- Measuring --------------------------------------------------------------------------------------------------- */

static myna_status listen(myna_content_statistics *sum, const myna_model *model, myna_latency latency,
    const float *log_mel, size_t n_steps, myna_error *error)
{
    float *content = malloc(n_steps * MYNA_CONTENT_IN * sizeof *content);
    if (!content) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for %zu steps", n_steps);
    myna_encoder_input(content, log_mel, n_steps * MYNA_STEP_FRAMES, &model->weights);
    myna_network *network = NULL;
    myna_status status = myna_network_create_encoders(&network, &model->layout, n_steps, myna_speaker_steps(n_steps), error);
    if (status == MYNA_OK) myna_network_listen(network, &model->weights, content, true, latency, sum);
    myna_network_free(network);
    free(content);
    return status;
}

myna_status myna_content_measure(myna_content_statistics *out, const myna_model *model, myna_latency latency,
    const float *log_mel, size_t n_frames, myna_error *error)
{
    size_t n_steps = n_frames / MYNA_STEP_FRAMES;
    myna_content_statistics found = {0};
    myna_status status = n_steps > 0 ? listen(&found, model, latency, log_mel, n_steps, error) : MYNA_OK;
    if (status == MYNA_OK) myna_content_complete(out, &model->weights, &found, n_steps);
    return status;
}

void myna_content_complete(
    myna_content_statistics *out, const myna_weights *weights, const myna_content_statistics *found, size_t n_steps)
{
    bool is_told = myna_speaker_steps(n_steps) > 0;
    const float *average_mean = is_told ? weights->front.content_mean : weights->front.unknown_mean;
    const float *average_deviation = is_told ? weights->front.content_deviation : weights->front.unknown_deviation;
    float part = (float)n_steps * step_seconds / ((float)n_steps * step_seconds + average_seconds);
    memcpy(out->source, found->source, sizeof out->source);
    for (size_t i = 0; i < MYNA_CONTENT_VALUES; i++) {
        out->mean[i] = part * found->mean[i] + (1 - part) * average_mean[i];
        out->deviation[i] = part * found->deviation[i] + (1 - part) * average_deviation[i];
    }
}

/* ---- Streaming --------------------------------------------------------------------------------------------------- */

void myna_content_norm_init(
    myna_content_norm *norm, const myna_weights *weights, const myna_content_statistics *content, bool learns)
{
    const float *mean = content ? content->mean : weights->front.unknown_mean;
    const float *deviation = content ? content->deviation : weights->front.unknown_deviation;
    norm->learns = learns || !content;
    for (size_t i = 0; i < MYNA_CONTENT_VALUES; i++) {
        norm->mean[i] = mean[i];
        norm->variance[i] = fmaxf(deviation[i] * deviation[i] - MYNA_INSTANCE_EPSILON, 0);
        norm->rstd[i] = 1.0f / deviation[i];
    }
    for (int i = 0; i < MYNA_CONTENT_NORMS; i++) norm->speech_seconds[i] = content ? memory_seconds : start_seconds;
}

/* Welford, 1962 */
MYNA_VECTORIZED static void learn(
    float *restrict mean, float *restrict variance, float *restrict rstd, const float *restrict x, float rate)
{
    for (int c = 0; c < MYNA_CHANNELS; c++) {
        float before = x[c] - mean[c];
        mean[c] += rate * before;
        variance[c] += rate * (before * (x[c] - mean[c]) - variance[c]);
        rstd[c] = 1.0f / sqrtf(variance[c] + MYNA_INSTANCE_EPSILON);
    }
}

void myna_content_norm_apply(myna_content_norm *norm, int number, float *x, bool is_speech)
{
    float *mean = norm->mean + number * MYNA_CHANNELS, *variance = norm->variance + number * MYNA_CHANNELS;
    float *rstd = norm->rstd + number * MYNA_CHANNELS, *seconds = &norm->speech_seconds[number];
    if (norm->learns && is_speech) {
        *seconds = fminf(*seconds + step_seconds, memory_seconds);
        learn(mean, variance, rstd, x, step_seconds / *seconds);
    }
    for (int c = 0; c < MYNA_CHANNELS; c++) x[c] = (x[c] - mean[c]) * rstd[c];
}
