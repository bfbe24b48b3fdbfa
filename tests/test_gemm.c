#include "nn/bfloat_kernel.h"
#include "nn/gemm.h"

#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { M = 5, N = 7, K = 11 };

typedef void (*product)(float *, const float *, const float *, size_t, size_t, size_t, float);

/* a and b are read with the strides of the layout under test: element (i, k) of a, (k, j) of b. */
static void check(product multiply, const size_t stride_a[2], const size_t stride_b[2], float beta)
{
    float a[M * K], b[K * N], out[M * N], before[M * N];
    myna_rng rng = myna_rng_seed(1, 2);
    for (size_t i = 0; i < M * K; i++) a[i] = myna_rng_normal(&rng);
    for (size_t i = 0; i < K * N; i++) b[i] = myna_rng_normal(&rng);
    for (size_t i = 0; i < M * N; i++) out[i] = before[i] = myna_rng_normal(&rng);
    if (beta == 0.0f) out[3] = NAN; /* must not be read */
    multiply(out, a, b, M, N, K, beta);
    for (size_t i = 0; i < M; i++) {
        for (size_t j = 0; j < N; j++) {
            double sum = (double)beta * (double)before[i * N + j];
            for (size_t k = 0; k < K; k++)
                sum += (double)a[i * stride_a[0] + k * stride_a[1]] * (double)b[k * stride_b[0] + j * stride_b[1]];
            assert_true(fabs((double)out[i * N + j] - sum) < 1e-5);
        }
    }
}

static void products_match_naive_sums(void **state)
{
    (void)state;
    const size_t plain_a[2] = {K, 1}, turned_a[2] = {1, M}, plain_b[2] = {N, 1}, turned_b[2] = {1, K};
    const float betas[] = {0.0f, 1.0f, 0.5f};
    for (size_t i = 0; i < sizeof betas / sizeof *betas; i++) {
        check(myna_gemm_nt, plain_a, turned_b, betas[i]);
        check(myna_gemm_nn, plain_a, plain_b, betas[i]);
        check(myna_gemm_tn, turned_a, plain_b, betas[i]);
    }
}

static void a_bias_stands_in_every_row(void **state)
{
    (void)state;
    const float a[2 * 2] = {1, 2, 3, 4}, b[3 * 2] = {1, 0, 0, 1, 1, 1}, bias[3] = {10, 20, 30};
    const float wanted[2 * 3] = {11, 22, 33, 13, 24, 37};
    float out[2 * 3] = {NAN, NAN, NAN, NAN, NAN, NAN}; /* must not be read */
    myna_gemm_nt_biased(out, a, b, bias, 2, 3, 2);
    assert_memory_equal(out, wanted, sizeof out);
}

/* ---- In bfloat16 --------------------------------------------------------------------------------------------------- */

typedef void (*strided_product)(
    float *, const float *, const float *, size_t, size_t, size_t, float, myna_strides);

/* Whole numbers up to 8, which rounding leaves as they are and whose sums are exact: both ways must agree to the bit, and
 * nothing may be written beside a wider array's part. */
static void check_rounded(strided_product multiply, size_t m, size_t n, size_t k, float beta, myna_bfloat *scratch)
{
    const size_t beside = 3, widest = (m > n ? m : n) > k ? (m > n ? m : n) : k, step = widest + beside;
    const myna_strides strides = {step, step, step};
    float *a = malloc(step * widest * sizeof *a), *b = malloc(step * widest * sizeof *b);
    float *out = malloc(step * widest * sizeof *out), *wanted = malloc(step * widest * sizeof *wanted);
    assert_true(a && b && out && wanted);
    myna_rng rng = myna_rng_seed(m * 1000 + n, k);
    for (size_t i = 0; i < step * widest; i++) {
        a[i] = (float)myna_rng_below(&rng, 17) - 8;
        b[i] = (float)myna_rng_below(&rng, 17) - 8;
        out[i] = wanted[i] = (float)myna_rng_below(&rng, 100);
    }
    multiply(wanted, a, b, m, n, k, beta, strides);
    myna_gemm_round(scratch);
    multiply(out, a, b, m, n, k, beta, strides);
    myna_gemm_round(NULL);
    for (size_t i = 0; i < step * widest; i++)
        if (out[i] != wanted[i])
            fail_msg("%zu x %zu x %zu: element %zu, %zu is %g, not %g", m, n, k, i / step, i % step, (double)out[i],
                (double)wanted[i]);
    free(a);
    free(b);
    free(out);
    free(wanted);
}

/* Beside no wider array: its rows are as long as they are. */
static void nt_biased(
    float *out, const float *a, const float *b, size_t m, size_t n, size_t k, float beta, myna_strides strides)
{
    (void)beta;
    (void)strides;
    static float bias[600];
    assert_true(n <= 600);
    for (size_t j = 0; j < n; j++) bias[j] = (float)(j % 50) - 20;
    myna_gemm_nt_biased(out, a, b, bias, m, n, k);
}

static void rounded_products_of_whole_numbers_are_exact(void **state)
{
    (void)state;
    const myna_bfloat_kernel *kernels[] = {myna_bfloat_vectors(), myna_bfloat_tiles()};
    if (!kernels[0] && !kernels[1]) skip();
    const size_t rows[] = {1, 12, 13, 97, 200}, columns[] = {1, 16, 33, 146, 530}, depths[] = {1, 2, 11, 146, 513};
    strided_product products[] = {myna_gemm_nt_strided, myna_gemm_nn_strided, myna_gemm_tn_strided, nt_biased};
    for (int kernel = 0; kernel < 2; kernel++) {
        if (!kernels[kernel]) continue;
        myna_bfloat *scratch = myna_bfloat_create_for(kernels[kernel]);
        assert_non_null(scratch);
        for (int i = 0; i < 5 * 5 * 5; i++)
            for (int p = 0; p < 4; p++)
                check_rounded(products[p], rows[i % 5], columns[i / 5 % 5], depths[i / 25], (float)(i % 2), scratch);
        myna_bfloat_free(scratch);
    }
}

static void factors_are_rounded_to_the_nearest(void **state)
{
    (void)state;
    if (!myna_bfloat_is_fast()) skip();
    enum { SIZE = 64 };
    static float a[SIZE * SIZE], one[SIZE * SIZE], out[SIZE * SIZE];
    myna_bfloat *scratch = myna_bfloat_create();
    assert_non_null(scratch);
    myna_rng rng = myna_rng_seed(1, 3);
    for (size_t i = 0; i < SIZE * SIZE; i++) a[i] = myna_rng_normal(&rng);
    for (size_t i = 0; i < SIZE; i++) one[i * SIZE + i] = 1;
    double worst = 0;
    myna_gemm_round(scratch);
    myna_gemm_nn(out, a, one, SIZE, SIZE, SIZE, 0);
    myna_gemm_round(NULL);
    for (size_t i = 0; i < SIZE * SIZE; i++) worst = fmax(worst, fabs((double)(out[i] / a[i] - 1)));
    assert_true(worst < 1.0 / 255 && worst > 1.0 / 300); /* 8 bits: off by 1/256 at most */
    myna_bfloat_free(scratch);
}

int main(void)
{
    myna_gemm_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_match_naive_sums),
        cmocka_unit_test(a_bias_stands_in_every_row),
        cmocka_unit_test(rounded_products_of_whole_numbers_are_exact),
        cmocka_unit_test(factors_are_rounded_to_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
