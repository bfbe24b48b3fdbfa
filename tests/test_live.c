/* The live path, its worker and its controller of two clocks, without devices. */
#include "testing.h"

#include "base/clock.h"
#include "cli/live_outlet.h"
#include "cli/live_worker.h"
#include "fixtures.h"

#include <stdlib.h>
#include <time.h>

#ifdef MYNA_NO_DISPATCH /* sanitizers: slow */
#define SIMULATED_MINUTES 0.5
#else
#define SIMULATED_MINUTES 10.0
#endif

enum { RATE = MYNA_SAMPLE_RATE_HZ, BLOCK = 160, N = 4 * RATE };

typedef struct fixture {
    myna_model *model;
    myna_voice *voice, *other;
    float speech[N];
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    f->model = make_model(1);
    f->voice = make_voice(f->model, 120, 1);
    f->other = make_voice(f->model, 220, 1.2f);
    make_speech(f->speech, N, 150, 1, 0.1f, 5);
    *state = f;
    return !f->model || !f->voice || !f->other;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    myna_voice_free(f->voice);
    myna_voice_free(f->other);
    myna_model_free(f->model);
    free(f);
    return 0;
}

static myna_live_settings make_settings(const fixture *f, float wet)
{
    myna_live_settings settings = {
        .model = f->model, .voices = {f->voice, f->other}, .n_voices = 2, .input_rate_hz = RATE, .wet = wet};
    myna_converter_options_init(&settings.options);
    settings.options.latency = MYNA_LATENCY_LOW;
    return settings;
}

/* ---- The path ---------------------------------------------------------------------------------------------------- */

typedef struct collected {
    float samples[N + RATE];
    size_t n;
} collected;

static myna_status collect(void *context, const float *samples, size_t n, myna_error *error)
{
    (void)error;
    collected *c = context;
    assert_true(c->n + n <= N + RATE);
    memcpy(c->samples + c->n, samples, n * sizeof *samples);
    c->n += n;
    return MYNA_OK;
}

static void push(myna_live_path *path, const float *in, size_t n, collected *out)
{
    for (size_t begin = 0; begin < n; begin += BLOCK)
        assert_ok(myna_live_path_push(path, in + begin, n - begin < BLOCK ? n - begin : BLOCK, collect, out, NULL));
}

static myna_live_path *create_path(const myna_live_settings *settings)
{
    myna_live_path *path = NULL;
    assert_ok(myna_live_path_create(&path, settings, NULL));
    return path;
}

static void converts_like_a_converter(void **state)
{
    fixture *f = *state;
    static collected got;
    static float wanted[N];
    myna_live_settings settings = make_settings(f, 1);
    myna_live_path *path = create_path(&settings);
    got.n = 0;
    push(path, f->speech, N, &got);
    myna_live_path_free(path);
    myna_converter *converter = NULL;
    assert_ok(myna_converter_create(&converter, f->model, f->voice, &settings.options, NULL));
    myna_converter_process(converter, f->speech, N, wanted);
    myna_converter_free(converter);
    assert_int_equal(got.n, N);
    assert_true(rms_of(wanted, N) > 1e-3);
    assert_true(difference_db(got.samples, wanted, N) < -80);
}

/* The microphone, untouched, as late as the voice: at 16 kHz to the sample. */
static void bypass_is_as_late_as_the_voice(void **state)
{
    fixture *f = *state;
    static collected got;
    myna_live_settings settings = make_settings(f, 1);
    myna_live_path *path = create_path(&settings);
    myna_live_path_control(path, &(myna_live_controls){.bypass = true});
    got.n = 0;
    push(path, f->speech, N, &got);
    size_t late = myna_live_path_latency_samples(path), faded = late + RATE / 10;
    assert_int_equal(late, 800);
    for (size_t i = faded; i < N; i++) assert_true(got.samples[i] == f->speech[i - late]);
    myna_live_path_control(path, &(myna_live_controls){.mute = true});
    got.n = 0;
    push(path, f->speech, RATE, &got);
    for (size_t i = RATE / 10; i < RATE; i++) assert_true(got.samples[i] == 0);
    myna_live_path_free(path);
}

static void controls_do_not_click(void **state)
{
    fixture *f = *state;
    static collected plain, changed;
    myna_live_settings settings = make_settings(f, 1);
    for (int turn = 0; turn < 2; turn++) {
        myna_live_path *path = create_path(&settings);
        collected *out = turn ? &changed : &plain;
        out->n = 0;
        for (int part = 0; part < 8; part++) {
            myna_live_controls controls = {.voice = part % 2, .semitones = (float)(part % 3)};
            if (turn) myna_live_path_control(path, &controls);
            push(path, f->speech + part * (N / 8), N / 8, out);
        }
        myna_live_path_free(path);
    }
    float steepest[2] = {0};
    for (size_t i = 1; i < N; i++) {
        steepest[0] = fmaxf(steepest[0], fabsf(plain.samples[i] - plain.samples[i - 1]));
        steepest[1] = fmaxf(steepest[1], fabsf(changed.samples[i] - changed.samples[i - 1]));
    }
    assert_true(difference_db(changed.samples + N / 4, plain.samples + N / 4, N / 2) > -20); /* something was changed */
    assert_true(steepest[1] < 2 * steepest[0]);
}

static void anything_in_is_finite_out(void **state)
{
    fixture *f = *state;
    static collected got;
    static float in[N];
    myna_rng rng = myna_rng_seed(1, 1);
    for (size_t i = 0; i < N; i++) {
        float noise = myna_rng_normal(&rng);
        in[i] = i < N / 4 ? noise : i < N / 2 ? 1 : i % 7 ? 100 * noise : i % 2 ? NAN : INFINITY;
    }
    for (int turn = 0; turn < 2; turn++) {
        myna_live_settings settings = make_settings(f, turn ? 1 : 0.5f);
        if (turn) settings.input_rate_hz = 44100;
        myna_live_path *path = create_path(&settings);
        got.n = 0;
        push(path, in, N, &got);
        for (size_t i = 0; i < got.n; i++) assert_true(isfinite(got.samples[i]) && fabsf(got.samples[i]) <= 1.5f);
        static const float silence[N];
        got.n = 0;
        push(path, silence, N, &got); /* nothing from latency + 100 ms on */
        size_t until = myna_live_path_latency_samples(path) + RATE / 10;
        for (size_t i = until; i < got.n; i++) assert_true(got.samples[i] == 0);
        myna_live_path_free(path);
    }
}

/* ---- The worker -------------------------------------------------------------------------------------------------- */

/* Of blocks of 10 ms, with one ear at the same rate. */
static myna_live_worker *create_worker(const myna_live_settings *settings)
{
    myna_live_worker *worker = NULL;
    const myna_live_ear ear = {.rate_hz = settings->input_rate_hz, .block_seconds = 0.01};
    size_t block = (size_t)settings->input_rate_hz / 100;
    assert_ok(myna_live_worker_create(&worker, settings, block, &ear, 1, NULL));
    return worker;
}

static void wait_seconds(double seconds)
{
    struct timespec time = {.tv_nsec = (long)(1e9 * seconds)};
    nanosleep(&time, NULL);
}

/* A device's callback: gives n samples, takes n; returns how much silence it had to make up. */
static size_t call_back(myna_live_worker *worker, const float *in, float *out, size_t n)
{
    myna_audio_port *heard = myna_live_worker_heard(worker), *spoken = myna_live_worker_spoken(worker, 0);
    uint64_t failed = atomic_load(&spoken->failed);
    int64_t now_ns = myna_nanoseconds_now();
    myna_audio_port_hear(heard, in, 1, n, now_ns);
    myna_audio_port_speak(spoken, out, 1, n, now_ns);
    assert_true(atomic_load(&heard->failed) == 0);
    sem_post(myna_live_worker_wake(worker));
    return (size_t)(atomic_load(&spoken->failed) - failed);
}

/* Latencies are whole samples at every rate, so that the dry path is the microphone, delayed. */
static void dry_path_survives_resampling(void **state)
{
    fixture *f = *state;
    static float tones[N], got[N];
    const int rates[] = {16000, 44100, 48000};
    const double hz[] = {97, 333, 997, 1711};
    for (size_t r = 0; r < 3; r++) {
        memset(tones, 0, sizeof tones); /* up to three times as high: below 6.4 kHz, which the resamplers keep */
        for (size_t i = 0; i < 4; i++) add_sine(tones, N, hz[i], 0.1);
        myna_live_settings settings = make_settings(f, 0);
        settings.input_rate_hz = rates[r];
        size_t block = (size_t)rates[r] / 100, n = N / block * block;
        myna_live_worker *worker = create_worker(&settings);
        for (size_t i = 0; i < n; i += block) {
            assert_int_equal(call_back(worker, tones + i, got + i, block), 0);
            myna_live_worker_run_once(worker);
        }
        double late = myna_live_worker_latency(worker) * rates[r];
        size_t whole = (size_t)lrint(late), settled = whole + block * 10;
        assert_true(fabs(late - (double)whole) < 1e-6);
        assert_true(difference_db(got + settled, tones + settled - whole, n - settled) < -60);
        myna_live_worker_free(worker);
    }
}

static void thread_speaks_what_one_thread_would(void **state)
{
    fixture *f = *state;
    static float alone[N], threaded[N];
    enum { BLOCKS = 100 };
    myna_live_settings settings = make_settings(f, 1);
    myna_live_worker *worker = create_worker(&settings);
    for (size_t i = 0; i < BLOCKS; i++) {
        assert_int_equal(call_back(worker, f->speech + i * BLOCK, alone + i * BLOCK, BLOCK), 0);
        myna_live_worker_run_once(worker);
    }
    size_t late = (size_t)lrint(myna_live_worker_latency(worker) * RATE);
    for (size_t i = 0; i < late - 1000; i++) assert_true(alone[i] == 0);
    myna_live_worker_free(worker);
    worker = create_worker(&settings);
    assert_ok(myna_live_worker_start(worker, NULL));
    for (size_t i = 0; i < BLOCKS; i++) {
        assert_int_equal(call_back(worker, f->speech + i * BLOCK, threaded + i * BLOCK, BLOCK), 0);
        for (int tries = 0; myna_live_worker_report(worker).n_blocks <= i && tries < 5000; tries++) wait_seconds(0.001);
    }
    assert_true(myna_live_worker_report(worker).ears[0].skipped_seconds == 0);
    myna_live_worker_free(worker);
    assert_true(rms_of(alone, BLOCKS * BLOCK) > 1e-3);
    assert_memory_equal(alone, threaded, BLOCKS * BLOCK * sizeof *alone);
}

/* At twice the time a block may take, the worker must drop about every second one and never be later than it said. */
static void slow_worker_drops_and_stays_in_time(void **state)
{
    fixture *f = *state;
    float out[BLOCK];
    size_t n_missing = 0;
    myna_live_settings settings = make_settings(f, 1);
    myna_live_worker *worker = create_worker(&settings);
    myna_live_worker_slow_down(worker, 0.02);
    assert_ok(myna_live_worker_start(worker, NULL));
    for (size_t i = 0; i < 200; i++) {
        n_missing += call_back(worker, f->speech + i * BLOCK, out, BLOCK);
        wait_seconds(0.01);
        assert_true(
            myna_live_worker_report(worker).ears[0].waiting_seconds < 0.5); /* bounded, however busy the machine */
    }
    while (myna_ring_fill(myna_live_worker_heard(worker)->ring) >= BLOCK) wait_seconds(0.01);
    myna_live_report report = myna_live_worker_report(worker);
    assert_true(report.ears[0].skipped_seconds > 0.2 && report.n_blocks > 20);
    assert_true(report.ears[0].skipped_seconds + 0.01 * (double)report.n_blocks <= 2 + 1e-6);
    assert_true(n_missing > 20 * BLOCK / 2);
    assert_true(report.load.p50 > 1.9);
    /* What was dropped and what was missing balance: what waits is no more than two blocks late. */
    assert_true(report.ears[0].waiting_seconds < myna_live_worker_margin(worker) + 2 * 0.01 + 1e-6);
    myna_live_worker_free(worker);
}

/* ---- Two clocks -------------------------------------------------------------------------------------------------- */

/* A stream of a device: n samples at every call, by its own clock, a little late. */
typedef struct clocked {
    double rate_hz, next_seconds;
    size_t n;
    double jitter_seconds;
    myna_rng *rng;
} clocked;

static int64_t call_time(clocked *c)
{
    double now = c->next_seconds + c->jitter_seconds * (double)myna_rng_uniform(c->rng, 0, 1);
    c->next_seconds += (double)c->n / c->rate_hz;
    return (int64_t)(1e9 * (now + 1));
}

/* What happened since it was last asked. */
typedef struct extremes {
    double least_waiting, most_waiting, least_ppm, most_ppm, sum_ppm;
    size_t n;
} extremes;

static void add_up(extremes *e, const myna_live_ear_report *report, double margin)
{
    double waiting = report->waiting_seconds - margin, ppm = report->steering_ppm;
    e->least_waiting = e->n ? fmin(e->least_waiting, waiting) : waiting;
    e->most_waiting = e->n ? fmax(e->most_waiting, waiting) : waiting;
    e->least_ppm = e->n ? fmin(e->least_ppm, ppm) : ppm;
    e->most_ppm = e->n ? fmax(e->most_ppm, ppm) : ppm;
    e->sum_ppm += ppm;
    e->n++;
}

enum { EARS = 2, STREAMS = 3, MAX_BLOCK = 1024 };

typedef struct simulation {
    myna_live_worker *worker;
    clocked streams[STREAMS];             /* the microphone, then the ears */
    double seconds, served, margin[EARS]; /* the time now, and when the worker comes */
    size_t n_heard;
} simulation;

/* Callbacks and worker until `until`, in the order of their times: the worker comes some ms after it was woken. */
static void simulate(simulation *s, const fixture *f, double until, extremes *found)
{
    float block[2 * MAX_BLOCK];
    for (;;) {
        int first = 0;
        for (int i = 1; i < STREAMS; i++)
            if (s->streams[i].next_seconds < s->streams[first].next_seconds) first = i;
        clocked *c = &s->streams[first];
        if (fmin(s->served, c->next_seconds) > until) return;
        if (s->served <= c->next_seconds) {
            myna_live_worker_serve(s->worker);
            myna_live_report report = myna_live_worker_report(s->worker);
            for (int i = 0; i < EARS && found; i++) add_up(&found[i], &report.ears[i], s->margin[i]);
            s->served = INFINITY;
        } else if (first == 0) {
            const float *in = f->speech + s->n_heard++ % 50 * c->n;
            s->served = fmin(s->served, c->next_seconds + 0.001 + 0.005 * (double)myna_rng_uniform(c->rng, 0, 1));
            myna_audio_port_hear(myna_live_worker_heard(s->worker), in, 1, c->n, call_time(c));
        } else {
            int64_t now_ns = call_time(c);
            myna_audio_port_speak(myna_live_worker_spoken(s->worker, first - 1), block, 2, c->n, now_ns);
        }
    }
}

static double failures(const myna_live_report *r)
{
    double sum = r->lost_seconds;
    for (int i = 0; i < EARS; i++) sum += r->ears[i].missing_seconds + r->ears[i].skipped_seconds;
    return sum;
}

/* A microphone, an output that is 200 ppm faster and a monitor that is 200 ppm slower, with blocks of their own, that
 * start when they like, for ten minutes: after the first second nothing is ever dropped or missing, both are followed,
 * and the latency stays where it was said to be. */
static void three_clocks_are_followed(void **state)
{
    fixture *f = *state;
    myna_rng rng = myna_rng_seed(7, 7);
    const double offsets[EARS] = {200, -200}, minutes = SIMULATED_MINUTES;
    const myna_live_ear ears[EARS] = {{48000, 576 / 48000.0, true}, {44100, 512 / 44100.0, true}};
    myna_live_settings settings = make_settings(f, 1);
    settings.options.iterations = 0; /* quick; nobody listens */
    simulation s = {
        .streams = {{RATE, 0.01, BLOCK, 5e-4, &rng}, {48000 * (1 + 1e-6 * offsets[0]), 0.1537, 576, 5e-4, &rng},
            {44100 * (1 + 1e-6 * offsets[1]), -0.25, 512, 5e-4, &rng}}};
    assert_ok(myna_live_worker_create(&s.worker, &settings, BLOCK, ears, EARS, NULL));
    for (int i = 0; i < EARS; i++) s.margin[i] = myna_live_margin(0.01, ears[i].block_seconds);
    extremes all[EARS] = {0}, last[EARS] = {0};
    simulate(&s, f, 1, NULL);
    myna_live_report start = myna_live_worker_report(s.worker);
    simulate(&s, f, fmin(60, 60 * minutes), all);
    simulate(&s, f, 60 * minutes, last);
    myna_live_report end = myna_live_worker_report(s.worker);
    assert_true(failures(&end) == failures(&start));
    for (int i = 0; i < EARS; i++) {
        assert_true(fmax(fabs(all[i].least_ppm), fabs(all[i].most_ppm)) <= MYNA_DRIFT_MOST_PPM);
        assert_true(all[i].least_waiting > -0.003 && all[i].most_waiting < 0.003);
        if (last[i].n == 0) continue; /* not settled yet */
        double mean = last[i].sum_ppm / (double)last[i].n;
        assert_true(last[i].least_waiting > -0.001 && last[i].most_waiting < 0.001);
        assert_true(fabs(mean - offsets[i]) < 2);
        assert_true(last[i].least_ppm > offsets[i] - 40 && last[i].most_ppm < offsets[i] + 40);
    }
    myna_live_worker_free(s.worker);
}

/* Devices that stop for a while, and say nothing of it: what is then too little or too much is put right at once. */
static void gaps_are_made_up_for(void **state)
{
    fixture *f = *state;
    myna_rng rng = myna_rng_seed(8, 8);
    const myna_live_ear ears[EARS] = {{RATE, 0.01, true}, {RATE, 0.01, true}};
    myna_live_settings settings = make_settings(f, 1);
    settings.options.iterations = 0; /* quick; nobody listens */
    simulation s = {
        .streams = {{RATE, 0, BLOCK, 5e-4, &rng}, {RATE, 0.003, BLOCK, 5e-4, &rng}, {RATE, 0.005, BLOCK, 5e-4, &rng}}};
    assert_ok(myna_live_worker_create(&s.worker, &settings, BLOCK, ears, EARS, NULL));
    for (int i = 0; i < EARS; i++) s.margin[i] = myna_live_margin(0.01, 0.01);
    const double gaps[] = {0.06, 0.013};
    for (int i = 0; i < 4; i++) {
        extremes after[EARS] = {0};
        simulate(&s, f, s.seconds += 3, NULL);
        for (int stream = 0; stream < STREAMS; stream++) /* the microphone pauses, or both ears do */
            if ((stream == 0) == (i < 2)) s.streams[stream].next_seconds += gaps[i % 2];
        simulate(&s, f, s.seconds += 1, NULL);
        myna_live_report before = myna_live_worker_report(s.worker);
        simulate(&s, f, s.seconds += 5, after);
        myna_live_report end = myna_live_worker_report(s.worker);
        assert_true(failures(&end) == failures(&before));
        for (int e = 0; e < EARS; e++) assert_true(after[e].least_waiting > -0.007 && after[e].most_waiting < 0.012);
    }
    myna_live_worker_free(s.worker);
}

/* ---- Recording --------------------------------------------------------------------------------------------------- */

static void full_recorder_counts(void **state)
{
    fixture *f = *state;
    static collected got;
    myna_live_taps taps = {0};
    assert_ok(myna_ring_create(&taps.heard, RATE, NULL));
    assert_ok(myna_ring_create(&taps.spoken, RATE, NULL));
    myna_live_settings settings = make_settings(f, 1);
    settings.taps = &taps;
    myna_live_path *path = create_path(&settings);
    got.n = 0;
    push(path, f->speech, N, &got);
    assert_int_equal(myna_ring_fill(taps.heard), myna_ring_fill(taps.spoken));
    assert_int_equal(myna_ring_fill(taps.heard) + atomic_load(&taps.lost), N);
    assert_true(atomic_load(&taps.lost) > 0);
    myna_live_path_free(path);
    myna_ring_free(taps.heard);
    myna_ring_free(taps.spoken);
}

/* ---- Load -------------------------------------------------------------------------------------------------------- */

static void load_is_summed_up(void **state)
{
    (void)state;
    static myna_live_load load;
    assert_true(myna_live_load_recent(&load).most == 0 && myna_live_load_total(&load).p99 == 0);
    for (int i = 0; i < 100000; i++) myna_live_load_add(&load, i == 5 ? 7 : 0.0001 + 0.01 * (i % 100));
    myna_live_load_figures recent = myna_live_load_recent(&load), total = myna_live_load_total(&load);
    assert_true(fabs(recent.p50 - 0.5) < 0.011 && fabs(total.p50 - 0.5) < 0.011);
    assert_true(fabs(recent.p95 - 0.95) < 0.011 && fabs(total.p95 - 0.95) < 0.011);
    assert_true(fabs(recent.p99 - 0.99) < 0.011 && fabs(total.p99 - 0.99) < 0.011);
    assert_true(recent.most < 1 && total.most == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(converts_like_a_converter),
        cmocka_unit_test(bypass_is_as_late_as_the_voice),
        cmocka_unit_test(dry_path_survives_resampling),
        cmocka_unit_test(controls_do_not_click),
        cmocka_unit_test(anything_in_is_finite_out),
        cmocka_unit_test(thread_speaks_what_one_thread_would),
        cmocka_unit_test(slow_worker_drops_and_stays_in_time),
        cmocka_unit_test(three_clocks_are_followed),
        cmocka_unit_test(gaps_are_made_up_for),
        cmocka_unit_test(full_recorder_counts),
        cmocka_unit_test(load_is_summed_up),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
