/* What the tests of layers share: small odd shapes, arrays freed after each test, and the comparison of a layer's
 * backward with central differences of a random projection of its forward. Input gradients start as NaN (they must
 * be overwritten), weight gradients as one (they must be added to). */
#ifndef MYNA_TESTS_LAYER_FIXTURE_H
#define MYNA_TESTS_LAYER_FIXTURE_H

#include "nn/layers.h"

#include "base/rng.h"
#include "gradient.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ITEMS = 2, STEPS = 7, CHANNELS = 37, ROWS = ITEMS * STEPS, MAX_ARRAYS = 32 };

/* What a forward reads and writes; each test fills in what its layer has. */
typedef struct layer {
    void (*forward)(struct layer *);
    float *in, *second, *weight, *bias, *out, *kept;
    const float *projection;
    size_t n_out;
    myna_conv_shape shape;
} layer;

static myna_rng rng;
static void *owned[MAX_ARRAYS];
static size_t n_owned;

static inline float *array(size_t n)
{
    assert_true(n_owned < MAX_ARRAYS);
    float *x = malloc(n * sizeof *x);
    assert_non_null(x);
    owned[n_owned++] = x;
    return x;
}

static inline float *array_of(size_t n, float value)
{
    float *x = array(n);
    for (size_t i = 0; i < n; i++) x[i] = value;
    return x;
}

static inline float *array_random(size_t n)
{
    float *x = array(n);
    for (size_t i = 0; i < n; i++) x[i] = myna_rng_normal(&rng);
    return x;
}

static inline int setup(void **state)
{
    (void)state;
    rng = myna_rng_seed(7, 0);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    while (n_owned > 0) free(owned[--n_owned]);
    return 0;
}

static inline double projected(void *context)
{
    layer *l = context;
    l->forward(l);
    double sum = 0.0;
    for (size_t i = 0; i < l->n_out; i++) sum += (double)l->out[i] * (double)l->projection[i];
    return sum;
}

static inline layer make_layer(void (*forward)(layer *), size_t n_out)
{
    return (layer){.forward = forward, .out = array_of(n_out, NAN), .projection = array_random(n_out), .n_out = n_out};
}

static inline void assert_close(float actual, double expected, double scale)
{
    assert_true(fabs((double)actual - expected) <= 2e-6 * (scale + fabs(expected)));
}

static inline void assert_input_gradient(layer *l, float *values, const float *gradient, size_t n)
{
    assert_true(gradient_matches("input", gradient_compare(projected, l, values, gradient, n, 1, 1e-2f)));
}

/* `gradient` had started as one. */
static inline void assert_weight_gradient(layer *l, float *values, float *gradient, size_t n)
{
    for (size_t i = 0; i < n; i++) gradient[i] -= 1.0f;
    assert_true(gradient_matches("weight", gradient_compare(projected, l, values, gradient, n, 1, 1e-2f)));
}

#define LAYER_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

#endif
