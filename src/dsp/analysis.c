#include "dsp/analysis.h"

#include "base/status.h"
#include "dsp/pitch.h"

#include <stdlib.h>
#include <string.h>

struct myna_analyzer {
    const myna_mel *mel;
    myna_stft *stft;
    myna_pitch_tracker *pitch; /* NULL: none wanted */
    float window[MYNA_WINDOW_SAMPLES];
    float magnitude[MYNA_BINS];
};

myna_status myna_analyzer_create(myna_analyzer **out, const myna_mel *mel, int pitch_lag, myna_error *error)
{
    myna_analyzer *analyzer = calloc(1, sizeof *analyzer);
    if (!analyzer) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for an analyzer");
    analyzer->mel = mel;
    myna_status status = myna_stft_create(&analyzer->stft, error);
    if (status == MYNA_OK && pitch_lag != -1) status = myna_pitch_create(&analyzer->pitch, pitch_lag, error);
    if (status != MYNA_OK) {
        myna_analyzer_free(analyzer);
        return status;
    }
    *out = analyzer;
    return MYNA_OK;
}

void myna_analyzer_free(myna_analyzer *analyzer)
{
    if (!analyzer) return;
    myna_stft_free(analyzer->stft);
    myna_pitch_free(analyzer->pitch);
    free(analyzer);
}

void myna_analyzer_reset(myna_analyzer *analyzer)
{
    memset(analyzer->window, 0, sizeof analyzer->window);
    if (analyzer->pitch) myna_pitch_reset(analyzer->pitch);
}

void myna_analyzer_push(myna_analyzer *analyzer, myna_frame *out, const float *hop)
{
    const size_t kept = MYNA_WINDOW_SAMPLES - MYNA_HOP_SAMPLES;
    memmove(analyzer->window, analyzer->window + MYNA_HOP_SAMPLES, kept * sizeof *hop);
    memcpy(analyzer->window + kept, hop, MYNA_HOP_SAMPLES * sizeof *hop);
    myna_stft_magnitude(analyzer->stft, analyzer->magnitude, analyzer->window);
    myna_mel_forward(analyzer->mel, out->mel, analyzer->magnitude);
    out->f0_hz = analyzer->pitch ? myna_pitch_push(analyzer->pitch, hop) : 0;
}
