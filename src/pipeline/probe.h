/* What can be seen of a recording: for plots, `myna info` and tests. */
#ifndef MYNA_PIPELINE_PROBE_H
#define MYNA_PIPELINE_PROBE_H

#include "myna/myna.h"

enum { MYNA_PROBE_HOP_SAMPLES = 200 };

typedef struct myna_probe {
    size_t n_frames; /* one each hop; frame k is centred on sample 200 k - 200 */
    float *log_mel;  /* [n_frames][MYNA_MEL_BANDS], at normal level */
    float *f0_hz;    /* [n_frames], 0 unvoiced */
} myna_probe;

/* Non-finite samples count as 0. Free with myna_probe_free, also a zeroed one. */
myna_status myna_probe_create(myna_probe *out, const float *samples, size_t n_samples, myna_error *error);
void myna_probe_free(myna_probe *probe);

#endif
