/* Enrolment: recordings of one speaker become a voice. */
#include "base/status.h"
#include "dsp/profile.h"
#include "model/voice.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const float least_speech_seconds = 0.5f;
enum { SECOND_FRAMES = MYNA_SAMPLE_RATE_HZ / MYNA_HOP_SAMPLES };

/* Sums over recordings. Means are weighted; deviations are pooled, so that what differs between recordings counts as
 * the speaker's spread, as if all had been one recording. */
typedef struct enrolment {
    const myna_model *model;
    myna_voice *voice; /* gets the frames */
    double speech_seconds, voiced_seconds, band_seconds, duration_seconds; /* band_seconds: speech whose bands are known */
    double power, f0_low, f0_high;
    double log_f0, log_f0_squares;
    double band[MYNA_MEL_BANDS], band_squares[MYNA_MEL_BANDS];
    double embedding[MYNA_EMBEDDING_SIZE], embedding_weight;
} enrolment;

static void add_profile(enrolment *e, const myna_profile *p)
{
    e->duration_seconds += (double)p->duration_seconds;
    if (p->speech_seconds <= 0) return;
    double w = (double)p->speech_seconds, v = (double)p->voiced_seconds, log_f0 = (double)p->log_f0_mean;
    double spread = (double)p->log_f0_deviation;
    e->speech_seconds += w;
    e->voiced_seconds += v;
    e->power += w * pow(10, (double)p->speech_level_db / 10);
    e->f0_low += v * (double)p->f0_low_hz;
    e->f0_high += v * (double)p->f0_high_hz;
    e->log_f0 += v * log_f0;
    e->log_f0_squares += v * (spread * spread + log_f0 * log_f0);
    if (!myna_statistics_known(&p->bands)) return;
    e->band_seconds += w;
    for (int b = 0; b < MYNA_MEL_BANDS; b++) {
        double mean = (double)p->bands.mean[b], deviation = (double)p->bands.deviation[b];
        e->band[b] += w * mean;
        e->band_squares[b] += w * (deviation * deviation + mean * mean);
    }
}

static void finish_profile(const enrolment *e, myna_profile *out)
{
    double w = e->speech_seconds, v = e->voiced_seconds;
    const float *log_f0 = e->model->weights.front.log_f0;
    out->speech_level_db = (float)(10 * log10(e->power / w));
    out->duration_seconds = (float)e->duration_seconds;
    out->speech_seconds = (float)w;
    out->voiced_seconds = (float)v;
    out->log_f0_mean = v > 0 ? (float)(e->log_f0 / v) : log_f0[0];
    out->log_f0_deviation =
        v > 0 ? (float)sqrt(fmax(e->log_f0_squares / v - e->log_f0 / v * (e->log_f0 / v), 0)) : log_f0[1];
    out->f0_low_hz = v > 0 ? (float)(e->f0_low / v) : 0;
    out->f0_high_hz = v > 0 ? (float)(e->f0_high / v) : 0;
    for (int b = 0; b < MYNA_MEL_BANDS && e->band_seconds > 0; b++) {
        double mean = e->band[b] / e->band_seconds;
        out->bands.mean[b] = (float)mean;
        out->bands.deviation[b] = (float)sqrt(fmax(e->band_squares[b] / e->band_seconds - mean * mean, 0));
    }
}

/* The recording's embedding, weighted, and its frames as far as there is room. */
static myna_status add_frames(enrolment *e, const myna_profile_meter *meter, double weight, myna_error *error)
{
    size_t n_frames, room = MYNA_VOICE_MAX_FRAMES - e->voice->n_frames;
    const float *log_mel = myna_profile_meter_log_mel(meter, &n_frames), *f0_hz = myna_profile_meter_f0(meter);
    n_frames -= n_frames % MYNA_SPEAKER_FRAMES; /* so that a later embedding of all cuts where this one does */
    if (n_frames == 0 || weight <= 0) return MYNA_OK;
    float embedding[MYNA_EMBEDDING_SIZE];
    myna_status status = myna_embed_frames(embedding, e->model, log_mel, n_frames, error);
    if (status != MYNA_OK) return status;
    for (int i = 0; i < MYNA_EMBEDDING_SIZE; i++) e->embedding[i] += weight * (double)embedding[i];
    e->embedding_weight += weight;
    size_t kept = n_frames < room ? n_frames : room;
    memcpy(e->voice->log_mel + e->voice->n_frames * MYNA_MEL_BANDS, log_mel, kept * MYNA_MEL_BANDS * sizeof *log_mel);
    memcpy(e->voice->f0_hz + e->voice->n_frames, f0_hz, kept * sizeof *f0_hz);
    e->voice->n_frames += kept;
    return MYNA_OK;
}

/* Each recording may fill its share of the 30 s, by its length, in whole seconds and at least one. */
static size_t share_of_frames(const myna_recording *recording, double n_samples)
{
    double part = (double)recording->n_samples / fmax(n_samples, 1);
    size_t seconds = (size_t)(part * MYNA_VOICE_MAX_FRAMES / SECOND_FRAMES);
    return (seconds > 0 ? seconds : 1) * SECOND_FRAMES;
}

static myna_status add_recording(
    enrolment *e, const myna_recording *recording, size_t max_frames, float *speech_seconds, myna_error *error)
{
    myna_profile profile;
    myna_profile_meter *meter = NULL;
    myna_status status = myna_profile_meter_create(&meter, e->model->mel, max_frames, error);
    if (status == MYNA_OK) {
        myna_profile_meter_push(meter, recording->samples, recording->n_samples);
        status = myna_profile_meter_finish(meter, &profile, e->model->weights.front.log_f0, error);
    }
    if (status == MYNA_OK) {
        add_profile(e, &profile);
        if (speech_seconds) *speech_seconds = profile.speech_seconds;
        status = add_frames(e, meter, (double)profile.speech_seconds, error);
    }
    myna_profile_meter_free(meter);
    return status == MYNA_OK ? MYNA_OK : myna_fail_in(error, status, recording->name);
}

static myna_status finish(enrolment *e, myna_error *error)
{
    myna_voice *voice = e->voice;
    if (voice->n_frames == 0 && e->speech_seconds >= (double)least_speech_seconds)
        return myna_fail(error, MYNA_ERROR_SPEECH, "%.1f s of speech, but in no second of it enough", e->speech_seconds);
    if (voice->n_frames == 0 || e->speech_seconds < (double)least_speech_seconds)
        return myna_fail(error, MYNA_ERROR_SPEECH, "%.2f s of speech; a voice needs %.1f s or more",
            floor(100 * e->speech_seconds) / 100, (double)least_speech_seconds);
    float embedding[MYNA_EMBEDDING_SIZE];
    for (int i = 0; i < MYNA_EMBEDDING_SIZE; i++) embedding[i] = (float)(e->embedding[i] / e->embedding_weight);
    finish_profile(e, &voice->profile);
    return myna_voice_set_embedding(voice, e->model, embedding, NULL, error);
}

static myna_status enroll(enrolment *e, const myna_recording *recordings, size_t n_recordings, float *speech_seconds,
    myna_error *error)
{
    double n_samples = 0;
    myna_status status = MYNA_OK;
    for (size_t i = 0; i < n_recordings; i++) n_samples += (double)recordings[i].n_samples;
    for (size_t i = 0; status == MYNA_OK && i < n_recordings; i++)
        status = add_recording(e, &recordings[i], share_of_frames(&recordings[i], n_samples),
            speech_seconds ? speech_seconds + i : NULL, error);
    return status == MYNA_OK ? finish(e, error) : status;
}

myna_status myna_voice_enroll_measured(myna_voice **out, const myna_model *model, const myna_recording *recordings,
    size_t n_recordings, float *speech_seconds, myna_error *error)
{
    if (!out || !model || !recordings || n_recordings == 0)
        return myna_fail(error, MYNA_ERROR_ARGUMENT, "a voice needs a model and a recording");
    for (size_t i = 0; i < n_recordings; i++)
        if (recordings[i].n_samples > 0 && !recordings[i].samples)
            return myna_fail(error, MYNA_ERROR_ARGUMENT, "recording %zu has no samples", i + 1);
    myna_voice *voice = calloc(1, sizeof *voice);
    enrolment *e = calloc(1, sizeof *e);
    if (voice) {
        voice->log_mel = calloc((size_t)MYNA_VOICE_MAX_FRAMES * MYNA_MEL_BANDS, sizeof *voice->log_mel);
        voice->f0_hz = calloc(MYNA_VOICE_MAX_FRAMES, sizeof *voice->f0_hz);
    }
    myna_status status = MYNA_OK;
    if (!e || !voice || !voice->log_mel || !voice->f0_hz) {
        status = myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a voice");
    } else {
        *e = (enrolment){.model = model, .voice = voice};
        status = enroll(e, recordings, n_recordings, speech_seconds, error);
    }
    if (status == MYNA_OK) *out = voice;
    else myna_voice_free(voice);
    free(e);
    return status;
}

myna_status myna_voice_enroll(
    myna_voice **out, const myna_model *model, const myna_recording *recordings, size_t n_recordings, myna_error *error)
{
    return myna_voice_enroll_measured(out, model, recordings, n_recordings, NULL, error);
}
