#include "nn/gemm.h"

#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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

int main(void)
{
    myna_gemm_init();
    const struct CMUnitTest tests[] = {cmocka_unit_test(products_match_naive_sums)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
