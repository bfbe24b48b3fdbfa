#include "base/status.h"
#include "io/canvas.h"
#include "io/font.h"

#include <stdlib.h>

typedef struct svg_canvas {
    myna_canvas base;
    FILE *stream;
    myna_status status; /* of the first operation that failed */
    myna_error error;
} svg_canvas;

static FILE *stream_of(myna_canvas *base)
{
    return ((svg_canvas *)base)->stream;
}

static void fill(myna_canvas *base, myna_point corner, float width, float height, myna_colour colour)
{
    fprintf(stream_of(base), "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"#%02x%02x%02x\"/>\n",
        (double)corner.x, (double)corner.y, (double)width, (double)height, colour.red, colour.green, colour.blue);
}

static void line(myna_canvas *base, const myna_point *points, size_t n, float thickness, myna_colour colour)
{
    FILE *stream = stream_of(base);
    if (n == 0) return;
    fprintf(stream,
        "<polyline fill=\"none\" stroke=\"#%02x%02x%02x\" stroke-width=\"%.3g\" stroke-linejoin=\"round\" "
        "stroke-linecap=\"round\" points=\"",
        colour.red, colour.green, colour.blue, (double)thickness);
    for (size_t i = 0; i < n; i++)
        fprintf(stream, "%s%.1f,%.1f", i ? " " : "", (double)points[i].x, (double)points[i].y);
    fputs("\"/>\n", stream);
}

/* Everything but plain ASCII as a number, so that the file is valid whatever the text holds. */
static void write_escaped(FILE *stream, const char *text)
{
    for (uint32_t character; (character = myna_utf8_next(&text)) != 0;) {
        bool plain = character >= ' ' && character < 0x7f && character != '&' && character != '<' && character != '>';
        if (plain) fputc((int)character, stream);
        else fprintf(stream, "&#%u;", (unsigned)(character < ' ' || character == 0x7f ? '?' : character));
    }
}

static void text(
    myna_canvas *base, myna_point at, myna_anchor anchor, bool bold, myna_colour colour, const char *characters)
{
    static const char *const anchors[] = {"start", "middle", "end"};
    fprintf(stream_of(base), "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s fill=\"#%02x%02x%02x\">", (double)at.x,
        (double)at.y, anchors[anchor], bold ? " font-weight=\"bold\"" : "", colour.red, colour.green, colour.blue);
    write_escaped(stream_of(base), characters);
    fputs("</text>\n", stream_of(base));
}

static void write_base64(FILE *stream, const unsigned char *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        unsigned group = (unsigned)bytes[i] << 16;
        if (i + 1 < n) group |= (unsigned)bytes[i + 1] << 8;
        if (i + 2 < n) group |= bytes[i + 2];
        fputc(digits[group >> 18], stream);
        fputc(digits[group >> 12 & 63], stream);
        fputc(i + 1 < n ? digits[group >> 6 & 63] : '=', stream);
        fputc(i + 2 < n ? digits[group & 63] : '=', stream);
    }
}

static void image(myna_canvas *base, int x, int y, const uint8_t *rgb, int width, int height)
{
    svg_canvas *canvas = (svg_canvas *)base;
    unsigned char *bytes = NULL;
    size_t n_bytes = 0;
    if (canvas->status != MYNA_OK) return;
    canvas->status = myna_png_encode(&bytes, &n_bytes, rgb, width, height, &canvas->error);
    if (canvas->status != MYNA_OK) return;
    fprintf(canvas->stream, "<image x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" href=\"data:image/png;base64,", x, y,
        width, height);
    write_base64(canvas->stream, bytes, n_bytes);
    fputs("\"/>\n", canvas->stream);
    free(bytes);
}

static myna_status finish(myna_canvas *base, myna_error *error)
{
    svg_canvas *canvas = (svg_canvas *)base;
    myna_status status = canvas->status;
    if (status != MYNA_OK && error) *error = canvas->error;
    fputs("</svg>\n", canvas->stream);
    free(canvas);
    return status;
}

myna_status myna_canvas_create_svg(myna_canvas **out, FILE *stream, int width, int height, myna_error *error)
{
    svg_canvas *canvas = malloc(sizeof *canvas);
    if (!canvas) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a picture");
    *canvas = (svg_canvas){.base = {width, height, fill, line, text, image, finish}, .stream = stream};
    fprintf(stream,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
        "font-family=\"sans-serif\" font-size=\"12.5\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
        width, height, width, height);
    *out = &canvas->base;
    return MYNA_OK;
}
