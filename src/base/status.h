/* How errors are reported inside the library: fill, return, done. */
#ifndef MYNA_BASE_STATUS_H
#define MYNA_BASE_STATUS_H

#include "myna/myna.h"

/* Fills `error` (may be NULL) with a printf-style reason, leaves its `file` empty, and returns `status`, so that
 * a failing function ends with `return myna_fail(error, MYNA_ERROR_..., "...", ...)`. */
myna_status myna_fail(myna_error *error, myna_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Names the file in an error that a deeper function has filled; returns `status`. */
myna_status myna_fail_in(myna_error *error, myna_status status, const char *file);

#endif
