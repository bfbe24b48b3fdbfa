#include "model/voice.h"

#include "base/status.h"
#include "dsp/profile.h"
#include "model/features.h"
#include "model/network.h"
#include "model/reconstruct.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Made from frames -------------------------------------------------------------------------------------------- */

myna_status myna_embed_frames(
    float *embedding, const myna_model *model, const float *log_mel, size_t n_frames, myna_error *error)
{
    size_t n_rows = n_frames / MYNA_SPEAKER_FRAMES;
    if (n_rows == 0) return myna_fail(error, MYNA_ERROR_SPEECH, "too short to hear a speaker");
    float *rows = malloc(n_rows * MYNA_SPEAKER_IN * sizeof *rows);
    if (!rows) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for %zu frames", n_frames);
    myna_encoder_input(rows, log_mel, n_rows * MYNA_SPEAKER_FRAMES, &model->weights);
    myna_network *network = NULL;
    myna_status status = myna_network_create_encoders(&network, &model->layout, 0, n_rows, error);
    if (status == MYNA_OK)
        memcpy(embedding, myna_network_embed(network, &model->weights, rows), MYNA_EMBEDDING_SIZE * sizeof *embedding);
    myna_network_free(network);
    free(rows);
    return status;
}

myna_status myna_voice_set_embedding(
    myna_voice *voice, const myna_model *model, const float *embedding, const float *film_change, myna_error *error)
{
    myna_content_statistics content;
    myna_band_statistics reconstruction;
    const myna_passage own = {voice->log_mel, voice->f0_hz, voice->n_frames, &content};
    myna_speaker speaker = {0};
    memcpy(speaker.embedding, embedding, sizeof speaker.embedding);
    if (film_change) memcpy(speaker.film_change, film_change, sizeof speaker.film_change);
    myna_status status =
        myna_speaker_remember(&speaker, &content, model, voice->log_mel, voice->n_frames, error);
    if (status == MYNA_OK)
        status = myna_reconstruct(
            &reconstruction, model, &speaker, MYNA_LATENCY_BEST, myna_retrieval_of_own, &own, error);
    if (status != MYNA_OK) {
        myna_speaker_clear(&speaker);
        return status;
    }
    memcpy(voice->model_id, model->id, sizeof voice->model_id);
    myna_speaker_clear(&voice->speaker);
    voice->speaker = speaker;
    voice->reconstruction = reconstruction;
    return MYNA_OK;
}

myna_status myna_voice_embed(myna_voice *voice, const myna_model *model, myna_error *error)
{
    float embedding[MYNA_EMBEDDING_SIZE];
    myna_status status = myna_embed_frames(embedding, model, voice->log_mel, voice->n_frames, error);
    return status == MYNA_OK ? myna_voice_set_embedding(voice, model, embedding, NULL, error) : status;
}

myna_status myna_voice_check_model(const myna_voice *voice, const myna_model *model, myna_error *error)
{
    if (voice->speaker.n_keys == 0)
        return myna_fail(error, MYNA_ERROR_MODEL, "the voice was read without a model, to be looked at only");
    if (strcmp(voice->model_id, model->id) == 0) return MYNA_OK;
    return myna_fail(error, MYNA_ERROR_MODEL, "the voice belongs to model %s, not %s", voice->model_id, model->id);
}

/* ---- Mixing ------------------------------------------------------------------------------------------------------ */

static void add_scaled(float *out, const float *in, float weight, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] += weight * in[i];
}

/* What is not known of one voice does not count; the others share its weight, whose sum is kept until the end. */
typedef struct mixture {
    myna_voice *voice;
    float bands, reconstruction, f0;
} mixture;

static void add_statistics(myna_band_statistics *out, float *sum, const myna_band_statistics *in, float weight)
{
    if (!myna_statistics_known(in)) return;
    add_scaled(out->mean, in->mean, weight, MYNA_MEL_BANDS);
    add_scaled(out->deviation, in->deviation, weight, MYNA_MEL_BANDS);
    *sum += weight;
}

static void divide_statistics(myna_band_statistics *out, float sum)
{
    for (int b = 0; b < MYNA_MEL_BANDS && sum > 0; b++) {
        out->mean[b] /= sum;
        out->deviation[b] /= sum;
    }
}

/* A voice between voices, not their pooled recordings: deviations are averaged, no spread between voices is added. */
static void add_voice(mixture *m, const myna_voice *in, float weight)
{
    myna_profile *p = &m->voice->profile;
    const myna_profile *q = &in->profile;
    add_scaled(m->voice->speaker.embedding, in->speaker.embedding, weight, MYNA_EMBEDDING_SIZE);
    add_scaled(m->voice->speaker.film_change, in->speaker.film_change, weight, MYNA_DECODER_BLOCKS * MYNA_FILM);
    add_statistics(&m->voice->reconstruction, &m->reconstruction, &in->reconstruction, weight);
    add_statistics(&p->bands, &m->bands, &q->bands, weight);
    p->speech_level_db += weight * q->speech_level_db;
    p->duration_seconds += weight * q->duration_seconds;
    p->speech_seconds += weight * q->speech_seconds;
    p->voiced_seconds += weight * q->voiced_seconds;
    if (q->f0_high_hz <= 0) return;
    p->log_f0_mean += weight * q->log_f0_mean;
    p->log_f0_deviation += weight * q->log_f0_deviation;
    p->f0_low_hz += weight * q->f0_low_hz;
    p->f0_high_hz += weight * q->f0_high_hz;
    m->f0 += weight;
}

/* `any` is one of the voices: where none has an F0, all have the model's average. */
static void finish_mixture(mixture *m, const myna_voice *any)
{
    myna_profile *p = &m->voice->profile;
    divide_statistics(&m->voice->reconstruction, m->reconstruction);
    divide_statistics(&p->bands, m->bands);
    p->log_f0_mean = m->f0 > 0 ? p->log_f0_mean / m->f0 : any->profile.log_f0_mean;
    p->log_f0_deviation = m->f0 > 0 ? p->log_f0_deviation / m->f0 : any->profile.log_f0_deviation;
    if (m->f0 == 0) return;
    p->f0_low_hz /= m->f0;
    p->f0_high_hz /= m->f0;
}

static myna_status check_mix(
    const myna_voice *const *voices, const float *weights, size_t n_voices, double *sum, myna_error *error)
{
    if (!voices || !weights || n_voices == 0) return myna_fail(error, MYNA_ERROR_ARGUMENT, "no voices to mix");
    *sum = 0;
    for (size_t i = 0; i < n_voices; i++) {
        if (!voices[i]) return myna_fail(error, MYNA_ERROR_ARGUMENT, "voice %zu is missing", i + 1);
        if (voices[i]->speaker.n_keys == 0)
            return myna_fail(error, MYNA_ERROR_MODEL, "voice %zu was read without a model, to be looked at only", i + 1);
        if (!(weights[i] >= 0) || !isfinite(weights[i]))
            return myna_fail(error, MYNA_ERROR_ARGUMENT, "weight %zu is %g, not 0 or more", i + 1, (double)weights[i]);
        if (strcmp(voices[i]->model_id, voices[0]->model_id) != 0)
            return myna_fail(error, MYNA_ERROR_MODEL, "voice 1 belongs to model %s, voice %zu to model %s",
                voices[0]->model_id, i + 1, voices[i]->model_id);
        *sum += (double)weights[i];
    }
    return *sum > 0 ? MYNA_OK : myna_fail(error, MYNA_ERROR_ARGUMENT, "all weights are 0");
}

myna_status myna_voice_mix(
    myna_voice **out, const myna_voice *const *voices, const float *weights, size_t n_voices, myna_error *error)
{
    double sum = 0;
    myna_status status = out ? check_mix(voices, weights, n_voices, &sum, error)
                             : myna_fail(error, MYNA_ERROR_ARGUMENT, "nowhere to put the voice");
    if (status != MYNA_OK) return status;
    myna_voice *voice = calloc(1, sizeof *voice);
    if (!voice) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a voice");
    myna_speaker_remember_nothing(&voice->speaker);
    memcpy(voice->model_id, voices[0]->model_id, sizeof voice->model_id);
    mixture m = {.voice = voice};
    for (size_t i = 0; i < n_voices; i++)
        if (weights[i] > 0) add_voice(&m, voices[i], (float)((double)weights[i] / sum));
    finish_mixture(&m, voices[0]);
    *out = voice;
    return MYNA_OK;
}

/* ---- The rest ---------------------------------------------------------------------------------------------------- */

void myna_voice_free(myna_voice *voice)
{
    if (!voice) return;
    myna_speaker_clear(&voice->speaker);
    free(voice->log_mel);
    free(voice->f0_hz);
    free(voice);
}

const myna_profile *myna_voice_profile(const myna_voice *voice)
{
    return &voice->profile;
}

const float *myna_voice_embedding(const myna_voice *voice)
{
    return voice->speaker.embedding;
}

const char *myna_voice_model_id(const myna_voice *voice)
{
    return voice->model_id;
}

bool myna_voice_is_tuned(const myna_voice *voice)
{
    for (size_t i = 0; i < MYNA_DECODER_BLOCKS * MYNA_FILM; i++)
        if (voice->speaker.film_change[i] != 0.0f) return true;
    return false;
}

bool myna_voice_can_reembed(const myna_voice *voice)
{
    return voice->n_frames > 0;
}
