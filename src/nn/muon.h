/* Muon (Jordan 2024, kellerjordan.github.io/posts/muon) for matrices: momentum, of which only the directions count. Its
 * singular values are all brought near one (by Newton and Schulz's iteration, five times), so that what gradients seldom
 * show is learnt as fast as what they always show. */
#ifndef MYNA_NN_MUON_H
#define MYNA_NN_MUON_H

#include <stddef.h>

typedef struct myna_muon {
    float rate, momentum, decay; /* 1.5e-3, .95, .01 */
} myna_muon;

/* Floats of scratch for a matrix of these sides. */
size_t myna_muon_scratch_size(size_t rows, size_t columns);

/* One update of parameters[rows][columns], with gradients multiplied by `scale` first (clipping). The step's root mean
 * square is that of AdamW's, .2 of the rate (Liu et al. 2025, 2502.16982), so that one rate serves both. As
 * torch.optim.Muon with adjust_lr_fn="match_rms_adamw" does it, but in the precision of the thread's matrix products
 * (myna_gemm_round). */
void myna_muon_update(float *parameters, float *moment, const float *gradients, size_t rows, size_t columns,
    const myna_muon *options, float scale, float *scratch);

#endif
