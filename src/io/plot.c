#include "io/plot.h"

#include "base/file.h"
#include "base/status.h"
#include "io/font.h"
#include "io/plot_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Pixels around the data of each panel. */
enum { LEFT = 66, RIGHT = 66, TITLE = 30, TICKS = 26, X_LABEL = 18, BOTTOM = 8, MIN_DATA = 24 };

static const myna_colour waveform_colour = {0x2f, 0x6d, 0xa8};

/* Okabe and Ito (2008): told apart by colour-blind readers too. */
static const myna_colour series_colours[] = {{0x00, 0x72, 0xb2}, {0xd5, 0x5e, 0x00}, {0x00, 0x9e, 0x73},
    {0xcc, 0x79, 0xa7}, {0xe6, 0x9f, 0x00}, {0x56, 0xb4, 0xe9}};
enum { N_SERIES_COLOURS = sizeof series_colours / sizeof *series_colours };

/* ---- Waveform ------------------------------------------------------------------------------------------------- */

/* The smallest of 0.1, 0.2, 0.5, 1, 2, ... that holds every sample. */
static double amplitude_limit(const myna_plot_waveform *wave)
{
    double peak = 0, limit = 0.1;
    for (size_t i = 0; i < wave->n_samples; i++) peak = fmax(peak, fabs((double)wave->samples[i]));
    for (int i = 0; limit < peak * (1 - 1e-6) && i < 30; i++) limit *= i % 3 == 1 ? 2.5 : 2;
    return limit;
}

/* Lowest and highest sample of a pixel column, as two points; 0 points after the end. */
static size_t column_points(
    myna_point *points, const myna_plot_waveform *wave, const myna_axis *amplitude, int column, myna_frame_box box)
{
    double per_column = wave->seconds * wave->sample_rate_hz / box.width;
    size_t begin = (size_t)(column * per_column), end = (size_t)((column + 1) * per_column) + 1;
    if (begin >= wave->n_samples) return 0;
    if (end > wave->n_samples) end = wave->n_samples;
    float low = wave->samples[begin], high = low;
    for (size_t i = begin; i < end; i++) {
        low = fminf(low, wave->samples[i]);
        high = fmaxf(high, wave->samples[i]);
    }
    float x = (float)(box.x + column) + 0.5f;
    points[0] = (myna_point){x, myna_axis_pixel(amplitude, low)};
    points[1] = (myna_point){x, myna_axis_pixel(amplitude, high)};
    return 2;
}

static myna_status draw_waveform(
    myna_canvas *canvas, myna_frame_box box, const myna_plot_waveform *wave, myna_error *error)
{
    myna_point *points = malloc(2 * (size_t)box.width * sizeof *points);
    if (!points) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a picture");
    double limit = amplitude_limit(wave);
    myna_axis amplitude = {MYNA_SCALE_LINEAR, -limit, limit, (float)(box.y + box.height), (float)box.y};
    myna_ticks ticks = {3, {-limit, 0, limit}, {"", "0", ""}};
    snprintf(ticks.labels[0], sizeof ticks.labels[0], "%.3g", -limit);
    snprintf(ticks.labels[2], sizeof ticks.labels[2], "%.3g", limit);
    myna_draw_grid(canvas, box, MYNA_SIDE_LEFT, &amplitude, &ticks);
    myna_draw_time_axis(canvas, box, wave->seconds, true);
    myna_draw_ticks(canvas, box, MYNA_SIDE_LEFT, &amplitude, &ticks, myna_text_colour);
    size_t n = 0;
    for (int column = 0; column < box.width; column++) n += column_points(points + n, wave, &amplitude, column, box);
    canvas->line(canvas, points, n, 1, waveform_colour);
    myna_draw_border(canvas, box);
    free(points);
    return MYNA_OK;
}

/* ---- Line charts ---------------------------------------------------------------------------------------------- */

typedef struct range {
    double low, high;
} range;

static void widen(range *r, float value)
{
    r->low = fmin(r->low, (double)value);
    r->high = fmax(r->high, (double)value);
}

/* Nothing to show, or one value only: a range around it. */
static void settle(range *r)
{
    if (r->low > r->high) *r = (range){0, 1};
    if (r->high - r->low > 1e-6 * fabs(r->high)) return;
    double around = r->high != 0 ? 0.5 * fabs(r->high) : 1;
    r->low -= around;
    r->high += around;
}

static bool is_point(const myna_plot_series *series, size_t i)
{
    return isfinite(series->x[i]) && isfinite(series->y[i]);
}

static void find_ranges(range *x, range *y, const myna_plot_lines *lines)
{
    *x = *y = (range){INFINITY, -INFINITY};
    for (size_t s = 0; s < lines->n_series; s++) {
        const myna_plot_series *series = &lines->series[s];
        for (size_t i = 0; i < series->n; i++) {
            if (!is_point(series, i)) continue;
            widen(x, series->x[i]);
            widen(y, series->y[i]);
        }
    }
    settle(x);
    settle(y);
    double margin = 0.05 * (y->high - y->low);
    y->low = y->low >= 0 ? fmax(y->low - margin, 0) : y->low - margin;
    y->high += margin;
}

static myna_status draw_series(myna_canvas *canvas, const myna_plot_series *series, const myna_axis *x,
    const myna_axis *y, myna_colour colour, myna_error *error)
{
    myna_point *points = malloc((series->n + 1) * sizeof *points);
    if (!points) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a picture");
    size_t n = 0;
    for (size_t i = 0; i <= series->n; i++) {
        if (i < series->n && is_point(series, i)) {
            points[n++] = (myna_point){myna_axis_pixel(x, series->x[i]), myna_axis_pixel(y, series->y[i])};
            continue;
        }
        if (n == 1) points[n++] = points[0];
        if (n > 0) canvas->line(canvas, points, n, 1.6f, colour);
        n = 0;
    }
    free(points);
    return MYNA_OK;
}

/* In the title's line, from the right. */
static void draw_legend(myna_canvas *canvas, myna_frame_box box, const myna_plot_lines *lines)
{
    float x = (float)(box.x + box.width), y = (float)box.y - 10;
    for (size_t s = lines->n_series; s-- > 0;) {
        const char *name = lines->series[s].name;
        myna_colour colour = series_colours[s % N_SERIES_COLOURS];
        canvas->text(canvas, (myna_point){x, y}, MYNA_ANCHOR_END, false, myna_text_colour, name);
        x -= 1.5f * (float)myna_font_width(name) + 6;
        canvas->fill(canvas, (myna_point){x - 16, y - 6}, 16, 3, colour);
        x -= 34;
    }
}

static myna_status draw_lines(myna_canvas *canvas, myna_frame_box box, const myna_plot_lines *lines, myna_error *error)
{
    range x_range, y_range;
    find_ranges(&x_range, &y_range, lines);
    float right = (float)(box.x + box.width), bottom = (float)(box.y + box.height);
    myna_axis x = {MYNA_SCALE_LINEAR, x_range.low, x_range.high, (float)box.x, right};
    myna_axis y = {MYNA_SCALE_LINEAR, y_range.low, y_range.high, bottom, (float)box.y};
    myna_ticks x_ticks = myna_ticks_numbers(x.from, x.to, box.width / 80 + 1);
    myna_ticks y_ticks = myna_ticks_numbers(y.from, y.to, box.height / 30 + 1);
    myna_draw_grid(canvas, box, MYNA_SIDE_BOTTOM, &x, &x_ticks);
    myna_draw_grid(canvas, box, MYNA_SIDE_LEFT, &y, &y_ticks);
    myna_draw_ticks(canvas, box, MYNA_SIDE_BOTTOM, &x, &x_ticks, myna_text_colour);
    myna_draw_ticks(canvas, box, MYNA_SIDE_LEFT, &y, &y_ticks, myna_text_colour);
    myna_draw_border(canvas, box);
    draw_legend(canvas, box, lines);
    if (lines->x_label) {
        myna_point at = {(float)box.x + (float)box.width / 2, bottom + TICKS + 10};
        canvas->text(canvas, at, MYNA_ANCHOR_MIDDLE, false, myna_text_colour, lines->x_label);
    }
    myna_status status = MYNA_OK;
    for (size_t s = 0; status == MYNA_OK && s < lines->n_series; s++)
        status = draw_series(canvas, &lines->series[s], &x, &y, series_colours[s % N_SERIES_COLOURS], error);
    return status;
}

/* ---- The figure ----------------------------------------------------------------------------------------------- */

/* Pixels of a panel that are not data. */
static int rows_around(const myna_panel *panel)
{
    return TITLE + TICKS + (panel->kind == MYNA_PANEL_LINES && panel->lines.x_label ? X_LABEL : 0);
}

static int weight(const myna_panel *panel)
{
    return panel->kind == MYNA_PANEL_WAVEFORM ? 1 : 2;
}

int myna_plot_good_height(const myna_panel *panels, size_t n_panels)
{
    int height = BOTTOM;
    for (size_t i = 0; i < n_panels; i++) height += rows_around(&panels[i]) + 120 * weight(&panels[i]);
    return height < MYNA_PLOT_MAX_SIZE ? height : MYNA_PLOT_MAX_SIZE;
}

/* Pixels of data for each unit of weight; below MIN_DATA: the figure is too low. */
static int unit_height(int height, const myna_panel *panels, size_t n_panels)
{
    int left = height - BOTTOM, weights = 0;
    for (size_t i = 0; i < n_panels && left > 0; i++) {
        left -= rows_around(&panels[i]);
        weights += weight(&panels[i]);
    }
    return weights > 0 ? left / weights : 0;
}

static myna_status draw(myna_canvas *canvas, const myna_panel *panels, size_t n_panels, myna_error *error)
{
    int unit = unit_height(canvas->height, panels, n_panels), y = 0;
    myna_status status = MYNA_OK;
    for (size_t i = 0; status == MYNA_OK && i < n_panels; i++) {
        const myna_panel *panel = &panels[i];
        myna_frame_box box = {LEFT, y + TITLE, canvas->width - LEFT - RIGHT, unit * weight(panel)};
        canvas->text(canvas, (myna_point){LEFT, (float)(y + TITLE - 10)}, MYNA_ANCHOR_START, true, myna_text_colour,
            panel->title);
        if (panel->kind == MYNA_PANEL_WAVEFORM) status = draw_waveform(canvas, box, &panel->waveform, error);
        else if (panel->kind == MYNA_PANEL_MEL) status = myna_draw_mel(canvas, box, &panel->mel, error);
        else status = draw_lines(canvas, box, &panel->lines, error);
        y += rows_around(panel) + box.height;
    }
    return status;
}

static bool has_suffix(const char *path, const char *suffix)
{
    const char *last = strrchr(path, '.');
    return last && strcasecmp(last, suffix) == 0;
}

bool myna_plot_has_suffix(const char *path)
{
    return has_suffix(path, ".svg") || has_suffix(path, ".png");
}

static myna_status check(
    const char *path, int width, int height, const myna_panel *panels, size_t n_panels, myna_error *error)
{
    if (!myna_plot_has_suffix(path)) return myna_fail(error, MYNA_ERROR_ARGUMENT, "plots are written as .png or .svg");
    int smallest = width < height ? width : height, largest = width < height ? height : width;
    if (smallest < MYNA_PLOT_MIN_SIZE || largest > MYNA_PLOT_MAX_SIZE)
        return myna_fail(error, MYNA_ERROR_ARGUMENT, "a plot of %d x %d pixels, not %d to %d", width, height,
            MYNA_PLOT_MIN_SIZE, MYNA_PLOT_MAX_SIZE);
    if (unit_height(height, panels, n_panels) < MIN_DATA)
        return myna_fail(error, MYNA_ERROR_ARGUMENT, "%zu panels do not fit into %d pixels", n_panels, height);
    return MYNA_OK;
}

myna_status myna_plot_save(
    const char *path, int width, int height, const myna_panel *panels, size_t n_panels, myna_error *error)
{
    myna_status status = check(path, width, height, panels, n_panels, error);
    if (status != MYNA_OK) return myna_fail_in(error, status, path);
    myna_new_file file;
    status = myna_new_file_open(&file, path, error);
    if (status != MYNA_OK) return status;
    myna_canvas *canvas;
    status = has_suffix(path, ".svg") ? myna_canvas_create_svg(&canvas, file.stream, width, height, error)
                                      : myna_canvas_create_png(&canvas, file.stream, width, height, error);
    if (status == MYNA_OK) {
        status = draw(canvas, panels, n_panels, error);
        myna_status finished = canvas->finish(canvas, status == MYNA_OK ? error : NULL);
        if (status == MYNA_OK) status = finished;
    }
    if (status == MYNA_OK) return myna_new_file_commit(&file, error);
    myna_new_file_abandon(&file);
    return myna_fail_in(error, status, path);
}
