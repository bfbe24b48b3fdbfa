/* A band-limited pulse between samples: glottal excitation without the jitter that whole-sample pulses have. */
#ifndef MYNA_DSP_PULSE_H
#define MYNA_DSP_PULSE_H

enum { MYNA_PULSE_TAPS = 16 };

/* Adds gain * sinc(n - time), Hann-windowed over MYNA_PULSE_TAPS samples, to samples n around `time` (>= 0): it
 * writes samples[floor(time) - 7 .. floor(time) + 8]. */
void myna_pulse_add(float *samples, double time, double gain);

#endif
