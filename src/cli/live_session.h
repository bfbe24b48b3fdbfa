/* `myna live` on devices: opened, watched, closed. */
#ifndef MYNA_CLI_LIVE_SESSION_H
#define MYNA_CLI_LIVE_SESSION_H

#include "cli/live_worker.h"
#include "io/audio_device.h"


typedef struct myna_live_wanted {
    const char *input, *output; /* see myna_device_find; NULL: the default */
    const char *monitor;        /* the voice is played here too; NULL: nowhere */
    bool by_full_name;          /* they are names as in the session below, and must be the same */
    int rate_hz;                /* 0: each device's own */
    double block_ms;            /* 0: as the devices like it */
} myna_live_wanted;

/* Plain data; starts with zeros. */
typedef struct myna_live_session {
    char input[MYNA_DEVICE_NAME], output[MYNA_DEVICE_NAME], monitor[MYNA_DEVICE_NAME]; /* full names; "": no monitor */
    myna_device *device, *monitor_device;
    myna_live_worker *worker;
    struct {
        uint64_t moved;
        double seconds; /* when last something did */
    } watched[3];       /* heard, spoken, monitor */
} myna_live_session;

/* Finds and opens the devices, and starts a worker between them; settings' rate is filled in. */
myna_status myna_live_session_open(
    myna_live_session *session, const myna_live_wanted *wanted, myna_live_settings *settings, myna_error *error);
/* False where the sound system does not come back: see myna_device_close. */
bool myna_live_session_close(myna_live_session *session);

/* ERROR_DEVICE once a device is gone, or has moved no sample for two seconds. To be asked several times a second. */
myna_status myna_live_session_check(myna_live_session *session, myna_error *error);
double myna_live_session_latency_ms(const myna_live_session *session); /* from the microphone to the ear */
uint64_t myna_live_session_xruns(const myna_live_session *session);

/* Prints what was opened, and what the latency is made of. */
void myna_live_session_describe(const myna_live_session *session);

#endif
