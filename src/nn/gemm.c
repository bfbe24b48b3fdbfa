#include "nn/gemm.h"

#include "base/clock.h"

#include <cblas.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && defined(__linux__)

/* OpenBLAS's choice of kernels; exported by builds that choose at run time, absent from others. */
void gotoblas_dynamic_init(void) __attribute__((weak));
void gotoblas_dynamic_quit(void) __attribute__((weak));

/* Before 0.3.25 OpenBLAS takes Intel processors newer than itself for a Prescott of 2004 and is five times slower
 * (OpenBLAS pull request 4268). Then it is told once more to choose, by the variable a user would set. */
static void choose_kernels(void)
{
    static const char variable[] = "OPENBLAS_CORETYPE";
    if (gotoblas_dynamic_init == NULL || gotoblas_dynamic_quit == NULL) return;
    if (getenv(variable) != NULL || strcmp(openblas_get_corename(), "Prescott") != 0) return;
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return;
    const int has_avx512 =
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (setenv(variable, has_avx512 ? "SkylakeX" : "Haswell", 0) != 0) return;
    gotoblas_dynamic_quit();
    gotoblas_dynamic_init();
    unsetenv(variable);
}

#else

static void choose_kernels(void)
{
}

#endif

static void init(void)
{
    choose_kernels();
    openblas_set_num_threads(1);
}

void myna_gemm_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init);
}

const char *myna_gemm_kernels(void)
{
    myna_gemm_init();
    return openblas_get_corename();
}

static _Thread_local myna_gemm_tally *watching; /* looked at twice a product, which takes nanoseconds */

void myna_gemm_watch(myna_gemm_tally *tally)
{
    watching = tally;
}

static _Thread_local myna_bfloat *rounding;

void myna_gemm_round(myna_bfloat *scratch)
{
    rounding = scratch;
}

static void multiply_rounded(float *out, const float *a, CBLAS_TRANSPOSE transpose_a, const float *b,
    CBLAS_TRANSPOSE transpose_b, size_t m, size_t n, size_t k, bool adds, myna_strides strides)
{
    const myna_factor rows = {a, strides.a, 1}, turned_rows = {a, 1, strides.a};
    const myna_factor columns = {b, 1, strides.b}, turned_columns = {b, strides.b, 1};
    myna_bfloat_multiply(rounding, out, strides.out, transpose_a == CblasTrans ? turned_rows : rows,
        transpose_b == CblasTrans ? turned_columns : columns, m, n, k, adds);
}

static void multiply(float *out, const float *a, CBLAS_TRANSPOSE transpose_a, const float *b,
    CBLAS_TRANSPOSE transpose_b, size_t m, size_t n, size_t k, float beta, myna_strides strides)
{
    const double start = watching ? myna_seconds_now() : 0;
    if (rounding && (beta == 0 || beta == 1))
        multiply_rounded(out, a, transpose_a, b, transpose_b, m, n, k, beta == 1, strides);
    else
        cblas_sgemm(CblasRowMajor, transpose_a, transpose_b, (blasint)m, (blasint)n, (blasint)k, 1.0f, a,
            (blasint)strides.a, b, (blasint)strides.b, beta, out, (blasint)strides.out);
    if (!watching) return;
    watching->seconds += myna_seconds_now() - start;
    watching->operations += 2 * (double)m * (double)n * (double)k;
}

void myna_gemm_nt_strided(
    float *out, const float *a, const float *b, size_t m, size_t n, size_t k, float beta, myna_strides strides)
{
    multiply(out, a, CblasNoTrans, b, CblasTrans, m, n, k, beta, strides);
}

void myna_gemm_nn_strided(
    float *out, const float *a, const float *b, size_t m, size_t n, size_t k, float beta, myna_strides strides)
{
    multiply(out, a, CblasNoTrans, b, CblasNoTrans, m, n, k, beta, strides);
}

void myna_gemm_tn_strided(
    float *out, const float *a, const float *b, size_t m, size_t n, size_t k, float beta, myna_strides strides)
{
    multiply(out, a, CblasTrans, b, CblasNoTrans, m, n, k, beta, strides);
}

void myna_gemm_nt(float *out, const float *a, const float *b, size_t m, size_t n, size_t k, float beta)
{
    myna_gemm_nt_strided(out, a, b, m, n, k, beta, (myna_strides){n, k, k});
}

void myna_gemm_nn(float *out, const float *a, const float *b, size_t m, size_t n, size_t k, float beta)
{
    myna_gemm_nn_strided(out, a, b, m, n, k, beta, (myna_strides){n, k, n});
}

void myna_gemm_tn(float *out, const float *a, const float *b, size_t m, size_t n, size_t k, float beta)
{
    myna_gemm_tn_strided(out, a, b, m, n, k, beta, (myna_strides){n, m, n});
}
