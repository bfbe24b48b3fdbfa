/* The log-mel image and the F0 line over it. */
#include "base/status.h"
#include "io/plot_parts.h"

#include <math.h>
#include <stdlib.h>

static const float shown_range = 3.5f; /* log10 of magnitude: 70 dB */
static const double f0_low_hz = 50, f0_high_hz = 500;
static const double longest_glide = 0.25; /* of ln F0 from frame to frame */
static const myna_colour f0_colour = {0x35, 0xd6, 0xf5}, f0_edge_colour = {0x08, 0x10, 0x28},
                         f0_label_colour = {0x00, 0x7a, 0x99};

/* matplotlib's magma (CC0; S. van der Walt and N. Smith, 2015) at 16 even places. */
static const uint8_t magma[16][3] = {{0x00, 0x00, 0x04}, {0x0b, 0x09, 0x24}, {0x20, 0x11, 0x4b}, {0x3b, 0x0f, 0x70},
    {0x57, 0x15, 0x7e}, {0x72, 0x1f, 0x81}, {0x8c, 0x29, 0x81}, {0xa8, 0x32, 0x7d}, {0xc4, 0x3c, 0x75},
    {0xde, 0x49, 0x68}, {0xf1, 0x60, 0x5d}, {0xfa, 0x7f, 0x5e}, {0xfe, 0x9f, 0x6d}, {0xfe, 0xbf, 0x84},
    {0xfd, 0xde, 0xa0}, {0xfc, 0xfd, 0xbf}};

static void colour_of(uint8_t rgb[3], float part)
{
    float place = fminf(fmaxf(part, 0), 1) * 15;
    int below = place < 14 ? (int)place : 14;
    for (int i = 0; i < 3; i++) {
        float from = magma[below][i], to = magma[below + 1][i];
        rgb[i] = (uint8_t)lrintf(from + (place - (float)below) * (to - from));
    }
}

/* One value for the piece [from, to) of `n` values, each one unit wide and `stride` apart: their mean where the piece
 * spans several, in between where it is small. */
static float sample_at(const float *values, size_t stride, size_t n, double from, double to)
{
    double last = (double)n - 1;
    if (to - from >= 2) {
        size_t i = (size_t)fmin(fmax(from, 0), last), end = (size_t)fmin(fmax(ceil(to), 1), (double)n);
        float sum = 0;
        for (size_t k = i; k < end; k++) sum += values[k * stride];
        return sum / (float)(end > i ? end - i : 1);
    }
    double place = fmin(fmax((from + to) / 2 - 0.5, 0), last);
    size_t below = (size_t)place, above = below + 1 < n ? below + 1 : below;
    float part = (float)(place - (double)below);
    return values[below * stride] + part * (values[above * stride] - values[below * stride]);
}

static float maximum(const float *values, size_t n)
{
    float found = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        if (values[i] > found) found = values[i];
    }
    return found;
}

/* The frames of one pixel column, mixed into band values. False before the first and after the last frame. */
static bool mix_column(float *bands, const myna_plot_mel *mel, int x, int width)
{
    double start = mel->first_seconds - mel->hop_seconds / 2; /* frame 0 lasts from here on for one hop */
    double from = (mel->seconds * x / width - start) / mel->hop_seconds;
    double to = (mel->seconds * (x + 1) / width - start) / mel->hop_seconds;
    if (to <= 0 || from >= (double)mel->n_frames) return false;
    for (size_t b = 0; b < MYNA_MEL_BANDS; b++)
        bands[b] = sample_at(mel->log_mel + b, MYNA_MEL_BANDS, mel->n_frames, from, to);
    return true;
}

static void paint(uint8_t *rgb, myna_frame_box box, const myna_plot_mel *mel)
{
    /* Not lower than this, so that digital silence (-4 everywhere) is dark. */
    float top = fmaxf(maximum(mel->log_mel, mel->n_frames * MYNA_MEL_BANDS), shown_range - 4);
    for (int x = 0; x < box.width; x++) {
        float bands[MYNA_MEL_BANDS];
        bool heard = mix_column(bands, mel, x, box.width);
        for (int y = 0; y < box.height; y++) {
            uint8_t *pixel = rgb + ((size_t)y * (size_t)box.width + (size_t)x) * 3;
            double per_pixel = (double)MYNA_MEL_BANDS / box.height, from = (box.height - 1 - y) * per_pixel;
            if (heard)
                colour_of(pixel, 1 + (sample_at(bands, 1, MYNA_MEL_BANDS, from, from + per_pixel) - top) / shown_range);
            else pixel[0] = pixel[1] = pixel[2] = 0xf4;
        }
    }
}

/* From here on no line joins frame k with the one before: a pause, or the tracker has jumped. */
static bool breaks_before(const float *f0_hz, size_t k)
{
    if (k == 0 || !(f0_hz[k] > 0) || !(f0_hz[k - 1] > 0)) return true;
    return fabs(log((double)f0_hz[k] / (double)f0_hz[k - 1])) > longest_glide;
}

/* points[n_frames + 2] is scratch. Twice: a dark edge, then the line itself. */
static void draw_f0(
    myna_canvas *canvas, const myna_plot_mel *mel, const myna_axis *time, const myna_axis *pitch, myna_point *points)
{
    for (int pass = 0; pass < 2; pass++) {
        size_t n = 0;
        for (size_t k = 0; k <= mel->n_frames; k++) {
            if (k == mel->n_frames || breaks_before(mel->f0_hz, k)) {
                if (n == 1) points[n++] = points[0]; /* a lone frame is a dot */
                canvas->line(canvas, points, n, pass ? 1.8f : 4.2f, pass ? f0_colour : f0_edge_colour);
                n = 0;
            }
            if (k == mel->n_frames || !(mel->f0_hz[k] > 0)) continue;
            double hz = fmin(fmax(mel->f0_hz[k], f0_low_hz), f0_high_hz);
            float x = myna_axis_pixel(time, mel->first_seconds + (double)k * mel->hop_seconds);
            x = fminf(fmaxf(x, time->pixel_from), time->pixel_to);
            points[n++] = (myna_point){x, myna_axis_pixel(pitch, hz)};
        }
    }
}

static void draw_axes(myna_canvas *canvas, myna_frame_box box, const myna_axis *pitch)
{
    static const int hz[] = {200, 500, 1000, 2000, 3000, 4000, 6000}, f0_hz[] = {60, 100, 150, 200, 300, 400};
    myna_axis bands = {MYNA_SCALE_MEL, 50, 7600, (float)(box.y + box.height), (float)box.y};
    myna_ticks ticks = myna_ticks_hz(&bands, hz, sizeof hz / sizeof *hz);
    myna_draw_ticks(canvas, box, MYNA_SIDE_LEFT, &bands, &ticks, myna_text_colour);
    if (!pitch) return;
    ticks = myna_ticks_hz(pitch, f0_hz, sizeof f0_hz / sizeof *f0_hz);
    myna_draw_ticks(canvas, box, MYNA_SIDE_RIGHT, pitch, &ticks, f0_label_colour);
}

myna_status myna_draw_mel(myna_canvas *canvas, myna_frame_box box, const myna_plot_mel *mel, myna_error *error)
{
    uint8_t *rgb = malloc((size_t)box.width * (size_t)box.height * 3);
    myna_point *points = malloc((mel->n_frames + 2) * sizeof *points);
    if (rgb && points) {
        paint(rgb, box, mel);
        canvas->image(canvas, box.x, box.y, rgb, box.width, box.height);
        myna_draw_border(canvas, box);
        myna_axis time = myna_draw_time_axis(canvas, box, mel->seconds, false);
        myna_axis pitch = {MYNA_SCALE_LOG, f0_low_hz, f0_high_hz, (float)(box.y + box.height), (float)box.y};
        draw_axes(canvas, box, mel->f0_hz ? &pitch : NULL);
        if (mel->f0_hz) draw_f0(canvas, mel, &time, &pitch, points);
    }
    bool complete = rgb && points;
    free(rgb);
    free(points);
    return complete ? MYNA_OK : myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a picture");
}
