/* Figures of stacked panels as PNG or SVG: waveforms, log-mel images with F0 over them, and line charts. */
#ifndef MYNA_IO_PLOT_H
#define MYNA_IO_PLOT_H

#include "myna/myna.h"

/* samples[n_samples] over time, as the envelope of each pixel column. */
typedef struct myna_plot_waveform {
    const float *samples;
    size_t n_samples;
    int sample_rate_hz;
    double seconds; /* where the time axis ends, so that recordings under each other may share one; > 0 */
} myna_plot_waveform;

/* log_mel[n_frames][MYNA_MEL_BANDS] (log10; bands evenly on the HTK mel scale from 50 to 7600 Hz), drawn over the
 * 70 dB under its maximum; f0_hz[n_frames] in Hz, 0 where unvoiced, on a scale of its own at the right; NULL: none. */
typedef struct myna_plot_mel {
    const float *log_mel, *f0_hz;
    size_t n_frames;
    double first_seconds, hop_seconds; /* the time of frame 0's middle, and from each frame to the next */
    double seconds;                    /* as above */
} myna_plot_mel;

/* One line: y[n] over x[n]; points that are not finite leave a gap. */
typedef struct myna_plot_series {
    const char *name;
    const float *x, *y;
    size_t n;
} myna_plot_series;

typedef struct myna_plot_lines {
    const myna_plot_series *series;
    size_t n_series;
    const char *x_label;
} myna_plot_lines;

typedef enum myna_panel_kind { MYNA_PANEL_WAVEFORM, MYNA_PANEL_MEL, MYNA_PANEL_LINES } myna_panel_kind;

typedef struct myna_panel {
    const char *title; /* UTF-8 */
    myna_panel_kind kind;
    union {
        myna_plot_waveform waveform;
        myna_plot_mel mel;
        myna_plot_lines lines;
    };
} myna_panel;

enum { MYNA_PLOT_MIN_SIZE = 160, MYNA_PLOT_MAX_SIZE = 16384 };

bool myna_plot_has_suffix(const char *path); /* .png or .svg, in any case */
/* Pixels at which panels of these kinds are pleasant to read. */
int myna_plot_good_height(const myna_panel *panels, size_t n_panels);
/* Draws the panels under each other (waveforms half as high as the others) and writes the file atomically; the suffix
 * of `path` chooses .png or .svg. ERROR_ARGUMENT for another suffix, for sizes out of range, or when the panels do not
 * fit into the height. */
myna_status myna_plot_save(
    const char *path, int width, int height, const myna_panel *panels, size_t n_panels, myna_error *error);

#endif
