/* A lettering of straight strokes for pictures that have no font of their own, and UTF-8. */
#ifndef MYNA_IO_FONT_H
#define MYNA_IO_FONT_H

#include <stdint.h>

/* Moves on by one character; U+FFFD for bytes that are not UTF-8. 0 at the end, where it stays. */
uint32_t myna_utf8_next(const char **text);

/* The strokes of a character: polylines of points "xy", one digit each, parted by spaces. x grows to the right from
 * 0, y upwards: baseline 2, small letters to 6, capitals to 8, descenders to 0. Outside ASCII: a box. */
const char *myna_font_strokes(uint32_t character);
/* From a character's left edge to that of the next, in the same unit. */
int myna_font_advance(uint32_t character);
int myna_font_width(const char *text);

#endif
