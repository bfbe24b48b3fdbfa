/* One device that plays the converted voice: from 16 kHz to its rate, into the ring that it empties. */
#ifndef MYNA_CLI_LIVE_OUTLET_H
#define MYNA_CLI_LIVE_OUTLET_H

#include "cli/live_level.h"
#include "io/audio_port.h"
#include "io/resample.h"

typedef struct myna_live_outlet_settings {
    int rate_hz;
    bool is_steered;                      /* its clock is another than the microphone's */
    size_t latency_samples;               /* at 16 kHz: what it is given is so late already */
    double heard_seconds, spoken_seconds; /* a block of the microphone's, and of its own */
} myna_live_outlet_settings;

typedef struct myna_live_outlet {
    myna_audio_port port; /* the device's */
    myna_live_outlet_settings settings;
    size_t latency_samples; /* to the nearest sample at this rate */
    size_t margin_samples;  /* of silence that the ring starts with */
    myna_resampler *up;
    uint64_t n_made;     /* samples, by resampling */
    double held_seconds; /* by all resampling: the caller's to set, from n_made */
    myna_live_level level;
    size_t n_to_skip;
    double skipped_seconds, made_up_seconds; /* so far, to hold the level: left out, and silence put in */
} myna_live_outlet;

/* `out` holds zeros, and is freed by its owner also where this failed. */
myna_status myna_live_outlet_create(
    myna_live_outlet *out, const myna_live_outlet_settings *settings, myna_error *error);
void myna_live_outlet_free(myna_live_outlet *outlet); /* no device uses its port any more */

/* The margin, in seconds, for blocks heard and blocks spoken of so many seconds. */
double myna_live_margin(double heard_seconds, double spoken_seconds);

/* Blocks turned out to be as long as that: where it takes one, the margin becomes longer, and never shorter again. */
void myna_live_outlet_widen(myna_live_outlet *outlet, double heard_seconds, double spoken_seconds);

/* n samples at 16 kHz. As long as the device has not asked for any, the ring keeps its margin and they are left out. */
myna_status myna_live_outlet_push(myna_live_outlet *outlet, const float *samples, size_t n, myna_error *error);

/* What waits between a microphone and this device, in seconds: in both rings and held back by resampling. A ring goes
 * up and down by a block at every callback; seen together with the time between the callbacks it stands still. */
double myna_live_outlet_waiting(const myna_live_outlet *outlet, const myna_audio_port *heard, int heard_rate_hz);

/* Told, once a block, what waits: steers, and puts in silence where too little does. Returns the seconds too much,
 * which are dropped from what was heard or skipped. */
double myna_live_outlet_hold_level(myna_live_outlet *outlet, double waiting);
void myna_live_outlet_skip(myna_live_outlet *outlet, double seconds); /* of what is made next */

#endif
