#define _GNU_SOURCE
#include "io/audio_device.h"

#include "base/clock.h"
#include "base/signals.h"
#include "base/status.h"

#include <ctype.h>
#include <fcntl.h>
#include <math.h>
#include <portaudio.h>
#ifdef MYNA_HAVE_PA_JACK
#include <pa_jack.h>
#endif
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CHANNELS = 2, INPUT = 0, OUTPUT = 1, CLOSING_SECONDS = 2 };
static const double plug_in_block_ms = 30, unsaid_block_ms = 3;

/* ---- What there is ----------------------------------------------------------------------------------------------- */

/* libjack does not ask its server again where a signal has interrupted it, and PortAudio aborts on what comes of that:
 * signals are held while they talk to a server, here and below. */

/* ALSA and JACK print what they tried on standard error. */
static PaError initialize_quietly(void)
{
    int kept = dup(STDERR_FILENO), nowhere = open("/dev/null", O_WRONLY);
    if (kept >= 0 && nowhere >= 0) dup2(nowhere, STDERR_FILENO);
    sigset_t before = myna_signals_hold();
    PaError result = Pa_Initialize();
    myna_signals_let(before);
    if (kept >= 0 && nowhere >= 0) dup2(kept, STDERR_FILENO);
    if (kept >= 0) close(kept);
    if (nowhere >= 0) close(nowhere);
    return result;
}

/* PortAudio's word for it, with the host API's where that says more. */
static myna_status fail_with(myna_error *error, const char *what, PaError reason)
{
    const PaHostErrorInfo *host = reason == paUnanticipatedHostError ? Pa_GetLastHostErrorInfo() : NULL;
    const char *text = host && host->errorText && host->errorText[0] ? host->errorText : Pa_GetErrorText(reason);
    return myna_fail(error, MYNA_ERROR_DEVICE, "%s: %s", what, text);
}

myna_status myna_devices_start(myna_error *error)
{
#ifdef MYNA_HAVE_PA_JACK
    PaJack_SetClientName("myna"); /* its ports are myna:out_0 and so on */
#endif
    PaError result = initialize_quietly();
    return result == paNoError ? MYNA_OK : fail_with(error, "no sound system", result);
}

void myna_devices_stop(void)
{
    sigset_t before = myna_signals_hold();
    Pa_Terminate();
    myna_signals_let(before);
}

int myna_device_count(void)
{
    int n = Pa_GetDeviceCount();
    return n > 0 ? n : 0;
}

void myna_device_describe(myna_device_info *out, int index)
{
    const PaDeviceInfo *info = Pa_GetDeviceInfo(index);
    *out = (myna_device_info){.name = info->name,
        .host_api = Pa_GetHostApiInfo(info->hostApi)->name,
        .input_channels = info->maxInputChannels,
        .output_channels = info->maxOutputChannels,
        .sample_rate_hz = (int)(info->defaultSampleRate + 0.5),
        .input_latency_ms = 1000 * info->defaultLowInputLatency,
        .output_latency_ms = 1000 * info->defaultLowOutputLatency,
        .is_default_input = index == Pa_GetDefaultInputDevice(),
        .is_default_output = index == Pa_GetDefaultOutputDevice()};
}

/* ---- Finding one ------------------------------------------------------------------------------------------------- */

static bool holds(const char *text, const char *part)
{
    for (; *text; text++) {
        size_t i = 0;
        while (part[i] && tolower((unsigned char)text[i]) == tolower((unsigned char)part[i])) i++;
        if (!part[i]) return true;
    }
    return !*part;
}

static bool can(int index, bool to_record)
{
    myna_device_info info;
    myna_device_describe(&info, index);
    return (to_record ? info.input_channels : info.output_channels) > 0;
}

void myna_device_name(char out[MYNA_DEVICE_NAME], int index)
{
    myna_device_info info;
    myna_device_describe(&info, index);
    snprintf(out, MYNA_DEVICE_NAME, "%s: %s", info.host_api, info.name);
}

static myna_status find_by_name(int *out, const char *wanted, bool to_record, myna_error *error)
{
    char names[160] = "";
    int n = 0, found = -1;
    for (int i = 0; i < myna_device_count(); i++) {
        char full[MYNA_DEVICE_NAME];
        myna_device_name(full, i);
        if (!can(i, to_record) || !holds(full, wanted)) continue;
        size_t length = strlen(names);
        snprintf(names + length, sizeof names - length, "%s%d (%.60s)", n ? ", " : "", i, full);
        found = i;
        n++;
    }
    const char *what = to_record ? "input" : "output";
    if (n == 0) return myna_fail(error, MYNA_ERROR_DEVICE, "no %s device is called so; see myna devices", what);
    if (n > 1) return myna_fail(error, MYNA_ERROR_DEVICE, "%d %s devices fit: %s", n, what, names);
    *out = found;
    return MYNA_OK;
}

myna_status myna_device_find(int *out, const char *wanted, bool to_record, myna_error *error)
{
    const char *what = to_record ? "record" : "play";
    if (wanted && (!*wanted || wanted[strspn(wanted, "0123456789")]))
        return find_by_name(out, wanted, to_record, error);
    long index = wanted      ? strtol(wanted, NULL, 10)
                 : to_record ? Pa_GetDefaultInputDevice()
                             : Pa_GetDefaultOutputDevice();
    if (!wanted && index < 0) return myna_fail(error, MYNA_ERROR_DEVICE, "no device to %s with was found", what);
    if (index >= myna_device_count() || !can((int)index, to_record))
        return myna_fail(error, MYNA_ERROR_DEVICE, "device %ld cannot %s; see myna devices", index, what);
    *out = (int)index;
    return MYNA_OK;
}

myna_status myna_device_find_again(int *out, const char *full_name, bool to_record, myna_error *error)
{
    for (int i = 0; i < myna_device_count(); i++) {
        char full[MYNA_DEVICE_NAME];
        myna_device_name(full, i);
        if (!can(i, to_record) || strcmp(full, full_name) != 0) continue;
        *out = i;
        return MYNA_OK;
    }
    return myna_fail(error, MYNA_ERROR_DEVICE, "it has not come back");
}

/* ---- The callback ------------------------------------------------------------------------------------------------ */

struct myna_device {
    myna_device_settings settings;
    int n_streams;
    PaStream *streams[2]; /* one for both directions, or the input's and the output's */
    int channels[2];      /* of input and output; 0: not this direction */
    int rate_hz[2];
    atomic_uint_fast64_t xruns;
};

/* Both directions of one stream have moved at the same time. PortAudio's own times are zero, or worse, on some hosts. */
static int on_samples(const void *in, void *out, unsigned long n, const PaStreamCallbackTimeInfo *time,
    PaStreamCallbackFlags flags, void *context)
{
    (void)time;
    myna_device *d = context;
    int64_t now_ns = myna_nanoseconds_now();
    if (flags & (paInputOverflow | paInputUnderflow | paOutputUnderflow | paOutputOverflow))
        atomic_fetch_add_explicit(&d->xruns, 1, memory_order_relaxed);
    if (in) myna_audio_port_hear(d->settings.heard, in, (size_t)d->channels[INPUT], n, now_ns);
    if (out) myna_audio_port_speak(d->settings.spoken, out, (size_t)d->channels[OUTPUT], n, now_ns);
    if (d->settings.wake && in) sem_post(d->settings.wake);
    return paContinue;
}

/* ---- Opening ----------------------------------------------------------------------------------------------------- */

static PaStreamParameters parameters_of(const myna_device *d, int direction)
{
    int index = direction == INPUT ? d->settings.input : d->settings.output;
    const PaDeviceInfo *info = Pa_GetDeviceInfo(index);
    PaTime latency = direction == INPUT ? info->defaultLowInputLatency : info->defaultLowOutputLatency;
    return (PaStreamParameters){.device = index,
        .channelCount = d->channels[direction],
        .sampleFormat = paFloat32,
        .suggestedLatency = latency};
}

/* ALSA's plug-ins, such as "pulse" and "default", which lead to a sound server more often than not. */
static bool is_plug_in(const PaDeviceInfo *info)
{
    return Pa_GetHostApiInfo(info->hostApi)->type == paALSA && !strstr(info->name, "(hw:");
}

/* Through a plug-in less at a time runs dry again and again, and may not come back. */
double myna_device_block_ms(int device, bool to_record)
{
    const PaDeviceInfo *info = Pa_GetDeviceInfo(device);
    double latency_ms = 1000 * (to_record ? info->defaultLowInputLatency : info->defaultLowOutputLatency);
    if (is_plug_in(info)) return fmax(latency_ms, plug_in_block_ms);
    return latency_ms > 0 ? latency_ms : unsaid_block_ms;
}

/* A plug-in's one name can stand for two devices, and in one stream for both PortAudio gives up at the first underrun. */
bool myna_devices_share_clock(int input, int output)
{
    const PaDeviceInfo *a = Pa_GetDeviceInfo(input), *b = Pa_GetDeviceInfo(output);
    if (Pa_GetHostApiInfo(a->hostApi)->type == paJACK) return a->hostApi == b->hostApi;
    return input == output && !is_plug_in(a);
}

/* Samples a callback. On JACK it is the server's to say; a plug-in would choose too few. */
static unsigned long block_of(const myna_device *d, int direction)
{
    int index = direction == INPUT ? d->settings.input : d->settings.output;
    if (Pa_GetHostApiInfo(Pa_GetDeviceInfo(index)->hostApi)->type == paJACK) return paFramesPerBufferUnspecified;
    double ms = d->settings.block_ms;
    if (!(ms > 0) && !is_plug_in(Pa_GetDeviceInfo(index))) return paFramesPerBufferUnspecified;
    if (!(ms > 0)) ms = myna_device_block_ms(index, direction == INPUT);
    return (unsigned long)fmax(rint(ms * d->rate_hz[direction] / 1000), MYNA_MIN_BLOCK_SAMPLES);
}

/* One stream for the directions from `first` to `last`. */
static PaError open_stream(myna_device *d, int first, int last)
{
    PaStreamParameters in, out;
    bool has_in = first == INPUT, has_out = last == OUTPUT;
    if (has_in) in = parameters_of(d, INPUT);
    if (has_out) out = parameters_of(d, OUTPUT);
    PaStream **stream = &d->streams[d->n_streams];
    PaError result = Pa_OpenStream(stream, has_in ? &in : NULL, has_out ? &out : NULL, d->rate_hz[last],
        block_of(d, last), paClipOff | paDitherOff, on_samples, d);
    if (result == paNoError) d->n_streams++;
    return result;
}

static PaError open_streams(myna_device *d)
{
    const myna_device_settings *s = &d->settings;
    if (s->output < 0) return open_stream(d, INPUT, INPUT);
    if (s->input < 0) return open_stream(d, OUTPUT, OUTPUT);
    if (myna_devices_share_clock(s->input, s->output)) return open_stream(d, INPUT, OUTPUT);
    PaError result = open_stream(d, INPUT, INPUT);
    return result == paNoError ? open_stream(d, OUTPUT, OUTPUT) : result;
}

static void choose(myna_device *d, int direction, int index)
{
    myna_device_info info;
    if (index < 0) return;
    myna_device_describe(&info, index);
    int channels = direction == INPUT ? info.input_channels : info.output_channels;
    d->channels[direction] = channels < MAX_CHANNELS ? channels : MAX_CHANNELS;
    d->rate_hz[direction] = d->settings.sample_rate_hz > 0 ? d->settings.sample_rate_hz : info.sample_rate_hz;
}

myna_status myna_device_open(myna_device **out, const myna_device_settings *settings, myna_error *error)
{
    myna_device *d = calloc(1, sizeof *d);
    if (!d) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a device");
    d->settings = *settings;
    choose(d, INPUT, settings->input);
    choose(d, OUTPUT, settings->output);
    sigset_t before = myna_signals_hold();
    PaError result = open_streams(d);
    for (int i = 0; i < d->n_streams && result == paNoError; i++) result = Pa_StartStream(d->streams[i]);
    myna_signals_let(before);
    if (result != paNoError) {
        myna_status status = fail_with(error, "cannot be opened", result);
        myna_device_close(d);
        return status;
    }
    *out = d;
    return MYNA_OK;
}

static void *close_streams(void *context)
{
    myna_device *d = context;
    for (int i = 0; i < d->n_streams; i++) Pa_CloseStream(d->streams[i]);
    return NULL;
}

bool myna_device_close(myna_device *device)
{
    pthread_t closer;
    struct timespec until;
    if (!device) return true;
    sigset_t before = myna_signals_hold();
    bool has_thread = pthread_create(&closer, NULL, close_streams, device) == 0;
    myna_signals_let(before);
    if (!has_thread) return false;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += CLOSING_SECONDS;
    if (pthread_timedjoin_np(closer, NULL, &until) != 0) return false;
    free(device);
    return true;
}

/* PipeWire's JACK says 2^32 samples where it does not know. */
static double known_ms(double seconds)
{
    return seconds >= 0 && seconds < 10 ? 1000 * seconds : 0;
}

myna_device_facts myna_device_facts_of(const myna_device *d)
{
    const PaStreamInfo *first = Pa_GetStreamInfo(d->streams[0]), *last = Pa_GetStreamInfo(d->streams[d->n_streams - 1]);
    return (myna_device_facts){.input_rate_hz = d->rate_hz[INPUT],
        .output_rate_hz = d->rate_hz[OUTPUT],
        .input_latency_ms = d->channels[INPUT] && first ? known_ms(first->inputLatency) : 0,
        .output_latency_ms = d->channels[OUTPUT] && last ? known_ms(last->outputLatency) : 0,
        .shares_clock = d->n_streams == 1};
}

uint64_t myna_device_xruns(const myna_device *d)
{
    return atomic_load_explicit(&d->xruns, memory_order_relaxed);
}

bool myna_device_is_running(const myna_device *device)
{
    for (int i = 0; i < device->n_streams; i++)
        if (Pa_IsStreamActive(device->streams[i]) != 1) return false;
    return true;
}
