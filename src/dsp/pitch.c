#include "dsp/pitch.h"

#include "base/simd.h"
#include "base/status.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    DECIMATION = 4, /* candidates are sought at 4 kHz and refined at 16 kHz */
    TAPS = 48,      /* of the low-pass before it */
    CORRELATED = 512,
    MIN_LAG = 38,  /* samples: 421 Hz */
    MAX_LAG = 267, /* 59.9 Hz */
    COARSE_SAMPLES = MYNA_WINDOW_SAMPLES / DECIMATION,
    COARSE_MIN = MIN_LAG / DECIMATION - 1,
    COARSE_MAX = MAX_LAG / DECIMATION + 2,
    CANDIDATES = 4,
    STATES = CANDIDATES + 1, /* state 0: unvoiced */
    HISTORY = MYNA_PITCH_MAX_LAG + 1,
};

static const double low_pass_hz = 1000;
static const double high_pass_hz = 40;
static const float unvoiced_score = 0.45f; /* what an NCCF peak must beat */
static const float octave_cost = 1.2f;     /* of moving one octave in one frame */
static const float switch_cost = 0.2f;     /* of turning voiced or unvoiced */
static const float long_lag_cost = 0.03f;  /* share of the score lost for each octave of lag: against half the pitch */
static const float worth_refining = 0.1f;
static const float impossible = -1e9f;
static const double floor_power = 1e-8;    /* -80 dBFS: what is far below it is noise to the ear */
static const double relative_floor = 2e-3; /* of the loudest recent frame: hum and reverberation */
static const double loudness_kept = 0.998; /* a frame: time constant 6 s */

/* Candidates of one frame; state 0 has f0 0. */
typedef struct frame {
    float f0_hz[STATES];
    float octave[STATES]; /* log2 of it */
    float score[STATES];
    int from[STATES]; /* best state of the frame before */
} frame;

struct myna_pitch_tracker {
    int lag_frames;
    float low_pass[TAPS];
    /* Signal, newest last */
    float last_in, last_out;                   /* of the high-pass */
    float unfiltered[TAPS + MYNA_HOP_SAMPLES]; /* into the low-pass */
    float window[MYNA_WINDOW_SAMPLES];         /* out of it */
    double loudest;                            /* mean power, decaying */
    /* Path */
    frame history[HISTORY];
    float total[STATES]; /* best path's score ending in each state of the newest frame */
    int newest, n_frames;
};

static void design_low_pass(float *taps)
{
    const double pi = 3.14159265358979323846, cutoff = 2 * low_pass_hz / MYNA_SAMPLE_RATE_HZ;
    double sum = 0, tap[TAPS];
    for (int i = 0; i < TAPS; i++) {
        double t = i - (TAPS - 1) / 2.0;
        tap[i] = sin(pi * cutoff * t) / (pi * t) * (0.54 + 0.46 * cos(2 * pi * t / TAPS));
        sum += tap[i];
    }
    for (int i = 0; i < TAPS; i++) taps[i] = (float)(tap[i] / sum);
}

myna_status myna_pitch_create(myna_pitch_tracker **out, int lag_frames, myna_error *error)
{
    if (lag_frames < 0 || lag_frames > MYNA_PITCH_MAX_LAG)
        return myna_fail(
            error, MYNA_ERROR_ARGUMENT, "pitch lag %d, not 0 to %d frames", lag_frames, MYNA_PITCH_MAX_LAG);
    myna_pitch_tracker *tracker = malloc(sizeof *tracker);
    if (!tracker) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a pitch tracker");
    tracker->lag_frames = lag_frames;
    myna_pitch_reset(tracker);
    *out = tracker;
    return MYNA_OK;
}

void myna_pitch_free(myna_pitch_tracker *tracker)
{
    free(tracker);
}

void myna_pitch_reset(myna_pitch_tracker *tracker)
{
    *tracker = (myna_pitch_tracker){.lag_frames = tracker->lag_frames};
    design_low_pass(tracker->low_pass);
}

/* ---- Signal ------------------------------------------------------------------------------------------------------ */

MYNA_VECTORIZED static void filter(float *restrict out, const float *restrict in, const float *restrict taps)
{
    for (int i = 0; i < MYNA_HOP_SAMPLES; i++) out[i] = 0;
    for (int k = 0; k < TAPS; k++)
        for (int i = 0; i < MYNA_HOP_SAMPLES; i++) out[i] += taps[k] * in[i + k];
}

/* Removes what lies below any F0 (direct current, rumble), then what lies above its first harmonics. */
static void take_hop(myna_pitch_tracker *t, const float *hop)
{
    const float keep = (float)exp(-2 * 3.14159265358979323846 * high_pass_hz / MYNA_SAMPLE_RATE_HZ);
    memmove(t->unfiltered, t->unfiltered + MYNA_HOP_SAMPLES, TAPS * sizeof *hop);
    for (int i = 0; i < MYNA_HOP_SAMPLES; i++) {
        t->last_out = hop[i] - t->last_in + keep * t->last_out;
        t->last_in = hop[i];
        t->unfiltered[TAPS + i] = t->last_out;
    }
    const size_t kept = MYNA_WINDOW_SAMPLES - MYNA_HOP_SAMPLES;
    memmove(t->window, t->window + MYNA_HOP_SAMPLES, kept * sizeof *hop);
    filter(t->window + kept, t->unfiltered + 1, t->low_pass);
}

/* ---- Candidates ------------------------------------------------------------------------------------------------ */

MYNA_INLINE float dot(const float *a, const float *b, int n)
{
    enum { LANES = 16 };
    float lane[LANES] = {0}, sum = 0;
    for (int i = 0; i < n; i += LANES)
        for (int l = 0; l < LANES; l++) lane[l] += a[i + l] * b[i + l];
    for (int l = 0; l < LANES; l++) sum += lane[l];
    return sum;
}

/* Normalised cross-correlation of the two stretches of n samples, `lag` apart, around the middle of x[n_samples].
 * energy[i] is that of x[0 .. i). */
MYNA_INLINE float correlate(const float *x, const double *energy, int n_samples, int n, int lag, double floor_energy)
{
    int a = (n_samples - n - lag) / 2, b = a + lag;
    double product = (energy[a + n] - energy[a]) * (energy[b + n] - energy[b]);
    return dot(x + a, x + b, n) / (float)sqrt(fmax(product, 0) + floor_energy * floor_energy);
}

static void sum_energy(double *energy, const float *x, int n)
{
    energy[0] = 0;
    for (int i = 0; i < n; i++) energy[i + 1] = energy[i] + (double)x[i] * (double)x[i];
}

/* Every multiple of a period correlates as well as the period itself: the shortest must win. */
MYNA_INLINE float lag_weight(float lag)
{
    return 1 - long_lag_cost * log2f(lag / MIN_LAG);
}

typedef struct peaks {
    int n, lag[CANDIDATES]; /* highest first */
    float height[CANDIDATES];
} peaks;

MYNA_INLINE void keep_highest(peaks *p, int lag, float height)
{
    if (p->n == CANDIDATES && height <= p->height[CANDIDATES - 1]) return;
    int place = p->n < CANDIDATES ? p->n++ : CANDIDATES - 1;
    for (; place > 0 && p->height[place - 1] < height; place--) {
        p->height[place] = p->height[place - 1];
        p->lag[place] = p->lag[place - 1];
    }
    p->height[place] = height;
    p->lag[place] = lag;
}

MYNA_INLINE peaks coarse_peaks(const float *window, double noise_power)
{
    float x[COARSE_SAMPLES], r[COARSE_MAX + 1];
    double energy[COARSE_SAMPLES + 1];
    const int n = CORRELATED / DECIMATION;
    for (int i = 0; i < COARSE_SAMPLES; i++) x[i] = window[i * DECIMATION];
    sum_energy(energy, x, COARSE_SAMPLES);
    for (int lag = COARSE_MIN; lag <= COARSE_MAX; lag++)
        r[lag] = correlate(x, energy, COARSE_SAMPLES, n, lag, noise_power * n);
    peaks found = {0};
    for (int lag = COARSE_MIN + 1; lag < COARSE_MAX; lag++) {
        float before = r[lag - 1], after = r[lag + 1];
        if (!(r[lag] > worth_refining && r[lag] > before && r[lag] >= after)) continue;
        /* The top of the parabola: at high F0 a peak is only a few coarse lags wide. */
        float top = r[lag] - 0.125f * (before - after) * (before - after) / (before - 2 * r[lag] + after);
        keep_highest(&found, lag, top * lag_weight((float)(lag * DECIMATION)));
    }
    return found;
}

/* The full-rate peak around a coarse one, its place by a parabola: lag in samples, 0 where there is none. */
MYNA_INLINE float refine(const float *window, const double *energy, int coarse_lag, double noise_power, float *height)
{
    enum { REACH = DECIMATION };
    float r[2 * REACH + 1];
    int lowest = coarse_lag * DECIMATION - REACH, best = 1;
    for (int i = 0; i <= 2 * REACH; i++) {
        int lag = lowest + i < MAX_LAG + 1 ? lowest + i : MAX_LAG + 1;
        r[i] = correlate(window, energy, MYNA_WINDOW_SAMPLES, CORRELATED, lag, noise_power * CORRELATED);
    }
    for (int i = 2; i < 2 * REACH; i++)
        if (r[i] > r[best]) best = i;
    float bend = r[best - 1] - 2 * r[best] + r[best + 1];
    if (!(bend < 0) || r[best] < r[best - 1] || r[best] < r[best + 1]) return 0;
    float shift = 0.5f * (r[best - 1] - r[best + 1]) / bend;
    *height = r[best];
    return (float)(lowest + best) + shift;
}

MYNA_VECTORIZED static void find_candidates(frame *out, const float *window, double noise_power)
{
    double energy[MYNA_WINDOW_SAMPLES + 1];
    sum_energy(energy, window, MYNA_WINDOW_SAMPLES);
    peaks coarse = coarse_peaks(window, noise_power);
    out->score[0] = unvoiced_score;
    out->f0_hz[0] = out->octave[0] = 0;
    for (int c = 1; c < STATES; c++) {
        float height = 0, lag = c <= coarse.n ? refine(window, energy, coarse.lag[c - 1], noise_power, &height) : 0;
        bool in_range = lag >= MIN_LAG && lag <= MAX_LAG;
        out->f0_hz[c] = in_range ? MYNA_SAMPLE_RATE_HZ / lag : 0;
        out->octave[c] = in_range ? log2f(out->f0_hz[c]) : 0;
        out->score[c] = in_range ? height * lag_weight(lag) : impossible;
    }
}

/* ---- Path -------------------------------------------------------------------------------------------------------- */

static float transition_cost(const frame *before, int from, const frame *now, int to)
{
    if (!from && !to) return 0;
    if (!from || !to) return switch_cost;
    return octave_cost * fabsf(now->octave[to] - before->octave[from]);
}

/* One Viterbi step: totals of `now` from those of `before`, kept near zero so that they never grow. */
static void extend_paths(float *total, frame *now, const frame *before)
{
    float next[STATES], highest = impossible;
    for (int to = 0; to < STATES; to++) {
        float best = 2 * impossible;
        for (int from = 0; from < STATES; from++) {
            float sum = total[from] - transition_cost(before, from, now, to);
            if (sum <= best) continue;
            best = sum;
            now->from[to] = from;
        }
        next[to] = fmaxf(best + now->score[to], impossible);
        highest = fmaxf(highest, next[to]);
    }
    for (int s = 0; s < STATES; s++) total[s] = next[s] - highest;
}

static float decide(const myna_pitch_tracker *t)
{
    if (t->n_frames <= t->lag_frames) return 0;
    int state = 0, at = t->newest;
    for (int s = 1; s < STATES; s++)
        if (t->total[s] > t->total[state]) state = s;
    for (int i = 0; i < t->lag_frames; i++) {
        state = t->history[at].from[state];
        at = (at + HISTORY - 1) % HISTORY;
    }
    return t->history[at].f0_hz[state];
}

float myna_pitch_push(myna_pitch_tracker *t, const float *hop)
{
    take_hop(t, hop);
    double power = 0;
    for (int i = 0; i < MYNA_WINDOW_SAMPLES; i++) power += (double)t->window[i] * (double)t->window[i];
    power /= MYNA_WINDOW_SAMPLES;
    t->loudest = fmax(power, t->loudest * loudness_kept);

    const frame *before = &t->history[t->newest];
    t->newest = (t->newest + 1) % HISTORY;
    frame *now = &t->history[t->newest];
    find_candidates(now, t->window, floor_power + relative_floor * t->loudest);
    extend_paths(t->total, now, before);
    if (t->n_frames <= MYNA_PITCH_MAX_LAG) t->n_frames++;
    return decide(t);
}
