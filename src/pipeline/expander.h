/* Background down, silence off: how much of a frame's output is let through. */
#ifndef MYNA_PIPELINE_EXPANDER_H
#define MYNA_PIPELINE_EXPANDER_H

/* A network trained on speech makes speech-like babble of what is no speech. This factor in [0, 1] on the output's
 * magnitudes depends on the input frame alone: 1 down to `gate_db` under speech (-35: consonants that begin a word
 * lie above), falling smoothly to 0 at 20 dB less. Absolute silence, below about -72 dBFS, is 0 too, whatever the gain.
 * mel[MYNA_MEL_BANDS]: linear mel magnitude at the input's level; gain: what takes speech to normal level. */
float myna_expander_factor(const float *mel, float gain, float gate_db);

#endif
