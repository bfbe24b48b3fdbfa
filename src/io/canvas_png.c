#include "base/status.h"
#include "io/canvas.h"
#include "io/font.h"

#include <math.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>

static const float font_unit = 1.5f; /* pixels: capitals are 9 high */

typedef struct png_canvas {
    myna_canvas base;
    FILE *stream;
    uint8_t *rgb; /* [height][width][3] */
} png_canvas;

myna_status myna_png_encode(
    unsigned char **out, size_t *n_bytes, const uint8_t *rgb, int width, int height, myna_error *error)
{
    png_image image = {.version = PNG_IMAGE_VERSION,
        .width = (png_uint_32)width,
        .height = (png_uint_32)height,
        .format = PNG_FORMAT_RGB};
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
    unsigned char *bytes = malloc(size);
    if (!bytes || !png_image_write_to_memory(&image, bytes, &size, 0, rgb, 0, NULL)) {
        free(bytes);
        return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a picture");
    }
    *out = bytes;
    *n_bytes = size;
    return MYNA_OK;
}

/* Mixes a colour in; coverage from 0 (nothing) to 1 (all of the pixel). */
static void blend(png_canvas *canvas, int x, int y, float coverage, myna_colour colour)
{
    uint8_t *pixel = canvas->rgb + ((size_t)y * (size_t)canvas->base.width + (size_t)x) * 3;
    const uint8_t parts[] = {colour.red, colour.green, colour.blue};
    for (int i = 0; i < 3; i++)
        pixel[i] = (uint8_t)lrintf((float)pixel[i] + coverage * ((float)parts[i] - (float)pixel[i]));
}

/* Nearest pixel edge within [0, limit]. */
static int clamp(float value, int limit)
{
    return value < 0 ? 0 : value > (float)limit ? limit : (int)lrintf(value);
}

static void fill(myna_canvas *base, myna_point corner, float width, float height, myna_colour colour)
{
    png_canvas *canvas = (png_canvas *)base;
    int right = clamp(corner.x + width, base->width), bottom = clamp(corner.y + height, base->height);
    for (int y = clamp(corner.y, base->height); y < bottom; y++) {
        for (int x = clamp(corner.x, base->width); x < right; x++) blend(canvas, x, y, 1, colour);
    }
}

static float distance_to_segment(float x, float y, myna_point a, myna_point b)
{
    float along_x = b.x - a.x, along_y = b.y - a.y, length2 = along_x * along_x + along_y * along_y;
    float t = length2 > 0 ? ((x - a.x) * along_x + (y - a.y) * along_y) / length2 : 0;
    t = fminf(fmaxf(t, 0), 1);
    return hypotf(x - a.x - t * along_x, y - a.y - t * along_y);
}

/* Pixels are covered by how near their middles are: edges come out smooth. */
static void draw_segment(png_canvas *canvas, myna_point a, myna_point b, float thickness, myna_colour colour)
{
    float reach = thickness / 2 + 1;
    int left = clamp(fminf(a.x, b.x) - reach, canvas->base.width),
        right = clamp(fmaxf(a.x, b.x) + reach, canvas->base.width);
    int top = clamp(fminf(a.y, b.y) - reach, canvas->base.height),
        end = clamp(fmaxf(a.y, b.y) + reach, canvas->base.height);
    for (int y = top; y < end; y++) {
        for (int x = left; x < right; x++) {
            float coverage = thickness / 2 + 0.5f - distance_to_segment((float)x + 0.5f, (float)y + 0.5f, a, b);
            if (coverage > 0) blend(canvas, x, y, fminf(coverage, 1), colour);
        }
    }
}

static void line(myna_canvas *base, const myna_point *points, size_t n, float thickness, myna_colour colour)
{
    for (size_t i = 1; i < n; i++) draw_segment((png_canvas *)base, points[i - 1], points[i], thickness, colour);
}

static myna_point glyph_point(const char *digits, myna_point at)
{
    return (myna_point){at.x + font_unit * (float)(digits[0] - '0'), at.y - font_unit * (float)(digits[1] - '2')};
}

static void draw_glyph(png_canvas *canvas, const char *strokes, myna_point at, float thickness, myna_colour colour)
{
    for (const char *digits = strokes; *digits; digits += *digits == ' ' ? 1 : 2) {
        if (*digits == ' ' || digits[2] == 0 || digits[2] == ' ') continue;
        draw_segment(canvas, glyph_point(digits, at), glyph_point(digits + 2, at), thickness, colour);
    }
}

static void text(
    myna_canvas *base, myna_point at, myna_anchor anchor, bool bold, myna_colour colour, const char *characters)
{
    float width = font_unit * (float)(myna_font_width(characters) - 2);
    at.x -= anchor == MYNA_ANCHOR_MIDDLE ? width / 2 : anchor == MYNA_ANCHOR_END ? width : 0;
    at = (myna_point){floorf(at.x) + 0.5f, floorf(at.y) - 0.5f}; /* upright strokes in the middle of pixels */
    for (uint32_t character; (character = myna_utf8_next(&characters)) != 0;) {
        draw_glyph((png_canvas *)base, myna_font_strokes(character), at, bold ? 1.9f : 1.2f, colour);
        at.x += font_unit * (float)myna_font_advance(character);
    }
}

static void image(myna_canvas *base, int x, int y, const uint8_t *rgb, int width, int height)
{
    png_canvas *canvas = (png_canvas *)base;
    for (int row = 0; row < height; row++) {
        size_t to = (size_t)(y + row) * (size_t)base->width + (size_t)x, from = (size_t)row * (size_t)width;
        memcpy(canvas->rgb + to * 3, rgb + from * 3, (size_t)width * 3);
    }
}

static myna_status finish(myna_canvas *base, myna_error *error)
{
    png_canvas *canvas = (png_canvas *)base;
    unsigned char *bytes = NULL;
    size_t n_bytes = 0;
    myna_status status = myna_png_encode(&bytes, &n_bytes, canvas->rgb, base->width, base->height, error);
    if (status == MYNA_OK) {
        fwrite(bytes, 1, n_bytes, canvas->stream);
        free(bytes);
    }
    free(canvas->rgb);
    free(canvas);
    return status;
}

myna_status myna_canvas_create_png(myna_canvas **out, FILE *stream, int width, int height, myna_error *error)
{
    size_t n_bytes = (size_t)width * (size_t)height * 3;
    png_canvas *canvas = malloc(sizeof *canvas);
    uint8_t *rgb = malloc(n_bytes);
    if (!canvas || !rgb) {
        free(canvas);
        free(rgb);
        return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a picture");
    }
    memset(rgb, 255, n_bytes);
    *canvas = (png_canvas){{width, height, fill, line, text, image, finish}, stream, rgb};
    *out = &canvas->base;
    return MYNA_OK;
}
