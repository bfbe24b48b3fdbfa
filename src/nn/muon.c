#include "nn/muon.h"

#include "base/simd.h"
#include "nn/gemm.h"
#include "nn/optim.h"

#include <math.h>

enum { ITERATIONS = 5 };
/* x -> a x + b x^3 + c x^5 of each singular value, which takes [.002, 1] to [.7, 1.2] in five times (Jordan 2024). */
static const float a = 3.4445f, b = -4.7750f, c = 2.0315f;
static const float least_norm = 1e-7f, adamw_size = 0.2f;

static size_t smaller(size_t rows, size_t columns)
{
    return rows < columns ? rows : columns;
}

size_t myna_muon_scratch_size(size_t rows, size_t columns)
{
    const size_t side = smaller(rows, columns);
    return 2 * rows * columns + 2 * side * side;
}

/* Adds the gradients to the moment; out is where it will be after the next ones, if they are alike (Nesterov). */
MYNA_VECTORIZED static void push(
    float *restrict out, float *restrict moment, const float *restrict gradients, size_t n, float momentum, float scale)
{
    for (size_t i = 0; i < n; i++) {
        const float g = scale * gradients[i];
        moment[i] = momentum * moment[i] + g;
        out[i] = g + momentum * moment[i];
    }
}

/* out = factor * x */
MYNA_VECTORIZED static void multiply(float *out, const float *x, float factor, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = factor * x[i];
}

/* out = x_factor * x + out_factor * out */
MYNA_VECTORIZED static void mix(float *restrict out, float out_factor, const float *restrict x, float x_factor, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] = out_factor * out[i] + x_factor * x[i];
}

/* y = a x + (b s + c s s) x of x[rows][columns] and s = x x^T, or the same from the right where that is smaller. */
static void iterate(float *y, const float *x, float *square, float *change, size_t rows, size_t columns)
{
    const size_t side = smaller(rows, columns);
    if (rows <= columns) myna_gemm_nt(square, x, x, side, side, columns, 0);
    else myna_gemm_tn(square, x, x, side, side, rows, 0);
    myna_gemm_nn(change, square, square, side, side, side, 0);
    mix(change, c, square, b, side * side);
    multiply(y, x, a, rows * columns);
    if (rows <= columns) myna_gemm_nn(y, change, x, rows, columns, side, 1);
    else myna_gemm_nn(y, x, change, rows, columns, side, 1);
}

void myna_muon_update(float *parameters, float *moment, const float *gradients, size_t rows, size_t columns,
    const myna_muon *options, float scale, float *scratch)
{
    const size_t n = rows * columns, side = smaller(rows, columns);
    float *x = scratch, *y = x + n, *square = y + n, *change = square + side * side;
    push(x, moment, gradients, n, options->momentum, scale);
    multiply(x, x, 1.0f / fmaxf((float)sqrt(myna_sum_of_squares(x, n)), least_norm), n);
    for (int i = 0; i < ITERATIONS; i++) {
        iterate(y, x, square, change, rows, columns);
        float *swapped = x;
        x = y;
        y = swapped;
    }
    const float size = adamw_size * sqrtf((float)(rows > columns ? rows : columns));
    mix(parameters, 1.0f - options->rate * options->decay, x, -options->rate * size, n);
}
