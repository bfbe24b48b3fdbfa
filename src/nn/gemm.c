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

/* a and b as they lie in memory: which is turned, and elements from one of its rows to the next. */
typedef struct product {
    float *out;
    const float *a, *b;
    CBLAS_TRANSPOSE turn_a, turn_b;
    size_t m, n, k;
    myna_strides strides;
} product;

static void multiply_rounded(const product *p, myna_start start)
{
    const myna_factor rows = {p->a, p->strides.a, 1}, turned_rows = {p->a, 1, p->strides.a};
    const myna_factor columns = {p->b, 1, p->strides.b}, turned_columns = {p->b, p->strides.b, 1};
    myna_bfloat_multiply(rounding, p->out, p->strides.out, start, p->turn_a == CblasTrans ? turned_rows : rows,
        p->turn_b == CblasTrans ? turned_columns : columns, p->m, p->n, p->k);
}

static void multiply_exactly(const product *p, float beta)
{
    const blasint m = (blasint)p->m, n = (blasint)p->n, k = (blasint)p->k;
    cblas_sgemm(CblasRowMajor, p->turn_a, p->turn_b, m, n, k, 1.0f, p->a, (blasint)p->strides.a, p->b,
        (blasint)p->strides.b, beta, p->out, (blasint)p->strides.out);
}

static void count(double start_seconds, const product *p)
{
    watching->seconds += myna_seconds_now() - start_seconds;
    watching->operations += 2 * (double)p->m * (double)p->n * (double)p->k;
}

static void multiply(const product *p, float beta)
{
    const double start_seconds = watching ? myna_seconds_now() : 0;
    if (rounding && (beta == 0 || beta == 1))
        multiply_rounded(p, (myna_start){beta == 1 ? p->out : NULL, p->strides.out});
    else multiply_exactly(p, beta);
    if (watching) count(start_seconds, p);
}

/* OpenBLAS clears the output in a pass of its own, in which it may as well be given the bias. */
void myna_gemm_nt_biased(float *out, const float *a, const float *b, const float *bias, size_t m, size_t n, size_t k)
{
    const product p = {out, a, b, CblasNoTrans, CblasTrans, m, n, k, {n, k, k}};
    const double start_seconds = watching ? myna_seconds_now() : 0;
    if (rounding) {
        multiply_rounded(&p, (myna_start){bias, 0});
    } else {
        for (size_t i = 0; i < m; i++) memcpy(out + i * n, bias, n * sizeof *out);
        multiply_exactly(&p, 1);
    }
    if (watching) count(start_seconds, &p);
}

void myna_gemm_nt_strided(
    float *out, const float *a, const float *b, size_t m, size_t n, size_t k, float beta, myna_strides strides)
{
    multiply(&(product){out, a, b, CblasNoTrans, CblasTrans, m, n, k, strides}, beta);
}

void myna_gemm_nn_strided(
    float *out, const float *a, const float *b, size_t m, size_t n, size_t k, float beta, myna_strides strides)
{
    multiply(&(product){out, a, b, CblasNoTrans, CblasNoTrans, m, n, k, strides}, beta);
}

void myna_gemm_tn_strided(
    float *out, const float *a, const float *b, size_t m, size_t n, size_t k, float beta, myna_strides strides)
{
    multiply(&(product){out, a, b, CblasTrans, CblasNoTrans, m, n, k, strides}, beta);
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
