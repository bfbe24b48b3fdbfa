/* What a figure is drawn on: four operations, by two painters (PNG and SVG). Internal to the plots. */
#ifndef MYNA_IO_CANVAS_H
#define MYNA_IO_CANVAS_H

#include "myna/myna.h"

#include <stdio.h>

typedef struct myna_colour {
    uint8_t red, green, blue;
} myna_colour;

/* In pixels from the upper left corner. */
typedef struct myna_point {
    float x, y;
} myna_point;

typedef enum myna_anchor { MYNA_ANCHOR_START, MYNA_ANCHOR_MIDDLE, MYNA_ANCHOR_END } myna_anchor;

typedef struct myna_canvas myna_canvas;
struct myna_canvas {
    int width, height;
    void (*fill)(myna_canvas *canvas, myna_point corner, float width, float height, myna_colour colour);
    /* Straight from point to point. */
    void (*line)(myna_canvas *canvas, const myna_point *points, size_t n, float thickness, myna_colour colour);
    /* One line of UTF-8, capitals about 9 pixels high; `at` is on the baseline, at the text's anchor. */
    void (*text)(
        myna_canvas *canvas, myna_point at, myna_anchor anchor, bool bold, myna_colour colour, const char *text);
    /* rgb[height][width][3], pixel for pixel. */
    void (*image)(myna_canvas *canvas, int x, int y, const uint8_t *rgb, int width, int height);
    /* Writes what remains to the stream and frees the canvas. Fails when memory was short on the way; errors of the
     * stream are left for its owner to find. */
    myna_status (*finish)(myna_canvas *canvas, myna_error *error);
};

/* A white page. The stream is borrowed. */
myna_status myna_canvas_create_png(myna_canvas **out, FILE *stream, int width, int height, myna_error *error);
myna_status myna_canvas_create_svg(myna_canvas **out, FILE *stream, int width, int height, myna_error *error);

/* A whole PNG file of rgb[height][width][3]; malloc'd. */
myna_status myna_png_encode(
    unsigned char **out, size_t *n_bytes, const uint8_t *rgb, int width, int height, myna_error *error);

#endif
