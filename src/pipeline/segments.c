#include "pipeline/segments.h"

#include "base/arena.h"
#include "base/status.h"
#include "dsp/ripple.h"
#include "model/features.h"
#include "pipeline/perturb.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Whole samples, input, target and reference alike, have their frequency axis scaled to make new speakers. In natural
 * logarithms of the ratio. */
static const float speaker_warp = 0.15f, speaker_warp_share = 0.6f;
/* Of segments behind which others talk, each time another number of them. */
static const float others_share = 0.3f;
enum { MOST_OTHERS = 3 };
static const float nobody = -100; /* log-mel of silence, no power at all */
/* Of segments that must do with the embedding, as mixed voices must. */
static const float embedding_only_share = 0.1f;
/* Of segments whose speaker the content encoder is not told, as in a stream without a source. */
static const float unknown_share = 0.2f;

/* Held-out segments are the same in every run. */
static const uint64_t held_out_seed = 0x6d796e61;

enum { REFERENCE = MYNA_REFERENCE_STEPS * MYNA_SPEAKER_IN }; /* values of one item's */

struct myna_segment_maker {
    myna_arena arena;
    myna_segment_source source;
    myna_stft *stft;
    size_t max_items;
    float *content, *speaker, *pitch, *ripple, *noise, *target; /* the batch */
    float *recorded; /* `speaker` without noise */
    bool *is_known, *reference, *has_others;
    float *others; /* [items][SEGMENT_FRAMES][MEL_BANDS]: normalised log-mel of all who talk behind a segment */
    uint8_t *phones;
    float *f0_hz; /* [items][SEGMENT_FRAMES]: of the targets, in their pauses of who talks behind them */
    struct {
        float *speaker, *pitch, *ripple, *noise, *recorded; /* the batch in other voices; noise is 0 */
    } exchanged;
    float *samples;   /* [WINDOW]: one frame's */
    float *magnitude; /* [MYNA_BINS] */
    float *frames;    /* [REFERENCE_FRAMES][MEL_BANDS]: normalised log-mel of a segment or a reference */
};

static void lay_out(myna_segment_maker *m)
{
    size_t items = m->max_items, steps = items * MYNA_SEGMENT_STEPS;
    MYNA_TAKE(&m->arena, m->content, steps * MYNA_CONTENT_IN);
    MYNA_TAKE(&m->arena, m->speaker, items * REFERENCE);
    MYNA_TAKE(&m->arena, m->recorded, items * REFERENCE);
    MYNA_TAKE(&m->arena, m->pitch, steps * MYNA_PITCH_IN);
    MYNA_TAKE(&m->arena, m->ripple, steps * MYNA_STEP_OUT);
    MYNA_TAKE(&m->arena, m->noise, steps * m->source.code_width);
    MYNA_TAKE(&m->arena, m->target, steps * MYNA_STEP_OUT);
    MYNA_TAKE(&m->arena, m->is_known, items);
    MYNA_TAKE(&m->arena, m->reference, items);
    MYNA_TAKE(&m->arena, m->has_others, items);
    MYNA_TAKE(&m->arena, m->others, steps * MYNA_STEP_OUT);
    MYNA_TAKE(&m->arena, m->phones, steps);
    MYNA_TAKE(&m->arena, m->f0_hz, items * MYNA_SEGMENT_FRAMES);
    MYNA_TAKE(&m->arena, m->exchanged.speaker, items * REFERENCE);
    MYNA_TAKE(&m->arena, m->exchanged.recorded, items * REFERENCE);
    MYNA_TAKE(&m->arena, m->exchanged.pitch, steps * MYNA_PITCH_IN);
    MYNA_TAKE(&m->arena, m->exchanged.ripple, steps * MYNA_STEP_OUT);
    MYNA_TAKE(&m->arena, m->exchanged.noise, steps * m->source.code_width);
    MYNA_TAKE(&m->arena, m->samples, MYNA_WINDOW_SAMPLES);
    MYNA_TAKE(&m->arena, m->magnitude, MYNA_BINS);
    MYNA_TAKE(&m->arena, m->frames, (size_t)MYNA_REFERENCE_FRAMES * MYNA_MEL_BANDS);
}

myna_status myna_segment_maker_create(
    myna_segment_maker **out, const myna_segment_source *source, size_t max_items, myna_error *error)
{
    myna_segment_maker *m = calloc(1, sizeof *m);
    if (!m) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a batch");
    m->source = *source;
    m->max_items = max_items;
    lay_out(m);
    myna_status status = myna_arena_reserve(&m->arena)
                             ? myna_stft_create(&m->stft, error)
                             : myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a batch of %zu", max_items);
    if (status != MYNA_OK) {
        myna_segment_maker_free(m);
        return status;
    }
    lay_out(m);
    *out = m;
    return MYNA_OK;
}

void myna_segment_maker_free(myna_segment_maker *maker)
{
    if (!maker) return;
    myna_stft_free(maker->stft);
    myna_arena_free(&maker->arena);
    free(maker);
}

/* ---- Choosing ----------------------------------------------------------------------------------------------------- */

/* Speakers are drawn by the root of their seconds: more speech counts, but does not drown the others. */
static const myna_corpus_speaker *choose_speaker(const myna_corpus_group *group, myna_rng *rng)
{
    double at = (double)myna_rng_uniform(rng, 0, 1) * group->speakers[group->n_speakers - 1].weight;
    size_t low = 0, high = group->n_speakers - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (group->speakers[middle].weight > at) high = middle;
        else low = middle + 1;
    }
    return &group->speakers[low];
}

/* One of the speaker's recordings of at least min_frames, other than `other`; there must be one. */
static const myna_corpus_entry *choose_entry(const myna_corpus *corpus, const myna_corpus_speaker *speaker,
    uint32_t min_frames, const myna_corpus_entry *other, myna_rng *rng)
{
    size_t i = myna_rng_below(rng, (uint32_t)speaker->n);
    const myna_corpus_entry *entry = &corpus->entries[speaker->first + i];
    while (entry->n_frames < min_frames || entry == other) {
        i = (i + 1) % speaker->n;
        entry = &corpus->entries[speaker->first + i];
    }
    return entry;
}

/* A stretch of a recording: frames [first, first + length). */
typedef struct stretch {
    const myna_corpus_entry *entry;
    uint32_t first, length;
} stretch;

/* At most `length` frames within [from, to). */
static stretch choose_stretch(const myna_corpus_entry *entry, uint32_t from, uint32_t to, uint32_t length, myna_rng *rng)
{
    if (length > to - from) length = to - from;
    return (stretch){entry, from + myna_rng_below(rng, to - from - length + 1), length};
}

/* A segment of the speaker's. */
static stretch choose_segment(const myna_corpus *corpus, const myna_corpus_speaker *speaker, myna_rng *rng)
{
    const myna_corpus_entry *entry = choose_entry(corpus, speaker, MYNA_SEGMENT_FRAMES, NULL, rng);
    return choose_stretch(entry, 0, entry->n_frames, MYNA_SEGMENT_FRAMES, rng);
}

/* What is left of the only recording on both sides of the input, the longer side first. */
static void choose_rest(stretch reference[2], const stretch *input, myna_rng *rng)
{
    const uint32_t gap = MYNA_OVERLAP, n = input->entry->n_frames, end = input->first + input->length;
    uint32_t before = input->first > gap ? input->first - gap : 0, after = n - end > gap ? n - end - gap : 0;
    uint32_t sides[2][2] = {{0, before}, {n - after, n}};
    bool swap = after > before;
    reference[0] = choose_stretch(input->entry, sides[swap][0], sides[swap][1], MYNA_REFERENCE_FRAMES, rng);
    reference[1] = choose_stretch(
        input->entry, sides[!swap][0], sides[!swap][1], MYNA_REFERENCE_FRAMES - reference[0].length, rng);
}

/* Input and reference never share a sample. The reference is another recording where there is one. */
static void choose_pair(stretch *input, stretch reference[2], const myna_corpus *corpus,
    const myna_corpus_speaker *speaker, myna_rng *rng)
{
    const uint32_t segment = MYNA_SEGMENT_FRAMES, least = MYNA_REFERENCE_MIN_FRAMES, gap = MYNA_OVERLAP;
    *input = choose_segment(corpus, speaker, rng);
    const myna_corpus_entry *entry = input->entry;
    if (speaker->n > 1) {
        const myna_corpus_entry *other = choose_entry(corpus, speaker, least, entry, rng);
        reference[0] = choose_stretch(other, 0, other->n_frames, MYNA_REFERENCE_FRAMES, rng);
        reference[1] = (stretch){other, 0, 0};
        return;
    }
    uint32_t before = input->first, after = entry->n_frames - input->first - segment;
    if (before < least + gap && after < least + gap) /* the middle leaves too little on both sides: move to an end */
        input->first = before > after ? entry->n_frames - segment : 0;
    choose_rest(reference, input, rng);
}

/* ---- Making --------------------------------------------------------------------------------------------------------- */

/* Normalised log-mel of frame k of a recording. Frame k covers samples [200 k - 600, 200 k + 200), see analysis.h. */
static void make_frame(myna_segment_maker *m, float *out, const myna_corpus_entry *entry, uint32_t k)
{
    const int16_t *pcm = myna_corpus_pcm(m->source.corpus, entry);
    int64_t start = ((int64_t)k + 1) * MYNA_HOP_SAMPLES - MYNA_WINDOW_SAMPLES;
    for (int64_t i = 0; i < MYNA_WINDOW_SAMPLES; i++)
        m->samples[i] = start + i < 0 ? 0.0f : (float)pcm[start + i] * (1.0f / 32767.0f);
    float bands[MYNA_MEL_BANDS];
    myna_stft_magnitude(m->stft, m->magnitude, m->samples);
    myna_mel_forward(m->source.mel, bands, m->magnitude);
    myna_log_mel(out, bands, entry->gain);
    myna_normalize(out, out, m->source.weights);
}

static void make_warped_frame(myna_segment_maker *m, float *out, const myna_corpus_entry *entry, uint32_t k, const myna_mel_warp *warp)
{
    float frame[MYNA_MEL_BANDS];
    if (!warp) {
        make_frame(m, out, entry, k);
        return;
    }
    make_frame(m, frame, entry, k);
    myna_mel_warp_apply(warp, out, frame);
}

/* n_frames into out: the stretches one after the other, warped, looped where they are shorter together. */
static void make_frames(myna_segment_maker *m, float *out, const stretch *stretches, size_t n_stretches, size_t n_frames,
    const myna_mel_warp *warp)
{
    size_t made = 0;
    for (size_t i = 0; i < n_stretches; i++)
        for (uint32_t k = 0; k < stretches[i].length && made < n_frames; k++, made++)
            make_warped_frame(m, out + made * MYNA_MEL_BANDS, stretches[i].entry, stretches[i].first + k, warp);
    for (size_t k = made; k < n_frames; k++)
        memcpy(out + k * MYNA_MEL_BANDS, out + (k - made) * MYNA_MEL_BANDS, MYNA_MEL_BANDS * sizeof *out);
}

/* Others who talk behind the item, or nobody. Where its speaker has no pitch, a tracker hears theirs. */
static void make_others(myna_segment_maker *m, size_t item, float *f0_hz, myna_rng *rng)
{
    const myna_corpus *corpus = m->source.corpus;
    const size_t n = (size_t)MYNA_SEGMENT_FRAMES * MYNA_MEL_BANDS;
    float *others = m->others + item * n;
    m->has_others[item] = myna_rng_uniform(rng, 0, 1) < others_share;
    if (!m->has_others[item]) return;
    for (size_t i = 0; i < n; i++) others[i] = nobody;
    for (uint32_t left = 1 + myna_rng_below(rng, MOST_OTHERS); left > 0; left--) {
        stretch said = choose_segment(corpus, choose_speaker(&corpus->groups[0], rng), rng);
        make_frames(m, m->frames, &said, 1, MYNA_SEGMENT_FRAMES, NULL);
        myna_perturb_add_softer(others, m->frames, MYNA_SEGMENT_FRAMES, m->source.weights, rng);
        for (size_t k = 0; k < MYNA_SEGMENT_FRAMES; k++)
            if (f0_hz[k] == 0) f0_hz[k] = myna_corpus_f0(corpus, said.entry)[said.first + k];
    }
}

/* The item as the content encoder hears it in training, where its speaker says frames[SEGMENT_FRAMES][MEL_BANDS]. */
static void make_heard(myna_segment_maker *m, size_t item, const float *frames, myna_rng *rng)
{
    const size_t n = (size_t)MYNA_SEGMENT_FRAMES * MYNA_MEL_BANDS;
    float *content = m->content + item * MYNA_SEGMENT_STEPS * MYNA_CONTENT_IN;
    if (m->has_others[item]) {
        memcpy(m->frames, frames, n * sizeof *frames);
        myna_perturb_add(m->frames, m->others + item * n, MYNA_SEGMENT_FRAMES, m->source.weights);
        frames = m->frames;
    }
    myna_perturb(content, frames, MYNA_SEGMENT_FRAMES, m->source.weights, rng);
}

void myna_segment_pitch(float *pitch, float *ripple, const float *f0_hz, float ratio, const float *ripple_table,
    const myna_weights *weights)
{
    float to_normalized = 1.0f / weights->front.mel_deviation[0];
    for (size_t k = 0; k < MYNA_SEGMENT_FRAMES; k++) {
        float *row = ripple + k * MYNA_MEL_BANDS;
        myna_pitch_features(pitch + k * (MYNA_PITCH_BINS + 1), f0_hz[k] * ratio);
        myna_ripple_at(row, ripple_table, f0_hz[k] * ratio);
        for (int b = 0; b < MYNA_MEL_BANDS; b++) row[b] *= to_normalized;
    }
}

/* Each step is said to be what its first frame is: the two differ by 12.5 ms. */
static void label_steps(uint8_t *labels, const myna_corpus *corpus, const stretch *input)
{
    const uint8_t *frames = corpus->phones ? corpus->phones[input->entry - corpus->entries] : NULL;
    for (size_t k = 0; k < MYNA_SEGMENT_STEPS; k++)
        labels[k] = frames ? frames[input->first + k * MYNA_STEP_FRAMES] : MYNA_NO_PHONE;
}

void myna_segment_make(myna_segment_maker *m, size_t item, uint64_t seed, uint64_t number, int group)
{
    bool perturbed = group == 0;
    myna_rng rng = myna_rng_seed(perturbed ? seed : held_out_seed, number);
    const myna_corpus *corpus = m->source.corpus;
    stretch input, reference[2];
    choose_pair(&input, reference, corpus, choose_speaker(&corpus->groups[group], &rng), &rng);

    myna_mel_warp warp;
    float ratio = 1;
    if (perturbed && myna_rng_uniform(&rng, 0, 1) < speaker_warp_share)
        ratio = expf(myna_rng_uniform(&rng, -speaker_warp, speaker_warp));
    myna_mel_warp_init(&warp, ratio, ratio);
    const myna_mel_warp *used = ratio == 1.0f ? NULL : &warp;

    make_frames(m, m->frames, reference, 2, MYNA_REFERENCE_FRAMES, used);
    float *recorded = m->recorded + item * REFERENCE, *speaker = m->speaker + item * REFERENCE;
    myna_pool_frames(recorded, m->frames, MYNA_REFERENCE_FRAMES);
    memcpy(speaker, recorded, REFERENCE * sizeof *speaker);
    if (perturbed) myna_perturb_reference(speaker, MYNA_REFERENCE_FRAMES, m->source.weights, &rng);

    size_t first_step = item * MYNA_SEGMENT_STEPS;
    float *target = m->target + first_step * MYNA_STEP_OUT, *f0_hz = m->f0_hz + item * MYNA_SEGMENT_FRAMES;
    make_frames(m, target, &input, 1, MYNA_SEGMENT_FRAMES, used);
    for (size_t k = 0; k < MYNA_SEGMENT_FRAMES; k++)
        f0_hz[k] = myna_corpus_f0(corpus, input.entry)[input.first + k] * ratio;
    if (perturbed) {
        make_others(m, item, f0_hz, &rng);
        make_heard(m, item, target, &rng);
    } else {
        myna_pool_frames(m->content + first_step * MYNA_CONTENT_IN, target, MYNA_SEGMENT_FRAMES);
    }
    myna_segment_pitch(m->pitch + first_step * MYNA_PITCH_IN, m->ripple + first_step * MYNA_STEP_OUT, f0_hz, 1,
        m->source.ripple, m->source.weights);

    label_steps(m->phones + first_step, corpus, &input);

    float *noise = m->noise + first_step * m->source.code_width;
    float deviation = m->source.code_noise ? *m->source.code_noise : 0;
    for (size_t i = 0; i < MYNA_SEGMENT_STEPS * m->source.code_width; i++)
        noise[i] = perturbed ? deviation * myna_rng_normal(&rng) : 0;
    m->reference[item] = !perturbed || myna_rng_uniform(&rng, 0, 1) >= embedding_only_share;
    m->is_known[item] = !perturbed || myna_rng_uniform(&rng, 0, 1) >= unknown_share;
}

myna_batch myna_segment_batch(const myna_segment_maker *m)
{
    return (myna_batch){m->content, m->speaker, m->pitch, m->ripple, m->noise, m->is_known, m->reference,
        m->source.corpus->phones ? m->phones : NULL};
}

const float *myna_segment_recorded(const myna_segment_maker *m, bool exchanged)
{
    return exchanged ? m->exchanged.recorded : m->recorded;
}

const float *myna_segment_target(const myna_segment_maker *m)
{
    return m->target;
}

/* ---- In other voices -------------------------------------------------------------------------------------------------- */

/* Mean of ln F0 over voiced frames; NAN where hardly any are. */
static float mean_log_f0(const float *f0_hz)
{
    enum { ENOUGH = 6 };
    float sum = 0;
    int n = 0;
    for (size_t k = 0; k < MYNA_SEGMENT_FRAMES; k++) {
        if (f0_hz[k] <= 0) continue;
        sum += logf(f0_hz[k]);
        n++;
    }
    return n < ENOUGH ? NAN : sum / (float)n;
}

myna_batch myna_segment_exchange(myna_segment_maker *m)
{
    for (size_t i = 0; i < m->max_items; i++) {
        size_t other = (i + 1) % m->max_items, first_step = i * MYNA_SEGMENT_STEPS;
        const float *f0_hz = m->f0_hz + i * MYNA_SEGMENT_FRAMES;
        float distance = mean_log_f0(m->f0_hz + other * MYNA_SEGMENT_FRAMES) - mean_log_f0(f0_hz);
        memcpy(m->exchanged.speaker + i * REFERENCE, m->speaker + other * REFERENCE, REFERENCE * sizeof(float));
        memcpy(m->exchanged.recorded + i * REFERENCE, m->recorded + other * REFERENCE, REFERENCE * sizeof(float));
        myna_segment_pitch(m->exchanged.pitch + first_step * MYNA_PITCH_IN, m->exchanged.ripple + first_step * MYNA_STEP_OUT,
            f0_hz, isnan(distance) ? 1 : expf(distance), m->source.ripple, m->source.weights);
    }
    return (myna_batch){m->content, m->exchanged.speaker, m->exchanged.pitch, m->exchanged.ripple, m->exchanged.noise,
        m->is_known, m->reference, NULL};
}

void myna_segment_hear(myna_segment_maker *m, size_t item, const float *frames, uint64_t seed, uint64_t number)
{
    myna_rng rng = myna_rng_seed(~seed, number);
    make_heard(m, item, frames, &rng);
}

/* ---- The front end's constants -------------------------------------------------------------------------------------- */

typedef struct moments {
    double sum, sum_of_squares, n;
} moments;

static void count(moments *m, double x)
{
    m->sum += x;
    m->sum_of_squares += x * x;
    m->n++;
}

static double variance(const moments *m)
{
    double mean = m->sum / m->n;
    return fmax(m->sum_of_squares / m->n - mean * mean, 0);
}

static void measure_pitch(const myna_weights *weights, const myna_corpus *corpus)
{
    moments log_f0 = {0};
    for (size_t i = 0; i < corpus->n_entries; i++) {
        const myna_corpus_entry *entry = &corpus->entries[i];
        const float *f0_hz = myna_corpus_f0(corpus, entry);
        for (uint32_t k = 0; k < entry->n_frames && !entry->held_out; k++)
            if (f0_hz[k] > 0) count(&log_f0, log((double)f0_hz[k]));
    }
    bool enough = log_f0.n > 100;
    weights->front.log_f0[0] = enough ? (float)(log_f0.sum / log_f0.n) : logf(150);
    weights->front.log_f0[1] = enough ? (float)sqrt(variance(&log_f0)) : 0.3f;
}

myna_status myna_front_measure(
    const myna_weights *weights, const myna_corpus *corpus, const myna_mel *mel, myna_error *error)
{
    enum { N_FRAMES = 20000 };
    /* Identity constants first: the frames measured are then plain log-mel. */
    for (int b = 0; b < MYNA_MEL_BANDS; b++) weights->front.mel_mean[b] = 0;
    weights->front.mel_deviation[0] = 1;
    measure_pitch(weights, corpus);

    myna_segment_source source = {.corpus = corpus, .mel = mel, .weights = weights, .code_width = 1};
    myna_segment_maker *maker = NULL;
    moments *bands = calloc(MYNA_MEL_BANDS, sizeof *bands);
    myna_status status = bands ? myna_segment_maker_create(&maker, &source, 1, error)
                               : myna_fail(error, MYNA_ERROR_MEMORY, "no memory for statistics");
    for (uint64_t i = 0; i < N_FRAMES && status == MYNA_OK; i++) {
        myna_rng rng = myna_rng_seed(0, i);
        const myna_corpus_speaker *speaker = choose_speaker(&corpus->groups[0], &rng);
        const myna_corpus_entry *entry = choose_entry(corpus, speaker, 1, NULL, &rng);
        make_frame(maker, maker->frames, entry, myna_rng_below(&rng, entry->n_frames));
        for (int b = 0; b < MYNA_MEL_BANDS; b++) count(&bands[b], (double)maker->frames[b]);
    }
    double total = 0;
    for (int b = 0; b < MYNA_MEL_BANDS && status == MYNA_OK; b++) {
        weights->front.mel_mean[b] = (float)(bands[b].sum / bands[b].n);
        total += variance(&bands[b]) / MYNA_MEL_BANDS;
    }
    if (status == MYNA_OK) weights->front.mel_deviation[0] = (float)sqrt(fmax(total, 1e-4));
    myna_segment_maker_free(maker);
    free(bands);
    return status;
}
