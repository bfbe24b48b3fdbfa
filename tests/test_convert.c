#define _GNU_SOURCE
#include <stdlib.h> /* tells allocation.h which C library this is */

#include "allocation.h"

#include "dsp/stft.h"
#include "fixtures.h"
#include "model/voice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { N = 3 * MYNA_SAMPLE_RATE_HZ / 2, MAX_LATENCY = 3200, STEP = 400 };

static myna_model *model;
static myna_voice *voice; /* a woman */
static float speech[N];   /* a man, -20 dBFS */

static int set_up(void **state)
{
    (void)state;
    model = make_model(1);
    voice = model ? make_voice(model, 210, 1.2f) : NULL;
    make_speech(speech, N, 110, 1, 0.1f, 5);
    return voice ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    myna_voice_free(voice);
    myna_model_free(model);
    return 0;
}

static myna_converter_options options_for(myna_latency latency)
{
    myna_converter_options options;
    myna_converter_options_init(&options);
    options.latency = latency;
    return options;
}

static myna_converter *create(const myna_converter_options *options)
{
    myna_converter *converter = NULL;
    assert_int_equal(myna_converter_create(&converter, model, voice, options, NULL), MYNA_OK);
    return converter;
}

/* out[n + latency] in blocks of `block`, then the flush. */
static void stream(float *out, myna_converter *converter, const float *in, size_t n, size_t block)
{
    for (size_t begin = 0; begin < n; begin += block)
        myna_converter_process(converter, in + begin, n - begin < block ? n - begin : block, out + begin);
    myna_converter_flush(converter, out + n);
}

/* ---- Blocks, reset, length --------------------------------------------------------------------------------------- */

static void any_blocks_give_the_same(void **state)
{
    (void)state;
    static float whole[N + MAX_LATENCY], parts[N + MAX_LATENCY];
    const size_t blocks[] = {1, 7, 199, 200, 201, 4096};
    for (int latency = 0; latency <= MYNA_LATENCY_BEST; latency++) {
        myna_converter_options options = options_for((myna_latency)latency);
        myna_converter *converter = create(&options);
        size_t n = N + myna_converter_latency_samples(converter);
        stream(whole, converter, speech, N, N);
        assert_true(rms_of(whole, n) > 1e-3);
        for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
            stream(parts, converter, speech, N, blocks[i]);
            assert_true(difference_db(parts, whole, n) < -80);
        }
        myna_converter_free(converter);
    }
}

static void measured_source_streams_like_convert(void **state)
{
    (void)state;
    static float whole[N], parts[N + MAX_LATENCY];
    myna_converter_options options = options_for(MYNA_LATENCY_BEST);
    assert_int_equal(myna_convert(model, voice, &options, speech, N, whole, NULL), MYNA_OK);
    myna_source_meter *meter = NULL;
    myna_source source;
    assert_int_equal(myna_source_meter_create(&meter, model, voice, &options, NULL), MYNA_OK);
    for (size_t begin = 0; begin < N; begin += 777)
        myna_source_meter_process(meter, speech + begin, N - begin < 777 ? N - begin : 777);
    assert_int_equal(myna_source_meter_finish(meter, &source, NULL), MYNA_OK);
    myna_source_meter_free(meter);
    options.source = &source;
    myna_converter *converter = create(&options);
    memset(&source, 0, sizeof source); /* was copied */
    stream(parts, converter, speech, N, 333);
    assert_true(difference_db(parts + myna_converter_latency_samples(converter), whole, N) < -80);
    myna_converter_free(converter);
}

static void reset_and_flush_start_anew(void **state)
{
    (void)state;
    static float first[N + MAX_LATENCY], again[N + MAX_LATENCY];
    myna_converter_options options = options_for(MYNA_LATENCY_BEST);
    myna_converter *converter = create(&options);
    size_t n = N + myna_converter_latency_samples(converter);
    stream(first, converter, speech, N, 1000);
    stream(again, converter, speech, N, 1000); /* after a flush */
    assert_memory_equal(first, again, n * sizeof *first);
    myna_converter_process(converter, speech + 5000, 3333, again);
    myna_converter_reset(converter);
    stream(again, converter, speech, N, 1000);
    assert_memory_equal(first, again, n * sizeof *first);
    myna_converter_free(converter);
    converter = create(&options);
    memcpy(again, speech, N * sizeof *again);
    stream(again, converter, again, N, 1000); /* in place */
    assert_memory_equal(first, again, n * sizeof *first);
    myna_converter_free(converter);
}

static void convert_may_work_in_place(void **state)
{
    (void)state;
    static float apart[N], in_place[N];
    memcpy(in_place, speech, sizeof speech);
    assert_int_equal(myna_convert(model, voice, NULL, speech, N, apart, NULL), MYNA_OK);
    assert_int_equal(myna_convert(model, voice, NULL, in_place, N, in_place, NULL), MYNA_OK);
    assert_memory_equal(apart, in_place, sizeof apart);
    for (size_t n = 0; n < 500; n += 99) { /* shorter than a frame, and nothing */
        in_place[n] = 42;
        assert_int_equal(myna_convert(model, voice, NULL, speech, n, in_place, NULL), MYNA_OK);
        assert_true(in_place[n] == 42);
    }
}

/* ---- Time -------------------------------------------------------------------------------------------------------- */

/* A changed sample reaches out from the first sample after its step on: never earlier, or the latency claimed would be
 * too short, and (but for the flat ends of the window) not later, or it would be longer than need be. The last sample of
 * a step stands where the window is flattest, so the change is large enough not to drown in rounding there, of single precision at
 * least. */
static void latency_is_what_it_claims(void **state)
{
    (void)state;
    static float changed[N], before[N], after[N];
    const size_t samples[] = {4000, 8123, 8399, 8400, 12001, 15999};
    const size_t latencies[] = {800, 1200, 3200};
    assert_true(multiply_by(model, myna_steady_single()));
    assert_int_equal(myna_voice_embed(voice, model, NULL), MYNA_OK);
    for (int latency = 0; latency <= MYNA_LATENCY_BEST; latency++) {
        myna_converter_options options = options_for((myna_latency)latency);
        myna_converter *converter = create(&options);
        assert_int_equal(myna_converter_latency_samples(converter), latencies[latency]);
        for (size_t i = 0; i < N; i += 100) myna_converter_process(converter, speech + i, 100, before + i);
        for (size_t i = 0; i < latencies[latency]; i++) assert_true(before[i] == 0);
        for (size_t s = 0; s < sizeof samples / sizeof *samples; s++) {
            size_t n = samples[s], first = 0;
            memcpy(changed, speech, sizeof changed);
            changed[n] += 1.0f;
            myna_converter_reset(converter);
            for (size_t i = 0; i < N; i += 100) myna_converter_process(converter, changed + i, 100, after + i);
            while (first < N && before[first] == after[first]) first++;
            size_t step_end = n / STEP * STEP + STEP;
            assert_in_range(first, step_end, step_end + 64);
        }
        myna_converter_free(converter);
    }
    assert_true(multiply_by(model, myna_steady_fastest()));
    assert_int_equal(myna_voice_embed(voice, model, NULL), MYNA_OK);
}

/* Speech from 0.5 to 1 s, at other times silence or a noise of -80 dBFS: what comes out lies where the speech was,
 * and is digital silence from 100 ms after its end. */
static void silence_stays_silent_and_in_time(void **state)
{
    (void)state;
    static float in[N], out[N];
    const size_t begin = 8000, end = 16000;
    for (int latency = 0; latency <= MYNA_LATENCY_BEST; latency++) {
        myna_rng rng = myna_rng_seed(3, 0);
        for (size_t i = 0; i < N; i++) in[i] = latency == 1 ? 1e-4f * myna_rng_normal(&rng) : 0;
        memcpy(in + begin, speech, (end - begin) * sizeof *in);
        myna_converter_options options = options_for((myna_latency)latency);
        assert_int_equal(myna_convert(model, voice, &options, in, N, out, NULL), MYNA_OK);
        assert_true(peak_of(out, begin - MYNA_WINDOW_SAMPLES) == 0);
        assert_true(peak_of(out + end + 1600, N - end - 1600) == 0);
        assert_true(rms_of(out + begin, 4000) > 0.003);
        assert_true(rms_of(out + end - 2000, 2000) > 0.003);
    }
}

static void silence_gives_silence(void **state)
{
    (void)state;
    static float in[N], out[N];
    memset(in, 0, sizeof in);
    out[77] = 1;
    assert_int_equal(myna_convert(model, voice, NULL, in, N, out, NULL), MYNA_OK);
    assert_true(peak_of(out, N) == 0);
}

/* ---- Level and pitch --------------------------------------------------------------------------------------------- */

static void level_goes_through(void **state)
{
    (void)state;
    static float quiet[N], loud_out[N], quiet_out[N];
    for (size_t i = 0; i < N; i++) quiet[i] = 0.125f * speech[i];
    assert_int_equal(myna_convert(model, voice, NULL, speech, N, loud_out, NULL), MYNA_OK);
    assert_int_equal(myna_convert(model, voice, NULL, quiet, N, quiet_out, NULL), MYNA_OK);
    assert_true(rms_of(loud_out, N) > 0.01);
    for (size_t i = 0; i < N; i++) quiet_out[i] *= 8;
    double ratio_db = 20 * log10(rms_of(quiet_out, N) / rms_of(loud_out, N));
    assert_true(fabs(ratio_db) < 0.1);
}

/* What a first pass finds in `speech`. */
static void measure_speech(myna_source *source, const myna_converter_options *options)
{
    myna_source_meter *meter = NULL;
    assert_int_equal(myna_source_meter_create(&meter, model, voice, options, NULL), MYNA_OK);
    myna_source_meter_process(meter, speech, N);
    assert_int_equal(myna_source_meter_finish(meter, source, NULL), MYNA_OK);
    myna_source_meter_free(meter);
}

static void measured_gain_is_applied(void **state)
{
    (void)state;
    static float once[N], twice[N];
    myna_converter_options options = options_for(MYNA_LATENCY_LOW);
    myna_source source;
    measure_speech(&source, &options);
    options.source = &source;
    source.output_gain = 0.5f;
    assert_int_equal(myna_convert(model, voice, &options, speech, N, once, NULL), MYNA_OK);
    source.output_gain = 1;
    assert_int_equal(myna_convert(model, voice, &options, speech, N, twice, NULL), MYNA_OK);
    for (size_t i = 0; i < N; i++) once[i] *= 2;
    assert_true(rms_of(twice, N) > 1e-3 && peak_of(twice, N) < 0.7f);
    assert_true(difference_db(once, twice, N) < -80); /* a power of two: no rounding differs */
}

/* An output found louder is matched by less, and the more of the source it was found in, the less. */
static void measured_output_is_matched(void **state)
{
    (void)state;
    static float out[N];
    const float seconds[] = {1.5f, 30};
    double moved_db[2];
    myna_converter_options options = options_for(MYNA_LATENCY_LOW);
    myna_source found, source;
    measure_speech(&found, &options);
    options.source = &source;
    for (int i = 0; i < 2; i++) {
        double rms[2];
        source = found;
        source.profile.speech_seconds = seconds[i];
        for (int louder = 0; louder < 2; louder++) {
            for (int b = 0; louder && b < MYNA_MEL_BANDS; b++) source.output.mean[b] += 0.4f;
            assert_int_equal(myna_convert(model, voice, &options, speech, N, out, NULL), MYNA_OK);
            rms[louder] = rms_of(out, N);
        }
        moved_db[i] = 20 * log10(rms[0] / rms[1]);
    }
    assert_true(moved_db[0] > 0.2 && moved_db[1] > 1.5 * moved_db[0] && moved_db[1] < 4);
}

/* Without a first pass the level must be found within the first second and a half of speech. */
static void running_level_finds_the_level(void **state)
{
    (void)state;
    static float in[N], out[2][N];
    myna_converter_options options = options_for(MYNA_LATENCY_LOW);
    for (int i = 0; i < 2; i++) {
        for (size_t k = 0; k < N; k++) in[k] = (i ? 0.1f : 1.0f) * speech[k];
        myna_converter *converter = create(&options);
        myna_converter_process(converter, in, N, out[i]);
        myna_converter_free(converter);
    }
    double ratio_db = 20 * log10(rms_of(out[1] + N / 2, N / 2) / rms_of(out[0] + N / 2, N / 2));
    assert_true(fabs(ratio_db + 20) < 2);
}

static void pitch_follows_the_target(void **state)
{
    (void)state;
    static float out[N];
    const struct {
        myna_pitch pitch;
        float semitones;
    } cases[] = {{MYNA_PITCH_AUTO, 0}, {MYNA_PITCH_KEEP, 0}, {MYNA_PITCH_KEEP, 5}, {MYNA_PITCH_AUTO, -12}};
    myna_profile source, result;
    assert_int_equal(myna_profile_measure(&source, speech, N, NULL), MYNA_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        myna_converter_options options = options_for(MYNA_LATENCY_BEST);
        options.pitch = cases[i].pitch;
        options.pitch_semitones = cases[i].semitones;
        assert_int_equal(myna_convert(model, voice, &options, speech, N, out, NULL), MYNA_OK);
        assert_int_equal(myna_profile_measure(&result, out, N, NULL), MYNA_OK);
        float from = cases[i].pitch == MYNA_PITCH_AUTO ? myna_voice_profile(voice)->log_f0_mean : source.log_f0_mean;
        float wanted = from + cases[i].semitones * 0.057762f;
        assert_true(result.voiced_seconds > 0.4f * source.voiced_seconds);
        assert_true(fabsf(result.log_f0_mean - wanted) < 0.08f);
    }
}

static void pitch_shift_is_reported(void **state)
{
    (void)state;
    myna_converter_options options = options_for(MYNA_LATENCY_LOW);
    options.pitch = MYNA_PITCH_KEEP;
    options.pitch_semitones = -3;
    myna_converter *converter = create(&options);
    assert_true(fabsf(myna_converter_pitch_shift(converter) + 3) < 1e-4f);
    myna_converter_free(converter);
    options.pitch = MYNA_PITCH_AUTO;
    converter = create(&options);
    float expected = (myna_voice_profile(voice)->log_f0_mean - 4.9f) * 17.3123f - 3; /* from the model's average */
    assert_true(fabsf(myna_converter_pitch_shift(converter) - expected) < 1e-3f);
    static float out[N];
    myna_converter_process(converter, speech, N, out);
    assert_true(myna_converter_pitch_shift(converter) > expected + 0.5f); /* a man lower than the average was heard */
    myna_converter_free(converter);
}

/* ---- Bad input
 * ------------------------------------------------------------------------------------------------------- */

static void fill_hostile(float *in, int kind)
{
    myna_rng rng = myna_rng_seed(11, 0);
    for (size_t i = 0; i < N; i++) {
        float noise = myna_rng_uniform(&rng, -1, 1), tone = sinf(0.05f * (float)i);
        const float kinds[] = {noise, 1, i % 3 ? noise : NAN, i % 2 ? INFINITY : -INFINITY, tone > 0 ? 1.0f : -1.0f,
            1e30f * noise, i % 160 ? 0.0f : 1.0f, 1e-40f};
        in[i] = kinds[kind];
    }
}

static void hostile_input_stays_bounded(void **state)
{
    (void)state;
    static float in[N], out[N + MAX_LATENCY];
    for (int kind = 0; kind < 8; kind++) {
        fill_hostile(in, kind);
        myna_converter_options options = options_for(MYNA_LATENCY_BALANCED);
        myna_converter *converter = create(&options);
        size_t n = N + myna_converter_latency_samples(converter);
        stream(out, converter, in, N, 1000);
        for (size_t i = 0; i < n; i++) assert_true(isfinite(out[i]) && fabsf(out[i]) <= 0.8913f);
        stream(out, converter, speech, N, 1000); /* and it works afterwards */
        assert_true(rms_of(out, n) > 1e-3);
        myna_converter_free(converter);
        myna_error error;
        out[5] = 42;
        myna_status status = myna_convert(model, voice, &options, in, N, out, &error);
        bool finite = kind != 2 && kind != 3;
        assert_int_equal(status, finite ? MYNA_OK : MYNA_ERROR_NOT_FINITE);
        assert_true(finite || out[5] == 42);
        for (size_t i = 0; finite && i < N; i++) assert_true(isfinite(out[i]) && fabsf(out[i]) <= 0.8913f);
    }
}

/* What is not a number counts as silence, sample by sample. */
static void bad_samples_count_as_zero(void **state)
{
    (void)state;
    static float bad[N], zero[N], out_bad[N], out_zero[N];
    for (size_t i = 0; i < N; i++) {
        bool hole = i % 1000 < 10;
        bad[i] = hole ? NAN : speech[i];
        zero[i] = hole ? 0 : speech[i];
    }
    myna_converter_options options = options_for(MYNA_LATENCY_LOW);
    myna_converter *converter = create(&options);
    myna_converter_process(converter, bad, N, out_bad);
    myna_converter_reset(converter);
    myna_converter_process(converter, zero, N, out_zero);
    assert_memory_equal(out_bad, out_zero, sizeof out_bad);
    myna_converter_free(converter);
}

static void arguments_are_checked(void **state)
{
    (void)state;
    myna_error error;
    myna_converter *converter = NULL;
    myna_converter_options options = options_for((myna_latency)7);
    assert_int_equal(myna_converter_create(&converter, model, voice, &options, &error), MYNA_ERROR_ARGUMENT);
    options = options_for(MYNA_LATENCY_LOW);
    options.pitch_semitones = NAN;
    assert_int_equal(myna_converter_create(&converter, model, voice, &options, &error), MYNA_ERROR_ARGUMENT);
    options.pitch_semitones = 24.5f;
    assert_int_equal(myna_converter_create(&converter, model, voice, &options, &error), MYNA_ERROR_ARGUMENT);
    options.pitch_semitones = 0;
    options.iterations = 65;
    assert_int_equal(myna_converter_create(&converter, model, voice, &options, &error), MYNA_ERROR_ARGUMENT);
    options.iterations = 0;
    options.pitch = (myna_pitch)-1;
    assert_int_equal(myna_converter_create(&converter, model, voice, &options, &error), MYNA_ERROR_ARGUMENT);
    assert_int_equal(myna_converter_create(&converter, model, NULL, NULL, &error), MYNA_ERROR_ARGUMENT);
    assert_null(converter);
    myna_model *other = make_model(2);
    assert_non_null(other);
    assert_int_equal(myna_converter_create(&converter, other, voice, NULL, &error), MYNA_ERROR_MODEL);
    assert_int_equal(myna_convert(other, voice, NULL, speech, N, speech, &error), MYNA_ERROR_MODEL);
    myna_model_free(other);
}

/* ---- Noise seed, memory
 * ------------------------------------------------------------------------------------------------ */

static void seeds_choose_the_noise(void **state)
{
    (void)state;
    static float out[3][N];
    myna_converter_options options = options_for(MYNA_LATENCY_LOW);
    for (int i = 0; i < 3; i++) {
        options.seed = i == 2;
        assert_int_equal(myna_convert(model, voice, &options, speech, N, out[i], NULL), MYNA_OK);
    }
    assert_memory_equal(out[0], out[1], sizeof out[0]);
    assert_true(difference_db(out[2], out[0], N) > -40);
}

static void the_stream_never_allocates(void **state)
{
    (void)state;
    static float out[N + MAX_LATENCY];
    if (!allocation_can_fail) skip();
    for (int latency = 0; latency <= MYNA_LATENCY_BEST; latency++) {
        myna_converter_options options = options_for((myna_latency)latency);
        myna_converter *converter = create(&options);
        allocation_start(0);
        stream(out, converter, speech, N, 1001);
        assert_int_equal(myna_converter_set_voice(converter, voice, NULL), MYNA_OK);
        myna_converter_process(converter, speech, N, out);
        myna_converter_reset(converter);
        long n_calls = allocation_stop();
        assert_int_equal(n_calls, 0);
        myna_converter_free(converter);
    }
    allocation_start(0);
    myna_converter *converter = create(NULL);
    assert_true(allocation_stop() > 0); /* it does count */
    myna_converter_free(converter);
}

static void short_memory_is_reported(void **state)
{
    (void)state;
    static float out[4000];
    if (!allocation_can_fail) skip();
    for (long fail_at = 1;; fail_at++) {
        assert_true(fail_at < 1000);
        out[0] = 42;
        allocation_start(fail_at);
        myna_status status = myna_convert(model, voice, NULL, speech, 4000, out, NULL);
        bool reached = allocation_stop() >= fail_at;
        assert_int_equal(allocation.n_live, 0);
        assert_int_equal(status, reached ? MYNA_ERROR_MEMORY : MYNA_OK);
        if (!reached) break;
        assert_true(out[0] == 42);
    }
}

/* ---- Changes on the way ------------------------------------------------------------------------------------------ */

static void another_voice_on_the_way(void **state)
{
    (void)state;
    static float changed[N], created[N];
    myna_converter_options options = options_for(MYNA_LATENCY_LOW);
    myna_model *stranger = make_model(2);
    myna_voice *man = make_voice(model, 110, 1), *other = stranger ? make_voice(stranger, 110, 1) : NULL;
    assert_true(man && other);
    myna_converter *converter = create(&options);
    assert_int_equal(myna_converter_set_voice(converter, other, NULL), MYNA_ERROR_MODEL);
    assert_int_equal(myna_converter_set_voice(converter, man, NULL), MYNA_OK);
    myna_converter_process(converter, speech, STEP * 8, changed);
    myna_converter_reset(converter); /* the voice stays, and nothing of the one before is left */
    myna_converter_process(converter, speech, N, changed);
    myna_converter_free(converter);
    assert_int_equal(myna_converter_create(&converter, model, man, &options, NULL), MYNA_OK);
    myna_converter_process(converter, speech, N, created);
    assert_true(rms_of(created, N) > 1e-3);
    assert_true(difference_db(changed, created, N) < -80);
    myna_converter_set_pitch(converter, MYNA_PITCH_KEEP, 99);
    assert_true(fabsf(myna_converter_pitch_shift(converter) - 24) < 1e-3f);
    myna_converter_free(converter);
    myna_voice_free(man);
    myna_voice_free(other);
    myna_model_free(stranger);
}

/* What is known of the speaker is where estimates start: pitch and level are right from the first word on. */
static void estimates_start_at_the_speakers_own_voice(void **state)
{
    (void)state;
    static float out[N];
    myna_converter_options options = options_for(MYNA_LATENCY_LOW);
    myna_voice *man = make_voice(model, 110, 1);
    myna_source source;
    assert_int_equal(myna_source_of_voice(&source, model, man, voice, &options, NULL), MYNA_OK);
    assert_true(fabsf(source.profile.log_f0_mean - myna_voice_profile(man)->log_f0_mean) < 1e-6f);
    assert_true(source.content.deviation[7] > 0 && source.output.deviation[7] > 0 && source.output_gain > 0);
    options.source = &source;
    options.source_is_start = true;
    myna_converter *converter = create(&options);
    float start = myna_converter_pitch_shift(converter);
    float wanted = 12 * (myna_voice_profile(voice)->log_f0_mean - myna_voice_profile(man)->log_f0_mean) / logf(2);
    assert_true(fabsf(start - wanted) < 1e-3f);
    myna_converter_process(converter, speech, N, out);
    assert_true(myna_converter_pitch_shift(converter) != start); /* and goes on learning */
    assert_true(rms_of(out, N) > 1e-3);
    myna_converter_free(converter);
    myna_voice *both = NULL;
    assert_int_equal(myna_voice_mix(&both, (const myna_voice *[]){man, voice}, (float[]){1, 1}, 2, NULL), MYNA_OK);
    assert_int_equal(myna_source_of_voice(&source, model, both, voice, &options, NULL), MYNA_ERROR_MODEL);
    myna_voice_free(both);
    myna_voice_free(man);
}

static void gate_lets_through_what_it_says(void **state)
{
    (void)state;
    static float in[N], out[N];
    double rms[2];
    myna_rng rng = myna_rng_seed(1, 2);
    memcpy(in, speech, sizeof in);
    for (size_t i = N / 2; i < N; i++) in[i] = 0.0025f * myna_rng_normal(&rng); /* 32 dB under the speech before */
    const float gates[] = {-60, -10};
    for (int i = 0; i < 2; i++) {
        myna_converter_options options = options_for(MYNA_LATENCY_LOW);
        options.gate_db = gates[i];
        assert_int_equal(myna_convert(model, voice, &options, in, N, out, NULL), MYNA_OK);
        rms[i] = rms_of(out + N * 3 / 4, N / 4);
    }
    assert_true(rms[0] > 1e-4 && rms[1] < 0.1 * rms[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_blocks_give_the_same),
        cmocka_unit_test(measured_source_streams_like_convert),
        cmocka_unit_test(reset_and_flush_start_anew),
        cmocka_unit_test(convert_may_work_in_place),
        cmocka_unit_test(latency_is_what_it_claims),
        cmocka_unit_test(silence_stays_silent_and_in_time),
        cmocka_unit_test(silence_gives_silence),
        cmocka_unit_test(level_goes_through),
        cmocka_unit_test(measured_gain_is_applied),
        cmocka_unit_test(measured_output_is_matched),
        cmocka_unit_test(running_level_finds_the_level),
        cmocka_unit_test(pitch_follows_the_target),
        cmocka_unit_test(pitch_shift_is_reported),
        cmocka_unit_test(hostile_input_stays_bounded),
        cmocka_unit_test(bad_samples_count_as_zero),
        cmocka_unit_test(arguments_are_checked),
        cmocka_unit_test(seeds_choose_the_noise),
        cmocka_unit_test(another_voice_on_the_way),
        cmocka_unit_test(estimates_start_at_the_speakers_own_voice),
        cmocka_unit_test(gate_lets_through_what_it_says),
        cmocka_unit_test(the_stream_never_allocates),
        cmocka_unit_test(short_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
