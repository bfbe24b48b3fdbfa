#include "dsp/profile.h"
#include "fixtures.h"
#include "model/content_norm.h"
#include "model/features.h"
#include "model/network.h"
#include "model/reconstruct.h"
#include "model/stream.h"
#include "model/voice.h"
#include "testing.h"

enum { SECOND = MYNA_SAMPLE_RATE_HZ, LONG = 4 * SECOND, SHORT = 2 * SECOND };

static myna_model *model;
static float man[LONG], woman[SHORT];

static int set_up(void **state)
{
    (void)state;
    model = make_model(1);
    make_speech(man, LONG, 105, 1, 0.1f, 1);
    make_speech(woman, SHORT, 220, 1.2f, 0.03f, 2);
    return model ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    myna_model_free(model);
    return 0;
}

static myna_voice *enroll(const myna_recording *recordings, size_t n)
{
    myna_voice *voice = NULL;
    assert_ok(myna_voice_enroll(&voice, model, recordings, n, NULL));
    return voice;
}

/* One short word over the edge of a second: speech, but no second of it is worth keeping. */
static void what_is_not_known_of_a_recording_weighs_nothing(void **state)
{
    (void)state;
    static float word[LONG];
    memset(word, 0, sizeof word);
    memcpy(word + SECOND - SECOND / 5, man + SECOND, 2 * SECOND / 5 * sizeof *word);
    const myna_recording recordings[] = {{man, LONG, "man.wav"}, {word, LONG, "word.wav"}};
    myna_voice *alone = enroll(recordings, 1), *both = enroll(recordings, 2);
    assert_true(both->profile.speech_seconds > alone->profile.speech_seconds + 0.2f);
    for (int b = 0; b < MYNA_MEL_BANDS; b++) {
        assert_near(both->profile.bands.mean[b], alone->profile.bands.mean[b], 1e-5);
        assert_near(both->profile.bands.deviation[b], alone->profile.bands.deviation[b], 1e-4);
    }
    myna_voice_free(alone);
    myna_voice_free(both);
}

static void a_recording_becomes_a_voice(void **state)
{
    (void)state;
    myna_recording recording = {man, LONG, "man.wav"};
    myna_voice *voice = enroll(&recording, 1);
    myna_profile profile;
    assert_ok(myna_profile_measure(&profile, man, LONG, NULL));
    const myna_profile *got = myna_voice_profile(voice);
    assert_near(got->speech_level_db, profile.speech_level_db, 1e-3);
    assert_near(got->duration_seconds, 4, 1e-5);
    assert_near(got->speech_seconds, profile.speech_seconds, 1e-5);
    assert_near(got->log_f0_mean, profile.log_f0_mean, 1e-5);
    assert_near(got->log_f0_deviation, profile.log_f0_deviation, 1e-4);
    assert_near(got->f0_low_hz, profile.f0_low_hz, 1e-3);
    for (int b = 0; b < MYNA_MEL_BANDS; b++) {
        assert_near(got->bands.mean[b], profile.bands.mean[b], 1e-5);
        assert_near(got->bands.deviation[b], profile.bands.deviation[b], 1e-4);
    }
    assert_string_equal(myna_voice_model_id(voice), myna_model_id(model));
    assert_true(myna_voice_can_reembed(voice));
    assert_true(all_finite(myna_voice_embedding(voice), MYNA_EMBEDDING_SIZE));
    assert_true(rms_of(myna_voice_embedding(voice), MYNA_EMBEDDING_SIZE) > 1e-3);

    float embedding[MYNA_EMBEDDING_SIZE]; /* embedding again from the frames it carries changes nothing */
    memcpy(embedding, voice->speaker.embedding, sizeof embedding);
    memset(voice->speaker.embedding, 0, sizeof voice->speaker.embedding);
    assert_ok(myna_voice_embed(voice, model, NULL));
    assert_below(error_db(voice->speaker.embedding, embedding, MYNA_EMBEDDING_SIZE), -100);
    myna_voice_free(voice);
}

/* Recordings weigh by their seconds of speech, in embedding and profile alike; their order does not matter. */
static void recordings_are_weighted_by_speech(void **state)
{
    (void)state;
    myna_recording recordings[2] = {{man, LONG, "a"}, {woman, SHORT, "b"}}, swapped[2] = {recordings[1], recordings[0]};
    myna_voice *a = enroll(recordings, 1), *b = enroll(recordings + 1, 1);
    myna_voice *both = enroll(recordings, 2), *other = enroll(swapped, 2);
    float wa = a->profile.speech_seconds, wb = b->profile.speech_seconds, wanted[MYNA_EMBEDDING_SIZE];
    assert_near(both->profile.speech_seconds, wa + wb, 1e-4);
    assert_near(both->profile.duration_seconds, 6, 1e-4);
    for (int i = 0; i < MYNA_EMBEDDING_SIZE; i++) wanted[i] = (wa * a->speaker.embedding[i] + wb * b->speaker.embedding[i]) / (wa + wb);
    assert_below(error_db(both->speaker.embedding, wanted, MYNA_EMBEDDING_SIZE), -100);
    assert_below(error_db(other->speaker.embedding, wanted, MYNA_EMBEDDING_SIZE), -100);
    assert_true(error_db(a->speaker.embedding, wanted, MYNA_EMBEDDING_SIZE) > -60);
    assert_int_equal(both->n_frames, a->n_frames + b->n_frames);
    float va = a->profile.voiced_seconds, vb = b->profile.voiced_seconds;
    float ma = a->profile.log_f0_mean, mb = b->profile.log_f0_mean, mean = (va * ma + vb * mb) / (va + vb);
    assert_near(both->profile.log_f0_mean, mean, 1e-4);
    assert_true(both->profile.log_f0_deviation > 0.25f); /* the distance between the two is spread, too */
    for (int k = 0; k < MYNA_MEL_BANDS; k++)
        assert_near(both->profile.bands.mean[k],
            (wa * a->profile.bands.mean[k] + wb * b->profile.bands.mean[k]) / (wa + wb), 1e-4);
    myna_voice_free(a);
    myna_voice_free(b);
    myna_voice_free(both);
    myna_voice_free(other);
}

static void long_recordings_share_thirty_seconds(void **state)
{
    (void)state;
    const size_t n = 40 * SECOND;
    float *x = malloc(n * sizeof *x);
    assert_non_null(x);
    make_speech(x, n, 130, 1, 0.1f, 9);
    myna_recording recordings[2] = {{x, n, "long"}, {woman, SHORT, "short"}};
    myna_voice *voice = enroll(recordings, 2);
    free(x);
    assert_in_range(voice->n_frames, 28 * 80, MYNA_VOICE_MAX_FRAMES);
    size_t n_high = 0; /* the short one is among them */
    for (size_t i = voice->n_frames - 100; i < voice->n_frames; i++) n_high += voice->f0_hz[i] > 180;
    assert_true(n_high > 20);
    myna_voice_free(voice);
}

/* The streamed pass gives the statistics of the whole-batch forward pass: every delay is accounted for. */
static void reconstruction_is_the_networks_output(void **state)
{
    (void)state;
    myna_recording recording = {man, LONG, NULL};
    assert_true(multiply_by(model, myna_steady_single()));
    myna_voice *voice = enroll(&recording, 1);
    const size_t steps = voice->n_frames / MYNA_STEP_FRAMES, frames = steps * MYNA_STEP_FRAMES;
    float *content = calloc(steps, MYNA_CONTENT_IN * sizeof *content),
          *pitch = calloc(steps, MYNA_PITCH_IN * sizeof *pitch);
    float *ripple = calloc(steps, MYNA_STEP_OUT * sizeof *ripple),
          *speaker = calloc(frames, MYNA_POOLED_BANDS * sizeof *speaker);
    float *noise = calloc(steps, model->layout.code_width * sizeof *noise), normalized[MYNA_MEL_BANDS];
    assert_true(content && pitch && ripple && speaker && noise);
    for (size_t i = 0; i < frames; i++) {
        myna_normalize(normalized, voice->log_mel + i * MYNA_MEL_BANDS, &model->weights);
        myna_pool_bands(content + i * MYNA_POOLED_BANDS, normalized);
        myna_pitch_features(pitch + i * (MYNA_PITCH_BINS + 1), voice->f0_hz[i]);
        myna_ripple_at(ripple + i * MYNA_MEL_BANDS, model->ripple, voice->f0_hz[i]);
        for (size_t b = 0; b < MYNA_MEL_BANDS; b++)
            ripple[i * MYNA_MEL_BANDS + b] *= MYNA_STREAM_HARMONICS / model->weights.front.mel_deviation[0];
    }
    memcpy(speaker, content, frames * MYNA_POOLED_BANDS * sizeof *speaker);
    myna_network *network = NULL;
    assert_ok(myna_network_create(&network, &model->layout, 1, steps, frames / MYNA_SPEAKER_FRAMES, NULL));
    const bool reference = true;
    myna_batch batch = {content, speaker, pitch, ripple, noise, NULL, &reference, NULL};
    for (int latency = 0; latency <= MYNA_LATENCY_BEST; latency++) {
        const myna_retrieval retrieval = myna_retrieval_at((myna_latency)latency);
        myna_network_set_retrieval(network, retrieval);
        const float *out = myna_network_forward(network, &model->weights, &batch, (myna_latency)latency);
        myna_band_meter meter = {0};
        for (size_t i = 0; i < frames; i++) {
            float log_mel[MYNA_MEL_BANDS];
            myna_denormalize(log_mel, out + i * MYNA_MEL_BANDS, &model->weights);
            if (myna_mel_is_speech(voice->log_mel + i * MYNA_MEL_BANDS)) myna_band_meter_push(&meter, log_mel);
        }
        myna_band_statistics wanted, got;
        assert_true(myna_band_meter_result(&meter, &wanted));
        myna_content_statistics statistics = {0};
        myna_network_listen(network, &model->weights, content, true, (myna_latency)latency, &statistics);
        myna_passage passage = {voice->log_mel, voice->f0_hz, voice->n_frames, &statistics};
        assert_ok(myna_reconstruct(&got, model, &voice->speaker, (myna_latency)latency, retrieval, &passage, NULL));
        for (int b = 0; b < MYNA_MEL_BANDS; b++) {
            assert_near(
                got.mean[b], wanted.mean[b], 3e-4); /* after the end the stream sees silence, the batch nothing */
            assert_near(got.deviation[b], wanted.deviation[b], 3e-4);
        }
    }
    /* Enrolment and first pass mix the training average (0 and 1 in this model) into the statistics as 5 s of speech. */
    myna_content_statistics own = {0}, mixed;
    myna_network_listen(network, &model->weights, content, true, MYNA_LATENCY_BEST, &own);
    assert_ok(myna_content_measure(&mixed, model, MYNA_LATENCY_BEST, voice->log_mel, voice->n_frames, NULL));
    float seconds = (float)steps * 0.025f;
    for (size_t i = 0; i < MYNA_CONTENT_VALUES; i++) {
        assert_near(mixed.mean[i], own.mean[i] * seconds / (seconds + 5), 1e-5);
        assert_near(mixed.deviation[i], (own.deviation[i] * seconds + 5) / (seconds + 5), 1e-5);
    }
    myna_passage passage = {voice->log_mel, voice->f0_hz, voice->n_frames, &mixed};
    myna_band_statistics got;
    assert_ok(myna_reconstruct(&got, model, &voice->speaker, MYNA_LATENCY_BEST, myna_retrieval_of_own, &passage, NULL));
    assert_memory_equal(&got, &voice->reconstruction, sizeof got);
    myna_network_free(network);
    myna_voice_free(voice);
    free(content);
    free(pitch);
    free(ripple);
    free(speaker);
    free(noise);
    assert_true(multiply_by(model, myna_steady_fastest()));
}

static void too_little_speech_is_refused(void **state)
{
    (void)state;
    static float x[5 * SECOND];
    myna_error error;
    myna_voice *voice = NULL;
    memset(x, 0, sizeof x);
    myna_recording recording = {x, 5 * SECOND, "silence.wav"};
    assert_int_equal(myna_voice_enroll(&voice, model, &recording, 1, &error), MYNA_ERROR_SPEECH);
    recording.n_samples = 0;
    assert_int_equal(myna_voice_enroll(&voice, model, &recording, 1, &error), MYNA_ERROR_SPEECH);
    recording.n_samples = 5 * SECOND;
    memcpy(x + SECOND, man, SECOND * 2 / 5 * sizeof *x); /* 0.4 s */
    assert_int_equal(myna_voice_enroll(&voice, model, &recording, 1, &error), MYNA_ERROR_SPEECH);
    memcpy(x + SECOND, man, SECOND * sizeof *x);
    assert_ok(myna_voice_enroll(&voice, model, &recording, 1, &error));
    myna_voice_free(voice);
    voice = NULL;
    x[7] = NAN;
    assert_int_equal(myna_voice_enroll(&voice, model, &recording, 1, &error), MYNA_ERROR_NOT_FINITE);
    assert_string_equal(error.file, "silence.wav");
    assert_int_equal(myna_voice_enroll(&voice, model, &recording, 0, &error), MYNA_ERROR_ARGUMENT);
    assert_null(voice);
}

static void voices_mix(void **state)
{
    (void)state;
    myna_recording recordings[2] = {{man, LONG, NULL}, {woman, SHORT, NULL}};
    myna_voice *a = enroll(recordings, 1), *b = enroll(recordings + 1, 1), *mix = NULL;
    const myna_voice *pair[2] = {a, b};
    const float weights[2] = {1, 3};
    assert_ok(myna_voice_mix(&mix, pair, weights, 2, NULL));
    for (int i = 0; i < MYNA_EMBEDDING_SIZE; i++)
        assert_near(mix->speaker.embedding[i], 0.25f * a->speaker.embedding[i] + 0.75f * b->speaker.embedding[i], 1e-6);
    assert_near(mix->profile.log_f0_mean, 0.25f * a->profile.log_f0_mean + 0.75f * b->profile.log_f0_mean, 1e-5);
    assert_near(
        mix->profile.bands.mean[70], 0.25f * a->profile.bands.mean[70] + 0.75f * b->profile.bands.mean[70], 1e-5);
    assert_near(mix->reconstruction.deviation[70],
        0.25f * a->reconstruction.deviation[70] + 0.75f * b->reconstruction.deviation[70], 1e-5);
    assert_false(myna_voice_can_reembed(mix));
    assert_string_equal(myna_voice_model_id(mix), myna_model_id(model));
    static float out[SHORT]; /* and it can be used */
    assert_ok(myna_convert(model, mix, NULL, woman, SHORT, out, NULL));
    assert_true(rms_of(out, SHORT) > 1e-4);
    myna_voice_free(mix);

    mix = NULL; /* what is not known of one is the other's */
    memset(&b->profile.bands, 0, sizeof b->profile.bands);
    memset(&b->reconstruction, 0, sizeof b->reconstruction);
    b->profile.f0_low_hz = b->profile.f0_high_hz = 0;
    assert_ok(myna_voice_mix(&mix, pair, weights, 2, NULL));
    assert_near(mix->profile.bands.mean[70], a->profile.bands.mean[70], 1e-5);
    assert_near(mix->reconstruction.deviation[70], a->reconstruction.deviation[70], 1e-5);
    assert_near(mix->profile.f0_high_hz, a->profile.f0_high_hz, 1e-3);
    myna_voice_free(mix);

    mix = NULL;
    const float none[2] = {0, 0}, negative[2] = {2, -1}, bad[2] = {1, NAN};
    assert_int_equal(myna_voice_mix(&mix, pair, none, 2, NULL), MYNA_ERROR_ARGUMENT);
    assert_int_equal(myna_voice_mix(&mix, pair, negative, 2, NULL), MYNA_ERROR_ARGUMENT);
    assert_int_equal(myna_voice_mix(&mix, pair, bad, 2, NULL), MYNA_ERROR_ARGUMENT);
    assert_int_equal(myna_voice_mix(&mix, pair, weights, 0, NULL), MYNA_ERROR_ARGUMENT);
    b->model_id[0] ^= 1;
    assert_int_equal(myna_voice_mix(&mix, pair, weights, 2, NULL), MYNA_ERROR_MODEL);
    assert_null(mix);
    myna_voice_free(a);
    myna_voice_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recording_becomes_a_voice),
        cmocka_unit_test(what_is_not_known_of_a_recording_weighs_nothing),
        cmocka_unit_test(recordings_are_weighted_by_speech),
        cmocka_unit_test(long_recordings_share_thirty_seconds),
        cmocka_unit_test(reconstruction_is_the_networks_output),
        cmocka_unit_test(too_little_speech_is_refused),
        cmocka_unit_test(voices_mix),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
