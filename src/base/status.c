#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
    const char *name, *message;
} statuses[] = {
#define ROW(name, message) {#name, message},
    MYNA_STATUS_LIST(ROW)
#undef ROW
};

const char *myna_status_name(myna_status status)
{
    return (unsigned)status < MYNA_STATUS_COUNT ? statuses[status].name : "UNKNOWN";
}

const char *myna_status_message(myna_status status)
{
    return (unsigned)status < MYNA_STATUS_COUNT ? statuses[status].message : "unknown status";
}

const char *myna_version(void)
{
    return MYNA_VERSION;
}

myna_status myna_fail(myna_error *error, myna_status status, const char *format, ...)
{
    if (!error) return status;
    va_list arguments;
    va_start(arguments, format);
    error->file[0] = 0;
    vsnprintf(error->detail, sizeof error->detail, format, arguments);
    va_end(arguments);
    return status;
}

myna_status myna_fail_in(myna_error *error, myna_status status, const char *file)
{
    if (error && file) snprintf(error->file, sizeof error->file, "%s", file);
    return status;
}
