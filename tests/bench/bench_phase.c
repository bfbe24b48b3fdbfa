/* For each recording: how many Griffin-Lim iterations from pulse phase come as near to the magnitudes as N iterations
 * from random phase. Griffin-Lim is given what a conversion has: natural log-mel and back. Prints a line for each: the
 * spectral convergence in dB from random phase and the number of iterations. Run by scripts/bench.
 * usage: bench_phase N MOMENTUM RECORDING... */
#include "dsp/analysis.h"
#include "dsp/phase.h"
#include "dsp/pitch.h"
#include "io/audio_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PITCH_LAG = 4 };

typedef struct clip {
    float *magnitude;             /* [n_frames][MYNA_BINS] */
    myna_complex *random, *pulse; /* the same shape */
    float *samples;
    size_t n_frames;
} clip;

static void *take(size_t n, size_t size)
{
    void *memory = calloc(n + 1, size);
    if (!memory) abort();
    return memory;
}

/* Magnitudes and both start phases of frames that start every hop from sample 0 on. */
static void analyse(clip *c, const float *samples, size_t n)
{
    myna_mel *mel;
    myna_analyzer *analyzer;
    myna_excitation *excitation;
    if (myna_mel_create(&mel, NULL) || myna_analyzer_create(&analyzer, mel, PITCH_LAG, NULL) ||
        myna_excitation_create(&excitation, 1, NULL))
        abort();
    size_t n_hops = n / MYNA_HOP_SAMPLES;
    myna_frame *frames = take(n_hops, sizeof *frames);
    myna_rng rng = myna_rng_seed(1, 1);
    c->n_frames = n_hops - PITCH_LAG;
    c->magnitude = take(c->n_frames * MYNA_BINS, sizeof *c->magnitude);
    c->random = take(c->n_frames * MYNA_BINS, sizeof *c->random);
    c->pulse = take(c->n_frames * MYNA_BINS, sizeof *c->pulse);
    c->samples = take(c->n_frames * MYNA_HOP_SAMPLES + MYNA_WINDOW_SAMPLES, sizeof *c->samples);
    for (size_t k = 0; k < n_hops; k++) myna_analyzer_push(analyzer, &frames[k], samples + k * MYNA_HOP_SAMPLES);
    for (size_t k = 0; k < c->n_frames; k++) {
        float log_mel[MYNA_MEL_BANDS];
        myna_log_mel(log_mel, frames[k].mel, 1);
        myna_mel_inverse(mel, c->magnitude + k * MYNA_BINS, log_mel);
        myna_excitation_next(excitation, c->pulse + k * MYNA_BINS, frames[k + PITCH_LAG].f0_hz);
    }
    for (size_t i = 0; i < c->n_frames * MYNA_BINS; i++) {
        float angle = myna_rng_uniform(&rng, 0, 6.2831853f);
        c->random[i] = (myna_complex){cosf(angle), sinf(angle)};
    }
    free(frames);
    myna_excitation_free(excitation);
    myna_analyzer_free(analyzer);
    myna_mel_free(mel);
}

static double convergence_db(clip *c, const myna_complex *phase, int iterations, float momentum)
{
    double db;
    if (myna_griffin_lim(c->samples, c->magnitude, phase, c->n_frames, iterations, momentum, NULL) ||
        myna_spectral_convergence(&db, c->samples, c->magnitude, c->n_frames, NULL))
        abort();
    return db;
}

int main(int argc, char **argv)
{
    int n = argc > 3 ? atoi(argv[1]) : 0;
    float momentum = argc > 3 ? strtof(argv[2], NULL) : 0;
    if (n < 1) {
        fprintf(stderr, "usage: bench_phase N MOMENTUM RECORDING...\n");
        return 1;
    }
    for (int i = 3; i < argc; i++) {
        float *samples;
        size_t n_samples;
        myna_error error = {0};
        if (myna_audio_load(&samples, &n_samples, argv[i], NULL, &error) != MYNA_OK) {
            fprintf(stderr, "bench_phase: %s: %s\n", argv[i], error.detail);
            return 1;
        }
        clip c;
        analyse(&c, samples, n_samples);
        double wanted = convergence_db(&c, c.random, n, momentum);
        int iterations = 0;
        while (iterations < n && convergence_db(&c, c.pulse, iterations, momentum) > wanted) iterations++;
        printf("%.3f %d\n", wanted, iterations);
        fflush(stdout);
        free(samples);
        free(c.magnitude);
        free(c.samples);
        free(c.random);
        free(c.pulse);
    }
    return 0;
}
