#include "cli/live_outlet.h"

#include "base/status.h"

#include <math.h>
#include <stdlib.h>

enum { MIN_RING_SAMPLES = 1 << 16 };
static const double resampler_seconds = 0.005; /* held back by both resamplers together, at most */
static const double least_jitter_seconds = 0.003;

double myna_live_margin(double heard_seconds, double spoken_seconds)
{
    return heard_seconds + fmax(fmax(heard_seconds, spoken_seconds), least_jitter_seconds) + resampler_seconds;
}

/* A latency that is a whole number of samples: a recording can be laid beside what was converted without a device. */
static void round_latency(myna_live_outlet *o)
{
    double ratio = (double)o->settings.rate_hz / MYNA_SAMPLE_RATE_HZ;
    double whole = rint((double)o->settings.latency_samples * ratio);
    o->latency_samples = (size_t)whole;
    myna_resampler_shift(o->up, (double)o->settings.latency_samples - whole / ratio);
}

myna_status myna_live_outlet_create(myna_live_outlet *out, const myna_live_outlet_settings *settings, myna_error *error)
{
    double margin = myna_live_margin(settings->heard_seconds, settings->spoken_seconds);
    out->settings = *settings;
    out->margin_samples = (size_t)ceil(margin * settings->rate_hz);
    out->level = (myna_live_level){.set_point = (double)out->margin_samples / settings->rate_hz,
        .block = settings->heard_seconds,
        .is_steered = settings->is_steered};
    myna_resample_quality quality = settings->is_steered ? MYNA_RESAMPLE_STEERED : MYNA_RESAMPLE_FAST;
    myna_status status = myna_resampler_create(&out->up, MYNA_SAMPLE_RATE_HZ, settings->rate_hz, quality, error);
    if (status == MYNA_OK)
        status = myna_ring_create(&out->port.ring, 8 * out->margin_samples + MIN_RING_SAMPLES, error);
    if (status != MYNA_OK) return status;
    round_latency(out);
    myna_ring_write(out->port.ring, NULL, out->margin_samples);
    return MYNA_OK;
}

void myna_live_outlet_free(myna_live_outlet *outlet)
{
    myna_resampler_free(outlet->up);
    myna_ring_free(outlet->port.ring);
}

void myna_live_outlet_widen(myna_live_outlet *o, double heard_seconds, double spoken_seconds)
{
    myna_live_outlet_settings *s = &o->settings;
    if (heard_seconds <= s->heard_seconds && spoken_seconds <= s->spoken_seconds) return;
    s->heard_seconds = fmax(s->heard_seconds, heard_seconds);
    s->spoken_seconds = fmax(s->spoken_seconds, spoken_seconds);
    size_t margin = (size_t)ceil(myna_live_margin(s->heard_seconds, s->spoken_seconds) * s->rate_hz);
    if (margin > o->margin_samples) myna_ring_write(o->port.ring, NULL, margin - o->margin_samples);
    o->margin_samples = margin;
    o->level.set_point = (double)margin / s->rate_hz;
    o->level.block = s->heard_seconds;
}

static bool has_begun(const myna_live_outlet *o)
{
    return atomic_load_explicit(&o->port.moved_ns, memory_order_acquire) != 0;
}

/* There is always room: what waits is kept near the margin, of which the ring holds eight. */
static myna_status write_ring(void *context, const float *samples, size_t n, myna_error *error)
{
    (void)error;
    myna_live_outlet *o = context;
    o->n_made += n;
    if (!has_begun(o)) return MYNA_OK;
    size_t skipped = n < o->n_to_skip ? n : o->n_to_skip;
    o->n_to_skip -= skipped;
    myna_ring_write(o->port.ring, samples + skipped, n - skipped);
    return MYNA_OK;
}

myna_status myna_live_outlet_push(myna_live_outlet *outlet, const float *samples, size_t n, myna_error *error)
{
    return myna_resampler_push(outlet->up, samples, n, false, write_ring, outlet, error);
}

double myna_live_outlet_waiting(const myna_live_outlet *o, const myna_audio_port *heard, int heard_rate_hz)
{
    myna_audio_moment in = myna_audio_port_look(heard), out = myna_audio_port_look(&o->port);
    double rings = (double)in.fill / heard_rate_hz + (double)out.fill / o->settings.rate_hz;
    double since = in.moved_ns && out.moved_ns ? 1e-9 * (double)(in.moved_ns - out.moved_ns) : 0;
    return rings + o->held_seconds - since;
}

double myna_live_outlet_hold_level(myna_live_outlet *o, double waiting)
{
    if (!has_begun(o)) return 0;
    double jump = myna_live_level_look(&o->level, waiting - (double)o->n_to_skip / o->settings.rate_hz);
    if (o->settings.is_steered) myna_resampler_steer(o->up, o->level.ppm);
    if (jump >= 0) return jump;
    myna_ring_write(o->port.ring, NULL, (size_t)rint(-jump * o->settings.rate_hz));
    o->made_up_seconds -= jump;
    return 0;
}

void myna_live_outlet_skip(myna_live_outlet *outlet, double seconds)
{
    outlet->n_to_skip += (size_t)rint(seconds * outlet->settings.rate_hz);
    outlet->skipped_seconds += seconds;
}
