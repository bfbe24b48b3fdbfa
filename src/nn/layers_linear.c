#include "base/simd.h"
#include "nn/gemm.h"
#include "nn/layers.h"

void myna_linear_forward(
    float *out, const float *in, const float *weight, const float *bias, size_t rows, size_t n_out, size_t n_in)
{
    myna_gemm_nt_biased(out, in, weight, bias, rows, n_out, n_in);
}

/* sum[n] += the sum of all rows; four rows at a time to load and store `sum` less often. */
MYNA_VECTORIZED
static void add_rows(float *restrict sum, const float *restrict x, size_t rows, size_t n)
{
    size_t r = 0;
    for (; r + 4 <= rows; r += 4) {
        const float *restrict row = x + r * n;
        for (size_t i = 0; i < n; i++) sum[i] += (row[i] + row[n + i]) + (row[2 * n + i] + row[3 * n + i]);
    }
    for (; r < rows; r++) {
        const float *restrict row = x + r * n;
        for (size_t i = 0; i < n; i++) sum[i] += row[i];
    }
}

void myna_linear_backward(float *din, float *dweight, float *dbias, const float *dout, const float *in,
    const float *weight, size_t rows, size_t n_out, size_t n_in)
{
    add_rows(dbias, dout, rows, n_out);
    myna_gemm_tn(dweight, dout, in, n_out, n_in, rows, 1.0f);
    if (din != NULL) myna_gemm_nn(din, dout, weight, rows, n_in, n_out, 0.0f);
}
