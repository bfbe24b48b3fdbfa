#include "io/plot_parts.h"

#include <math.h>

static const myna_colour grid_colour = {0xe6, 0xe6, 0xe6}, border_colour = {0x99, 0x99, 0x99};
static const float label_pixels = 17; /* from one line of labels to the next */

static double scaled(myna_scale scale, double value)
{
    if (scale == MYNA_SCALE_LOG) return log(value);
    if (scale == MYNA_SCALE_MEL) return 2595 * log10(1 + value / 700);
    return value;
}

float myna_axis_pixel(const myna_axis *axis, double value)
{
    double from = scaled(axis->scale, axis->from), to = scaled(axis->scale, axis->to);
    double part = (scaled(axis->scale, value) - from) / (to - from);
    return axis->pixel_from + (float)part * (axis->pixel_to - axis->pixel_from);
}

/* ---- Ticks ---------------------------------------------------------------------------------------------------- */

/* 1, 2 or 5 times a power of ten, so that `span` holds at most about n steps. */
static double round_step(double span, int n)
{
    double power = pow(10, floor(log10(span / n)));
    for (int i = 0; i < 3; i++) {
        double step = power * (double[]){1, 2, 5}[i];
        if (span / step <= n) return step;
    }
    return 10 * power;
}

/* A second, a minute or an hour, cut as clocks are. */
static double clock_step(double span, int n)
{
    static const double steps[] = {1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (span / steps[i] <= n) return steps[i];
    }
    return 3600 * ceil(span / n / 3600);
}

static void add_multiples(myna_ticks *ticks, double from, double to, double step)
{
    double first = ceil(from / step - 1e-6);
    for (double i = first; i * step <= to + 1e-6 * step && ticks->n < MYNA_MAX_TICKS; i++)
        ticks->values[ticks->n++] = i * step + 0.0; /* + 0.0 takes the sign from -0 */
}

static void label_number(char *out, size_t size, double value)
{
    double magnitude = fabs(value);
    if (magnitude >= 1e6) snprintf(out, size, "%.4gM", value / 1e6);
    else if (magnitude >= 1e4) snprintf(out, size, "%.4gk", value / 1e3);
    else snprintf(out, size, "%.4g", value);
}

myna_ticks myna_ticks_numbers(double from, double to, int n)
{
    myna_ticks ticks = {0};
    add_multiples(&ticks, from, to, round_step(to - from, n));
    for (int i = 0; i < ticks.n; i++) label_number(ticks.labels[i], sizeof ticks.labels[i], ticks.values[i]);
    return ticks;
}

myna_ticks myna_ticks_seconds(double to, int n)
{
    n = n < MYNA_MAX_TICKS / 2 ? n : MYNA_MAX_TICKS / 2; /* steps are rounded, down to half */
    bool as_clock = to >= 120;
    myna_ticks ticks = {0};
    add_multiples(&ticks, 0, to, as_clock ? clock_step(to, n) : round_step(to, n));
    for (int i = 0; i < ticks.n; i++) {
        double value = ticks.values[i];
        char *label = ticks.labels[i];
        if (as_clock) snprintf(label, sizeof ticks.labels[i], "%d:%02d", (int)value / 60, (int)value % 60);
        else snprintf(label, sizeof ticks.labels[i], "%.4g s", value);
    }
    return ticks;
}

myna_ticks myna_ticks_hz(const myna_axis *axis, const int *hz, int n)
{
    myna_ticks ticks = {0};
    float last = INFINITY;
    for (int i = 0; i < n && ticks.n < MYNA_MAX_TICKS; i++) {
        float pixel = myna_axis_pixel(axis, hz[i]);
        if (fabsf(pixel - last) < label_pixels) continue;
        last = pixel;
        ticks.values[ticks.n] = hz[i];
        char *label = ticks.labels[ticks.n++];
        if (hz[i] >= 1000) snprintf(label, sizeof *ticks.labels, "%.3g kHz", hz[i] / 1000.0);
        else snprintf(label, sizeof *ticks.labels, "%d Hz", hz[i]);
    }
    return ticks;
}

/* ---- Drawing -------------------------------------------------------------------------------------------------- */

void myna_draw_ticks(myna_canvas *canvas, myna_frame_box box, myna_side side, const myna_axis *axis,
    const myna_ticks *ticks, myna_colour colour)
{
    float left = (float)box.x, right = (float)(box.x + box.width), bottom = (float)(box.y + box.height);
    for (int i = 0; i < ticks->n; i++) {
        float pixel = floorf(myna_axis_pixel(axis, ticks->values[i]));
        if (side == MYNA_SIDE_BOTTOM) {
            canvas->fill(canvas, (myna_point){pixel, bottom}, 1, 5, border_colour);
            canvas->text(canvas, (myna_point){pixel, bottom + 18}, MYNA_ANCHOR_MIDDLE, false, colour, ticks->labels[i]);
        } else if (side == MYNA_SIDE_LEFT) {
            canvas->fill(canvas, (myna_point){left - 5, pixel}, 5, 1, border_colour);
            canvas->text(canvas, (myna_point){left - 9, pixel + 5}, MYNA_ANCHOR_END, false, colour, ticks->labels[i]);
        } else {
            canvas->fill(canvas, (myna_point){right, pixel}, 5, 1, colour);
            canvas->text(
                canvas, (myna_point){right + 9, pixel + 5}, MYNA_ANCHOR_START, false, colour, ticks->labels[i]);
        }
    }
}

void myna_draw_grid(
    myna_canvas *canvas, myna_frame_box box, myna_side side, const myna_axis *axis, const myna_ticks *ticks)
{
    for (int i = 0; i < ticks->n; i++) {
        float pixel = floorf(myna_axis_pixel(axis, ticks->values[i]));
        if (side == MYNA_SIDE_BOTTOM)
            canvas->fill(canvas, (myna_point){pixel, (float)box.y}, 1, (float)box.height, grid_colour);
        else canvas->fill(canvas, (myna_point){(float)box.x, pixel}, (float)box.width, 1, grid_colour);
    }
}

void myna_draw_border(myna_canvas *canvas, myna_frame_box box)
{
    float x = (float)box.x, y = (float)box.y, width = (float)box.width, height = (float)box.height;
    canvas->fill(canvas, (myna_point){x - 1, y - 1}, width + 2, 1, border_colour);
    canvas->fill(canvas, (myna_point){x - 1, y + height}, width + 2, 1, border_colour);
    canvas->fill(canvas, (myna_point){x - 1, y}, 1, height, border_colour);
    canvas->fill(canvas, (myna_point){x + width, y}, 1, height, border_colour);
}

myna_axis myna_draw_time_axis(myna_canvas *canvas, myna_frame_box box, double seconds, bool with_grid)
{
    myna_axis axis = {MYNA_SCALE_LINEAR, 0, seconds, (float)box.x, (float)(box.x + box.width)};
    myna_ticks ticks = myna_ticks_seconds(seconds, box.width / 80 + 1);
    if (with_grid) myna_draw_grid(canvas, box, MYNA_SIDE_BOTTOM, &axis, &ticks);
    myna_draw_ticks(canvas, box, MYNA_SIDE_BOTTOM, &axis, &ticks, myna_text_colour);
    return axis;
}
