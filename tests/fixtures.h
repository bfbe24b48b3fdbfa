/* What tests of the conversion share: something like speech, and a model of random weights. */
#ifndef MYNA_TESTS_FIXTURES_H
#define MYNA_TESTS_FIXTURES_H

#include "base/rng.h"
#include "model/model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static inline double rms_of(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sqrt(sum / (double)(n ? n : 1));
}

static inline float peak_of(const float *x, size_t n)
{
    float peak = 0;
    for (size_t i = 0; i < n; i++) peak = fmaxf(peak, fabsf(x[i]));
    return peak;
}

/* 20 log10(|| a - b || / || b ||); -300 when equal. */
static inline double difference_db(const float *a, const float *b, size_t n)
{
    double difference = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        difference += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        size += (double)b[i] * (double)b[i];
    }
    return difference > 0 ? 10 * log10(difference / size) : -300;
}

typedef struct resonator {
    float frequency_hz, y1, y2;
} resonator;

static inline float resonate(resonator *r, float x)
{
    const float radius = 0.97f; /* 155 Hz wide */
    float y =
        x + 2 * radius * cosf(6.2831853f * r->frequency_hz / MYNA_SAMPLE_RATE_HZ) * r->y1 - radius * radius * r->y2;
    r->y2 = r->y1;
    r->y1 = y;
    return y;
}

/* Syllables of 0.3 s: 60 ms of hiss, then a vowel of a random place with gliding F0; every fifth syllable is a pause
 * of digital silence. RMS over all is `rms`. formants: 1 for a man's, 1.2 for a woman's. */
static inline void make_speech(float *out, size_t n, float f0_hz, float formants, float rms, uint64_t seed)
{
    const size_t syllable_samples = MYNA_SAMPLE_RATE_HZ * 3 / 10, hiss_samples = MYNA_SAMPLE_RATE_HZ * 6 / 100;
    myna_rng rng = myna_rng_seed(seed, 7);
    resonator vowel[3] = {0};
    float phase = 0, melody = 1, hiss = 0;
    for (size_t i = 0; i < n; i++) {
        size_t place = i % syllable_samples;
        if (place == 0) {
            const float low[3] = {280, 900, 2300}, high[3] = {800, 2200, 2900};
            for (int k = 0; k < 3; k++) vowel[k].frequency_hz = formants * myna_rng_uniform(&rng, low[k], high[k]);
            melody = myna_rng_uniform(&rng, 0.85f, 1.2f);
        }
        float glide = 1 + 0.15f * (float)place / (float)syllable_samples;
        phase += f0_hz * melody * glide / MYNA_SAMPLE_RATE_HZ;
        float pulse = phase >= 1 ? 1 : 0, noise = myna_rng_normal(&rng);
        phase -= pulse;
        float voice = pulse;
        for (int k = 0; k < 3; k++) voice = resonate(&vowel[k], voice);
        float previous = hiss;
        hiss = noise;
        out[i] = place < hiss_samples ? 0.25f * (noise - previous) : 0.1f * voice;
        if (i / syllable_samples % 5 == 4) out[i] = 0;
    }
    float scale = rms / (float)fmax(rms_of(out, n), 1e-9);
    for (size_t i = 0; i < n; i++) out[i] *= scale;
}

/* NULL when memory is short. Its front end is about what speech measures. */
static inline myna_model *make_model(uint64_t seed)
{
    myna_layout layout;
    myna_layout_init(&layout, 16);
    float *parameters = calloc(layout.n_parameters, sizeof *parameters);
    if (!parameters) return NULL;
    myna_parameters_init(parameters, &layout, seed);
    myna_weights weights;
    myna_weights_bind(&weights, &layout, parameters);
    for (int b = 0; b < MYNA_MEL_BANDS; b++) weights.front.mel_mean[b] = -0.5f - 1.5f * (float)b / MYNA_MEL_BANDS;
    weights.front.mel_deviation[0] = 0.7f;
    weights.front.log_f0[0] = 4.9f;
    weights.front.log_f0[1] = 0.25f;
    myna_facts facts = {0};
    myna_model *model = NULL;
    char id[MYNA_ID_SIZE] = "00000000000000a0";
    id[15] = (char)('0' + seed % 10);
    return myna_model_create(&model, &layout, parameters, &facts, id, NULL) == MYNA_OK ? model : NULL;
}

/* By a way of nn/steady.h instead of the fastest: in single precision for what is to be exact. Voices made before keep their
 * way. False: no memory. */
static inline bool multiply_by(myna_model *model, const myna_steady *way)
{
    myna_packed_weights_clear(&model->packed);
    return myna_packed_weights_init(&model->packed, &model->layout, &model->weights, way);
}

/* A voice from 4 s of make_speech; NULL on failure. */
static inline myna_voice *make_voice(const myna_model *model, float f0_hz, float formants)
{
    const size_t n = 4 * MYNA_SAMPLE_RATE_HZ;
    float *samples = malloc(n * sizeof *samples);
    myna_voice *voice = NULL;
    if (samples) {
        make_speech(samples, n, f0_hz, formants, 0.1f, 99);
        myna_recording recording = {samples, n, "made"};
        if (myna_voice_enroll(&voice, model, &recording, 1, NULL) != MYNA_OK) voice = NULL;
    }
    free(samples);
    return voice;
}

#endif
