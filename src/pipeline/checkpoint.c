#include "base/status.h"
#include "model/model.h"
#include "pipeline/trainer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool add_facts(myna_facts *all, const char *const (*facts)[2], size_t n_facts)
{
    bool good = true;
    for (size_t i = 0; i < n_facts && good; i++) good = myna_fact_set(all, facts[i][0], "%s", facts[i][1]);
    return good;
}

/* ---- Models ---------------------------------------------------------------------------------------------------------- */

myna_status myna_trainer_save_model(
    myna_trainer *t, const char *path, const char *const (*facts)[2], size_t n_facts, myna_error *error)
{
    if (!t || !path || (n_facts > 0 && !facts)) return myna_fail(error, MYNA_ERROR_ARGUMENT, "no model to save");
    myna_trainer_measure_content(t);
    myna_corpus_facts corpus = myna_corpus_describe(t->corpus);
    myna_facts all = {0};
    bool good = myna_fact_set(&all, "training.steps", "%llu", (unsigned long long)t->n_done) &&
                myna_fact_set(&all, "training.segments", "%llu", (unsigned long long)t->n_done * (unsigned)t->options.batch) &&
                myna_fact_set(&all, "training.batch", "%d", t->options.batch) &&
                myna_fact_set(&all, "training.seed", "%llu", (unsigned long long)t->options.seed) &&
                myna_fact_set(&all, "training.rate", "%g", (double)t->options.rate) &&
                myna_fact_set(&all, "training.code_noise", "%g", (double)t->options.code_noise) &&
                myna_fact_set(&all, "training.self_conversion", "%g", (double)t->options.self_conversion) &&
                myna_fact_set(&all, "training.conversions", "%g", (double)t->options.conversions) &&
                myna_fact_set(&all, "corpus.hours", "%.2f", corpus.hours) &&
                myna_fact_set(&all, "corpus.speakers", "%zu", corpus.n_speakers) &&
                myna_fact_set(&all, "corpus.phone_hours", "%.2f", corpus.phone_hours) &&
                myna_fact_set(&all, "corpus.key", "%s", corpus.key) && add_facts(&all, facts, n_facts);
    myna_status status = good ? myna_model_write(path, &t->layout, t->average, &all, true, error)
                              : myna_fail(error, MYNA_ERROR_MEMORY, "no memory for facts");
    myna_facts_free(&all);
    return status;
}

/* ---- Checkpoints ------------------------------------------------------------------------------------------------------- */

/* The sets of parameters a checkpoint holds, each under its prefix. */
typedef struct parameter_set {
    const char *prefix;
    float *values;
} parameter_set;
enum { MAX_SETS = 5 };

static size_t list_sets(parameter_set sets[MAX_SETS], const myna_trainer *t)
{
    sets[0] = (parameter_set){"parameters.", t->parameters};
    sets[1] = (parameter_set){"average.", t->average};
    sets[2] = (parameter_set){"moment1.", t->moment1};
    sets[3] = (parameter_set){"moment2.", t->moment2};
    sets[4] = (parameter_set){"judge.", t->judge.parameters};
    return t->judge.parameters ? MAX_SETS : MAX_SETS - 1;
}

/* What learns beside the model, as plain rows: those whose values are NULL are not there. */
typedef struct learned_row {
    const char *name;
    float *values;
    size_t n;
} learned_row;
enum { N_PHONE_ROWS = 3, N_ROWS = 9 }; /* those of the reader of phones come first */

static void list_rows(learned_row rows[N_ROWS], const myna_trainer *t)
{
    const myna_phone_reader *phones = &t->phones, *heard = &t->judge.phones;
    const size_t begin = t->judge.ear_begin, n_ear = t->judge.ear_end - begin;
    const bool judges = t->judge.parameters != NULL;
    const learned_row all[N_ROWS] = {
        {"phones.parameters", phones->parameters, phones->n_parameters},
        {"phones.moment1", phones->moment1, phones->n_parameters},
        {"phones.moment2", phones->moment2, phones->n_parameters},
        {"judge_phones.parameters", heard->parameters, heard->n_parameters},
        {"judge_phones.moment1", heard->moment1, heard->n_parameters},
        {"judge_phones.moment2", heard->moment2, heard->n_parameters},
        {"ear.parameters", judges ? t->judge.ear + begin : NULL, n_ear},
        {"ear.moment1", judges ? t->judge.ear_moment1 + begin : NULL, n_ear},
        {"ear.moment2", judges ? t->judge.ear_moment2 + begin : NULL, n_ear},
    };
    memcpy(rows, all, sizeof all);
}

static size_t add_rows(myna_tensor_source *sources, const myna_trainer *t)
{
    learned_row rows[N_ROWS];
    size_t n = 0;
    list_rows(rows, t);
    for (int i = 0; i < N_ROWS; i++)
        if (rows[i].values)
            sources[n++] = (myna_tensor_source){
                .name = rows[i].name, .dtype = MYNA_F32, .n_dims = 1, .dims = {rows[i].n}, .data = rows[i].values};
    return n;
}

/* A checkpoint from before there were phones has none of their reader's rows: it then starts anew. */
static myna_status read_rows(const myna_trainer *t, const myna_tensor_file *file, myna_error *error)
{
    learned_row rows[N_ROWS];
    myna_status status = MYNA_OK;
    list_rows(rows, t);
    for (int i = myna_tensor_find(file, rows[0].name) ? 0 : N_PHONE_ROWS; i < N_ROWS && status == MYNA_OK; i++)
        if (rows[i].values)
            status = myna_tensor_read(rows[i].values, file, rows[i].name, 1, &rows[i].n, error);
    return status;
}

static bool set_facts(myna_facts *facts, const myna_trainer *t)
{
    const myna_train_options *o = &t->options;
    return myna_fact_set(facts, "step", "%llu", (unsigned long long)t->n_done) &&
           myna_fact_set(facts, "n_steps", "%llu", (unsigned long long)o->n_steps) &&
           myna_fact_set(facts, "seed", "%llu", (unsigned long long)o->seed) &&
           myna_fact_set(facts, "batch", "%d", o->batch) && myna_fact_set(facts, "threads", "%d", o->n_threads) &&
           myna_fact_set(facts, "code_width", "%d", o->code_width) &&
           myna_fact_set(facts, "code_noise", "%a", (double)o->code_noise) &&
           myna_fact_set(facts, "phone_weight", "%a", (double)o->phone_weight) &&
           myna_fact_set(facts, "rate", "%a", (double)o->rate) &&
           myna_fact_set(facts, "single_precision", "%d", o->single_precision) &&
           myna_fact_set(facts, "self_conversion", "%a", (double)o->self_conversion) &&
           myna_fact_set(facts, "self_conversion_after", "%llu", (unsigned long long)o->self_conversion_after) &&
           myna_fact_set(facts, "conversions", "%a", (double)o->conversions) &&
           myna_fact_set(facts, "corpus.phone_hours", "%g", t->corpus->facts.phone_hours) &&
           myna_fact_set(facts, "corpus.key", "%s", t->corpus->facts.key);
}

myna_status myna_trainer_save_checkpoint(
    const myna_trainer *t, const char *path, const char *const (*facts)[2], size_t n_facts, myna_error *error)
{
    if (!t || !path) return myna_fail(error, MYNA_ERROR_ARGUMENT, "no trainer to save");
    enum { NAME = 96 };
    parameter_set sets[MAX_SETS];
    size_t n = t->layout.n_tensors * list_sets(sets, t);
    myna_tensor_source *sources = calloc(n + N_ROWS, sizeof *sources);
    char(*names)[NAME] = calloc(n, sizeof *names);
    myna_facts all = {0};
    myna_status status = MYNA_OK;
    if (!sources || !names || !set_facts(&all, t) || !add_facts(&all, facts, n_facts))
        status = myna_fail(error, MYNA_ERROR_MEMORY, "no memory for facts");
    for (size_t i = 0; i < n && status == MYNA_OK; i++) {
        const parameter_set *set = &sets[i / t->layout.n_tensors];
        const myna_tensor *tensor = &t->layout.tensors[i % t->layout.n_tensors];
        snprintf(names[i], NAME, "%s%s", set->prefix, tensor->name);
        sources[i] = (myna_tensor_source){.name = names[i],
            .dtype = MYNA_F32,
            .n_dims = tensor->n_dims,
            .dims = {tensor->dims[0], tensor->dims[1]},
            .data = set->values + tensor->offset};
    }
    if (status == MYNA_OK) n += add_rows(sources + n, t);
    if (status == MYNA_OK) status = myna_tensor_file_write(path, "myna-checkpoint", sources, n, &all, error);
    myna_facts_free(&all);
    free(sources);
    free(names);
    return status;
}

static const char *fact(const myna_tensor_file *file, const char *key)
{
    const char *value = myna_fact_find(&file->facts, key);
    return value ? value : "";
}

static bool read_options(myna_train_options *o, uint64_t *n_done, const myna_tensor_file *file)
{
    *o = (myna_train_options){.n_steps = strtoull(fact(file, "n_steps"), NULL, 10),
        .seed = strtoull(fact(file, "seed"), NULL, 10),
        .batch = atoi(fact(file, "batch")),
        .n_threads = atoi(fact(file, "threads")),
        .code_width = atoi(fact(file, "code_width")),
        .single_precision = atoi(fact(file, "single_precision")) != 0,
        .self_conversion_after = strtoull(fact(file, "self_conversion_after"), NULL, 10)};
    *n_done = strtoull(fact(file, "step"), NULL, 10);
    const myna_facts *facts = &file->facts;
    return myna_fact_float(&o->code_noise, facts, "code_noise") && myna_fact_float(&o->phone_weight, facts, "phone_weight") &&
           myna_fact_float(&o->rate, facts, "rate") && myna_fact_float(&o->self_conversion, facts, "self_conversion") &&
           myna_fact_float(&o->conversions, facts, "conversions");
}

static myna_status resume(
    myna_trainer **out, myna_corpus *corpus, const myna_tensor_file *file, int n_threads, myna_error *error)
{
    myna_train_options options;
    uint64_t n_done;
    if (!read_options(&options, &n_done, file)) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for facts");
    if (n_threads) options.n_threads = n_threads;
    myna_trainer *t = NULL;
    myna_status status = myna_trainer_allocate(&t, corpus, &options, error);
    if (status != MYNA_OK) return status;
    parameter_set sets[MAX_SETS];
    const size_t n_sets = list_sets(sets, t);
    for (size_t i = 0; i < n_sets && status == MYNA_OK; i++)
        status = myna_parameters_read(sets[i].values, &t->layout, file, sets[i].prefix, error);
    if (status == MYNA_OK) status = read_rows(t, file, error);
    t->n_done = n_done;
    if (status == MYNA_OK && !myna_facts_copy(&t->facts, &file->facts))
        status = myna_fail(error, MYNA_ERROR_MEMORY, "no memory for facts");
    if (status == MYNA_OK) *out = t;
    else myna_trainer_free(t);
    return status;
}

const char *myna_trainer_fact(const myna_trainer *trainer, const char *key)
{
    return myna_fact_find(&trainer->facts, key);
}

myna_status myna_trainer_resume(
    myna_trainer **out, myna_corpus *corpus, const char *checkpoint, int n_threads, myna_error *error)
{
    if (!out || !corpus || !checkpoint) return myna_fail(error, MYNA_ERROR_ARGUMENT, "no checkpoint to go on from");
    myna_mapping mapping = {0};
    myna_tensor_file file = {0};
    myna_status status = myna_file_map(&mapping, checkpoint, error);
    if (status != MYNA_OK) return status;
    status = myna_tensor_file_parse(&file, mapping.data, mapping.size, "myna-checkpoint", error);
    if (status == MYNA_OK) {
        status = resume(out, corpus, &file, n_threads, error);
        myna_tensor_file_free(&file);
    }
    myna_file_unmap(&mapping);
    return status == MYNA_OK ? status : myna_fail_in(error, status, checkpoint);
}
