#include "nn/gemm.h"

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

void myna_gemm_nt(float *out, const float *a, const float *b, size_t m, size_t n, size_t k, float beta)
{
    const blasint ld_a = (blasint)k, ld_b = (blasint)k, ld_out = (blasint)n;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)m, (blasint)n, (blasint)k, 1.0f, a, ld_a, b, ld_b,
        beta, out, ld_out);
}

void myna_gemm_nn(float *out, const float *a, const float *b, size_t m, size_t n, size_t k, float beta)
{
    const blasint ld_a = (blasint)k, ld_b = (blasint)n, ld_out = (blasint)n;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)m, (blasint)n, (blasint)k, 1.0f, a, ld_a, b, ld_b,
        beta, out, ld_out);
}

void myna_gemm_tn(float *out, const float *a, const float *b, size_t m, size_t n, size_t k, float beta)
{
    const blasint ld_a = (blasint)m, ld_b = (blasint)n, ld_out = (blasint)n;
    cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (blasint)m, (blasint)n, (blasint)k, 1.0f, a, ld_a, b, ld_b,
        beta, out, ld_out);
}
