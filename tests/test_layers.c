/* Linear, depthwise convolution, layer normalisation, pooling. */
#include "layer_fixture.h"
#include "nn/gemm.h"

/* ---- Linear ---- */

enum { OUTPUTS = 21 };

static void linear(layer *l)
{
    myna_linear_forward(l->out, l->in, l->weight, l->bias, ROWS, OUTPUTS, CHANNELS);
}

static layer make_linear(void)
{
    layer l = make_layer(linear, ROWS * OUTPUTS);
    l.in = array_random(ROWS * CHANNELS);
    l.weight = array_random(OUTPUTS * CHANNELS);
    l.bias = array_random(OUTPUTS);
    return l;
}

static void linear_forward_matches_twin(void **state)
{
    (void)state;
    layer l = make_linear();
    l.forward(&l);
    for (size_t i = 0; i < l.n_out; i++) {
        double sum = (double)l.bias[i % OUTPUTS];
        for (size_t c = 0; c < CHANNELS; c++)
            sum += (double)l.in[i / OUTPUTS * CHANNELS + c] * (double)l.weight[i % OUTPUTS * CHANNELS + c];
        assert_close(l.out[i], sum, 5.0);
    }
}

static void linear_backward_matches_differences(void **state)
{
    (void)state;
    layer l = make_linear();
    float *din = array_of(ROWS * CHANNELS, NAN), *dweight = array_of(OUTPUTS * CHANNELS, 1.0f);
    float *dbias = array_of(OUTPUTS, 1.0f);
    myna_linear_backward(din, dweight, dbias, l.projection, l.in, l.weight, ROWS, OUTPUTS, CHANNELS);
    float *dweight_alone = array_of(OUTPUTS * CHANNELS, 1.0f), *dbias_alone = array_of(OUTPUTS, 1.0f);
    myna_linear_backward(NULL, dweight_alone, dbias_alone, l.projection, l.in, l.weight, ROWS, OUTPUTS, CHANNELS);
    assert_memory_equal(dweight_alone, dweight, OUTPUTS * CHANNELS * sizeof *dweight);
    assert_memory_equal(dbias_alone, dbias, OUTPUTS * sizeof *dbias);
    assert_input_gradient(&l, l.in, din, ROWS * CHANNELS);
    assert_weight_gradient(&l, l.weight, dweight, OUTPUTS * CHANNELS);
    assert_weight_gradient(&l, l.bias, dbias, OUTPUTS);
}

/* ---- Depthwise convolution ---- */

static void dwconv(layer *l)
{
    myna_dwconv_forward(l->out, l->in, l->weight, l->bias, l->shape);
}

static double dwconv_twin(const layer *l, size_t item, ptrdiff_t t, size_t c)
{
    const ptrdiff_t steps = (ptrdiff_t)l->shape.steps;
    double sum = (double)l->bias[c];
    for (ptrdiff_t k = 0; k < (l->shape.mute_last ? 4 : 5); k++) {
        const ptrdiff_t from = t + k - 4 + l->shape.ahead;
        if (from < 0 || from >= steps) continue;
        const size_t at = item * (size_t)steps + (size_t)from;
        sum += (double)l->weight[(size_t)k * CHANNELS + c] * (double)l->in[at * CHANNELS + c];
    }
    return sum;
}

static void check_dwconv(myna_conv_shape shape)
{
    const size_t n = shape.items * shape.steps * CHANNELS;
    layer l = make_layer(dwconv, n);
    l.in = array_random(n);
    l.weight = array_random(MYNA_TAPS * CHANNELS);
    l.bias = array_random(CHANNELS);
    l.shape = shape;
    l.forward(&l);
    for (size_t i = 0; i < n; i++) {
        const size_t row = i / CHANNELS;
        const double expected = dwconv_twin(&l, row / shape.steps, (ptrdiff_t)(row % shape.steps), i % CHANNELS);
        assert_close(l.out[i], expected, 2.0);
    }
    const size_t n_live = (MYNA_TAPS - (shape.mute_last ? 1 : 0)) * CHANNELS;
    float *din = array_of(n, 1.0f), *dweight = array_of(MYNA_TAPS * CHANNELS, 1.0f), *dbias = array_of(CHANNELS, 1.0f);
    myna_dwconv_backward(din, dweight, dbias, l.projection, l.in, l.weight, shape);
    for (size_t i = n_live; i < MYNA_TAPS * CHANNELS; i++) assert_true(dweight[i] == 1.0f);
    assert_weight_gradient(&l, l.in, din, n); /* added to as well */
    assert_weight_gradient(&l, l.weight, dweight, n_live);
    assert_weight_gradient(&l, l.bias, dbias, CHANNELS);
    teardown(NULL);
}

static void dwconv_matches_twin_and_differences(void **state)
{
    (void)state;
    const size_t lengths[] = {3, STEPS, 11}; /* also shorter than the taps reach */
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        for (int ahead = 0; ahead <= 2; ahead++) {
            check_dwconv((myna_conv_shape){ITEMS, lengths[i], CHANNELS, ahead, false});
            check_dwconv((myna_conv_shape){ITEMS, lengths[i], CHANNELS, ahead, true});
        }
    }
}

/* ---- Layer normalisation ---- */

static void norm(layer *l)
{
    myna_norm_forward(l->out, l->kept, l->in, l->weight, l->bias, ROWS, CHANNELS);
}

static void film_norm(layer *l)
{
    myna_film_norm_forward(l->out, l->kept, l->in, l->weight, ITEMS, STEPS, CHANNELS);
}

static layer make_norm(void (*forward)(layer *))
{
    layer l = make_layer(forward, ROWS * CHANNELS);
    l.in = array_random(ROWS * CHANNELS);
    l.weight = array_random(ITEMS * 2 * CHANNELS);
    l.bias = array_random(CHANNELS);
    l.kept = array_of(2 * ROWS, NAN);
    return l;
}

static double normalised(const float *row, size_t c)
{
    double mean = 0.0, variance = 0.0;
    for (size_t i = 0; i < CHANNELS; i++) mean += (double)row[i] / CHANNELS;
    for (size_t i = 0; i < CHANNELS; i++) variance += pow((double)row[i] - mean, 2.0) / CHANNELS;
    return ((double)row[c] - mean) / sqrt(variance + 1e-5);
}

static void norm_forwards_match_twin(void **state)
{
    (void)state;
    layer plain = make_norm(norm), film = make_norm(film_norm);
    plain.forward(&plain);
    film.forward(&film);
    for (size_t i = 0; i < ROWS * CHANNELS; i++) {
        const size_t row = i / CHANNELS, c = i % CHANNELS;
        const float *of_item = film.weight + row / STEPS * 2 * CHANNELS;
        const double h_plain = normalised(plain.in + row * CHANNELS, c);
        const double h_film = normalised(film.in + row * CHANNELS, c);
        assert_close(plain.out[i], h_plain * (double)plain.weight[c] + (double)plain.bias[c], 1.0);
        assert_close(film.out[i], h_film * (1.0 + (double)of_item[c]) + (double)of_item[CHANNELS + c], 1.0);
    }
}

/* A constant row has no deviation: the epsilon keeps it finite. */
static void norm_survives_constant_rows(void **state)
{
    (void)state;
    layer l = make_norm(norm);
    for (size_t i = 0; i < ROWS * CHANNELS; i++) l.in[i] = 1000.0f;
    l.forward(&l);
    for (size_t i = 0; i < ROWS * CHANNELS; i++) assert_close(l.out[i], (double)l.bias[i % CHANNELS], 0.1);
}

static void norm_backward_matches_differences(void **state)
{
    (void)state;
    layer l = make_norm(norm);
    l.forward(&l);
    float *din = array_of(l.n_out, NAN), *dscale = array_of(CHANNELS, 1.0f), *dshift = array_of(CHANNELS, 1.0f);
    myna_norm_backward(din, dscale, dshift, l.projection, l.in, l.kept, l.weight, ROWS, CHANNELS);
    assert_input_gradient(&l, l.in, din, l.n_out);
    assert_weight_gradient(&l, l.weight, dscale, CHANNELS);
    assert_weight_gradient(&l, l.bias, dshift, CHANNELS);
}

static void film_norm_backward_matches_differences(void **state)
{
    (void)state;
    layer l = make_norm(film_norm);
    l.forward(&l);
    float *din = array_of(l.n_out, NAN), *dfilm = array_of(ITEMS * 2 * CHANNELS, NAN);
    myna_film_norm_backward(din, dfilm, l.projection, l.in, l.kept, l.weight, ITEMS, STEPS, CHANNELS);
    assert_input_gradient(&l, l.in, din, l.n_out);
    assert_input_gradient(&l, l.weight, dfilm, ITEMS * 2 * CHANNELS);
}

/* ---- Instance normalisation ---- */

static void instance_norm(layer *l)
{
    myna_instance_norm_forward(l->out, l->kept, l->in, ITEMS, STEPS, CHANNELS);
}

static layer make_instance_norm(void)
{
    layer l = make_layer(instance_norm, ROWS * CHANNELS);
    l.in = array_random(ROWS * CHANNELS);
    l.kept = array_of(ITEMS * 2 * CHANNELS, NAN);
    return l;
}

static void instance_norm_forward_matches_twin(void **state)
{
    (void)state;
    layer l = make_instance_norm();
    l.forward(&l);
    for (size_t item = 0; item < ITEMS; item++)
        for (size_t c = 0; c < CHANNELS; c++) {
            const float *in = l.in + item * STEPS * CHANNELS + c, *out = l.out + item * STEPS * CHANNELS + c;
            double mean = 0.0, variance = 0.0;
            for (size_t t = 0; t < STEPS; t++) mean += (double)in[t * CHANNELS] / STEPS;
            for (size_t t = 0; t < STEPS; t++) variance += pow((double)in[t * CHANNELS] - mean, 2.0) / STEPS;
            const double rstd = 1.0 / sqrt(variance + 1e-3);
            for (size_t t = 0; t < STEPS; t++)
                assert_close(out[t * CHANNELS], ((double)in[t * CHANNELS] - mean) * rstd, 1.0);
            assert_close(l.kept[item * 2 * CHANNELS + c], mean, 1.0);
            assert_close(l.kept[(item * 2 + 1) * CHANNELS + c], rstd, 1.0);
        }
    float *in_place = memcpy(array(l.n_out), l.in, l.n_out * sizeof *l.in);
    myna_instance_norm_forward(in_place, l.kept, in_place, ITEMS, STEPS, CHANNELS);
    assert_memory_equal(in_place, l.out, l.n_out * sizeof *in_place);
}

static void instance_norm_backward_matches_differences(void **state)
{
    (void)state;
    layer l = make_instance_norm();
    l.forward(&l);
    float *din = array_of(l.n_out, NAN), *in_place = memcpy(array(l.n_out), l.projection, l.n_out * sizeof *din);
    myna_instance_norm_backward(din, l.projection, l.out, l.kept, ITEMS, STEPS, CHANNELS);
    myna_instance_norm_backward(in_place, in_place, l.out, l.kept, ITEMS, STEPS, CHANNELS);
    assert_memory_equal(in_place, din, l.n_out * sizeof *din);
    assert_input_gradient(&l, l.in, din, l.n_out);
}

/* ---- Attentive statistics pooling ---- */

static void pool(layer *l)
{
    myna_pool_forward(l->out, l->kept, l->in, l->weight, l->bias, ITEMS, STEPS, CHANNELS);
}

static layer make_pool(void)
{
    layer l = make_layer(pool, ITEMS * 2 * CHANNELS);
    l.in = array_random(ROWS * CHANNELS);
    l.weight = array_random(CHANNELS);
    l.bias = array_random(1);
    l.kept = array_of(ROWS, NAN);
    for (size_t c = 0; c < CHANNELS; c++) l.weight[c] *= 0.3f;
    return l;
}

static void pool_forward_matches_twin(void **state)
{
    (void)state;
    layer l = make_pool();
    l.forward(&l);
    for (size_t item = 0; item < ITEMS; item++) {
        double weight[STEPS], sum = 0.0;
        const float *in = l.in + item * STEPS * CHANNELS, *out = l.out + item * 2 * CHANNELS;
        for (size_t t = 0; t < STEPS; t++) {
            double score = (double)l.bias[0];
            for (size_t c = 0; c < CHANNELS; c++) score += (double)in[t * CHANNELS + c] * (double)l.weight[c];
            sum += weight[t] = exp(score);
        }
        for (size_t c = 0; c < CHANNELS; c++) {
            double mean = 0.0, variance = 1e-4;
            for (size_t t = 0; t < STEPS; t++) mean += weight[t] / sum * (double)in[t * CHANNELS + c];
            for (size_t t = 0; t < STEPS; t++)
                variance += weight[t] / sum * pow((double)in[t * CHANNELS + c] - mean, 2.0);
            assert_close(out[c], mean, 1.0);
            assert_close(out[CHANNELS + c], sqrt(variance), 1.0);
        }
        for (size_t t = 0; t < STEPS; t++) assert_close(l.kept[item * STEPS + t], weight[t] / sum, 1.0);
    }
}

static void pool_takes_no_notice_of_bias(void **state)
{
    (void)state;
    layer l = make_pool();
    float weights[ROWS];
    l.bias[0] = 0.0f;
    l.forward(&l);
    memcpy(weights, l.kept, sizeof weights);
    l.bias[0] = 1000.0f;
    l.forward(&l);
    for (size_t i = 0; i < ROWS; i++) assert_true(fabsf(l.kept[i] - weights[i]) < 1e-4f);
}

static void pool_backward_matches_differences(void **state)
{
    (void)state;
    layer l = make_pool();
    l.forward(&l);
    const size_t n = ROWS * CHANNELS;
    float *din = array_of(n, NAN), *dattention = array_of(CHANNELS, 1.0f), *dbias = array_of(1, 1.0f);
    myna_pool_backward(din, dattention, dbias, l.projection, l.in, l.out, l.kept, l.weight, ITEMS, STEPS, CHANNELS);
    assert_input_gradient(&l, l.in, din, n);
    assert_weight_gradient(&l, l.weight, dattention, CHANNELS);
    assert_close(dbias[0], 1.0, 2.0); /* softmax takes no notice of the bias */
}

int main(void)
{
    myna_gemm_init();
    const struct CMUnitTest tests[] = {
        LAYER_TEST(linear_forward_matches_twin),
        LAYER_TEST(linear_backward_matches_differences),
        LAYER_TEST(dwconv_matches_twin_and_differences),
        LAYER_TEST(norm_forwards_match_twin),
        LAYER_TEST(norm_survives_constant_rows),
        LAYER_TEST(norm_backward_matches_differences),
        LAYER_TEST(film_norm_backward_matches_differences),
        LAYER_TEST(instance_norm_forward_matches_twin),
        LAYER_TEST(instance_norm_backward_matches_differences),
        LAYER_TEST(pool_forward_matches_twin),
        LAYER_TEST(pool_takes_no_notice_of_bias),
        LAYER_TEST(pool_backward_matches_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
