#include "cli/live_session.h"

#include "base/clock.h"
#include "base/status.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

static const double stalled_seconds = 1.8; /* to be told of it within 2 */

/* ---- Opening ----------------------------------------------------------------------------------------------------- */

typedef struct found {
    int input, output, monitor; /* indices; monitor -1: none */
    myna_device_info input_info, output_info, monitor_info;
} found;

static myna_status find(int *index, myna_device_info *info, char name[MYNA_DEVICE_NAME], const char *wanted,
    bool to_record, bool by_full_name, myna_error *error)
{
    myna_status status = by_full_name ? myna_device_find_again(index, wanted, to_record, error)
                                      : myna_device_find(index, wanted, to_record, error);
    if (status != MYNA_OK) return myna_fail_in(error, status, wanted ? wanted : to_record ? "input" : "output");
    myna_device_describe(info, *index);
    myna_device_name(name, *index);
    return MYNA_OK;
}

static myna_status find_devices(found *f, myna_live_session *s, const myna_live_wanted *w, myna_error *error)
{
    myna_status status = myna_devices_start(error);
    f->monitor = -1;
    if (status == MYNA_OK) status = find(&f->input, &f->input_info, s->input, w->input, true, w->by_full_name, error);
    if (status == MYNA_OK)
        status = find(&f->output, &f->output_info, s->output, w->output, false, w->by_full_name, error);
    if (status == MYNA_OK && w->monitor)
        status = find(&f->monitor, &f->monitor_info, s->monitor, w->monitor, false, w->by_full_name, error);
    return status;
}

/* The monitor's stream starts by itself, also on JACK: it is held in step as if it had a clock of its own. */
static myna_status create_worker(
    myna_live_session *s, const found *f, const myna_live_wanted *w, myna_live_settings *settings, myna_error *error)
{
    bool two_clocks = !myna_devices_share_clock(f->input, f->output);
    double heard_ms = w->block_ms > 0 ? w->block_ms : myna_device_block_ms(f->input, true);
    double spoken_ms = w->block_ms > 0 || !two_clocks ? heard_ms : myna_device_block_ms(f->output, false);
    settings->input_rate_hz = w->rate_hz ? w->rate_hz : f->input_info.sample_rate_hz;
    myna_live_ear ears[2] = {{w->rate_hz ? w->rate_hz : f->output_info.sample_rate_hz, spoken_ms / 1000, two_clocks}};
    if (f->monitor >= 0) {
        double monitor_ms = w->block_ms > 0 ? w->block_ms : myna_device_block_ms(f->monitor, false);
        ears[1] = (myna_live_ear){w->rate_hz ? w->rate_hz : f->monitor_info.sample_rate_hz, monitor_ms / 1000, true};
    }
    size_t block_samples = (size_t)fmax(rint(heard_ms * settings->input_rate_hz / 1000), MYNA_MIN_BLOCK_SAMPLES);
    myna_status status =
        myna_live_worker_create(&s->worker, settings, block_samples, ears, f->monitor >= 0 ? 2 : 1, error);
    return status == MYNA_OK ? myna_live_worker_start(s->worker, error) : status;
}

static myna_status open_devices(
    myna_live_session *s, const found *f, const myna_live_wanted *w, myna_error *error)
{
    myna_device_settings settings = {.input = f->input,
        .output = f->output,
        .sample_rate_hz = w->rate_hz,
        .block_ms = w->block_ms,
        .heard = myna_live_worker_heard(s->worker),
        .spoken = myna_live_worker_spoken(s->worker, 0),
        .wake = myna_live_worker_wake(s->worker)};
    myna_status status = myna_device_open(&s->device, &settings, error);
    if (status != MYNA_OK) return myna_fail_in(error, status, s->input);
    if (f->monitor < 0) return MYNA_OK;
    settings = (myna_device_settings){.input = -1,
        .output = f->monitor,
        .sample_rate_hz = w->rate_hz,
        .block_ms = w->block_ms,
        .spoken = myna_live_worker_spoken(s->worker, 1)};
    status = myna_device_open(&s->monitor_device, &settings, error);
    return status == MYNA_OK ? MYNA_OK : myna_fail_in(error, status, s->monitor);
}

/* Until the first were converted, how long they are is what devices say, and with it the latency. */
static void wait_for_blocks(const myna_live_session *s)
{
    for (int i = 0; i < 50 && myna_live_worker_report(s->worker).n_blocks < 2; i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}

myna_status myna_live_session_open(
    myna_live_session *s, const myna_live_wanted *wanted, myna_live_settings *settings, myna_error *error)
{
    found f;
    myna_status status = find_devices(&f, s, wanted, error);
    if (status == MYNA_OK) status = create_worker(s, &f, wanted, settings, error);
    if (status == MYNA_OK) status = open_devices(s, &f, wanted, error);
    if (status != MYNA_OK) return status;
    for (int i = 0; i < 3; i++) s->watched[i].seconds = myna_seconds_now();
    wait_for_blocks(s);
    return MYNA_OK;
}

double myna_live_session_latency_ms(const myna_live_session *s)
{
    myna_device_facts facts = myna_device_facts_of(s->device);
    return 1000 * myna_live_worker_latency(s->worker) + facts.input_latency_ms + facts.output_latency_ms;
}

bool myna_live_session_close(myna_live_session *s)
{
    if (!myna_device_close(s->monitor_device) || !myna_device_close(s->device)) return false;
    myna_live_worker_free(s->worker);
    myna_devices_stop();
    return true;
}

/* ---- Watching ---------------------------------------------------------------------------------------------------- */

static myna_status lost(myna_error *error, const char *name, const char *why)
{
    return myna_fail_in(error, myna_fail(error, MYNA_ERROR_DEVICE, "device lost: %s", why), name);
}

myna_status myna_live_session_check(myna_live_session *s, myna_error *error)
{
    const char *names[] = {s->input, s->output, s->monitor};
    const myna_audio_port *ports[] = {myna_live_worker_heard(s->worker), myna_live_worker_spoken(s->worker, 0),
        s->monitor_device ? myna_live_worker_spoken(s->worker, 1) : NULL};
    double now = myna_seconds_now();
    if (!myna_device_is_running(s->device)) return lost(error, s->input, "the sound system stopped the stream");
    if (s->monitor_device && !myna_device_is_running(s->monitor_device))
        return lost(error, s->monitor, "the sound system stopped the stream");
    for (int i = 0; i < 3 && ports[i]; i++) {
        uint64_t moved = atomic_load_explicit(&ports[i]->moved, memory_order_relaxed);
        if (moved != s->watched[i].moved) s->watched[i].seconds = now;
        s->watched[i].moved = moved;
        if (now - s->watched[i].seconds > stalled_seconds) return lost(error, names[i], "no samples for almost 2 seconds");
    }
    return MYNA_OK;
}

uint64_t myna_live_session_xruns(const myna_live_session *s)
{
    return myna_device_xruns(s->device) + (s->monitor_device ? myna_device_xruns(s->monitor_device) : 0);
}

void myna_live_session_describe(const myna_live_session *s)
{
    myna_device_facts facts = myna_device_facts_of(s->device);
    double margin = 1000 * myna_live_worker_margin(s->worker);
    double engine = 1000 * myna_live_worker_latency(s->worker) - margin;
    fprintf(stderr, "from %s (%d Hz) to %s (%d Hz)%s\n", s->input, facts.input_rate_hz, s->output, facts.output_rate_hz,
        facts.shares_clock ? "" : ", two clocks");
    if (s->monitor_device)
        fprintf(stderr, "monitor on %s (%d Hz)\n", s->monitor, myna_device_facts_of(s->monitor_device).output_rate_hz);
    fprintf(stderr, "latency %.1f ms: device %.1f, engine %.1f, blocks and resampling %.1f, device %.1f\n",
        myna_live_session_latency_ms(s), facts.input_latency_ms, engine, margin, facts.output_latency_ms);
}
