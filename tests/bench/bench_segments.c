/* Writes the batches that a trainer of this seed would see, as floats on standard output, for ever: content, speaker,
 * pitch, ripple, noise, target, is_known and reference (each 0 or 1) of each, as in myna_batch. Group 0: training; 1: held
 * out. scripts/bench-quality feeds them to the PyTorch twin.
 * usage: bench_segments CORPUS CACHE_FOLDER SEED GROUP BATCH CODE_WIDTH CODE_NOISE */
#include "cli/corpus_list.h"
#include "dsp/ripple.h"
#include "io/audio_file.h"
#include "pipeline/segments.h"

#include <stdio.h>
#include <stdlib.h>

static myna_status read_recording(void *context, const char *path, float **samples, size_t *n, myna_error *error)
{
    (void)context;
    return myna_audio_load(samples, n, path, NULL, error);
}

static void end_if(bool failed, const char *why)
{
    if (!failed) return;
    fprintf(stderr, "bench_segments: %s\n", why);
    exit(1);
}

static bool put(const float *values, size_t n)
{
    return fwrite(values, sizeof *values, n, stdout) == n;
}

enum { MOST_ITEMS = 4096 };

static bool put_batch(const myna_segment_maker *maker, size_t items, size_t code_width)
{
    const myna_batch batch = myna_segment_batch(maker);
    const size_t steps = items * MYNA_SEGMENT_STEPS;
    float is_known[MOST_ITEMS], reference[MOST_ITEMS];
    for (size_t i = 0; i < items; i++) {
        is_known[i] = batch.is_known[i];
        reference[i] = batch.reference[i];
    }
    return put(batch.content, steps * MYNA_CONTENT_IN) &&
           put(batch.speaker, items * MYNA_REFERENCE_STEPS * MYNA_SPEAKER_IN) &&
           put(batch.pitch, steps * MYNA_PITCH_IN) && put(batch.ripple, steps * MYNA_STEP_OUT) &&
           put(batch.noise, steps * code_width) && put(myna_segment_target(maker), steps * MYNA_STEP_OUT) &&
           put(is_known, items) && put(reference, items);
}

int main(int argc, char **argv)
{
    myna_error error = {0};
    end_if(argc != 8 || strtoull(argv[5], NULL, 10) > MOST_ITEMS, "usage: bench_segments CORPUS CACHE_FOLDER SEED GROUP BATCH CODE_WIDTH CODE_NOISE");
    const uint64_t seed = strtoull(argv[3], NULL, 10);
    const int group = atoi(argv[4]);
    const size_t items = strtoull(argv[5], NULL, 10);
    myna_corpus_list list = {0};
    myna_corpus *corpus = NULL;
    end_if(myna_corpus_list_read(&list, argv[1], &error) != MYNA_OK, error.detail);
    const myna_corpus_reader reader = {.read = read_recording};
    end_if(myna_corpus_open(&corpus, list.items, list.n_items, argv[2], &reader, 1, &error) != MYNA_OK, error.detail);

    const float code_noise = strtof(argv[7], NULL);
    myna_segment_source source = {
        .corpus = corpus, .code_width = strtoull(argv[6], NULL, 10), .code_noise = &code_noise};
    static float ripple[MYNA_RIPPLE_ROWS * MYNA_MEL_BANDS];
    myna_mel *mel = NULL;
    end_if(myna_mel_create(&mel, &error) != MYNA_OK || myna_ripple_make(ripple, mel, &error) != MYNA_OK, error.detail);
    myna_layout layout;
    myna_layout_init(&layout, source.code_width);
    float *parameters = calloc(layout.n_parameters, sizeof *parameters);
    end_if(!parameters, "no memory");
    myna_weights weights;
    myna_weights_bind(&weights, &layout, parameters);
    end_if(myna_front_measure(&weights, corpus, mel, &error) != MYNA_OK, error.detail);
    source.mel = mel;
    source.ripple = ripple;
    source.weights = &weights;
    myna_segment_maker *maker = NULL;
    end_if(myna_segment_maker_create(&maker, &source, items, &error) != MYNA_OK, error.detail);
    for (uint64_t number = 0;;) {
        for (size_t i = 0; i < items; i++) myna_segment_make(maker, i, seed, number++, group);
        if (!put_batch(maker, items, source.code_width)) return 0; /* the reader has had enough */
    }
}
