/* The streaming network against the batch network: the same steps, however they are cut. */
#include "fixtures.h"
#include "testing.h"

#include "model/content_norm.h"
#include "model/features.h"
#include "model/stream.h"

#include <stdlib.h>

enum { STEPS = 44, FRAMES = STEPS * MYNA_STEP_FRAMES, SPEAKER_STEPS = 9, CODE = 5, N_OUT = FRAMES * MYNA_MEL_BANDS };

typedef struct fixture {
    myna_model *model;
    myna_network *network;
    float log_mel[N_OUT], f0_hz[FRAMES], speaker[SPEAKER_STEPS * MYNA_SPEAKER_IN];
    float content[STEPS * MYNA_CONTENT_IN], pitch[STEPS * MYNA_PITCH_IN], ripple[N_OUT], noise[STEPS * CODE];
    myna_speaker target;
    bool reference;
    myna_batch batch;
    myna_content_statistics statistics; /* of the batch network's last forward */
    float expected[N_OUT], got[N_OUT], got_f0_hz[FRAMES]; /* log-mel */
} fixture;

/* Gains of 0.1 and zero gates and biases would hide most of the network. */
static float *draw_parameters(const myna_layout *layout)
{
    float *flat = malloc(layout->n_parameters * sizeof *flat);
    if (!flat) return NULL;
    myna_rng rng = myna_rng_seed(5, 6);
    myna_parameters_init(flat, layout, 4);
    for (size_t i = 0; i < layout->n_tensors; i++) {
        const myna_tensor *t = &layout->tensors[i];
        float *x = flat + t->offset;
        for (size_t j = 0; j < t->size; j++) {
            if (t->init == MYNA_INIT_GAIN) x[j] = 0.7f + 0.1f * myna_rng_normal(&rng);
            if (t->init == MYNA_INIT_ZERO || t->init == MYNA_INIT_FIXED_ZERO) x[j] = 0.2f * myna_rng_normal(&rng);
        }
    }
    myna_weights weights;
    myna_weights_bind(&weights, layout, flat);
    weights.front.mel_deviation[0] = 0.7f;
    weights.front.log_f0[1] = 0.2f;
    return flat;
}

/* The batch network's view of log_mel and f0_hz. */
static void make_batch(fixture *f)
{
    const myna_weights *w = &f->model->weights;
    float normalized[MYNA_MEL_BANDS];
    for (size_t k = 0; k < FRAMES; k++) {
        myna_normalize(normalized, f->log_mel + k * MYNA_MEL_BANDS, w);
        myna_pool_bands(f->content + k * MYNA_POOLED_BANDS, normalized);
        myna_pitch_features(f->pitch + k * (MYNA_PITCH_BINS + 1), f->f0_hz[k]);
        float *ripple = f->ripple + k * MYNA_MEL_BANDS;
        myna_ripple_at(ripple, f->model->ripple, f->f0_hz[k]);
        for (size_t b = 0; b < MYNA_MEL_BANDS; b++) ripple[b] *= MYNA_STREAM_HARMONICS / w->front.mel_deviation[0];
    }
    f->batch = (myna_batch){f->content, f->speaker, f->pitch, f->ripple, f->noise, NULL, &f->reference, NULL};
}

/* `speaker` as the log-mel of a voice: what pooling makes `speaker` of again. */
static myna_status remember(myna_speaker *out, const fixture *f, const float *speaker)
{
    enum { N_FRAMES = SPEAKER_STEPS * MYNA_SPEAKER_FRAMES, GROUP = MYNA_MEL_BANDS / MYNA_POOLED_BANDS };
    static float log_mel[N_FRAMES * MYNA_MEL_BANDS];
    for (size_t i = 0; i < N_FRAMES * MYNA_MEL_BANDS; i++) log_mel[i] = speaker[i / GROUP];
    for (size_t k = 0; k < N_FRAMES; k++)
        myna_denormalize(log_mel + k * MYNA_MEL_BANDS, log_mel + k * MYNA_MEL_BANDS, &f->model->weights);
    return myna_speaker_remember(out, NULL, f->model, log_mel, N_FRAMES, NULL);
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    myna_layout layout;
    myna_layout_init(&layout, CODE);
    float *parameters = draw_parameters(&layout);
    if (!f || !parameters) return 1;
    myna_facts facts = {0};
    if (myna_model_create(&f->model, &layout, parameters, &facts, "00000000000000aa", NULL) != MYNA_OK) return 1;
    if (!multiply_by(f->model, myna_steady_single())) return 1;
    if (myna_network_create(&f->network, &layout, 1, STEPS, SPEAKER_STEPS, NULL) != MYNA_OK) return 1;
    myna_rng rng = myna_rng_seed(8, 9);
    for (size_t i = 0; i < N_OUT; i++) f->log_mel[i] = 0.7f * myna_rng_normal(&rng);
    for (size_t i = 0; i < SPEAKER_STEPS * MYNA_SPEAKER_IN; i++) f->speaker[i] = myna_rng_normal(&rng);
    for (size_t k = 0; k < FRAMES; k++) /* gliding, with an unvoiced stretch */
        f->f0_hz[k] = k % 20 < 5 ? 0 : 90 + 3 * (float)k;
    make_batch(f);
    const float *embedding = myna_network_embed(f->network, &f->model->weights, f->speaker);
    memcpy(f->target.embedding, embedding, sizeof f->target.embedding);
    f->reference = true;
    if (remember(&f->target, f, f->speaker) != MYNA_OK) return 1;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    myna_speaker_clear(&f->target);
    myna_network_free(f->network);
    myna_model_free(f->model);
    free(f);
    return 0;
}

static void run_batch(fixture *f, myna_latency latency)
{
    const myna_weights *w = &f->model->weights;
    myna_network_set_retrieval(f->network, myna_retrieval_at(latency));
    const float *out = myna_network_forward(f->network, w, &f->batch, latency);
    memset(&f->statistics, 0, sizeof f->statistics);
    myna_network_listen(f->network, w, f->content, true, latency, &f->statistics);
    for (size_t k = 0; k < FRAMES; k++) myna_denormalize(f->expected + k * MYNA_MEL_BANDS, out + k * MYNA_MEL_BANDS, w);
}

/* The F0 that goes with step `step` of the content is that of the step which leaves the content encoder then. */
static void late_f0(float out[MYNA_STEP_FRAMES], const fixture *f, size_t step, size_t late_steps)
{
    for (size_t k = 0; k < MYNA_STEP_FRAMES; k++)
        out[k] = step < late_steps ? 123.0f : f->f0_hz[(step - late_steps) * MYNA_STEP_FRAMES + k];
}

/* Pushes everything in chunks of chunks[0], chunks[1] ... steps, over and over until 0. Fills got and got_f0_hz. */
static void run_stream(fixture *f, myna_stream *stream, myna_latency latency, const size_t *chunks)
{
    float f0_hz[FRAMES];
    size_t frame_size = MYNA_STEP_FRAMES * MYNA_MEL_BANDS;
    for (size_t j = 0; j < STEPS; j++) late_f0(f0_hz + j * MYNA_STEP_FRAMES, f, j, (size_t)myna_content_ahead(latency));
    for (size_t done = 0, turn = 0; done < STEPS; turn = chunks[turn + 1] ? turn + 1 : 0) {
        size_t n = chunks[turn] < STEPS - done ? chunks[turn] : STEPS - done;
        myna_stream_push(stream, f->got + done * frame_size, f->got_f0_hz + done * MYNA_STEP_FRAMES,
            f->log_mel + done * frame_size, f0_hz + done * MYNA_STEP_FRAMES, n);
        done += n;
    }
}

/* Step j of the batch is what the stream gives after step j + late. What the batch makes of the last steps, which look
 * into the zeros behind the end, is not asked of the stream. */
static void compare(const fixture *f, myna_latency latency)
{
    size_t late = (size_t)(myna_content_ahead(latency) + myna_decoder_ahead(latency)) * MYNA_STEP_FRAMES;
    float deviation = f->model->weights.front.mel_deviation[0];
    for (size_t k = 0; k + late < FRAMES; k++) {
        assert_true(f->got_f0_hz[k + late] == f->f0_hz[k]);
        for (size_t b = 0; b < MYNA_MEL_BANDS; b++) {
            float got = f->got[(k + late) * MYNA_MEL_BANDS + b], expected = f->expected[k * MYNA_MEL_BANDS + b];
            if (!(fabsf(got - expected) <= 1e-5f * deviation))
                fail_msg("latency %d, frame %zu, band %zu: %g, not %g", latency, k, b, (double)got, (double)expected);
        }
    }
}

static void stream_equals_batch(void **state)
{
    fixture *f = *state;
    static const size_t plans[][4] = {{1}, {3}, {5}, {16}, {16, 1, 7}, {2, 4, 3}};
    for (int latency = 0; latency < 3; latency++) {
        run_batch(f, (myna_latency)latency);
        for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
            myna_stream *stream = NULL;
            assert_ok(
                myna_stream_create(&stream, f->model, &f->target, (myna_latency)latency, &f->statistics, false, NULL));
            run_stream(f, stream, (myna_latency)latency, plans[i]);
            myna_stream_free(stream);
            compare(f, (myna_latency)latency);
        }
    }
}

/* In bfloat16 the stream is near to the batch, and the same however it is cut. */
static void rounded_it_is_nearly_the_same(void **state)
{
    fixture *f = *state;
    if (!myna_steady_rounded()) skip();
    static const size_t plans[][4] = {{16}, {1}, {13, 1, 7}};
    static float first[N_OUT];
    const size_t late = (size_t)(myna_content_ahead(MYNA_LATENCY_BEST) + myna_decoder_ahead(MYNA_LATENCY_BEST)) * MYNA_STEP_OUT;
    assert_true(multiply_by(f->model, myna_steady_rounded()));
    assert_ok(remember(&f->target, f, f->speaker));
    run_batch(f, MYNA_LATENCY_BEST);
    for (size_t i = 0; i < 3; i++) {
        myna_stream *stream = NULL;
        assert_ok(myna_stream_create(&stream, f->model, &f->target, MYNA_LATENCY_BEST, &f->statistics, false, NULL));
        run_stream(f, stream, MYNA_LATENCY_BEST, plans[i]);
        myna_stream_free(stream);
        if (i == 0) memcpy(first, f->got, sizeof first);
        assert_memory_equal(f->got + late, first + late, (N_OUT - late) * sizeof(float));
    }
    double off = 0, spread = 0, mean = 0;
    for (size_t i = 0; i + late < N_OUT; i++) mean += (double)f->expected[i] / (double)(N_OUT - late);
    for (size_t i = 0; i + late < N_OUT; i++) {
        off += pow((double)(f->got[i + late] - f->expected[i]), 2);
        spread += pow((double)f->expected[i] - mean, 2);
    }
    assert_true(off > 0 && sqrt(off / spread) < 0.01);
    assert_true(multiply_by(f->model, myna_steady_single()));
    assert_ok(remember(&f->target, f, f->speaker));
}

static void reset_equals_new(void **state)
{
    fixture *f = *state;
    static const size_t plan[] = {5, 2, 0};
    static float first[N_OUT];
    for (int latency = 0; latency < 3; latency++) {
        myna_stream *stream = NULL;
        assert_ok(myna_stream_create(&stream, f->model, &f->target, (myna_latency)latency, NULL, true, NULL));
        run_stream(f, stream, (myna_latency)latency, plan);
        memcpy(first, f->got, sizeof first);
        myna_stream_reset(stream);
        run_stream(f, stream, (myna_latency)latency, plan);
        myna_stream_free(stream);
        size_t late = (size_t)(myna_content_ahead((myna_latency)latency) + myna_decoder_ahead((myna_latency)latency));
        size_t from = late * MYNA_STEP_OUT;
        assert_memory_equal(f->got + from, first + from, (N_OUT - from) * sizeof(float));
    }
}

/* Root mean square difference of log-mel in step `step`. */
static double difference(const float *a, const float *b, size_t step)
{
    double sum = 0;
    for (size_t i = step * MYNA_STEP_OUT; i < (step + 1) * MYNA_STEP_OUT; i++) sum += pow((double)(a[i] - b[i]), 2);
    return sqrt(sum / MYNA_STEP_OUT);
}

/* From the change on there is something of the new voice, not all at once, and in the end of nothing else. */
static void another_speaker_fades_in(void **state)
{
    fixture *f = *state;
    enum { CHANGE = 8, FADE = 4, REMEMBERED = MYNA_DECODER_BLOCKS * (MYNA_TAPS - 1) };
    static float outputs[3][N_OUT]; /* one speaker, the other, from one to the other */
    static float speaker[SPEAKER_STEPS * MYNA_SPEAKER_IN];
    myna_speaker other = {0};
    for (size_t i = 0; i < SPEAKER_STEPS * MYNA_SPEAKER_IN; i++) speaker[i] = -f->speaker[i];
    for (int i = 0; i < MYNA_EMBEDDING_SIZE; i++) other.embedding[i] = -f->target.embedding[i];
    assert_ok(remember(&other, f, speaker));
    run_batch(f, MYNA_LATENCY_LOW);
    for (int i = 0; i < 3; i++) {
        myna_stream *stream = NULL;
        const myna_speaker *begins = i == 1 ? &other : &f->target;
        assert_ok(myna_stream_create(&stream, f->model, begins, MYNA_LATENCY_LOW, &f->statistics, false, NULL));
        for (size_t step = 0; step < STEPS; step++) {
            if (i == 2 && step == CHANGE) myna_stream_set_speaker(stream, &other);
            myna_stream_push(stream, f->got + step * MYNA_STEP_OUT, f->got_f0_hz + step * MYNA_STEP_FRAMES,
                f->log_mel + step * MYNA_STEP_OUT, f->f0_hz + step * MYNA_STEP_FRAMES, 1);
        }
        memcpy(outputs[i], f->got, sizeof f->got);
        myna_stream_free(stream);
    }
    double whole = difference(outputs[0], outputs[1], CHANGE);
    assert_true(difference(outputs[2], outputs[0], CHANGE - 1) == 0);
    assert_true(difference(outputs[2], outputs[0], CHANGE) > 0.05 * whole);
    assert_true(difference(outputs[2], outputs[1], CHANGE) > 0.05 * whole);
    for (size_t step = CHANGE + FADE + REMEMBERED; step < STEPS; step++)
        assert_below(difference(outputs[2], outputs[1], step), 1e-5);
    myna_speaker_clear(&other);
}

/* Blocks that are not told whom they hear give other values than those that are. */
static void without_a_source_it_starts_at_the_average_without_one(void **state)
{
    const fixture *f = *state;
    const myna_weights *w = &f->model->weights;
    static myna_content_norm norm;
    myna_content_norm_init(&norm, w, NULL, false);
    assert_true(norm.learns);
    assert_memory_equal(norm.mean, w->front.unknown_mean, sizeof norm.mean);
    assert_memory_not_equal(norm.mean, w->front.content_mean, sizeof norm.mean);
    assert_near(norm.rstd[300], 1 / (double)w->front.unknown_deviation[300], 1e-6);
    static const myna_content_statistics nothing;
    static myna_content_statistics told, untold;
    myna_content_complete(&told, w, &nothing, 2);
    myna_content_complete(&untold, w, &nothing, 1); /* half a step of the speaker encoder */
    assert_below(fabsf(told.mean[300] / w->front.content_mean[300] - 1), 0.02);
    assert_below(fabsf(untold.mean[300] / w->front.unknown_mean[300] - 1), 0.01);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stream_equals_batch),
        cmocka_unit_test(rounded_it_is_nearly_the_same),
        cmocka_unit_test(reset_equals_new),
        cmocka_unit_test(another_speaker_fades_in),
        cmocka_unit_test(without_a_source_it_starts_at_the_average_without_one),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
