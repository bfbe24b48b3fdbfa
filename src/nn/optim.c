#include "nn/optim.h"

#include "base/simd.h"

#include <math.h>

MYNA_VECTORIZED
void myna_adamw_update(float *restrict parameters, float *restrict moment1, float *restrict moment2,
    const float *restrict gradients, size_t n, const myna_adamw *options, float scale, int decayed)
{
    const double correction1 = 1.0 - pow(options->beta1, (double)options->step);
    const double correction2 = 1.0 - pow(options->beta2, (double)options->step);
    const float keep = decayed ? 1.0f - options->rate * options->decay : 1.0f;
    const float rate = (float)(options->rate / correction1), root_scale = (float)(1.0 / sqrt(correction2));
    const float beta1 = options->beta1, beta2 = options->beta2, epsilon = options->epsilon;
    for (size_t i = 0; i < n; i++) {
        const float g = scale * gradients[i];
        const float m1 = beta1 * moment1[i] + (1.0f - beta1) * g;
        const float m2 = beta2 * moment2[i] + (1.0f - beta2) * g * g;
        moment1[i] = m1;
        moment2[i] = m2;
        parameters[i] = keep * parameters[i] - rate * m1 / (sqrtf(m2) * root_scale + epsilon);
    }
}

MYNA_VECTORIZED
double myna_sum_of_squares(const float *x, size_t n)
{
    enum { LANES = 16 };
    double lanes[LANES] = {0.0}, sum = 0.0;
    const size_t n_whole = n - n % LANES;
    for (size_t i = 0; i < n_whole; i += LANES)
        for (size_t l = 0; l < LANES; l++) lanes[l] += (double)x[i + l] * (double)x[i + l];
    for (size_t i = n_whole; i < n; i++) lanes[i - n_whole] += (double)x[i] * (double)x[i];
    for (size_t l = 0; l < LANES; l++) sum += lanes[l];
    return sum;
}

MYNA_VECTORIZED
void myna_average_update(float *restrict average, const float *restrict parameters, size_t n, float decay)
{
    const float share = 1.0f - decay;
    for (size_t i = 0; i < n; i++) average[i] += share * (parameters[i] - average[i]);
}

MYNA_VECTORIZED
void myna_accumulate(float *restrict out, const float *restrict in, size_t n)
{
    for (size_t i = 0; i < n; i++) out[i] += in[i];
}

float myna_schedule(uint64_t step, uint64_t n_warm_up, uint64_t n_steps)
{
    const double cool_down_share = 0.15;
    if (step >= n_steps) return 0.0f;
    const double up = step < n_warm_up ? (double)(step + 1) / (double)n_warm_up : 1.0;
    const double down = (double)(n_steps - step) / (cool_down_share * (double)n_steps);
    const double factor = up < down ? up : down;
    return factor < 1.0 ? (float)factor : 1.0f;
}
