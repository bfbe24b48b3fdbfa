#include "cli/cli.h"
#include "cli/live_worker.h"
#include "io/audio_device.h"

#include "base/status.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_CLICKS = 100,
    PAUSE_MS = 500, /* from click to click: longer than any round trip that is of use */
    MAX_RATE_HZ = 384000,
    WAIT_MS = 2,
    MOST_WAITS = 2000 / WAIT_MS, /* without a sample: the device is lost */
};
static const float click = 0.5f;        /* amplitude */
static const float echo_share = 0.25f;  /* of the loudest sample heard, to be taken for the click */
static const float least_echo = 0.005f; /* -46 dBFS: below it nothing came back */

typedef struct arguments {
    myna_strings operands;
    const char *input, *output;
    int64_t rate_hz, n_clicks;
    double block_ms;
    bool json;
} arguments;

/* ---- Clicks out, clicks in --------------------------------------------------------------------------------------- */

typedef struct loop {
    myna_device *device;
    myna_ring *heard, *spoken;
    int rate_hz;
    size_t period; /* samples from click to click */
    float *echo;   /* [period] */
    double block_ms;
    bool is_lost, slipped;
} loop;

/* The device's rings run from its first callback on, so sample i spoken and sample i heard belong to the same time: a
 * click spoken at the start of a period is heard as late in that period as its way is long. Returns ms, negative where
 * nothing was heard, or samples were lost on the way. */
static double measure_echo(loop *l)
{
    float loudest = 0;
    size_t n = 0;
    myna_device_counters before = myna_device_count_up(l->device);
    for (int waits = 0; n < l->period && waits < MOST_WAITS && !myna_interrupted; waits++) {
        size_t got = myna_ring_read(l->heard, l->echo + n, l->period - n);
        n += got;
        if (got > 0) waits = 0;
        else nanosleep(&(struct timespec){.tv_nsec = WAIT_MS * 1000000}, NULL);
    }
    l->is_lost = n < l->period;
    myna_device_counters after = myna_device_count_up(l->device);
    l->slipped |= after.lost != before.lost || after.missing != before.missing; /* and all later ones with it */
    for (size_t i = 0; i < n; i++) loudest = fmaxf(loudest, fabsf(l->echo[i]));
    if (l->is_lost || l->slipped || loudest < least_echo) return -1;
    size_t first = 0;
    while (fabsf(l->echo[first]) < echo_share * loudest) first++;
    return 1000.0 * (double)first / l->rate_hz;
}

static void speak_period(loop *l)
{
    static const float silence[1024];
    myna_ring_write(l->spoken, &click, 1);
    for (size_t left = l->period - 1, part; left > 0; left -= part) {
        part = left < 1024 ? left : 1024;
        myna_ring_write(l->spoken, silence, part);
    }
}

/* n round trips in ms; those that were not heard are left out. */
static size_t measure(double *ms, size_t n, loop *l)
{
    size_t found = 0;
    for (size_t i = 0; i < n && !myna_interrupted && !l->is_lost; i++) {
        double echo = measure_echo(l);
        speak_period(l);
        if (echo >= 0) ms[found++] = echo;
    }
    return found;
}

/* ---- Report ------------------------------------------------------------------------------------------------------ */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The engine's latency is fixed, see converter's; blocks and resampling as in live_worker.h. */
static double engine_ms(myna_latency latency)
{
    static const double ms[] = {62.5, 87.5, 200};
    return ms[latency];
}

static void print_row(const char *name, double p50, double p95, double most)
{
    printf("  %-34s %7.1f %7.1f %7.1f\n", name, p50, p95, most);
}

static void report(const arguments *a, double *ms, size_t n, double block_ms)
{
    static const char *const names[] = {"low", "balanced", "best"};
    qsort(ms, n, sizeof *ms, by_size);
    double p50 = ms[n / 2], p95 = ms[n * 95 / 100], most = ms[n - 1];
    double margin = 1000 * myna_live_margin(block_ms / 1000, block_ms / 1000);
    if (a->json) {
        cJSON *json = cJSON_CreateObject();
        cJSON_AddNumberToObject(json, "device_p50_ms", p50);
        cJSON_AddNumberToObject(json, "device_p95_ms", p95);
        cJSON_AddNumberToObject(json, "device_max_ms", most);
        cJSON_AddNumberToObject(json, "blocks_ms", margin);
        cJSON_AddNumberToObject(json, "clicks", (double)n);
        for (int i = 0; i < 3; i++) cJSON_AddNumberToObject(json, names[i], p50 + margin + engine_ms((myna_latency)i));
        myna_cli_print_json(json);
        return;
    }
    printf("%zu clicks, ms                           p50     p95     max\n", n);
    print_row("device, there and back", p50, p95, most);
    print_row("blocks and resampling", margin, margin, margin);
    for (int i = 0; i < 3; i++) {
        char name[40];
        double rest = margin + engine_ms((myna_latency)i);
        snprintf(name, sizeof name, "total with --latency %s", names[i]);
        print_row(name, p50 + rest, p95 + rest, most + rest);
    }
}

/* ---- Devices ----------------------------------------------------------------------------------------------------- */

static myna_status open_loop(loop *l, const arguments *a, myna_error *error)
{
    myna_device_settings settings = {.sample_rate_hz = (int)a->rate_hz};
    myna_status status = myna_device_find(&settings.input, a->input, true, error);
    if (status == MYNA_OK) status = myna_device_find(&settings.output, a->output, false, error);
    if (status != MYNA_OK) return status;
    if (!myna_devices_share_clock(settings.input, settings.output))
        return myna_fail(error, MYNA_ERROR_DEVICE, "only a device with itself, or two on JACK, tell the same time");
    myna_device_info info;
    myna_device_describe(&info, settings.output);
    l->rate_hz = a->rate_hz ? (int)a->rate_hz : info.sample_rate_hz;
    l->period = (size_t)l->rate_hz * PAUSE_MS / 1000;
    l->echo = calloc(l->period, sizeof *l->echo);
    if (!l->echo) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for an echo");
    status = myna_ring_create(&l->heard, 4 * l->period, error);
    if (status == MYNA_OK) status = myna_ring_create(&l->spoken, 4 * l->period, error);
    if (status != MYNA_OK) return status;
    l->block_ms = a->block_ms > 0 ? a->block_ms : myna_device_block_ms(settings.input, true);
    settings.heard = l->heard;
    settings.spoken = l->spoken;
    settings.block_samples = (int)(a->block_ms * l->rate_hz / 1000);
    speak_period(l); /* one ahead of what is being heard */
    speak_period(l);
    return myna_device_open(&l->device, &settings, error);
}

static int run(const arguments *a)
{
    double ms[MAX_CLICKS];
    loop l = {0};
    myna_error error = {0};
    myna_status status = myna_devices_start(&error);
    if (status == MYNA_OK) status = open_loop(&l, a, &error);
    int code = myna_report_status("latency", status, &error);
    if (code == MYNA_EXIT_OK) {
        size_t n = measure(ms, (size_t)a->n_clicks, &l);
        if (l.is_lost && !myna_interrupted) {
            myna_report("latency", "device lost: no samples for 2 seconds");
            _exit(MYNA_EXIT_DEVICE); /* see myna_device_close */
        } else if (myna_interrupted) {
            code = MYNA_EXIT_INTERRUPTED;
        } else if (n > 0) {
            report(a, ms, n, l.block_ms);
        } else {
            myna_report("latency",
                l.slipped ? "samples were lost on the way: the computer is too busy to measure"
                          : "no click came back: connect output and input, with a cable or inside the sound server");
            code = MYNA_EXIT_DEVICE;
        }
    }
    if (!myna_device_close(l.device)) _exit(code);
    myna_devices_stop();
    myna_ring_free(l.heard);
    myna_ring_free(l.spoken);
    free(l.echo);
    return code;
}

int myna_cmd_latency(int argc, char **argv)
{
    arguments a = {.n_clicks = 10};
    const myna_option options[] = {
        {"input", 'i', MYNA_OPTION_TEXT, &a.input, "DEVICE", "to listen with (the default device)", 0, 0, NULL},
        {"output", 'o', MYNA_OPTION_TEXT, &a.output, "DEVICE", "to click with (the default device)", 0, 0, NULL},
        {"block", 'b', MYNA_OPTION_NUMBER, &a.block_ms, "MS", "heard and spoken at a time (as the device likes)", 1,
            200, NULL},
        {"rate", 'r', MYNA_OPTION_INTEGER, &a.rate_hz, "HZ", "of the device (its own)", 8000, MAX_RATE_HZ, NULL},
        {"clicks", 'n', MYNA_OPTION_INTEGER, &a.n_clicks, "N", "how many (10)", 1, MAX_CLICKS, NULL},
        {"json", 'j', MYNA_OPTION_FLAG, &a.json, NULL, "print JSON", 0, 0, NULL},
        {0},
    };
    const myna_command command = {"latency [--input DEVICE] [--output DEVICE]",
        "Measures how long a sound takes from the program through the device and back: plays\n"
        "clicks, and hears them through a cable from output to input or a connection inside\n"
        "the sound server. Adds what myna live needs itself.",
        options, 0, 0};
    int code;
    if (myna_options_parse(&command, argc, argv, &a.operands, &code)) code = run(&a);
    myna_strings_free(&a.operands);
    return code;
}
