/* AdamW (Loshchilov and Hutter 2019), gradient clipping, the schedule, the moving average of weights; for matrices see
 * muon.h. */
#ifndef MYNA_NN_OPTIM_H
#define MYNA_NN_OPTIM_H

#include <stddef.h>
#include <stdint.h>

typedef struct myna_adamw {
    float rate, beta1, beta2, epsilon, decay; /* 1.5e-3, .9, .98, 1e-8, .01 */
    uint64_t step;                            /* of this update, from 1, for the bias correction */
} myna_adamw;

/* One update of n parameters as torch.optim.AdamW does it, with gradients multiplied by `scale` first (clipping).
 * `decayed` false leaves out weight decay (biases, norms, gains). Works on any slice, so that threads share it. */
void myna_adamw_update(float *parameters, float *moment1, float *moment2, const float *gradients, size_t n,
    const myna_adamw *options, float scale, int decayed);

/* Sum of squares, in double, for the gradient's norm. */
double myna_sum_of_squares(const float *x, size_t n);
/* average += (1 - decay) * (parameters - average) */
void myna_average_update(float *average, const float *parameters, size_t n, float decay);
/* out += in, n values: joining the gradients of several workers. */
void myna_accumulate(float *out, const float *in, size_t n);

/* Learning-rate factor in [0, 1] of step (from 0): linear warm-up, constant, then linear cool-down to zero over the
 * last 15 % of n_steps. */
float myna_schedule(uint64_t step, uint64_t n_warm_up, uint64_t n_steps);

#endif
