/* IEEE 754 half precision, as weights and log-mel are stored. */
#ifndef MYNA_BASE_HALF_H
#define MYNA_BASE_HALF_H

#include <stddef.h>
#include <stdint.h>

/* Round to nearest even; beyond 65504 becomes infinity. */
void myna_half_from_float(uint16_t *out, const float *in, size_t n);
void myna_float_from_half(float *out, const uint16_t *in, size_t n);

#endif
