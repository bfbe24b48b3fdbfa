/* The first pass over a source: its profile, then its speech once through the network. */
#include "base/status.h"
#include "dsp/profile.h"
#include "model/content_norm.h"
#include "model/reconstruct.h"
#include "model/voice.h"
#include "pipeline/match.h"
#include "pipeline/options.h"
#include "pipeline/output_level.h"
#include "pipeline/pitch_map.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct myna_source_meter {
    const myna_model *model;
    const myna_voice *voice;
    myna_converter_options options;
    myna_profile_meter *profile;
    bool is_finished;
    float f0_hz[MYNA_VOICE_MAX_FRAMES]; /* of the frames kept, mapped */
};

myna_status myna_source_meter_create(myna_source_meter **out, const myna_model *model, const myna_voice *voice,
    const myna_converter_options *options, myna_error *error)
{
    if (!out || !model || !voice)
        return myna_fail(error, MYNA_ERROR_ARGUMENT, "a first pass needs a model and a voice");
    myna_converter_options resolved;
    myna_status status = myna_voice_check_model(voice, model, error);
    if (status == MYNA_OK) status = myna_options_resolve(&resolved, options, error);
    if (status != MYNA_OK) return status;
    myna_source_meter *meter = calloc(1, sizeof *meter);
    if (!meter) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a first pass");
    meter->model = model;
    meter->voice = voice;
    meter->options = resolved;
    status = myna_profile_meter_create(&meter->profile, model->mel, MYNA_VOICE_MAX_FRAMES, error);
    if (status == MYNA_OK) *out = meter;
    else free(meter);
    return status;
}

void myna_source_meter_free(myna_source_meter *meter)
{
    if (!meter) return;
    myna_profile_meter_free(meter->profile);
    free(meter);
}

void myna_source_meter_process(myna_source_meter *meter, const float *in, size_t n)
{
    myna_profile_meter_push(meter->profile, in, n);
}

/* F0 of the frames kept, as the target will speak them. */
static void map_pitch(myna_source_meter *meter, const myna_profile *source, const float *f0_hz, size_t n_frames)
{
    const myna_profile *target = &meter->voice->profile;
    const float source_log_f0[2] = {source->log_f0_mean, source->log_f0_deviation};
    const float target_log_f0[2] = {target->log_f0_mean, target->log_f0_deviation};
    myna_pitch_map map;
    myna_pitch_map_init(&map, &meter->options, source_log_f0, target_log_f0);
    for (size_t i = 0; i < n_frames; i++) meter->f0_hz[i] = myna_pitch_map_apply(&map, f0_hz[i]);
}

/* The frames that are speech, and what the network makes of them, before matching. */
typedef struct answers {
    myna_band_meter bands;
    size_t n_frames;
    const float *heard[MYNA_VOICE_MAX_FRAMES]; /* into the passage */
    float spoken[MYNA_VOICE_MAX_FRAMES][MYNA_MEL_BANDS];
} answers;

static void keep(void *context, const float *log_mel, const float *out_log_mel)
{
    answers *a = context;
    myna_band_meter_push(&a->bands, out_log_mel);
    a->heard[a->n_frames] = log_mel;
    memcpy(a->spoken[a->n_frames++], out_log_mel, sizeof a->spoken[0]);
}

/* What takes the matched answers to the level of what was heard. */
static float find_gain(const myna_source_meter *meter, const myna_source *source, answers *a)
{
    float heard[MYNA_BINS], spoken[MYNA_BINS];
    myna_match match;
    myna_output_level level;
    myna_match_init(&match, &source->output, source->profile.speech_seconds, meter->voice);
    myna_output_level_init(&level, 0);
    for (size_t i = 0; i < a->n_frames; i++) {
        myna_match_apply(&match, a->spoken[i]);
        myna_mel_inverse(meter->model->mel, heard, a->heard[i]);
        myna_mel_inverse(meter->model->mel, spoken, a->spoken[i]);
        myna_output_level_learn(&level, myna_magnitude_power(heard), myna_magnitude_power(spoken), INFINITY);
    }
    return myna_output_level_gain(&level);
}

static myna_status measure_output(
    myna_source_meter *meter, myna_source *source, const myna_passage *passage, myna_error *error)
{
    answers *a = malloc(sizeof *a);
    if (!a) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a first pass");
    a->bands = (myna_band_meter){0};
    a->n_frames = 0;
    const myna_latency latency = meter->options.latency;
    myna_status status = myna_reconstruct_frames(
        meter->model, &meter->voice->speaker, latency, myna_retrieval_at(latency), passage, keep, a, error);
    if (status == MYNA_OK) {
        memset(&source->output, 0, sizeof source->output);
        myna_band_meter_result(&a->bands, &source->output);
        source->output_gain = find_gain(meter, source, a);
    }
    free(a);
    return status;
}

/* The rest of what is to be found, once the profile is known: from log_mel[n_frames][MYNA_MEL_BANDS] and f0_hz of the
 * source's speech. */
static myna_status measure_frames(myna_source_meter *meter, myna_source *source, const float *log_mel,
    const float *f0_hz, size_t n_frames, myna_error *error)
{
    map_pitch(meter, &source->profile, f0_hz, n_frames);
    const myna_passage passage = {log_mel, meter->f0_hz, n_frames, &source->content};
    myna_status status =
        myna_content_measure(&source->content, meter->model, meter->options.latency, log_mel, n_frames, error);
    return status == MYNA_OK ? measure_output(meter, source, &passage, error) : status;
}

myna_status myna_source_meter_finish(myna_source_meter *meter, myna_source *out, myna_error *error)
{
    if (!meter || !out) return myna_fail(error, MYNA_ERROR_ARGUMENT, "no first pass to finish, or no place for it");
    if (meter->is_finished) return myna_fail(error, MYNA_ERROR_ARGUMENT, "a first pass is finished only once");
    meter->is_finished = true;
    myna_source source;
    const float *default_log_f0 = meter->model->weights.front.log_f0;
    myna_status status = myna_profile_meter_finish(meter->profile, &source.profile, default_log_f0, error);
    if (status != MYNA_OK) return status;
    size_t n_frames;
    const float *log_mel = myna_profile_meter_log_mel(meter->profile, &n_frames);
    status = measure_frames(meter, &source, log_mel, myna_profile_meter_f0(meter->profile), n_frames, error);
    if (status == MYNA_OK) *out = source;
    return status;
}

myna_status myna_source_of_voice(myna_source *out, const myna_model *model, const myna_voice *voice,
    const myna_voice *target, const myna_converter_options *options, myna_error *error)
{
    myna_source_meter *meter = NULL;
    myna_source source = {0};
    if (!out || !voice) return myna_fail(error, MYNA_ERROR_ARGUMENT, "no voice to start from");
    if (voice->n_frames == 0)
        return myna_fail(error, MYNA_ERROR_MODEL, "a voice without recordings says nothing of how its owner speaks");
    source.profile = voice->profile;
    myna_status status = myna_source_meter_create(&meter, model, target, options, error);
    if (status != MYNA_OK) return status;
    status = measure_frames(meter, &source, voice->log_mel, voice->f0_hz, voice->n_frames, error);
    myna_source_meter_free(meter);
    if (status == MYNA_OK) *out = source;
    return status;
}

/* ---- Whole recordings -------------------------------------------------------------------------------------------- */

static myna_status measure(myna_source *out, const myna_model *model, const myna_voice *voice,
    const myna_converter_options *options, const float *in, size_t n, myna_error *error)
{
    myna_source_meter *meter = NULL;
    myna_status status = myna_source_meter_create(&meter, model, voice, options, error);
    if (status != MYNA_OK) return status;
    myna_source_meter_process(meter, in, n);
    status = myna_source_meter_finish(meter, out, error);
    myna_source_meter_free(meter);
    return status;
}

/* Everything in, then the flush; the first `latency` samples out answer nothing and are dropped, so that `out` is in
 * time with `in`. What is written lies behind what is read: `out` may equal `in`. */
static void convert_all(myna_converter *converter, const float *in, size_t n, float *out)
{
    enum { BLOCK = 6400 }; /* what the converter takes in one call of the network */
    size_t to_drop = myna_converter_latency_samples(converter);
    float block[BLOCK];
    for (size_t begin = 0; begin < n + myna_converter_latency_samples(converter);) {
        size_t taken;
        if (begin < n) {
            taken = n - begin < BLOCK ? n - begin : BLOCK;
            myna_converter_process(converter, in + begin, taken, block);
        } else {
            taken = myna_converter_latency_samples(converter);
            myna_converter_flush(converter, block);
        }
        size_t dropped = taken < to_drop ? taken : to_drop;
        memcpy(out, block + dropped, (taken - dropped) * sizeof *out);
        out += taken - dropped;
        to_drop -= dropped;
        begin += taken;
    }
}

myna_status myna_convert(const myna_model *model, const myna_voice *voice, const myna_converter_options *options,
    const float *in, size_t n, float *out, myna_error *error)
{
    if (n > 0 && (!in || !out)) return myna_fail(error, MYNA_ERROR_ARGUMENT, "no samples to convert");
    myna_converter_options resolved;
    myna_source source;
    myna_converter *converter = NULL;
    myna_status status = myna_options_resolve(&resolved, options, error);
    if (status == MYNA_OK && !resolved.source) {
        status = measure(&source, model, voice, &resolved, in, n, error);
        resolved.source = &source;
    }
    if (status == MYNA_OK) status = myna_converter_create(&converter, model, voice, &resolved, error);
    if (status == MYNA_OK && n > 0) convert_all(converter, in, n, out);
    myna_converter_free(converter);
    return status;
}
