/* The live path, its worker and its controller of two clocks, without devices. */
#include "testing.h"

#include "cli/live_drift.h"
#include "cli/live_worker.h"
#include "fixtures.h"

#include <stdlib.h>
#include <time.h>

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
    myna_live_settings settings = {.model = f->model,
        .voices = {f->voice, f->other},
        .n_voices = 2,
        .input_rate_hz = RATE,
        .output_rate_hz = RATE,
        .wet = wet};
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
    size_t late = (size_t)lrint(myna_live_path_latency(path) * RATE), faded = late + RATE / 10;
    assert_int_equal(late, 1000);
    for (size_t i = faded; i < N; i++) assert_true(got.samples[i] == f->speech[i - late]);
    myna_live_path_control(path, &(myna_live_controls){.mute = true});
    got.n = 0;
    push(path, f->speech, RATE, &got);
    for (size_t i = RATE / 10; i < RATE; i++) assert_true(got.samples[i] == 0);
    myna_live_path_free(path);
}

static void dry_path_survives_resampling(void **state)
{
    fixture *f = *state;
    static collected got;
    myna_live_settings settings = make_settings(f, 0);
    settings.input_rate_hz = settings.output_rate_hz = 48000;
    myna_live_path *path = create_path(&settings);
    got.n = 0;
    static float tones[N]; /* at 48 kHz three times as high: below 6.4 kHz, which the resamplers keep */
    const double hz[] = {97, 333, 997, 1711};
    for (size_t i = 0; i < 4; i++) add_sine(tones, N, hz[i], 0.1);
    push(path, tones, N, &got);
    size_t late = (size_t)lrint(myna_live_path_latency(path) * 48000), settled = late + 4800;
    assert_in_range(got.n, N - 192, N); /* 4 ms */
    assert_true(difference_db(got.samples + settled, tones + settled - late, got.n - settled) < -60);
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
        if (turn) settings.input_rate_hz = settings.output_rate_hz = 44100;
        myna_live_path *path = create_path(&settings);
        got.n = 0;
        push(path, in, N, &got);
        for (size_t i = 0; i < got.n; i++) assert_true(isfinite(got.samples[i]) && fabsf(got.samples[i]) <= 1.5f);
        static const float silence[N];
        got.n = 0;
        push(path, silence, N, &got); /* nothing from latency + 100 ms on */
        size_t until = (size_t)((myna_live_path_latency(path) + 0.1) * settings.output_rate_hz);
        for (size_t i = until; i < got.n; i++) assert_true(got.samples[i] == 0);
        myna_live_path_free(path);
    }
}

/* ---- The worker -------------------------------------------------------------------------------------------------- */

static myna_live_worker *create_worker(const myna_live_settings *settings)
{
    myna_live_worker *worker = NULL;
    assert_ok(myna_live_worker_create(&worker, settings, BLOCK, 0.01, NULL));
    return worker;
}

static void wait_seconds(double seconds)
{
    struct timespec time = {.tv_nsec = (long)(1e9 * seconds)};
    nanosleep(&time, NULL);
}

/* A device's callback: gives a block, takes a block; returns how much silence it had to make up. */
static size_t call_back(myna_live_worker *worker, const float *in, float *out)
{
    assert_int_equal(myna_ring_write(myna_live_worker_heard(worker), in, BLOCK), BLOCK);
    size_t given = myna_ring_read(myna_live_worker_spoken(worker), out, BLOCK);
    memset(out + given, 0, (BLOCK - given) * sizeof *out);
    sem_post(myna_live_worker_wake(worker));
    return BLOCK - given;
}

static void thread_speaks_what_one_thread_would(void **state)
{
    fixture *f = *state;
    static float alone[N], threaded[N];
    enum { BLOCKS = 100 };
    myna_live_settings settings = make_settings(f, 1);
    myna_live_worker *worker = create_worker(&settings);
    for (size_t i = 0; i < BLOCKS; i++) {
        assert_int_equal(call_back(worker, f->speech + i * BLOCK, alone + i * BLOCK), 0);
        myna_live_worker_run_once(worker);
    }
    size_t late = (size_t)lrint(myna_live_worker_latency(worker) * RATE);
    for (size_t i = 0; i < late - 1000; i++) assert_true(alone[i] == 0);
    myna_live_worker_free(worker);
    worker = create_worker(&settings);
    assert_ok(myna_live_worker_start(worker, NULL));
    for (size_t i = 0; i < BLOCKS; i++) {
        assert_int_equal(call_back(worker, f->speech + i * BLOCK, threaded + i * BLOCK), 0);
        for (int tries = 0; myna_live_worker_report(worker).n_blocks <= i && tries < 5000; tries++) wait_seconds(0.001);
    }
    assert_true(myna_live_worker_report(worker).dropped_seconds == 0);
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
        n_missing += call_back(worker, f->speech + i * BLOCK, out);
        wait_seconds(0.01);
        assert_true(myna_live_worker_report(worker).waiting_seconds < 0.5); /* bounded, however busy the machine */
    }
    while (myna_ring_fill(myna_live_worker_heard(worker)) >= BLOCK) wait_seconds(0.01);
    myna_live_report report = myna_live_worker_report(worker);
    assert_true(report.dropped_seconds > 0.2 && report.n_blocks > 20);
    assert_true(report.dropped_seconds + 0.01 * (double)report.n_blocks <= 2 + 1e-6);
    assert_true(n_missing > 20 * BLOCK / 2);
    assert_true(report.load_p50 > 1.9);
    /* What was dropped and what was missing balance: what waits is no more than two blocks late. */
    assert_true(report.waiting_seconds < myna_live_worker_margin(worker) + 2 * 0.01 + 1e-6);
    myna_live_worker_free(worker);
}

/* ---- Two clocks -------------------------------------------------------------------------------------------------- */

/* The ring between two devices whose clocks differ by `offset` ppm, for `minutes`: least and most that it holds after
 * each block, in seconds around the set point, once `settled`. */
static void run_clocks(double offset, double minutes, double settled, double *least, double *most)
{
    const double block = 0.01, start = 0.012;
    myna_drift drift = {.set_point = start};
    myna_rng rng = myna_rng_seed(3, 3);
    double fill = start, ppm = 0;
    *least = *most = 0;
    for (double t = 0; t < 60 * minutes; t += block) {
        fill += block * (offset + ppm) * 1e-6;
        double jitter = 0.0005 * (double)myna_rng_normal(&rng); /* callbacks come when they like */
        ppm = myna_drift_update(&drift, fill + jitter, block);
        assert_true(fabs(ppm) <= MYNA_DRIFT_MOST_PPM);
        if (t < settled) continue;
        *least = fmin(*least, fill - start);
        *most = fmax(*most, fill - start);
    }
}

static void clocks_are_followed(void **state)
{
    (void)state;
    double least, most;
    const double offsets[] = {200, -200, 400, 0};
    for (size_t i = 0; i < 4; i++) {
        run_clocks(offsets[i], 10, 0, &least, &most);
        assert_true(least > -0.003 && most < 0.003); /* never dry, never late: no drop in ten minutes */
        run_clocks(offsets[i], 10, 120, &least, &most);
        assert_true(most - least < 0.0008); /* and still, in the end */
    }
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
        cmocka_unit_test(clocks_are_followed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
