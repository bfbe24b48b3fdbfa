#include "dsp/ripple.h"

#include "base/status.h"
#include "dsp/pitch.h"
#include "dsp/pulse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const float clip_low = -1.2f, clip_high = 0.6f;
enum { POSITIONS = 6 }; /* of the first pulse within a period */

typedef struct scratch {
    myna_stft *stft;
    const myna_mel *mel;
    float samples[MYNA_WINDOW_SAMPLES + 2 * MYNA_PULSE_TAPS]; /* the frame lies MYNA_PULSE_TAPS in */
    float magnitude[MYNA_BINS], smooth[MYNA_BINS];
    float bands[MYNA_MEL_BANDS], log_fine[MYNA_MEL_BANDS], log_smooth[MYNA_MEL_BANDS];
} scratch;

/* The square root of the power spectrum averaged over a box of `width_bins` around each bin. */
static void smooth_magnitude(float *smooth, const float *magnitude, double width_bins)
{
    double sum[MYNA_BINS + 1] = {0}; /* sum[k]: power below bin k's lower edge */
    for (int k = 0; k < MYNA_BINS; k++) sum[k + 1] = sum[k] + (double)magnitude[k] * (double)magnitude[k];
    for (int k = 0; k < MYNA_BINS; k++) {
        double low = fmax(k + 0.5 - width_bins / 2, 0), high = fmin(k + 0.5 + width_bins / 2, MYNA_BINS);
        int i = (int)low, j = (int)fmin(high, MYNA_BINS - 1);
        double below = sum[i] + (low - i) * (sum[i + 1] - sum[i]);
        double up_to = sum[j] + (high - j) * (sum[j + 1] - sum[j]);
        smooth[k] = (float)sqrt((up_to - below) / (high - low));
    }
}

/* Adds to row what one frame of pulses, the first `start` samples in, ripples around its envelope. */
static void add_ripple(scratch *s, float *row, double period_samples, double start)
{
    memset(s->samples, 0, sizeof s->samples);
    for (double t = start; t < MYNA_WINDOW_SAMPLES; t += period_samples)
        myna_pulse_add(s->samples + MYNA_PULSE_TAPS, t, sqrt(period_samples));
    myna_stft_magnitude(s->stft, s->magnitude, s->samples + MYNA_PULSE_TAPS);
    smooth_magnitude(s->smooth, s->magnitude, MYNA_FFT_SAMPLES / period_samples);
    myna_mel_forward(s->mel, s->bands, s->magnitude);
    myna_log_mel(s->log_fine, s->bands, 1);
    myna_mel_forward(s->mel, s->bands, s->smooth);
    myna_log_mel(s->log_smooth, s->bands, 1);
    for (int b = 0; b < MYNA_MEL_BANDS; b++) row[b] += s->log_fine[b] - s->log_smooth[b];
}

myna_status myna_ripple_make(float *rows, const myna_mel *mel, myna_error *error)
{
    scratch *s = malloc(sizeof *s);
    if (!s) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for the ripple table");
    s->mel = mel;
    myna_status status = myna_stft_create(&s->stft, error);
    for (int r = 0; status == MYNA_OK && r < MYNA_RIPPLE_ROWS; r++) {
        float *row = rows + (size_t)r * MYNA_MEL_BANDS;
        double f0_hz = MYNA_F0_MIN_HZ * pow(MYNA_F0_MAX_HZ / MYNA_F0_MIN_HZ, r / (MYNA_RIPPLE_ROWS - 1.0));
        double period_samples = MYNA_SAMPLE_RATE_HZ / f0_hz;
        memset(row, 0, MYNA_MEL_BANDS * sizeof *row);
        for (int p = 0; p < POSITIONS; p++) add_ripple(s, row, period_samples, period_samples * p / POSITIONS);
        for (int b = 0; b < MYNA_MEL_BANDS; b++) row[b] = fminf(fmaxf(row[b] / POSITIONS, clip_low), clip_high);
    }
    if (status == MYNA_OK) myna_stft_free(s->stft);
    free(s);
    return status;
}

void myna_ripple_at(float *out, const float *rows, float f0_hz)
{
    if (!(f0_hz > 0)) {
        memset(out, 0, MYNA_MEL_BANDS * sizeof *out);
        return;
    }
    float clamped = fminf(fmaxf(f0_hz, MYNA_F0_MIN_HZ), MYNA_F0_MAX_HZ);
    float position = logf(clamped / MYNA_F0_MIN_HZ) / logf(MYNA_F0_MAX_HZ / MYNA_F0_MIN_HZ) * (MYNA_RIPPLE_ROWS - 1);
    int r = (int)fminf(fmaxf(position, 0), MYNA_RIPPLE_ROWS - 2);
    float part = position - (float)r;
    const float *low = rows + (size_t)r * MYNA_MEL_BANDS, *high = low + MYNA_MEL_BANDS;
    for (int b = 0; b < MYNA_MEL_BANDS; b++) out[b] = low[b] + part * (high[b] - low[b]);
}
