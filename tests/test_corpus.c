/* The corpus's cache, and which stretches of which recordings become training segments. */
#define _GNU_SOURCE
#include "testing.h"

#include "memory_corpus.h"
#include "pipeline/segments.h"

#include <signal.h>
#include <sys/resource.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- The cache -----------------------------------------------------------------------------------------------------
 */

static const memory_recording few[] = {
    {"a1", "anna", false, MEMORY_SPEECH, 200, 2.0},
    {"a2", "anna", false, MEMORY_SPEECH, 210, 1.0},
    {"b1", "bert", false, MEMORY_SPEECH, 110, 3.0},
    {"c1", "carl", true, MEMORY_SPEECH, 120, 3.0},
};

static void cache_is_reused(void **state)
{
    (void)state;
    memory_corpus m;
    myna_corpus *corpus = NULL;
    assert_true(memory_corpus_init(&m, few, COUNT(few)));
    for (int round = 0; round < 2; round++) {
        assert_ok(memory_corpus_open(&corpus, &m, NULL));
        myna_corpus_facts facts = myna_corpus_describe(corpus);
        assert_int_equal(facts.from_cache, round == 1);
        assert_int_equal(m.n_read, round ? 0 : COUNT(few));
        assert_int_equal(m.n_progress, m.n_read);
        assert_int_equal(facts.n_recordings, 4);
        assert_int_equal(facts.n_speakers, 2);
        assert_int_equal(facts.n_held_out_speakers, 1);
        assert_near(facts.hours * 3600, 6, 0.03);
        assert_near(facts.held_out_hours * 3600, 3, 0.03);
        myna_corpus_close(corpus);
    }
    memory_corpus_remove(&m);
}

static void move_hold_out_makes_another_cache(void **state)
{
    (void)state;
    memory_recording moved[COUNT(few)];
    memcpy(moved, few, sizeof few);
    moved[3].held_out = false;
    memory_corpus m;
    myna_corpus *corpus = NULL;
    char path[128];
    assert_true(memory_corpus_init(&m, few, COUNT(few)));
    assert_ok(memory_corpus_open(&corpus, &m, NULL));
    myna_corpus_close(corpus);
    m.recordings = moved;
    assert_ok(memory_corpus_open(&corpus, &m, NULL));
    assert_false(myna_corpus_describe(corpus).from_cache);
    assert_int_equal(myna_corpus_describe(corpus).n_held_out_speakers, 0);
    assert_int_equal(memory_corpus_files(&m, path), 2);
    myna_corpus_close(corpus);
    memory_corpus_remove(&m);
}

/* Overwrites 8 bytes at `offset` (from the end if negative), or cuts the file there. */
static void damage(const char *path, long offset, bool cut)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, offset, offset < 0 ? SEEK_END : SEEK_SET);
    if (cut) assert_int_equal(ftruncate(fileno(file), ftell(file)), 0);
    else fwrite("\377\377\377\377\377\377\377\177", 8, 1, file);
    fclose(file);
}

static void damaged_cache_is_remade(void **state)
{
    (void)state;
    const long entry = (long)sizeof(myna_corpus_entry);
    const struct {
        long offset;
        bool cut;
    } damages[] = {{0, false}, {8, false}, {16, false}, {24, false}, {32, false}, {-entry, false},
        {-2 * entry + 8, false}, {-entry + 16, false}, {-1, true}, {-2 * entry, true}, {100, true}, {20, true}, {0, true}};
    memory_corpus m;
    myna_corpus *corpus = NULL;
    char path[128];
    assert_true(memory_corpus_init(&m, few, COUNT(few)));
    assert_ok(memory_corpus_open(&corpus, &m, NULL));
    myna_corpus_close(corpus);
    for (size_t i = 0; i < COUNT(damages); i++) {
        assert_int_equal(memory_corpus_files(&m, path), 1);
        damage(path, damages[i].offset, damages[i].cut);
        assert_ok(memory_corpus_open(&corpus, &m, NULL));
        if (myna_corpus_describe(corpus).from_cache) fail_msg("damage %zu went unnoticed", i);
        assert_int_equal(m.n_read, COUNT(few));
        myna_corpus_close(corpus);
    }
    assert_ok(memory_corpus_open(&corpus, &m, NULL));
    assert_true(myna_corpus_describe(corpus).from_cache);
    myna_corpus_close(corpus);
    memory_corpus_remove(&m);
}

/* ---- Bad recordings -------------------------------------------------------------------------------------------------
 */

static void bad_recordings_are_listed_and_left_out(void **state)
{
    (void)state;
    static const memory_recording mixed[] = {
        {"unreadable", "anna", false, MEMORY_UNREADABLE, 0, 3},
        {"good", "anna", false, MEMORY_SPEECH, 200, 3},
        {"short", "bert", false, MEMORY_SPEECH, 110, 0.7},
        {"silent", "bert", false, MEMORY_SILENCE, 0, 3},
        {"nan", "carl", false, MEMORY_NAN, 300, 3},
        {"empty", "carl", false, MEMORY_SPEECH, 120, 0},
    };
    memory_corpus m;
    myna_corpus *corpus = NULL;
    assert_true(memory_corpus_init(&m, mixed, COUNT(mixed)));
    for (int round = 0; round < 3; round++) { /* made, from the cache, made again */
        assert_ok(memory_corpus_open(&corpus, &m, NULL));
        assert_int_equal(myna_corpus_describe(corpus).from_cache, round == 1);
        assert_int_equal(corpus->n_entries, 1);
        assert_int_equal(myna_corpus_describe(corpus).n_speakers, 1);
        assert_int_equal(m.n_bad, 5);
        for (size_t i = 0; i < m.n_bad; i++) {
            assert_string_not_equal(m.bad[i], "good");
            assert_true(strlen(m.reasons[i]) > 0);
            if (strcmp(m.bad[i], "unreadable") == 0) assert_string_equal(m.reasons[i], "it is no recording");
            for (size_t j = 0; j < i; j++) assert_string_not_equal(m.bad[i], m.bad[j]);
        }
        myna_corpus_close(corpus);
        char path[128];
        assert_int_equal(memory_corpus_files(&m, path), 1);
        if (round == 1) damage(path, -(long)sizeof(myna_corpus_omission), false);
    }
    memory_corpus_remove(&m);
}

static void nothing_usable_is_an_error(void **state)
{
    (void)state;
    static const memory_recording useless[] = {
        {"short", "bert", false, MEMORY_SPEECH, 110, 2.3}, /* a segment, but no reference beside it */
        {"held out", "carl", true, MEMORY_SPEECH, 120, 3},
    };
    memory_corpus m;
    myna_corpus *corpus = NULL;
    myna_error error = {0};
    assert_true(memory_corpus_init(&m, useless, COUNT(useless)));
    assert_string_equal(myna_status_name(memory_corpus_open(&corpus, &m, &error)), myna_status_name(MYNA_ERROR_SPEECH));
    assert_null(corpus);
    assert_true(strlen(error.detail) > 0);
    memory_corpus_remove(&m);
}

static void everything_held_out_is_said(void **state)
{
    (void)state;
    static const memory_recording kept[] = {
        {"b1", "bert", true, MEMORY_SPEECH, 110, 3},
        {"c1", "carl", true, MEMORY_SPEECH, 120, 3},
    };
    memory_corpus m;
    myna_corpus *corpus = NULL;
    myna_error error = {0};
    assert_true(memory_corpus_init(&m, kept, COUNT(kept)));
    assert_int_equal(memory_corpus_open(&corpus, &m, &error), MYNA_ERROR_SPEECH);
    assert_non_null(strstr(error.detail, "held out"));
    assert_int_equal(m.n_read, 0); /* said before any work */
    memory_corpus_remove(&m);
}

static void full_disk_names_the_cache(void **state)
{
    (void)state;
    memory_corpus m;
    myna_corpus *corpus = NULL;
    myna_error error = {0};
    char path[128];
    struct rlimit whole, small;
    assert_true(memory_corpus_init(&m, few, COUNT(few)));
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &whole), 0);
    small = (struct rlimit){50000, whole.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    myna_status status = memory_corpus_open(&corpus, &m, &error);
    setrlimit(RLIMIT_FSIZE, &whole);
    assert_int_equal(status, MYNA_ERROR_FILE);
    assert_int_equal(strncmp(error.file, m.folder, strlen(m.folder)), 0);
    assert_non_null(strstr(error.file, ".corpus"));
    assert_string_equal(error.detail, "File too large");
    assert_int_equal(memory_corpus_files(&m, path), 0);
    memory_corpus_remove(&m);
}

static void interruption_leaves_nothing(void **state)
{
    (void)state;
    static const memory_recording interrupted[] = {
        {"a1", "anna", false, MEMORY_SPEECH, 200, 3},
        {"b1", "bert", false, MEMORY_INTERRUPTED, 0, 3},
        {"c1", "carl", false, MEMORY_SPEECH, 200, 3},
    };
    memory_corpus m;
    myna_corpus *corpus = NULL;
    char path[128];
    assert_true(memory_corpus_init(&m, interrupted, COUNT(interrupted)));
    assert_string_equal(
        myna_status_name(memory_corpus_open(&corpus, &m, NULL)), myna_status_name(MYNA_ERROR_INTERRUPTED));
    assert_null(corpus);
    assert_int_equal(m.n_bad, 0);
    assert_int_equal(memory_corpus_files(&m, path), 0);
    memory_corpus_remove(&m);
}

/* ---- Segments -------------------------------------------------------------------------------------------------------
 */

enum { STUDIO_ITEMS = 2 };

typedef struct studio {
    memory_corpus memory;
    myna_corpus *corpus;
    myna_layout layout;
    float *parameters, *ripple;
    myna_weights weights;
    myna_mel *mel;
    myna_segment_maker *maker;
} studio;

static void studio_open(studio *s, const memory_recording *recordings, size_t n)
{
    memset(s, 0, sizeof *s);
    assert_true(memory_corpus_init(&s->memory, recordings, n));
    assert_ok(memory_corpus_open(&s->corpus, &s->memory, NULL));
    myna_layout_init(&s->layout, 1);
    s->parameters = calloc(s->layout.n_parameters, sizeof(float));
    s->ripple = calloc((size_t)MYNA_RIPPLE_ROWS * MYNA_MEL_BANDS, sizeof(float));
    assert_non_null(s->parameters);
    assert_non_null(s->ripple);
    myna_weights_bind(&s->weights, &s->layout, s->parameters);
    s->weights.front.mel_deviation[0] = 1;
    assert_ok(myna_mel_create(&s->mel, NULL));
    myna_segment_source source = {
        .corpus = s->corpus, .mel = s->mel, .ripple = s->ripple, .weights = &s->weights, .code_width = 1};
    assert_ok(myna_segment_maker_create(&s->maker, &source, STUDIO_ITEMS, NULL));
}

static void studio_close(studio *s)
{
    myna_segment_maker_free(s->maker);
    myna_mel_free(s->mel);
    free(s->parameters);
    free(s->ripple);
    myna_corpus_close(s->corpus);
    memory_corpus_remove(&s->memory);
}

static int loudest(const float *bands, int n)
{
    int best = 0;
    for (int b = 1; b < n; b++)
        if (bands[b] > bands[best]) best = b;
    return best;
}

/* The bands in which a stretch's sine moves. */
typedef struct range {
    int low, high;
} range;

static range band_range(const float *frames, int n_frames, int n_bands)
{
    range r = {MYNA_MEL_BANDS, -1};
    int width = MYNA_MEL_BANDS / n_bands;
    for (int k = 0; k < n_frames; k++) {
        int band = loudest(frames + k * n_bands, n_bands) * width;
        if (band < r.low) r.low = band;
        if (band + width - 1 > r.high) r.high = band + width - 1;
    }
    return r;
}

static range target_range(const studio *s)
{
    return band_range(myna_segment_target(s->maker), MYNA_SEGMENT_FRAMES, MYNA_MEL_BANDS);
}

static range reference_range(const studio *s, int first_frame, int n_frames)
{
    const float *frames = myna_segment_recorded(s->maker, false) + first_frame * MYNA_POOLED_BANDS;
    return band_range(frames, n_frames, MYNA_POOLED_BANDS);
}

/* The sweep climbs 0.6 bands a frame in one recording and 1 in the other. The reference, from both sides of the input,
 * is known to four bands only, and a sine's place to about one. */
static void reference_never_overlaps_the_input(void **state)
{
    (void)state;
    static const memory_recording one[] = {
        {"long", "anna", false, MEMORY_SWEEP, 0, 4.4},
        {"shortest", "bert", true, MEMORY_SWEEP, 0, 2.46},
    };
    studio s;
    studio_open(&s, one, COUNT(one));
    for (uint64_t i = 0; i < 300; i++) {
        myna_segment_make(s.maker, 0, 1, i, i % 4 == 0);
        range input = target_range(&s);
        assert_true(input.high > input.low);
        for (int k = 0; k < MYNA_REFERENCE_FRAMES; k++) {
            range reference = reference_range(&s, k, 1);
            if (input.low <= reference.high - 6 && reference.low <= input.high - 6)
                fail_msg("segment %d: input in bands %d to %d, frame %d of the reference in %d to %d", (int)i,
                    input.low, input.high, k, reference.low, reference.high);
        }
    }
    studio_close(&s);
}

static const memory_recording tones[] = {
    {"a1", "anna", false, MEMORY_TONE, 300, 2},
    {"a2", "anna", false, MEMORY_TONE, 600, 2},
    {"b1", "bert", false, MEMORY_TONE, 1200, 3},
    {"c1", "carl", true, MEMORY_TONE, 2400, 3},
    {"b2", "bert", true, MEMORY_TONE, 4800, 3}, /* apart from b1, though one speaker's */
};

/* Which of `tones` a stretch comes from; whole samples may be scaled by up to a sixth. */
static size_t which_tone(range r)
{
    const double top = 2595 * log10(1 + 7600 / 700.0), bottom = 2595 * log10(1 + 50 / 700.0);
    double mel = bottom + (top - bottom) * ((r.low + r.high) * 0.5 + 1) / (MYNA_MEL_BANDS + 1);
    double hz = 700 * (pow(10, mel / 2595) - 1);
    return (size_t)lrint(log2(hz / 300));
}

static void held_out_speakers_are_never_trained_on(void **state)
{
    (void)state;
    enum { DRAWS = 300 };
    studio s;
    studio_open(&s, tones, COUNT(tones));
    for (int group = 0; group < 2; group++) {
        size_t count[COUNT(tones)] = {0};
        for (uint64_t i = 0; i < DRAWS; i++) {
            myna_segment_make(s.maker, 0, 3, i, group);
            size_t input = which_tone(target_range(&s)), reference = which_tone(reference_range(&s, 0, MYNA_REFERENCE_FRAMES));
            assert_in_range(input, 0, COUNT(tones) - 1);
            assert_in_range(reference, 0, COUNT(tones) - 1);
            assert_int_equal(tones[input].held_out, group == 1);
            assert_string_equal(tones[input].speaker, tones[reference].speaker);
            assert_int_equal(input != reference, input < 2); /* another recording where there is one */
            count[input]++;
        }
        for (size_t i = 0; i < COUNT(tones); i++) assert_int_equal(count[i] > 0, tones[i].held_out == group);
    }
    studio_close(&s);
}

/* Of an item's pitch features, back over what they were made of; 0 where nothing is voiced. */
static double mean_log2_f0(const float *pitch)
{
    double sum = 0, n = 0;
    for (int k = 0; k < MYNA_SEGMENT_FRAMES; k++) {
        const float *row = pitch + k * (MYNA_PITCH_BINS + 1);
        for (int bin = 0; bin < MYNA_PITCH_BINS; bin++) sum += bin * (double)row[bin];
        n += (double)row[MYNA_PITCH_BINS];
    }
    return n > 0 ? sum / n / (MYNA_PITCH_BINS - 1) * 3.2 : 0;
}

/* Noise and rooms can only add: in some of the segments heard in training, and in none that are held out. */
static void some_references_are_heard_through_noise_or_in_a_room(void **state)
{
    (void)state;
    static const memory_recording voices[] = {
        {"one", "anna", false, MEMORY_TONE, 110, 3}, {"other", "bert", true, MEMORY_TONE, 240, 3}};
    enum { REFERENCE = MYNA_REFERENCE_STEPS * MYNA_SPEAKER_IN, SEGMENTS = 200 };
    studio s;
    studio_open(&s, voices, COUNT(voices));
    int n_noisy[2] = {0, 0};
    for (uint64_t i = 0; i < 2 * SEGMENTS; i++) {
        const int group = i % 2;
        myna_segment_make(s.maker, 0, 6, i, group);
        const float *recorded = myna_segment_recorded(s.maker, false), *heard = myna_segment_batch(s.maker).speaker;
        double louder = 0;
        for (size_t k = 0; k < REFERENCE; k++) {
            assert_true(heard[k] >= recorded[k] - 1e-4f);
            louder += (double)(heard[k] - recorded[k]) / REFERENCE;
        }
        n_noisy[group] += louder > 0.01;
    }
    assert_in_range(n_noisy[0], 0.42 * SEGMENTS, 0.62 * SEGMENTS);
    assert_int_equal(n_noisy[1], 0);
    studio_close(&s);
}

static int compare_floats(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* How far the loudest of bands[n] stands out of them. */
static float height(const float *bands, size_t n)
{
    float sorted[MYNA_POOLED_BANDS];
    memcpy(sorted, bands, n * sizeof *bands);
    qsort(sorted, n, sizeof *sorted, compare_floats);
    return sorted[n - 1] - sorted[n / 2];
}

/* One speaker is a low sine, the other one so high that it has no pitch: so both are heard in some segments of the first, and
 * some of the second have the first one's pitch. */
static void others_talk_behind_some_segments(void **state)
{
    (void)state;
    static const memory_recording voices[] = {{"low", "anna", false, MEMORY_TONE, 200, 3},
        {"high", "bert", false, MEMORY_TONE, 3000, 3}, {"low too", "carl", true, MEMORY_TONE, 200, 3},
        {"high too", "dora", true, MEMORY_TONE, 3000, 3}};
    enum { SEGMENTS = 800, HALF = MYNA_POOLED_BANDS / 2, MIDDLE = MYNA_SEGMENT_FRAMES / 2 };
    studio s;
    studio_open(&s, voices, COUNT(voices));
    int n[2][2] = {{0}}, n_both[2][2] = {{0}}; /* [group][is it the high one's?] */
    for (uint64_t i = 0; i < 2 * SEGMENTS; i++) {
        const int group = i % 2;
        myna_segment_make(s.maker, 0, 7, i, group);
        myna_batch batch = myna_segment_batch(s.maker);
        const bool is_high = target_range(&s).high >= MYNA_MEL_BANDS / 2;
        const bool sounds_high = height(batch.content + MIDDLE * MYNA_POOLED_BANDS + HALF, HALF) > 2;
        n[group][is_high]++;
        n_both[group][is_high] += is_high ? mean_log2_f0(batch.pitch) > 0 : sounds_high;
    }
    for (int is_high = 0; is_high < 2; is_high++) {
        assert_in_range(n_both[0][is_high], 0.1 * n[0][is_high], 0.3 * n[0][is_high]);
        assert_true(n[1][is_high] > SEGMENTS / 4 && n_both[1][is_high] == 0);
    }
    studio_close(&s);
}

static void exchanged_segments_have_each_others_voices(void **state)
{
    (void)state;
    static const memory_recording voices[] = {
        {"low", "anna", false, MEMORY_TONE, 110, 3}, {"high", "bert", false, MEMORY_TONE, 240, 3}};
    enum { REFERENCE = MYNA_REFERENCE_STEPS * MYNA_SPEAKER_IN, PITCH = MYNA_SEGMENT_STEPS * MYNA_PITCH_IN };
    studio s;
    studio_open(&s, voices, COUNT(voices));
    int n_different = 0;
    for (uint64_t i = 0; i < 40; i += STUDIO_ITEMS) {
        for (size_t item = 0; item < STUDIO_ITEMS; item++) myna_segment_make(s.maker, item, 5, i + item, 0);
        myna_batch own = myna_segment_batch(s.maker), exchanged = myna_segment_exchange(s.maker);
        const float *recorded = myna_segment_recorded(s.maker, false), *theirs = myna_segment_recorded(s.maker, true);
        double f0[STUDIO_ITEMS], f0_exchanged[STUDIO_ITEMS];
        for (size_t item = 0; item < STUDIO_ITEMS; item++) {
            const float *reference = own.speaker + (1 - item) * REFERENCE;
            assert_memory_equal(exchanged.speaker + item * REFERENCE, reference, REFERENCE * sizeof *reference);
            reference = recorded + (1 - item) * REFERENCE;
            assert_memory_equal(theirs + item * REFERENCE, reference, REFERENCE * sizeof *reference);
            f0[item] = mean_log2_f0(own.pitch + item * PITCH);
            f0_exchanged[item] = mean_log2_f0(exchanged.pitch + item * PITCH);
        }
        n_different += fabs(f0[0] - f0[1]) > 0.5;
        assert_true(f0[0] > 0 && f0[1] > 0);
        assert_near(f0_exchanged[0], f0[1], 0.02);
        assert_near(f0_exchanged[1], f0[0], 0.02);
        assert_ptr_equal(exchanged.content, own.content);
    }
    assert_true(n_different > 4);
    studio_close(&s);
}

static void heard_from_another_it_keeps_its_target(void **state)
{
    (void)state;
    enum { CONTENT = MYNA_SEGMENT_STEPS * MYNA_CONTENT_IN, TARGET = MYNA_SEGMENT_STEPS * MYNA_STEP_OUT };
    static float content[STUDIO_ITEMS * CONTENT], target[STUDIO_ITEMS * TARGET], silence[TARGET];
    studio s;
    studio_open(&s, tones, COUNT(tones));
    for (size_t item = 0; item < STUDIO_ITEMS; item++) myna_segment_make(s.maker, item, 5, item, 0);
    memcpy(content, myna_segment_batch(s.maker).content, sizeof content);
    memcpy(target, myna_segment_target(s.maker), sizeof target);
    myna_segment_hear(s.maker, 1, silence, 8, 1);
    const float *now = myna_segment_batch(s.maker).content;
    assert_memory_equal(now, content, CONTENT * sizeof *content);
    for (size_t i = CONTENT; i < (size_t)STUDIO_ITEMS * CONTENT; i += MYNA_POOLED_BANDS) /* the equalizer alone is heard */
        assert_near(now[i], now[CONTENT], 1e-6);
    assert_memory_equal(myna_segment_target(s.maker), target, sizeof target);
    studio_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cache_is_reused),
        cmocka_unit_test(move_hold_out_makes_another_cache),
        cmocka_unit_test(damaged_cache_is_remade),
        cmocka_unit_test(bad_recordings_are_listed_and_left_out),
        cmocka_unit_test(nothing_usable_is_an_error),
        cmocka_unit_test(everything_held_out_is_said),
        cmocka_unit_test(full_disk_names_the_cache),
        cmocka_unit_test(interruption_leaves_nothing),
        cmocka_unit_test(reference_never_overlaps_the_input),
        cmocka_unit_test(held_out_speakers_are_never_trained_on),
        cmocka_unit_test(some_references_are_heard_through_noise_or_in_a_room),
        cmocka_unit_test(others_talk_behind_some_segments),
        cmocka_unit_test(exchanged_segments_have_each_others_voices),
        cmocka_unit_test(heard_from_another_it_keeps_its_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
