#include "base/simd.h"
#include "nn/bfloat_kernel.h"
#include "nn/steady.h"
#include "testing.h"

#include <stdlib.h>

/* A voice's keys are up to 1201. */
enum { MAX_ROWS = 40, MAX_IN = 1201, MAX_OUT = 1201, MAX_WEIGHT = 64 * 1216, N_SHAPES = 10 };

static float in[MAX_ROWS * MAX_IN], weight[MAX_WEIGHT], bias[MAX_OUT], packed[MAX_WEIGHT + 1];
static float out[MAX_ROWS * MAX_OUT + 1], all[MAX_ROWS * MAX_OUT];

static const size_t shapes[N_SHAPES][3] = { /* rows, outputs, inputs */
    {1, 1, 1}, {2, 16, 64}, {3, 17, 5}, {4, 33, 64}, {5, 15, 63}, {16, 40, 50}, {13, 37, 512}, {40, 33, 577},
    {3, 1201, 32}, {17, 64, 1201}};

static int set_up(void **state)
{
    (void)state;
    myna_rng rng = myna_rng_seed(1, 2);
    for (size_t i = 0; i < MAX_ROWS * MAX_IN; i++) in[i] = myna_rng_normal(&rng);
    for (size_t i = 0; i < MAX_WEIGHT; i++) weight[i] = myna_rng_normal(&rng);
    for (size_t i = 0; i < MAX_OUT; i++) bias[i] = myna_rng_normal(&rng);
    return 0;
}

static float rounded(float x)
{
    const uint32_t bits = myna_round_pair(0, x);
    float out_x;
    memcpy(&out_x, &bits, sizeof out_x);
    return out_x;
}

static float itself(float x)
{
    return x;
}

static void pack(const myna_steady *way, size_t n_out, size_t n_in)
{
    const size_t size = way->size(n_out, n_in);
    assert_true(size <= MAX_WEIGHT);
    packed[size] = 42;
    way->pack(packed, weight, n_out, n_in);
    assert_true(packed[size] == 42);
}

/* `factor` is what a factor counts as. */
static void check_definition(const myna_steady *way, float (*factor)(float), const float *used_bias)
{
    for (size_t i = 0; i < N_SHAPES; i++) {
        size_t rows = shapes[i][0], n_out = shapes[i][1], n_in = shapes[i][2];
        out[rows * n_out - 1] = NAN;
        out[rows * n_out] = 42;
        pack(way, n_out, n_in);
        way->forward(out, in, packed, used_bias, rows, n_out, n_in);
        for (size_t r = 0; r < rows; r++) {
            for (size_t o = 0; o < n_out; o++) {
                double sum = used_bias ? (double)used_bias[o] : 0;
                for (size_t k = 0; k < n_in; k++)
                    sum += (double)factor(in[r * n_in + k]) * (double)factor(weight[o * n_in + k]);
                assert_near(out[r * n_out + o], sum, n_in > 600 ? 4e-4 : n_in > 64 ? 1e-4 : 2e-5);
            }
        }
        assert_true(out[rows * n_out] == 42);
    }
}

static void agree_with_the_definition(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        const float *used_bias = i == 0 ? bias : NULL;
        check_definition(&myna_steady_narrow, itself, used_bias);
        check_definition(&myna_steady_wide, itself, used_bias);
        if (myna_steady_rounded()) check_definition(myna_steady_rounded(), rounded, used_bias);
    }
}

static void check_rows(const myna_steady *way, size_t n_out, size_t n_in)
{
    pack(way, n_out, n_in);
    way->forward(all, in, packed, bias, MAX_ROWS, n_out, n_in);
    for (size_t rows = 1; rows < MAX_ROWS; rows++) {
        for (size_t first = 0; first + rows <= MAX_ROWS; first++) {
            way->forward(out, in + first * n_in, packed, bias, rows, n_out, n_in);
            assert_memory_equal(out, all + first * n_out, rows * n_out * sizeof *out);
        }
    }
}

static void a_row_does_not_know_its_company(void **state)
{
    (void)state;
    const myna_steady *ways[] = {&myna_steady_narrow, &myna_steady_wide, myna_steady_rounded()};
    for (int i = 0; i < 3; i++) {
        if (!ways[i]) continue;
        check_rows(ways[i], 37, 61);
        check_rows(ways[i], 33, 577);
    }
}

static void single_precision_gives_the_same_bits(void **state)
{
    (void)state;
    const size_t n_out = 37, n_in = 61;
    pack(&myna_steady_narrow, n_out, n_in);
    myna_steady_narrow.forward(all, in, packed, bias, MAX_ROWS, n_out, n_in);
    myna_steady_wide.forward(out, in, packed, bias, MAX_ROWS, n_out, n_in);
    assert_memory_equal(out, all, MAX_ROWS * n_out * sizeof *out);
}

static void the_fastest_is_one_of_them(void **state)
{
    (void)state;
    const myna_steady *single = myna_has_avx512() ? &myna_steady_wide : &myna_steady_narrow;
    const myna_steady *fastest = myna_steady_fastest();
    assert_ptr_equal(myna_steady_single(), single);
    assert_true(fastest == (myna_bfloat_is_fast() ? myna_steady_rounded() : single));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agree_with_the_definition),
        cmocka_unit_test(a_row_does_not_know_its_company),
        cmocka_unit_test(single_precision_gives_the_same_bits),
        cmocka_unit_test(the_fastest_is_one_of_them),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
