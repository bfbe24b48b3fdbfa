#include "pipeline/perturb.h"

#include "dsp/mel.h"
#include "model/features.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Natural logarithm of the scaling's ratio, drawn for both ends of the frequency axis: voices differ in more than one
 * length, and each formant has its own. */
static const float most_warp = 0.3f;
/* Deviation of the random smooth EQ's knots, in normalised log-mel. */
static const float equalizer_deviation = 0.25f;
enum { EQUALIZER_KNOTS = 6 };
/* Noise has the corpus's mean spectrum through an EQ of its own, so many deviations above (speech is louder, its pauses
 * softer), flickers, and is anything from steady, as fans are, to gusts, passing cars and babble: a second EQ, drawn anew
 * as often as syllables are spoken, is within this. */
static const float noise_share = 0.5f, reference_noise_share = 0.4f;
static const float noise_low = -2, noise_high = 0.7f, noise_deviation = 0.5f, noise_flicker = 0.25f, most_noise_change = 0.8f;
enum { NOISE_CHANGE_FRAMES = 16 };
/* Somebody who talks behind is so much softer, in normalised log-mel. */
static const float least_softer = 0.6f, most_softer = 2;
/* A room's tail: reverberation time in seconds, and direct over reverberant power in dB. */
static const float reverb_share = 0.3f, reference_reverb_share = 0.2f;
static const float reverb_short = 0.15f, reverb_long = 0.7f, most_direct_db = 12;

/* Knots evenly along the mel axis, straight lines between them; out[n_bands]. */
static void make_equalizer(float *out, int n_bands, float deviation, myna_rng *rng)
{
    float knots[EQUALIZER_KNOTS];
    for (int i = 0; i < EQUALIZER_KNOTS; i++) knots[i] = deviation * myna_rng_normal(rng);
    for (int b = 0; b < n_bands; b++) {
        float place = (float)b * (EQUALIZER_KNOTS - 1) / (float)(n_bands - 1);
        int lower = place < EQUALIZER_KNOTS - 2 ? (int)place : EQUALIZER_KNOTS - 2;
        float part = place - (float)lower;
        out[b] = knots[lower] * (1 - part) + knots[lower + 1] * part;
    }
}

static void warp_and_pool(float *content, const float *frames, size_t n_frames, myna_rng *rng)
{
    myna_mel_warp warp;
    float equalizer[MYNA_MEL_BANDS], frame[MYNA_MEL_BANDS];
    float low = myna_rng_uniform(rng, -most_warp, most_warp), high = myna_rng_uniform(rng, -most_warp, most_warp);
    myna_mel_warp_init(&warp, expf(low), expf(high));
    make_equalizer(equalizer, MYNA_MEL_BANDS, equalizer_deviation, rng);
    for (size_t k = 0; k < n_frames; k++) {
        myna_mel_warp_apply(&warp, frame, frames + k * MYNA_MEL_BANDS);
        for (int b = 0; b < MYNA_MEL_BANDS; b++) frame[b] += equalizer[b];
        myna_pool_bands(content + k * MYNA_POOLED_BANDS, frame);
    }
}

static void add_reverb(float *content, size_t n_frames, float to_power, myna_rng *rng)
{
    const float frame_seconds = (float)MYNA_HOP_SAMPLES / MYNA_SAMPLE_RATE_HZ;
    float decay = powf(10, -6 * frame_seconds / myna_rng_uniform(rng, reverb_short, reverb_long));
    float share = powf(10, -0.1f * myna_rng_uniform(rng, 0, most_direct_db)) * (1 - decay) / decay;
    float tail[MYNA_POOLED_BANDS] = {0}; /* what earlier frames leave in this one, as power */
    for (size_t k = 0; k < n_frames; k++) {
        float *frame = content + k * MYNA_POOLED_BANDS;
        for (int b = 0; b < MYNA_POOLED_BANDS; b++) {
            float power = expf(to_power * frame[b]);
            frame[b] = logf(power + tail[b]) / to_power;
            tail[b] = decay * (tail[b] + share * power);
        }
    }
}

/* Of what sounds together, normalised log-mel each. */
static float add_power(float a, float b, float to_power)
{
    return logf(expf(to_power * a) + expf(to_power * b)) / to_power;
}

static void add_noise(float *content, size_t n_frames, float to_power, myna_rng *rng)
{
    float spectrum[MYNA_POOLED_BANDS], before[MYNA_POOLED_BANDS], after[MYNA_POOLED_BANDS];
    float level = myna_rng_uniform(rng, noise_low, noise_high), change = myna_rng_uniform(rng, 0, most_noise_change);
    make_equalizer(spectrum, MYNA_POOLED_BANDS, noise_deviation, rng);
    make_equalizer(after, MYNA_POOLED_BANDS, change, rng);
    for (size_t k = 0; k < n_frames; k++) {
        float *frame = content + k * MYNA_POOLED_BANDS, part = (float)(k % NOISE_CHANGE_FRAMES) / NOISE_CHANGE_FRAMES;
        if (part == 0) {
            memcpy(before, after, sizeof before);
            make_equalizer(after, MYNA_POOLED_BANDS, change, rng);
        }
        for (int b = 0; b < MYNA_POOLED_BANDS; b++) {
            float noise = level + spectrum[b] + before[b] * (1 - part) + after[b] * part;
            noise += noise_flicker * myna_rng_normal(rng);
            frame[b] = add_power(frame[b], noise, to_power);
        }
    }
}

/* Power grows by a factor of exp(this) for each deviation of log-mel. */
static float to_power_of(const myna_weights *weights)
{
    return 2 * 2.30258509f * weights->front.mel_deviation[0];
}

void myna_perturb(float *content, const float *frames, size_t n_frames, const myna_weights *weights, myna_rng *rng)
{
    const float to_power = to_power_of(weights);
    warp_and_pool(content, frames, n_frames, rng);
    if (myna_rng_uniform(rng, 0, 1) < reverb_share) add_reverb(content, n_frames, to_power, rng);
    if (myna_rng_uniform(rng, 0, 1) < noise_share) add_noise(content, n_frames, to_power, rng);
}

static void add_at(float *frames, const float *other, size_t n_frames, const myna_weights *weights, float level)
{
    const float to_power = to_power_of(weights);
    for (size_t i = 0; i < n_frames * MYNA_MEL_BANDS; i++) frames[i] = add_power(frames[i], other[i] + level, to_power);
}

void myna_perturb_add(float *frames, const float *other, size_t n_frames, const myna_weights *weights)
{
    add_at(frames, other, n_frames, weights, 0);
}

void myna_perturb_add_softer(
    float *frames, const float *other, size_t n_frames, const myna_weights *weights, myna_rng *rng)
{
    add_at(frames, other, n_frames, weights, -myna_rng_uniform(rng, least_softer, most_softer));
}

void myna_perturb_reference(float *content, size_t n_frames, const myna_weights *weights, myna_rng *rng)
{
    const float to_power = to_power_of(weights);
    if (myna_rng_uniform(rng, 0, 1) < reference_reverb_share) add_reverb(content, n_frames, to_power, rng);
    if (myna_rng_uniform(rng, 0, 1) < reference_noise_share) add_noise(content, n_frames, to_power, rng);
}
