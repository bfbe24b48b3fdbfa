/* What the panels of a plot share: axes, ticks, colours. Internal to the plots. */
#ifndef MYNA_IO_PLOT_PARTS_H
#define MYNA_IO_PLOT_PARTS_H

#include "io/canvas.h"
#include "io/plot.h"

/* Where a panel's data goes, in pixels. */
typedef struct myna_frame_box {
    int x, y, width, height;
} myna_frame_box;

typedef enum myna_scale { MYNA_SCALE_LINEAR, MYNA_SCALE_LOG, MYNA_SCALE_MEL } myna_scale;

typedef struct myna_axis {
    myna_scale scale;
    double from, to;            /* values */
    float pixel_from, pixel_to; /* where they lie */
} myna_axis;

float myna_axis_pixel(const myna_axis *axis, double value);

enum { MYNA_MAX_TICKS = 40 };
typedef struct myna_ticks {
    int n;
    double values[MYNA_MAX_TICKS];
    char labels[MYNA_MAX_TICKS][24];
} myna_ticks;

/* Round values within [from, to], at most about n of them. */
myna_ticks myna_ticks_numbers(double from, double to, int n); /* 0.5, 20, 15k, 2M */
myna_ticks myna_ticks_seconds(double to, int n);              /* 0.5 s, 20 s; m:ss from two minutes on */
/* Those of n frequencies that keep a line's distance on this axis: 200 Hz, 1.5 kHz. */
myna_ticks myna_ticks_hz(const myna_axis *axis, const int *hz, int n);

typedef enum myna_side { MYNA_SIDE_LEFT, MYNA_SIDE_RIGHT, MYNA_SIDE_BOTTOM } myna_side;
/* Marks outside the box, with labels. */
void myna_draw_ticks(myna_canvas *canvas, myna_frame_box box, myna_side side, const myna_axis *axis,
    const myna_ticks *ticks, myna_colour colour);
/* Faint lines across the box. */
void myna_draw_grid(
    myna_canvas *canvas, myna_frame_box box, myna_side side, const myna_axis *axis, const myna_ticks *ticks);
void myna_draw_border(myna_canvas *canvas, myna_frame_box box);
/* The bottom axis from 0 to `seconds`, with its ticks. */
myna_axis myna_draw_time_axis(myna_canvas *canvas, myna_frame_box box, double seconds, bool with_grid);

static const myna_colour myna_text_colour = {0x33, 0x33, 0x33};

myna_status myna_draw_mel(myna_canvas *canvas, myna_frame_box box, const myna_plot_mel *mel, myna_error *error);

#endif
