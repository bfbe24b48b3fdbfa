/* Sound devices by PortAudio: the only file that includes portaudio.h. What their callbacks do is in audio_port.h. */
#ifndef MYNA_IO_AUDIO_DEVICE_H
#define MYNA_IO_AUDIO_DEVICE_H

#include "io/audio_port.h"

#include <semaphore.h>

/* Looks at what devices there are, before everything else here; again only after myna_devices_stop. What anybody writes
 * to standard error meanwhile is thrown away: sound libraries write there. ERROR_DEVICE where there is no sound system. */
myna_status myna_devices_start(myna_error *error);
void myna_devices_stop(void);

typedef struct myna_device_info {
    const char *name, *host_api; /* valid until myna_devices_stop */
    int input_channels, output_channels; /* 0: cannot record, cannot play */
    int sample_rate_hz;          /* its own */
    double input_latency_ms, output_latency_ms;
    bool is_default_input, is_default_output;
} myna_device_info;
int myna_device_count(void);
void myna_device_describe(myna_device_info *out, int index); /* [0, myna_device_count) */

/* "host API: name", as myna_device_find and myna_device_find_again compare it. */
enum { MYNA_DEVICE_NAME = 256 };
void myna_device_name(char out[MYNA_DEVICE_NAME], int index);

/* Finds a device that records (or plays) by its index or any part of "host API: name", whatever the case; NULL means
 * the default. ERROR_DEVICE where there is none, or several that fit; the reason names them. */
myna_status myna_device_find(int *out, const char *wanted, bool to_record, myna_error *error);

/* The device of exactly this "host API: name". */
myna_status myna_device_find_again(int *out, const char *full_name, bool to_record, myna_error *error);

enum { MYNA_MIN_BLOCK_SAMPLES = 16 };
typedef struct myna_device_settings {
    int input, output;  /* indices; -1: not this direction */
    int sample_rate_hz; /* 0: each device's own */
    double block_ms;    /* a callback; 0: as the device likes best, as JACK always does */
    myna_audio_port *heard, *spoken; /* the caller's, must outlive the device; NULL where the direction is not used */
    sem_t *wake;        /* posted when samples were heard; may be NULL */
} myna_device_settings;

/* What a device gives (or takes) at once, in ms, as far as it says; 3 where it does not. */
double myna_device_block_ms(int device, bool to_record);
/* One device, or both on JACK, with one clock that counts the samples of both, as far as can be told. */
bool myna_devices_share_clock(int input, int output);

typedef struct myna_device myna_device;
/* Opens and starts. Both directions run in one callback where they share a clock, in two otherwise. */
myna_status myna_device_open(myna_device **out, const myna_device_settings *settings, myna_error *error);
/* No callback runs afterwards. False where the sound system does not come back from closing within two seconds, as JACK
 * when its server was killed: then device and rings must be left alone, and the program can only end. NULL is fine. */
bool myna_device_close(myna_device *device);

typedef struct myna_device_facts {
    int input_rate_hz, output_rate_hz;          /* as opened */
    /* from the microphone to the ring, from the ring to the ear; 0 where the sound system does not say */
    double input_latency_ms, output_latency_ms;
    bool shares_clock;
} myna_device_facts;
myna_device_facts myna_device_facts_of(const myna_device *device);

/* Callbacks for which the sound system itself says that samples were lost or missing; any thread. */
uint64_t myna_device_xruns(const myna_device *device);

/* False once the sound system has stopped the stream: unplugged, server gone. */
bool myna_device_is_running(const myna_device *device);

#endif
