#include "base/status.h"
#include "dsp/phase.h"
#include "dsp/pulse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const float breath = 0.03f; /* noise beside pulses of unit power; where unvoiced it has unit power itself */
static const float highest_hz = 2000;

struct myna_excitation {
    myna_stft *stft;
    uint64_t seed;
    myna_rng rng;
    double cycle;   /* of the pulse train after the frame's first hop, in [0, 1); a pulse comes at 1 */
    float f0_hz[3]; /* of the frame's start, its second hop and its middle */
    float noise[MYNA_WINDOW_SAMPLES];
    float samples[MYNA_PULSE_TAPS + MYNA_WINDOW_SAMPLES + MYNA_PULSE_TAPS]; /* the frame between margins */
};

myna_status myna_excitation_create(myna_excitation **out, uint64_t seed, myna_error *error)
{
    myna_excitation *excitation = calloc(1, sizeof *excitation);
    if (!excitation) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for an excitation");
    myna_status status = myna_stft_create(&excitation->stft, error);
    if (status != MYNA_OK) {
        free(excitation);
        return status;
    }
    excitation->seed = seed;
    myna_excitation_reset(excitation);
    *out = excitation;
    return MYNA_OK;
}

void myna_excitation_free(myna_excitation *excitation)
{
    if (!excitation) return;
    myna_stft_free(excitation->stft);
    free(excitation);
}

static void add_noise_hop(myna_excitation *e)
{
    const size_t kept = MYNA_WINDOW_SAMPLES - MYNA_HOP_SAMPLES;
    memmove(e->noise, e->noise + MYNA_HOP_SAMPLES, kept * sizeof *e->noise);
    for (size_t i = kept; i < MYNA_WINDOW_SAMPLES; i++) e->noise[i] = myna_rng_normal(&e->rng);
}

void myna_excitation_reset(myna_excitation *e)
{
    e->rng = myna_rng_seed(e->seed, 0);
    e->cycle = 0;
    memset(e->f0_hz, 0, sizeof e->f0_hz);
    for (int i = 0; i < MYNA_OVERLAP; i++) add_noise_hop(e);
}

/* One hop of the frame at samples[start ..): F0 goes from `from` to `to`, voicing changes half-way. Returns the
 * cycle at its end. */
static double write_hop(myna_excitation *e, int start, double cycle, float from, float to)
{
    float *frame = e->samples + MYNA_PULSE_TAPS;
    float begin = from > 0 ? from : to, end = to > 0 ? to : from;
    for (int i = 0; i < MYNA_HOP_SAMPLES; i++) {
        bool voiced = (2 * i < MYNA_HOP_SAMPLES ? from : to) > 0;
        frame[start + i] += e->noise[start + i] * (voiced ? breath : 1);
        float f0_hz = begin + (end - begin) * (float)i / MYNA_HOP_SAMPLES;
        double step = (double)f0_hz / MYNA_SAMPLE_RATE_HZ;
        double left = 1 - cycle;
        cycle += step;
        if (cycle < 1) continue;
        cycle -= 1;
        if (voiced) myna_pulse_add(frame, start + i + left / step, sqrt(1 / step));
    }
    return cycle;
}

static void to_phasors(myna_complex *z)
{
    for (int k = 0; k < MYNA_BINS; k++) {
        float size = sqrtf(z[k].re * z[k].re + z[k].im * z[k].im);
        z[k] = size > 0 ? (myna_complex){z[k].re / size, z[k].im / size} : (myna_complex){1, 0};
    }
}

/* The pulses that later F0 would move are written again with each frame: only the first hop is final. */
void myna_excitation_next(myna_excitation *e, myna_complex *phase, float f0_hz)
{
    e->f0_hz[0] = e->f0_hz[1];
    e->f0_hz[1] = e->f0_hz[2];
    e->f0_hz[2] = f0_hz > 0 ? fminf(f0_hz, highest_hz) : 0;
    add_noise_hop(e);
    memset(e->samples, 0, sizeof e->samples);
    e->cycle = write_hop(e, 0, e->cycle, e->f0_hz[0], e->f0_hz[1]);
    double cycle = write_hop(e, MYNA_HOP_SAMPLES, e->cycle, e->f0_hz[1], e->f0_hz[2]);
    for (int start = 2 * MYNA_HOP_SAMPLES; start < MYNA_WINDOW_SAMPLES; start += MYNA_HOP_SAMPLES)
        cycle = write_hop(e, start, cycle, e->f0_hz[2], e->f0_hz[2]);
    myna_stft_forward(e->stft, phase, e->samples + MYNA_PULSE_TAPS);
    to_phasors(phase);
}
