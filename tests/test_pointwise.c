/* Layers that work element by element, and the approximations inside them. */
#include "layer_fixture.h"
#include "nn/approx.h"

/* ---- Element-wise ---- */

enum { N_POINTS = 1001 }; /* not a multiple of any vector or block */

static void gelu(layer *l)
{
    myna_gelu_forward(l->out, l->in, N_POINTS);
}

static void tangent(layer *l)
{
    myna_tanh_forward(l->out, l->in, N_POINTS);
}

static layer make_points(void (*forward)(layer *))
{
    layer l = make_layer(forward, N_POINTS);
    l.in = array_random(N_POINTS);
    for (size_t i = 0; i < N_POINTS; i++) l.in[i] *= 2.0f;
    return l;
}

static void approximations_match_libm(void **state)
{
    (void)state;
    for (float x = -60.0f; x <= 60.0f; x += 0.013f)
        assert_true(fabs((double)myna_exp_approx(x) / exp((double)x) - 1.0) < 3e-7);
    layer g = make_points(gelu), t = make_points(tangent);
    for (size_t i = 0; i < N_POINTS; i++) g.in[i] = t.in[i] = 0.03f * ((float)i - 500.0f);
    t.in[1] = 1e-6f;
    t.in[2] = -INFINITY;
    t.in[3] = g.in[3] = NAN;
    g.forward(&g);
    t.forward(&t);
    assert_true(isnan(t.out[3]) && isnan(g.out[3]));
    t.in[3] = t.out[3] = g.in[3] = g.out[3] = 0.0f;
    for (size_t i = 0; i < N_POINTS; i++) {
        const double x = (double)g.in[i], u = sqrt(2.0 / acos(-1.0)) * (x + 0.044715 * x * x * x);
        assert_close(t.out[i], tanh((double)t.in[i]), 0.0);
        assert_close(g.out[i], 0.5 * x * (1.0 + tanh(u)), 0.1);
    }
}

static void gelu_may_work_in_place(void **state)
{
    (void)state;
    layer l = make_points(gelu);
    l.forward(&l);
    myna_gelu_forward(l.in, l.in, N_POINTS);
    assert_memory_equal(l.in, l.out, N_POINTS * sizeof *l.in);
}

static void gelu_backward_matches_differences(void **state)
{
    (void)state;
    layer l = make_points(gelu);
    float *out = array_of(N_POINTS, NAN), *slope = array(N_POINTS), *din = array(N_POINTS);
    memcpy(slope, l.in, N_POINTS * sizeof *slope);
    memcpy(din, l.projection, N_POINTS * sizeof *din);
    l.forward(&l);
    myna_gelu_forward_slope(out, slope, N_POINTS);
    for (size_t i = 0; i < N_POINTS; i++) assert_close(out[i], (double)l.out[i], 0.0);
    myna_gelu_backward(din, slope, N_POINTS);
    assert_input_gradient(&l, l.in, din, N_POINTS);
}

static void tanh_backward_matches_differences(void **state)
{
    (void)state;
    layer l = make_points(tangent);
    float *din = array_of(N_POINTS, NAN), *in_place = array(N_POINTS), *out_in_place = array(N_POINTS);
    l.forward(&l);
    memcpy(in_place, l.projection, N_POINTS * sizeof *in_place);
    memcpy(out_in_place, l.in, N_POINTS * sizeof *out_in_place);
    myna_tanh_forward(out_in_place, out_in_place, N_POINTS);
    assert_memory_equal(out_in_place, l.out, N_POINTS * sizeof *out_in_place);
    myna_tanh_backward(din, l.projection, l.out, N_POINTS);
    myna_tanh_backward(in_place, in_place, l.out, N_POINTS);
    assert_memory_equal(in_place, din, N_POINTS * sizeof *din);
    assert_input_gradient(&l, l.in, din, N_POINTS);
}

/* ---- Scaled residual ---- */

static void residual(layer *l)
{
    myna_residual_forward(l->out, l->in, l->second, l->weight, ROWS, CHANNELS);
}

static void residual_matches_twin_and_differences(void **state)
{
    (void)state;
    const size_t n = ROWS * CHANNELS;
    layer l = make_layer(residual, n);
    l.in = array_random(n);
    l.second = array_random(n);
    l.weight = array_random(CHANNELS);
    l.forward(&l);
    for (size_t i = 0; i < n; i++)
        assert_close(l.out[i], (double)l.in[i] + (double)l.weight[i % CHANNELS] * (double)l.second[i], 1.0);
    float *dy = array_of(n, NAN), *dgain = array_of(CHANNELS, 1.0f);
    myna_residual_backward(dy, dgain, l.projection, l.second, l.weight, ROWS, CHANNELS);
    assert_input_gradient(&l, l.second, dy, n);
    assert_input_gradient(&l, l.in, l.projection, n);
    assert_weight_gradient(&l, l.weight, dgain, CHANNELS);
}

/* ---- Harmonic gate ---- */

enum { GROUP = 3, N_GATES = 5, GATED = GROUP * N_GATES };

static void gate(layer *l)
{
    myna_gate_forward(l->out, l->in, l->weight, l->second, ROWS, GATED, N_GATES);
}

static void gate_matches_twin_and_differences(void **state)
{
    (void)state;
    const size_t n = ROWS * GATED;
    layer l = make_layer(gate, n);
    l.in = array_random(n);
    l.second = array_random(n);
    l.weight = array_random(ROWS * N_GATES);
    l.forward(&l);
    for (size_t i = 0; i < n; i++) {
        const double factor = 1.5 / (1.0 + exp(-(double)l.weight[i / GROUP]));
        assert_close(l.out[i], (double)l.in[i] + factor * (double)l.second[i], 1.0);
    }
    float *dgate = array_of(ROWS * N_GATES, NAN), *in_place = array(n);
    myna_gate_backward(dgate, l.projection, l.weight, l.second, ROWS, GATED, N_GATES);
    memcpy(in_place, l.in, n * sizeof *in_place);
    myna_gate_forward(in_place, in_place, l.weight, l.second, ROWS, GATED, N_GATES);
    assert_memory_equal(in_place, l.out, n * sizeof *in_place);
    assert_input_gradient(&l, l.weight, dgate, ROWS * N_GATES);
    assert_input_gradient(&l, l.in, l.projection, n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAYER_TEST(approximations_match_libm),
        LAYER_TEST(gelu_may_work_in_place),
        LAYER_TEST(gelu_backward_matches_differences),
        LAYER_TEST(tanh_backward_matches_differences),
        LAYER_TEST(residual_matches_twin_and_differences),
        LAYER_TEST(gate_matches_twin_and_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
