#include "cli/cli.h"
#include "cli/live_outlet.h"
#include "io/audio_device.h"

#include "base/percentile.h"
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

/* One direction. */
typedef struct way {
    myna_audio_port port;
    int rate_hz;
    size_t period; /* samples from click to click */
    double block_ms;
} way;

typedef struct loop {
    myna_device *device;
    way heard, spoken;
    float *echo; /* [heard.period] */
    size_t n_periods;
    bool two_clocks, is_lost, slipped;
} loop;

/* When, by the computer's clock, the device would have moved its first sample; looked at, not known: a callback comes
 * when it likes. */
static double origin_of(const way *w)
{
    myna_audio_moment moment = myna_audio_port_look(&w->port);
    return 1e-9 * (double)moment.moved_ns - (double)moment.moved / w->rate_hz;
}

/* Reads a period; gives the mean of how much later than the first spoken sample the first heard one came. In one stream
 * both come in one callback. */
static bool read_period(loop *l, double *later)
{
    size_t n = 0, n_looks = 0;
    double sum = 0;
    for (int waits = 0; n < l->heard.period && waits < MOST_WAITS && !myna_interrupted; waits++) {
        size_t got = myna_ring_read(l->heard.port.ring, l->echo + n, l->heard.period - n);
        n += got;
        if (got > 0) {
            waits = 0;
            sum += origin_of(&l->heard) - origin_of(&l->spoken);
            n_looks++;
        } else {
            nanosleep(&(struct timespec){.tv_nsec = WAIT_MS * 1000000}, NULL);
        }
    }
    *later = l->two_clocks && n_looks > 0 ? sum / (double)n_looks : 0;
    return n == l->heard.period;
}

static uint64_t count_failed(const loop *l)
{
    return atomic_load(&l->heard.port.failed) + atomic_load(&l->spoken.port.failed);
}

/* A click was spoken at the start of a period, and is heard as late after it as its way is long. Returns ms, negative
 * where nothing was heard, or samples were lost on the way. */
static double measure_echo(loop *l)
{
    float loudest = 0;
    double later, period_ms = PAUSE_MS;
    uint64_t before = count_failed(l);
    size_t n = l->n_periods++, first = 0;
    l->is_lost = !read_period(l, &later);
    l->slipped |= count_failed(l) != before; /* and all later ones with it */
    if (l->is_lost || l->slipped) return -1;
    for (size_t i = 0; i < l->heard.period; i++) loudest = fmaxf(loudest, fabsf(l->echo[i]));
    if (loudest < least_echo) return -1;
    while (fabsf(l->echo[first]) < echo_share * loudest) first++;
    double heard = (double)(n * l->heard.period + first) / l->heard.rate_hz;
    double spoken = (double)(n * l->spoken.period) / l->spoken.rate_hz;
    double ms = 1000 * (heard - spoken + later);
    return ms - period_ms * floor(ms / period_ms); /* of streams that start apart, another period's click is heard */
}

static void speak_period(loop *l)
{
    myna_ring_write(l->spoken.port.ring, &click, 1);
    myna_ring_write(l->spoken.port.ring, NULL, l->spoken.period - 1);
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

typedef struct figures {
    double p50, p95, most; /* ms */
} figures;

static double engine_ms(int latency)
{
    return 1000.0 * (double)myna_latency_samples((myna_latency)latency) / MYNA_SAMPLE_RATE_HZ;
}

static void print_row(const char *name, figures f, double more)
{
    printf("  %-32s %7.1f %7.1f %7.1f\n", name, f.p50 + more, f.p95 + more, f.most + more);
}

static cJSON *as_json(figures f, double more)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "p50", f.p50 + more);
    cJSON_AddNumberToObject(json, "p95", f.p95 + more);
    cJSON_AddNumberToObject(json, "max", f.most + more);
    return json;
}

static void print_json(figures device, double margin_ms, size_t n, bool two_clocks)
{
    cJSON *json = cJSON_CreateObject(), *engine = cJSON_CreateObject(), *total = cJSON_CreateObject();
    for (int i = 0; myna_latency_names[i]; i++) {
        cJSON_AddNumberToObject(engine, myna_latency_names[i], engine_ms(i));
        cJSON_AddItemToObject(total, myna_latency_names[i], as_json(device, margin_ms + engine_ms(i)));
    }
    cJSON_AddNumberToObject(json, "clicks", (double)n);
    cJSON_AddBoolToObject(json, "two_clocks", two_clocks);
    cJSON_AddItemToObject(json, "device_ms", as_json(device, 0));
    cJSON_AddNumberToObject(json, "blocks_ms", margin_ms);
    cJSON_AddItemToObject(json, "engine_ms", engine);
    cJSON_AddItemToObject(json, "total_ms", total);
    myna_cli_print_json(json);
}

static void print_table(figures device, double margin_ms, size_t n, bool two_clocks)
{
    const figures fixed = {0};
    char name[40];
    printf("  %2zu clicks, ms                        p50     p95     max\n", n);
    print_row("device, there and back", device, 0);
    print_row("blocks and resampling", fixed, margin_ms);
    for (int i = 0; myna_latency_names[i]; i++) {
        snprintf(name, sizeof name, "engine, --latency %s", myna_latency_names[i]);
        print_row(name, fixed, engine_ms(i));
        snprintf(name, sizeof name, "total, --latency %s", myna_latency_names[i]);
        print_row(name, device, margin_ms + engine_ms(i));
    }
    if (two_clocks)
        printf("Input and output have two clocks: what the device takes is as exact as its callbacks are regular.\n");
}

/* As long as the device said, or turned out to make them: as myna_live_worker does. */
static double block_seconds(const way *w)
{
    return fmax(w->block_ms / 1000, (double)atomic_load(&w->port.largest) / w->rate_hz);
}

static void report(const arguments *a, double *ms, size_t n, const loop *l)
{
    myna_sort(ms, n);
    figures device = {myna_percentile(ms, n, 50), myna_percentile(ms, n, 95), ms[n - 1]};
    double margin_ms = 1000 * myna_live_margin(block_seconds(&l->heard), block_seconds(&l->spoken));
    if (a->json) print_json(device, margin_ms, n, l->two_clocks);
    else print_table(device, margin_ms, n, l->two_clocks);
}

/* ---- Devices ----------------------------------------------------------------------------------------------------- */

static myna_status prepare(way *w, const arguments *a, int device, bool to_record, myna_error *error)
{
    myna_device_info info;
    myna_device_describe(&info, device);
    w->rate_hz = a->rate_hz ? (int)a->rate_hz : info.sample_rate_hz;
    w->period = (size_t)w->rate_hz * PAUSE_MS / 1000;
    w->block_ms = a->block_ms > 0 ? a->block_ms : myna_device_block_ms(device, to_record);
    return myna_ring_create(&w->port.ring, 4 * w->period, error);
}

static myna_status open_loop(loop *l, const arguments *a, myna_error *error)
{
    myna_device_settings settings = {.sample_rate_hz = (int)a->rate_hz};
    myna_status status = myna_device_find(&settings.input, a->input, true, error);
    if (status == MYNA_OK) status = myna_device_find(&settings.output, a->output, false, error);
    if (status == MYNA_OK) status = prepare(&l->heard, a, settings.input, true, error);
    if (status == MYNA_OK) status = prepare(&l->spoken, a, settings.output, false, error);
    if (status != MYNA_OK) return status;
    l->two_clocks = !myna_devices_share_clock(settings.input, settings.output);
    if (!l->two_clocks) l->spoken.block_ms = l->heard.block_ms;
    l->echo = calloc(l->heard.period, sizeof *l->echo);
    if (!l->echo) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for an echo");
    settings.heard = &l->heard.port;
    settings.spoken = &l->spoken.port;
    settings.block_ms = a->block_ms;
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
            report(a, ms, n, &l);
        } else {
            myna_report("latency",
                l.slipped ? "samples were lost on the way: the computer is too busy to measure"
                          : "no click came back: connect output and input, with a cable or inside the sound server");
            code = MYNA_EXIT_DEVICE;
        }
    }
    if (!myna_device_close(l.device)) _exit(code);
    myna_devices_stop();
    myna_ring_free(l.heard.port.ring);
    myna_ring_free(l.spoken.port.ring);
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
