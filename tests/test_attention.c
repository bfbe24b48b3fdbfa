/* Attention: forward against a naive twin, backward against differences. */
#include "layer_fixture.h"
#include "nn/gemm.h"

enum { HEADS = 3, KEY = 5, VALUE = 7, N_KEYS = 21, QUERIES = HEADS * KEY, VALUES = HEADS * VALUE };
static const myna_attention_shape shape = {ITEMS, STEPS, N_KEYS, HEADS, KEY, VALUE};
static const size_t n_used[ITEMS] = {N_KEYS, 4};

static void attention(layer *l)
{
    myna_attention_forward(l->out, l->kept, l->in, l->weight, l->second, n_used, shape);
}

/* in: queries, weight: keys, second: values. What is not used is not a number and must not be looked at. */
static layer make_attention(void)
{
    layer l = make_layer(attention, ROWS * VALUES);
    l.in = array_random(ROWS * QUERIES);
    l.weight = array_random(ITEMS * N_KEYS * QUERIES);
    l.second = array_random(ITEMS * N_KEYS * VALUES);
    l.kept = array_of(ITEMS * HEADS * STEPS * N_KEYS, NAN);
    for (size_t i = n_used[1]; i < N_KEYS; i++) {
        for (size_t c = 0; c < QUERIES; c++) l.weight[(N_KEYS + i) * QUERIES + c] = NAN;
        for (size_t c = 0; c < VALUES; c++) l.second[(N_KEYS + i) * VALUES + c] = NAN;
    }
    return l;
}

static double attention_twin(const layer *l, size_t item, size_t step, size_t channel)
{
    const size_t head = channel / VALUE;
    double sum = 0.0, weighted = 0.0;
    for (size_t i = 0; i < n_used[item]; i++) {
        double score = 0.0;
        for (size_t d = head * KEY; d < (head + 1) * KEY; d++)
            score += (double)l->in[(item * STEPS + step) * QUERIES + d] *
                     (double)l->weight[(item * N_KEYS + i) * QUERIES + d];
        const double weight = exp(score / sqrt(KEY));
        sum += weight;
        weighted += weight * (double)l->second[(item * N_KEYS + i) * VALUES + channel];
    }
    return weighted / sum;
}

static void forward_matches_twin(void **state)
{
    (void)state;
    layer l = make_attention();
    l.forward(&l);
    for (size_t i = 0; i < l.n_out; i++)
        assert_close(l.out[i], attention_twin(&l, i / VALUES / STEPS, i / VALUES % STEPS, i % VALUES), 2.0);
}

static void backward_matches_differences(void **state)
{
    (void)state;
    layer l = make_attention();
    l.forward(&l);
    float *dquery = array_of(ROWS * QUERIES, NAN), *dkey = array_of(ITEMS * N_KEYS * QUERIES, NAN);
    float *dvalue = array_of(ITEMS * N_KEYS * VALUES, NAN), *scratch = array_of(STEPS * N_KEYS, NAN);
    myna_attention_backward(
        dquery, dkey, dvalue, scratch, l.projection, l.in, l.weight, l.second, l.kept, n_used, shape);
    const size_t n_keys_used = N_KEYS + n_used[1]; /* of both items, one after the other */
    assert_input_gradient(&l, l.in, dquery, ROWS * QUERIES);
    assert_input_gradient(&l, l.weight, dkey, n_keys_used * QUERIES);
    assert_input_gradient(&l, l.second, dvalue, n_keys_used * VALUES);
    for (size_t i = n_keys_used * QUERIES; i < ITEMS * N_KEYS * QUERIES; i++) assert_true(dkey[i] == 0.0f);
    for (size_t i = n_keys_used * VALUES; i < ITEMS * N_KEYS * VALUES; i++) assert_true(dvalue[i] == 0.0f);
}

int main(void)
{
    myna_gemm_init();
    const struct CMUnitTest tests[] = {
        LAYER_TEST(forward_matches_twin),
        LAYER_TEST(backward_matches_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
