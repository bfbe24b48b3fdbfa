#include "nn/steady.h"
#include "testing.h"

#include <stdlib.h>

enum { MAX_ROWS = 16, MAX_IN = 64, MAX_OUT = 40 };

static float in[MAX_ROWS * MAX_IN], weight[MAX_OUT * MAX_IN], bias[MAX_OUT], packed[64 * MAX_IN];
static float out[MAX_ROWS * MAX_OUT], all[MAX_ROWS * MAX_OUT];

typedef void forward_function(float *, const float *, const float *, const float *, size_t, size_t, size_t);
static forward_function *const all_ways[] = {
    myna_steady_forward, myna_steady_forward_narrow, myna_steady_forward_wide};

static int set_up(void **state)
{
    (void)state;
    myna_rng rng = myna_rng_seed(1, 2);
    for (size_t i = 0; i < MAX_ROWS * MAX_IN; i++) in[i] = myna_rng_normal(&rng);
    for (size_t i = 0; i < MAX_OUT * MAX_IN; i++) weight[i] = myna_rng_normal(&rng);
    for (size_t i = 0; i < MAX_OUT; i++) bias[i] = myna_rng_normal(&rng);
    return 0;
}

static void check_definition(forward_function *forward)
{
    const size_t shapes[][3] = {{1, 1, 1}, {2, 16, 64}, {3, 17, 5}, {4, 33, 64}, {5, 15, 63}, {16, 40, 50}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        size_t rows = shapes[i][0], n_out = shapes[i][1], n_in = shapes[i][2];
        out[rows * n_out - 1] = NAN;
        if (rows * n_out < MAX_ROWS * MAX_OUT) out[rows * n_out] = 42;
        myna_steady_pack(packed, weight, n_out, n_in);
        forward(out, in, packed, bias, rows, n_out, n_in);
        for (size_t r = 0; r < rows; r++) {
            for (size_t o = 0; o < n_out; o++) {
                double sum = (double)bias[o];
                for (size_t k = 0; k < n_in; k++) sum += (double)in[r * n_in + k] * (double)weight[o * n_in + k];
                assert_near(out[r * n_out + o], sum, 2e-5);
            }
        }
        if (rows * n_out < MAX_ROWS * MAX_OUT) assert_true(out[rows * n_out] == 42);
    }
}

static void agrees_with_the_definition(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) check_definition(all_ways[i]);
}

static void check_rows(forward_function *forward)
{
    const size_t n_out = 37, n_in = 61;
    myna_steady_pack(packed, weight, n_out, n_in);
    forward(all, in, packed, bias, MAX_ROWS, n_out, n_in);
    for (size_t rows = 1; rows < MAX_ROWS; rows++) {
        for (size_t first = 0; first + rows <= MAX_ROWS; first++) {
            forward(out, in + first * n_in, packed, bias, rows, n_out, n_in);
            assert_memory_equal(out, all + first * n_out, rows * n_out * sizeof *out);
        }
    }
}

static void a_row_does_not_know_its_company(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) check_rows(all_ways[i]);
}

static void both_ways_give_the_same_bits(void **state)
{
    (void)state;
    const size_t n_out = 37, n_in = 61;
    myna_steady_pack(packed, weight, n_out, n_in);
    myna_steady_forward_narrow(all, in, packed, bias, MAX_ROWS, n_out, n_in);
    myna_steady_forward_wide(out, in, packed, bias, MAX_ROWS, n_out, n_in);
    assert_memory_equal(out, all, MAX_ROWS * n_out * sizeof *out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_the_definition),
        cmocka_unit_test(a_row_does_not_know_its_company),
        cmocka_unit_test(both_ways_give_the_same_bits),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
