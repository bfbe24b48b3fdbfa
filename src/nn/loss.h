/* The training losses. */
#ifndef MYNA_NN_LOSS_H
#define MYNA_NN_LOSS_H

#include <stddef.h>

/* L1 between out and target, plus half the L1 between their differences from frame to frame within an item; both
 * means over the whole batch. Shapes [items][frames][channels]. Writes dout = d(loss)/d(out) * scale.
 * `scale` lets each worker of a batch see its share (its items over all items); the value returned is scaled alike.
 * The value's two parts are added to parts[0] (L1) and parts[1] (difference L1, before the half), scaled, if not NULL. */
double myna_loss(float *dout, double *parts, const float *out, const float *target, size_t items, size_t frames,
    size_t channels, float scale);

/* One row's logits[n] against its class, below n: returns scale * cross-entropy; dlogits, which may be where the logits
 * are, is its gradient. Counts n_right up when the class has the largest logit. */
double myna_cross_entropy(
    float *dlogits, const float *logits, size_t class, size_t n, float scale, size_t *n_right);

#endif
