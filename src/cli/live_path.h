/* The live path: what comes from a microphone at its rate becomes what is spoken, at 16 kHz, a fixed time later.
 * Samples in, samples out, no threads and no clock: live_worker.h drives it. */
#ifndef MYNA_CLI_LIVE_PATH_H
#define MYNA_CLI_LIVE_PATH_H

#include "cli/live_record.h"
#include "io/resample.h"

enum { MYNA_LIVE_MAX_VOICES = 9 };

typedef struct myna_live_settings {
    const myna_model *model;
    const myna_voice *voices[MYNA_LIVE_MAX_VOICES]; /* keys 1 to 9; starts with the first */
    int n_voices;
    myna_converter_options options;
    int input_rate_hz;
    myna_live_taps *taps; /* what else gets the samples heard and spoken, or NULL */
    float wet;            /* share of the converted voice, [0, 1]; the rest is the microphone, delayed as much */
} myna_live_settings;

typedef struct myna_live_path myna_live_path;
/* What `settings` points to must outlive the path. All memory is taken here. */
myna_status myna_live_path_create(myna_live_path **out, const myna_live_settings *settings, myna_error *error);
void myna_live_path_free(myna_live_path *path);

/* Takes n samples at the input's rate and hands to `sink` every sample at 16 kHz that they complete. In time with each
 * other but for the latency: output k answers input (k - latency) * input_rate / 16000. */
myna_status myna_live_path_push(
    myna_live_path *path, const float *in, size_t n, myna_sink *sink, void *context, myna_error *error);
/* The converter's latency: what the network and the waveform stage look ahead. Resampling adds none to it, but holds
 * back a few milliseconds more. */
size_t myna_live_path_latency_samples(const myna_live_path *path);
double myna_live_path_heard_seconds(const myna_live_path *path); /* so far */

/* What can be changed on the way, between pushes; all without a click. */
typedef struct myna_live_controls {
    int voice;   /* index */
    bool bypass; /* the microphone alone, as late as the voice would be */
    bool mute;
    myna_pitch pitch;
    float semitones;
} myna_live_controls;
void myna_live_path_control(myna_live_path *path, const myna_live_controls *controls);

#define MYNA_LIVE_LOWEST_DB (-100.0f)

/* Of the newest push. */
typedef struct myna_live_meters {
    float input_db, output_db; /* RMS in dBFS, falling slowly */
    float heard_f0_hz, spoken_f0_hz;
} myna_live_meters;
myna_live_meters myna_live_path_meters(const myna_live_path *path);

#endif
