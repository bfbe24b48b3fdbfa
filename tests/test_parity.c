/* Outputs, gradients and ten training steps against the PyTorch twin in scripts/twin, whose results stand in
 * tests/parity/golden.safetensors (or in the file named as argument, as scripts/dump-parity writes it). Parameters and
 * inputs are drawn here as scripts/twin/dump_parity.py draws them. */
#include "testing.h"

#include "model/tensor_file.h"
#include "parameters.h"
#include "pipeline/trainer.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    CODE = 16,
    ITEMS = 3,
    THREADS = 2, /* shares of one item and of two */
    ROWS = ITEMS * MYNA_SEGMENT_STEPS,
    SPEAKER_ROWS = ITEMS * MYNA_REFERENCE_STEPS,
    N_OUT = ROWS * MYNA_STEP_OUT,
    N_TRAINING_STEPS = 10,
    STEP_STRIDE = 21,
    STORED_STEPS = MYNA_SEGMENT_STEPS / STEP_STRIDE + 1,
    SKETCH_SUMS = 8,
    SKETCH = SKETCH_SUMS + 1,
    MAX_TENSORS = MYNA_MAX_TENSORS,
};
static const uint64_t parameter_seed = 1, change_seed = 2, input_seed = 3;
static const float training_rate = 0.3f;

/* One item does without a reference, and of one nobody knows who speaks. */
static const bool reference[ITEMS] = {true, false, true}, is_known[ITEMS] = {true, true, false};

static const char *golden_path = MYNA_GOLDEN;

typedef struct fixture {
    myna_mapping mapping;
    myna_tensor_file golden;
    myna_trainer *trainer;
    size_t n_trained; /* tensors */
    float *initial;   /* [n_parameters] */
    float content[ROWS * MYNA_CONTENT_IN], speaker[SPEAKER_ROWS * MYNA_SPEAKER_IN], pitch[ROWS * MYNA_PITCH_IN];
    float ripple[N_OUT], noise[ROWS * CODE], target[N_OUT];
} fixture;

/* ---- What both sides draw ------------------------------------------------------------------------------------------
 */

static void draw_parameters(float *flat, const myna_layout *layout)
{
    myna_parameters_init(flat, layout, parameter_seed);
    for (size_t i = 0; i < layout->n_tensors; i++) {
        const myna_tensor *t = &layout->tensors[i];
        bool constant = t->init == MYNA_INIT_ZERO || t->init == MYNA_INIT_ONE || t->init == MYNA_INIT_GAIN;
        float *x = flat + t->offset, start = t->init == MYNA_INIT_GAIN ? 0.5f : x[0];
        myna_rng rng = myna_rng_seed(change_seed, i);
        for (size_t j = 0; constant && j < t->size; j++) x[j] = start + 0.1f * myna_rng_normal(&rng);
    }
}

static void draw_normal(float *x, size_t n, float scale, uint64_t stream)
{
    myna_rng rng = myna_rng_seed(input_seed, stream);
    for (size_t i = 0; i < n; i++) x[i] = scale * myna_rng_normal(&rng);
}

/* 100, 200 or 300, never the same in two frames running, negative in odd bands: see dump_parity.py. */
static void draw_target(float *target, uint64_t stream)
{
    myna_rng rng = myna_rng_seed(input_seed, stream);
    for (size_t item = 0; item < ITEMS; item++) {
        uint32_t level[MYNA_MEL_BANDS] = {0};
        for (size_t k = 0; k < MYNA_SEGMENT_FRAMES; k++)
            for (size_t b = 0; b < MYNA_MEL_BANDS; b++) {
                level[b] = (level[b] + 1 + myna_rng_next(&rng) % 2) % 3;
                float size = 100.0f + 100.0f * (float)level[b];
                *target++ = b % 2 ? -size : size;
            }
    }
}

/* ---- Setting up
 * ------------------------------------------------------------------------------------------------------ */

static int open_golden(fixture *f)
{
    myna_error error = {0};
    myna_status status = myna_file_map(&f->mapping, golden_path, &error);
    if (status == MYNA_OK)
        status = myna_tensor_file_parse(&f->golden, f->mapping.data, f->mapping.size, "myna-parity", &error);
    if (status != MYNA_OK) fprintf(stderr, "%s: %s\n", golden_path, error.detail);
    return status != MYNA_OK;
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    if (!f || open_golden(f)) return 1;
    draw_normal(f->content, ROWS * MYNA_CONTENT_IN, 1, 0);
    draw_normal(f->speaker, SPEAKER_ROWS * MYNA_SPEAKER_IN, 1, 1);
    draw_normal(f->pitch, ROWS * MYNA_PITCH_IN, 0.5f, 2);
    draw_normal(f->ripple, N_OUT, 1, 3);
    draw_normal(f->noise, ROWS * CODE, 0.1f, 4);
    draw_target(f->target, 5);
    myna_train_options options;
    myna_train_options_init(&options);
    options.batch = ITEMS;
    options.n_threads = THREADS;
    options.code_width = CODE;
    options.rate = training_rate;
    options.single_precision = true;
    if (myna_trainer_allocate(&f->trainer, NULL, &options, NULL) != MYNA_OK) return 1;
    const myna_layout *layout = &f->trainer->layout;
    for (size_t i = 0; i < layout->n_tensors; i++) f->n_trained += myna_tensor_is_trained(&layout->tensors[i]);
    f->initial = calloc(layout->n_parameters, sizeof(float));
    if (!f->initial) return 1;
    draw_parameters(f->initial, layout);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    myna_trainer_free(f->trainer);
    myna_tensor_file_free(&f->golden);
    myna_file_unmap(&f->mapping);
    free(f->initial);
    free(f);
    return 0;
}

/* Back to the beginning: parameters, average, moments, step. */
static void restart(fixture *f)
{
    myna_trainer *t = f->trainer;
    size_t size = t->layout.n_parameters * sizeof(float);
    memcpy(t->parameters, f->initial, size);
    memcpy(t->average, f->initial, size);
    memset(t->moment1, 0, size);
    memset(t->moment2, 0, size);
    t->n_done = 0;
}

/* A worker's share of the batch. */
static myna_batch share(const fixture *f, const worker *w)
{
    size_t row = w->first_item * MYNA_SEGMENT_STEPS, speaker_row = w->first_item * MYNA_REFERENCE_STEPS;
    return (myna_batch){f->content + row * MYNA_CONTENT_IN, f->speaker + speaker_row * MYNA_SPEAKER_IN,
        f->pitch + row * MYNA_PITCH_IN, f->ripple + row * MYNA_STEP_OUT, f->noise + row * CODE,
        is_known + w->first_item, reference + w->first_item, NULL};
}

static void compute_gradients(fixture *f, myna_latency latency)
{
    for (int i = 0; i < THREADS; i++) {
        worker *w = &f->trainer->workers[i];
        myna_batch batch = share(f, w);
        const float *target = f->target + w->first_item * MYNA_SEGMENT_STEPS * MYNA_STEP_OUT;
        myna_worker_gradients(f->trainer, w, &batch, target, latency);
    }
}

/* ---- Comparing
 * --------------------------------------------------------------------------------------------------------- */

/* The tensor "group.name" of the golden file, size[0] x size[1] x size[2] (zeros: fewer dimensions). Free it. */
static float *golden(const fixture *f, const char *group, const char *name, size_t a, size_t b, size_t c)
{
    char full[MYNA_NAME_SIZE];
    size_t dims[3] = {a, b, c};
    int n_dims = 1 + (b > 0) + (c > 0);
    float *values = malloc(a * (b ? b : 1) * (c ? c : 1) * sizeof *values);
    myna_error error = {0};
    assert_non_null(values);
    snprintf(full, sizeof full, "%s.%s", group, name);
    if (myna_tensor_read(values, &f->golden, full, n_dims, dims, &error) != MYNA_OK) fail_msg("%s", error.detail);
    return values;
}

/* Sums of (x - base) with the signs of 8 hash bits of (index, number), then the norm; base NULL: zeros. */
static void make_sketch(double out[SKETCH], const float *x, const float *base, size_t n, uint32_t number)
{
    double squares = 0;
    memset(out, 0, SKETCH * sizeof *out);
    for (size_t i = 0; i < n; i++) {
        uint32_t h = (uint32_t)i * 0x9e3779b1u ^ number * 0x85ebca6bu;
        h = (h ^ (h >> 16)) * 0x85ebca6bu;
        h = (h ^ (h >> 13)) * 0xc2b2ae35u;
        h ^= h >> 16;
        double value = (double)x[i] - (base ? (double)base[i] : 0.0);
        for (int bit = 0; bit < SKETCH_SUMS; bit++) out[bit] += (h >> bit) & 1 ? value : -value;
        squares += value * value;
    }
    out[SKETCH_SUMS] = sqrt(squares);
}

/* The root mean square of the sums' differences estimates the norm of the tensors' difference; relative to the golden
 * norm. */
static double sketch_error(const double got[SKETCH], const float wanted[SKETCH])
{
    double squares = 0, norm = (double)wanted[SKETCH_SUMS];
    for (int i = 0; i < SKETCH_SUMS; i++) squares += pow(got[i] - (double)wanted[i], 2) / SKETCH_SUMS;
    double error = fmax(sqrt(squares), fabs(got[SKETCH_SUMS] - (double)wanted[SKETCH_SUMS])) / norm;
    return isfinite(error) ? error : INFINITY;
}

/* Every trained tensor of flat - base against the golden [n_trained][SKETCH]; but not biases that a softmax or an
 * instance normalisation takes away: their gradients are rounding, and AdamW makes full steps of it. */
static void compare_tensors(
    const fixture *f, const char *group, const char *name, const float *flat, const float *base, double tolerance)
{
    float *wanted = golden(f, group, name, f->n_trained, SKETCH, 0);
    double worst = 0;
    int n_bad = 0;
    const char *worst_name = "";
    for (size_t i = 0; i < f->n_trained; i++) {
        const myna_tensor *t = &f->trainer->layout.tensors[i];
        double got[SKETCH];
        if (!has_influence(t->name)) continue;
        make_sketch(got, flat + t->offset, base ? base + t->offset : NULL, t->size, (uint32_t)i);
        double error = sketch_error(got, wanted + i * SKETCH);
        if (error > worst) worst = error, worst_name = t->name;
        if (error <= tolerance) continue;
        fprintf(stderr, "%s.%s of %s is off by %.1e\n", group, name, t->name, error);
        n_bad++;
    }
    print_message("%s.%s: at most %.1e off (%s)\n", group, name, worst, worst_name);
    free(wanted);
    assert_int_equal(n_bad, 0);
}

/* ---- Tests
 * --------------------------------------------------------------------------------------------------------------- */

static void tensors_are_the_same(void **state)
{
    const fixture *f = *state;
    const char *rest = myna_fact_find(&f->golden.facts, "tensors");
    assert_non_null(rest);
    for (size_t i = 0; i < f->n_trained; i++) {
        const char *name = f->trainer->layout.tensors[i].name;
        size_t length = strlen(name);
        assert_memory_equal(rest, name, length);
        rest += length;
        assert_int_equal(*rest, i + 1 < f->n_trained ? ' ' : '\0');
        rest++;
    }
}

static void outputs_agree(void **state)
{
    fixture *f = *state;
    restart(f);
    for (int latency = 0; myna_latency_names[latency]; latency++) {
        float *wanted = golden(f, myna_latency_names[latency], "out", ITEMS, STORED_STEPS, MYNA_STEP_OUT);
        float *wanted_sketch = golden(f, myna_latency_names[latency], "out_sketch", ITEMS, SKETCH, 0);
        for (int i = 0; i < THREADS; i++) {
            const worker *w = &f->trainer->workers[i];
            myna_batch batch = share(f, w);
            const float *out = myna_network_forward(w->network, &f->trainer->weights, &batch, (myna_latency)latency);
            for (size_t k = 0; k < w->n_items; k++) {
                const float *item_out = out + k * MYNA_SEGMENT_STEPS * MYNA_STEP_OUT;
                size_t item = w->first_item + k;
                double sketch[SKETCH];
                make_sketch(sketch, item_out, NULL, MYNA_SEGMENT_STEPS * MYNA_STEP_OUT, (uint32_t)item);
                assert_below(sketch_error(sketch, wanted_sketch + item * SKETCH), 1e-4);
                for (size_t step = 0; step < STORED_STEPS; step++)
                    assert_below(error_db(item_out + step * STEP_STRIDE * MYNA_STEP_OUT,
                                     wanted + (item * STORED_STEPS + step) * MYNA_STEP_OUT, MYNA_STEP_OUT),
                        -80);
            }
        }
        free(wanted);
        free(wanted_sketch);
    }
}

static void gradients_agree(void **state)
{
    fixture *f = *state;
    worker *workers = f->trainer->workers;
    restart(f);
    for (int latency = 0; myna_latency_names[latency]; latency++) {
        float *wanted = golden(f, myna_latency_names[latency], "loss", 2, 0, 0);
        compute_gradients(f, (myna_latency)latency);
        assert_near(workers[0].loss + workers[1].loss, wanted[0], 1e-5 * (double)wanted[0]);
        assert_near(workers[0].parts[0] + workers[1].parts[0], wanted[1], 1e-5 * (double)wanted[1]);
        myna_accumulate(workers[0].gradients, workers[1].gradients, f->trainer->layout.n_trained);
        compare_tensors(f, myna_latency_names[latency], "gradients", workers[0].gradients, NULL, 1e-4);
        free(wanted);
    }
}

/* Rounding to 8 bits is seen, and that it is no more than that. */
static void rounded_gradients_agree_roughly(void **state)
{
    fixture *f = *state;
    worker *workers = f->trainer->workers;
    if (!myna_bfloat_is_fast()) skip();
    restart(f);
    compute_gradients(f, MYNA_LATENCY_LOW);
    double exact = myna_sum_of_squares(workers[0].gradients, f->trainer->layout.n_trained);
    for (int i = 0; i < THREADS; i++) {
        workers[i].rounding = myna_bfloat_create();
        assert_non_null(workers[i].rounding);
    }
    compute_gradients(f, MYNA_LATENCY_LOW);
    for (int i = 0; i < THREADS; i++) {
        myna_bfloat_free(workers[i].rounding);
        workers[i].rounding = NULL;
    }
    double rounded = myna_sum_of_squares(workers[0].gradients, f->trainer->layout.n_trained);
    assert_true(fabs(rounded / exact - 1) > 1e-5);
    myna_accumulate(workers[0].gradients, workers[1].gradients, f->trainer->layout.n_trained);
    compare_tensors(f, myna_latency_names[0], "gradients", workers[0].gradients, NULL, 0.05);
}

/* AdamW's first steps go by the sign of each gradient, and rounding decides the sign of the smallest. */
static void ten_steps_agree(void **state)
{
    fixture *f = *state;
    float *wanted = golden(f, "steps", "report", N_TRAINING_STEPS, 4, 0);
    int n_clipped = 0;
    restart(f);
    for (size_t i = 0; i < N_TRAINING_STEPS; i++) {
        myna_train_report report;
        const float *row = wanted + 4 * i;
        compute_gradients(f, (myna_latency)(i % 3));
        assert_ok(myna_trainer_update(f->trainer, &report, NULL));
        assert_near(report.loss, row[0], 1e-4 * (double)row[0]);
        assert_near(report.l1, row[1], 1e-4 * (double)row[1]);
        assert_near(report.gradient_norm, row[2], 1e-4 * (double)row[2]);
        assert_near(report.rate, row[3], 1e-6 * (double)row[3]);
        n_clipped += report.gradient_norm > 1;
    }
    assert_in_range(n_clipped, 1, N_TRAINING_STEPS - 1); /* both sides of the limit were seen */
    free(wanted);
    compare_tensors(f, "steps", "parameters", f->trainer->parameters, f->initial, 1e-4);
    compare_tensors(f, "steps", "average", f->trainer->average, f->initial, 1e-4);
}

int main(int argc, char **argv)
{
    if (argc > 1) golden_path = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_are_the_same),
        cmocka_unit_test(outputs_agree),
        cmocka_unit_test(gradients_agree),
        cmocka_unit_test(rounded_gradients_agree_roughly),
        cmocka_unit_test(ten_steps_agree),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
