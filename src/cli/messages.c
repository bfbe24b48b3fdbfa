#define _GNU_SOURCE
#include "cli/cli.h"

#include "io/font.h"

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_quiet;

/* In one write, so that lines of several programs on one terminal do not mix. */
static void print_line(const char *file, const char *kind, const char *format, va_list arguments)
{
    char *text = NULL, *line = NULL;
    if (vasprintf(&text, format, arguments) < 0) return;
    int length = asprintf(&line, "myna: %s%s%s%s", file ? file : "", file ? ": " : "", kind, text);
    free(text);
    if (length < 0) return;
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127) *c = '?';
    fprintf(stderr, "%s\n", line);
    free(line);
}

void myna_report(const char *file, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line(file, "", format, arguments);
    va_end(arguments);
}

void myna_note(const char *file, const char *format, ...)
{
    if (is_quiet) return;
    va_list arguments;
    va_start(arguments, format);
    print_line(file, "note: ", format, arguments);
    va_end(arguments);
}

void myna_set_quiet(bool quiet)
{
    is_quiet = quiet;
}

int myna_report_status(const char *file, myna_status status, const myna_error *error)
{
    if (status == MYNA_OK) return MYNA_EXIT_OK;
    if (status == MYNA_ERROR_INTERRUPTED) return MYNA_EXIT_INTERRUPTED;
    myna_report(error->file[0] ? error->file : file, "%s", error->detail[0] ? error->detail : myna_status_message(status));
    return status == MYNA_ERROR_DEVICE ? MYNA_EXIT_DEVICE : MYNA_EXIT_FAILED;
}

int myna_exit_of_batch(size_t n_failed, size_t n)
{
    if (n_failed == 0) return MYNA_EXIT_OK;
    return n_failed < n ? MYNA_EXIT_SOME : MYNA_EXIT_FAILED;
}

void myna_cli_print_json(struct cJSON *json)
{
    char *text = cJSON_PrintUnformatted(json);
    for (const char *at = text, *next = text; text && *at; at = next) {
        if (myna_utf8_next(&next) == 0xfffd) fputs("\\ufffd", stdout);
        else fwrite(at, 1, (size_t)(next - at), stdout);
    }
    if (text) putchar('\n');
    free(text);
    cJSON_Delete(json);
}
