/* The converter: samples in, samples out, through every stage of the engine.
 *
 * Timing, for a network that answers A steps late (0, 1, 4) and a waveform stage that looks L frames ahead (-1, -1, 3).
 * A step is 400 samples, two frames; frame k covers [200 k - 600, 200 k + 200). Step j is heard when 400 j + 400
 * samples have come in. The network then gives step j - A, whose second frame, number 2 (j - A) + 1, lets the waveform
 * stage complete frame 2 (j - A) + 1 - L: samples up to 400 (j - A) - 200 L - 200. The most unfortunate caller has then
 * waited for 399 more samples, 400 j + 799 in all, so out answers in that is
 *   400 j + 799 - (400 (j - A) - 200 L - 200) = 999 + 400 A + 200 L
 * samples older; rounded up to 1000 + 400 A + 200 L: 800, 1200 and 3200 samples. The output queue starts with so many
 * zeros. The network's first A answers belong to no step and are skipped; the waveform stage's first L + 3 hops lie
 * before sample 0 and are dropped. From there on queue and input stay in step for ever. */
#include "base/status.h"
#include "dsp/analysis.h"
#include "dsp/level.h"
#include "dsp/phase.h"
#include "dsp/profile.h"
#include "model/stream.h"
#include "model/voice.h"
#include "pipeline/expander.h"
#include "pipeline/match.h"
#include "pipeline/options.h"
#include "pipeline/output_level.h"
#include "pipeline/pitch_map.h"
#include "pipeline/running_level.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    STEP_SAMPLES = MYNA_STEP_FRAMES * MYNA_HOP_SAMPLES,
    CALL_SAMPLES = MYNA_STREAM_MAX_STEPS * STEP_SAMPLES,
    CALL_FRAMES = MYNA_STREAM_MAX_STEPS * MYNA_STEP_FRAMES,
    HEARD_STEPS = 32,      /* power of two; what one call takes plus what the network holds back */
    QUEUE_SAMPLES = 16384, /* power of two; latency plus what one call gives */
};
_Static_assert(MYNA_STREAM_MAX_STEPS + 2 * MYNA_AHEAD_BLOCKS <= HEARD_STEPS, "for every latency");

/* Of the running estimate of the output's level: as for matching, which it follows. */
static const double level_start_seconds = 5.0, level_memory_seconds = 10.0;
static const float usual_level_db = -26.0f; /* of speech, until some was heard */

/* What is remembered of an input step until the network answers it. */
typedef struct heard_step {
    float gain; /* that took it to normal level */
    float power;
    float factor[MYNA_STEP_FRAMES]; /* of the expander */
    bool speech[MYNA_STEP_FRAMES];
} heard_step;

struct myna_converter {
    const myna_model *model;
    const myna_voice *voice;
    myna_converter_options options;   /* its source is unused: */
    myna_source source;               /* a copy; speech_seconds 0: none */
    size_t network_delay; /* steps */
    int look_ahead;       /* frames */

    myna_analyzer *analyzer;
    myna_stream *stream;
    myna_excitation *excitation;
    myna_rtisi *rtisi;

    myna_running_level level;
    myna_pitch_map pitch;
    myna_match match;
    myna_output_level output_level;
    bool learns_output;              /* match and level of the output are estimates */
    float heard_f0_hz, spoken_f0_hz; /* newest */

    size_t n_heard, n_spoken; /* steps */
    size_t hops_to_drop;
    heard_step heard[HEARD_STEPS]; /* step j at j % HEARD_STEPS */
    float input[CALL_SAMPLES];
    size_t input_fill;
    float log_mel[CALL_FRAMES * MYNA_MEL_BANDS], out_log_mel[CALL_FRAMES * MYNA_MEL_BANDS];
    float f0_hz[CALL_FRAMES], out_f0_hz[CALL_FRAMES];
    float magnitude[MYNA_BINS];
    myna_complex phase[MYNA_BINS];
    float queue[QUEUE_SAMPLES]; /* sample i at i % QUEUE_SAMPLES */
    size_t n_queued, n_taken;
};

/* ---- Life -------------------------------------------------------------------------------------------------------- */

/* Is there anything to start from? */
static bool has_source(const myna_converter *c)
{
    return c->source.profile.speech_seconds > 0;
}

/* Are source and output still being measured? */
static bool learns(const myna_converter *c)
{
    return !has_source(c) || c->options.source_is_start;
}

/* Steps that the network answers late. */
static size_t network_delay_of(myna_latency latency)
{
    return (size_t)(myna_content_ahead(latency) + myna_decoder_ahead(latency));
}

const char *const myna_latency_names[] = {"low", "balanced", "best", NULL};

size_t myna_latency_samples(myna_latency latency)
{
    return STEP_SAMPLES * network_delay_of(latency) + (size_t)(1000 + MYNA_HOP_SAMPLES * myna_phase_ahead(latency));
}

size_t myna_converter_latency_samples(const myna_converter *c)
{
    return myna_latency_samples(c->options.latency);
}

/* Everything that reset must restore, except what the stages keep themselves. */
static void start(myna_converter *c)
{
    const myna_profile *source = &c->source.profile, *target = &c->voice->profile;
    const float target_log_f0[2] = {target->log_f0_mean, target->log_f0_deviation};
    const float source_log_f0[2] = {source->log_f0_mean, source->log_f0_deviation};
    bool output_is_known = has_source(c) && myna_statistics_known(&c->source.output);
    c->learns_output = learns(c) || !output_is_known;
    myna_running_level_init(&c->level, has_source(c) ? source->speech_level_db : usual_level_db);
    myna_pitch_map_init(
        &c->pitch, &c->options, has_source(c) ? source_log_f0 : c->model->weights.front.log_f0, target_log_f0);
    myna_match_init(&c->match, &c->source.output, source->speech_seconds, c->voice);
    myna_output_level_init(&c->output_level, level_start_seconds);
    if (output_is_known && c->source.output_gain > 0)
        c->output_level.spoken /= (double)c->source.output_gain * (double)c->source.output_gain;
    c->heard_f0_hz = c->spoken_f0_hz = 0;
    c->n_heard = c->n_spoken = c->input_fill = c->n_taken = 0;
    c->hops_to_drop = (size_t)(c->look_ahead + MYNA_OVERLAP - 1);
    c->n_queued = myna_converter_latency_samples(c);
    memset(c->queue, 0, c->n_queued * sizeof *c->queue);
}

static myna_status create_stages(myna_converter *c, myna_error *error)
{
    const myna_converter_options *options = &c->options;
    int pitch_lag = MYNA_STEP_FRAMES * myna_content_ahead(options->latency);
    myna_status status = myna_analyzer_create(&c->analyzer, c->model->mel, pitch_lag, error);
    if (status == MYNA_OK)
        status = myna_stream_create(&c->stream, c->model, &c->voice->speaker, options->latency,
            has_source(c) ? &c->source.content : NULL, learns(c), error);
    if (status == MYNA_OK) status = myna_excitation_create(&c->excitation, options->seed, error);
    if (status == MYNA_OK) status = myna_rtisi_create(&c->rtisi, c->look_ahead, options->iterations, error);
    return status;
}

myna_status myna_converter_create(myna_converter **out, const myna_model *model, const myna_voice *voice,
    const myna_converter_options *options, myna_error *error)
{
    if (!out || !model || !voice) return myna_fail(error, MYNA_ERROR_ARGUMENT, "a converter needs a model and a voice");
    myna_converter_options resolved;
    myna_status status = myna_voice_check_model(voice, model, error);
    if (status == MYNA_OK) status = myna_options_resolve(&resolved, options, error);
    if (status != MYNA_OK) return status;
    myna_converter *c = calloc(1, sizeof *c);
    if (!c) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a converter");
    c->model = model;
    c->voice = voice;
    c->options = resolved;
    if (resolved.source) c->source = *resolved.source;
    c->network_delay = network_delay_of(resolved.latency);
    c->look_ahead = myna_phase_ahead(resolved.latency);
    status = create_stages(c, error);
    if (status != MYNA_OK) {
        myna_converter_free(c);
        return status;
    }
    start(c);
    *out = c;
    return MYNA_OK;
}

void myna_converter_free(myna_converter *c)
{
    if (!c) return;
    myna_analyzer_free(c->analyzer);
    myna_stream_free(c->stream);
    myna_excitation_free(c->excitation);
    myna_rtisi_free(c->rtisi);
    free(c);
}

void myna_converter_reset(myna_converter *c)
{
    myna_analyzer_reset(c->analyzer);
    myna_stream_reset(c->stream);
    myna_excitation_reset(c->excitation);
    myna_rtisi_reset(c->rtisi);
    start(c);
}

float myna_converter_pitch_shift(const myna_converter *c)
{
    return myna_pitch_map_shift(&c->pitch);
}

void myna_converter_f0(const myna_converter *c, float *heard_hz, float *spoken_hz)
{
    *heard_hz = c->heard_f0_hz;
    *spoken_hz = c->spoken_f0_hz;
}

/* ---- Changes on the way ------------------------------------------------------------------------------------------ */

/* What was learnt of the source stays; what was learnt of the output belonged to the voice before. */
myna_status myna_converter_set_voice(myna_converter *c, const myna_voice *voice, myna_error *error)
{
    if (!c || !voice) return myna_fail(error, MYNA_ERROR_ARGUMENT, "no voice to change to");
    myna_status status = myna_voice_check_model(voice, c->model, error);
    if (status != MYNA_OK) return status;
    c->voice = voice;
    c->learns_output = true;
    memset(&c->source.output, 0, sizeof c->source.output);
    c->pitch.target_mean = voice->profile.log_f0_mean;
    c->pitch.target_deviation = voice->profile.log_f0_deviation;
    myna_match_init(&c->match, NULL, 0, voice);
    myna_output_level_init(&c->output_level, level_start_seconds);
    myna_stream_set_speaker(c->stream, &voice->speaker);
    return MYNA_OK;
}

void myna_converter_set_pitch(myna_converter *c, myna_pitch pitch, float semitones)
{
    c->options.pitch = pitch;
    c->options.pitch_semitones = fminf(fmaxf(semitones, -MYNA_MOST_SEMITONES), MYNA_MOST_SEMITONES);
    myna_pitch_map_set(&c->pitch, &c->options);
}

/* ---- Hearing: a step of samples becomes the network's input ------------------------------------------------------ */

static float mean_power(const float *samples)
{
    float sum = 0;
    for (int i = 0; i < STEP_SAMPLES; i++) sum += samples[i] * samples[i];
    return sum / STEP_SAMPLES;
}

/* The gain of this step. F0 comes pitch_lag steps late, so voicing is paired with the power of that step. */
static float find_gain(myna_converter *c, bool voiced)
{
    size_t pitch_lag = (size_t)myna_content_ahead(c->options.latency);
    if (!learns(c)) return fminf(MYNA_NORMAL_RMS / powf(10.0f, c->source.profile.speech_level_db / 20.0f), 1000.0f);
    if (c->n_heard >= pitch_lag)
        myna_running_level_push(&c->level, c->heard[(c->n_heard - pitch_lag) % HEARD_STEPS].power, voiced);
    return myna_running_level_gain(&c->level);
}

/* Writes log_mel[MYNA_STEP_FRAMES][MYNA_MEL_BANDS] and the mapped f0_hz[MYNA_STEP_FRAMES]. */
static void hear_step(myna_converter *c, float *log_mel, float *f0_hz, const float *samples)
{
    myna_frame frames[MYNA_STEP_FRAMES];
    heard_step *heard = &c->heard[c->n_heard % HEARD_STEPS];
    bool voiced = false;
    for (int i = 0; i < MYNA_STEP_FRAMES; i++) {
        myna_analyzer_push(c->analyzer, &frames[i], samples + i * MYNA_HOP_SAMPLES);
        voiced |= frames[i].f0_hz > 0;
    }
    heard->power = mean_power(samples);
    heard->gain = find_gain(c, voiced);
    for (int i = 0; i < MYNA_STEP_FRAMES; i++) {
        float *out = log_mel + i * MYNA_MEL_BANDS;
        myna_log_mel(out, frames[i].mel, heard->gain);
        heard->factor[i] = myna_expander_factor(frames[i].mel, heard->gain, c->options.gate_db);
        heard->speech[i] = myna_mel_is_speech(out);
        if (learns(c)) myna_pitch_map_learn(&c->pitch, frames[i].f0_hz);
        f0_hz[i] = myna_pitch_map_apply(&c->pitch, frames[i].f0_hz);
        c->heard_f0_hz = frames[i].f0_hz;
        c->spoken_f0_hz = f0_hz[i];
    }
    c->n_heard++;
}

/* ---- Speaking: the network's answer becomes samples --------------------------------------------------------------- */

/* The identity up to -3 dBFS, then bending smoothly towards -1 dBFS: no sample is ever beyond, and as the curve has no
 * memory and no corner, nothing pumps or clicks. */
static float limit(float x)
{
    const float knee = 0.70795f, most = 0.89125f;
    float size = fabsf(x);
    return size <= knee ? x : copysignf(knee + (most - knee) * tanhf((size - knee) / (most - knee)), x);
}

static void queue_hop(myna_converter *c, const float *hop)
{
    if (c->hops_to_drop) {
        c->hops_to_drop--;
        return;
    }
    for (int i = 0; i < MYNA_HOP_SAMPLES; i++) c->queue[c->n_queued++ % QUEUE_SAMPLES] = limit(hop[i]);
}

/* Writes the magnitudes of a matched log_mel and returns their power at normal level; `scale` takes them to the
 * source's. */
static double find_magnitude(myna_converter *c, const float *log_mel, float scale)
{
    if (scale > 0) myna_mel_inverse(c->model->mel, c->magnitude, log_mel);
    else memset(c->magnitude, 0, sizeof c->magnitude);
    double power = myna_magnitude_power(c->magnitude);
    for (int i = 0; i < MYNA_BINS; i++) c->magnitude[i] *= scale;
    return power;
}

static void speak_frame(myna_converter *c, const heard_step *heard, int i, float *log_mel, float f0_hz)
{
    float hop[MYNA_HOP_SAMPLES];
    float level = c->learns_output ? myna_output_level_gain(&c->output_level) : c->source.output_gain;
    myna_match_apply(&c->match, log_mel);
    double power = find_magnitude(c, log_mel, level * heard->factor[i] / heard->gain);
    double heard_power = (double)(heard->power * heard->gain * heard->gain);
    if (heard->speech[i]) myna_output_level_learn(&c->output_level, heard_power, power, level_memory_seconds);
    myna_excitation_next(c->excitation, c->phase, f0_hz);
    myna_rtisi_push(c->rtisi, hop, c->magnitude, c->phase);
    queue_hop(c, hop);
}

static void speak_step(myna_converter *c, float *log_mel, const float *f0_hz)
{
    const heard_step *heard = &c->heard[c->n_spoken++ % HEARD_STEPS];
    for (int i = 0; c->learns_output && i < MYNA_STEP_FRAMES; i++)
        if (heard->speech[i]) myna_match_learn(&c->match, log_mel + i * MYNA_MEL_BANDS, 1);
    for (int i = 0; i < MYNA_STEP_FRAMES; i++) speak_frame(c, heard, i, log_mel + i * MYNA_MEL_BANDS, f0_hz[i]);
}

/* ---- Process ------------------------------------------------------------------------------------------------------ */

/* The whole steps in `input`, in one call of the network. */
static void convert_steps(myna_converter *c)
{
    size_t n_steps = c->input_fill / STEP_SAMPLES;
    if (n_steps == 0) return;
    for (size_t s = 0; s < n_steps; s++)
        hear_step(c, c->log_mel + s * MYNA_STEP_OUT, c->f0_hz + s * MYNA_STEP_FRAMES, c->input + s * STEP_SAMPLES);
    myna_stream_push(c->stream, c->out_log_mel, c->out_f0_hz, c->log_mel, c->f0_hz, n_steps);
    for (size_t s = 0; s < n_steps; s++)
        if (c->n_heard - n_steps + s >= c->network_delay)
            speak_step(c, c->out_log_mel + s * MYNA_STEP_OUT, c->out_f0_hz + s * MYNA_STEP_FRAMES);
    c->input_fill -= n_steps * STEP_SAMPLES;
    memmove(c->input, c->input + n_steps * STEP_SAMPLES, c->input_fill * sizeof *c->input);
}

/* `in` NULL means silence. */
static void advance(myna_converter *c, const float *in, size_t n, float *out)
{
    while (n) {
        size_t room = CALL_SAMPLES - c->input_fill, taken = n < room ? n : room;
        for (size_t i = 0; i < taken; i++) c->input[c->input_fill++] = in ? myna_clean_sample(in[i]) : 0;
        convert_steps(c);
        for (size_t i = 0; i < taken; i++) out[i] = c->queue[c->n_taken++ % QUEUE_SAMPLES];
        in = in ? in + taken : NULL;
        out += taken;
        n -= taken;
    }
}

void myna_converter_process(myna_converter *c, const float *in, size_t n, float *out)
{
    if (n) advance(c, in, n, out);
}

void myna_converter_flush(myna_converter *c, float *out)
{
    advance(c, NULL, myna_converter_latency_samples(c), out);
    myna_converter_reset(c);
}
