#define _GNU_SOURCE
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *pointer)
{
    if (pointer) return pointer;
    myna_report(NULL, "%s", myna_status_message(MYNA_ERROR_MEMORY));
    exit(MYNA_EXIT_FAILED);
}

void myna_strings_add(myna_strings *strings, const char *text)
{
    /* capacities are powers of two: full whenever n is one */
    if ((strings->n & (strings->n - 1)) == 0)
        strings->items = checked(realloc(strings->items, (strings->n ? 2 * strings->n : 1) * sizeof *strings->items));
    strings->items[strings->n] = checked(strdup(text));
    strings->n++;
}

void myna_strings_free(myna_strings *strings)
{
    for (size_t i = 0; i < strings->n; i++) free(strings->items[i]);
    free(strings->items);
    *strings = (myna_strings){0};
}

char *myna_text(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0) text = NULL;
    va_end(arguments);
    return checked(text);
}

const char *myna_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *myna_path_suffix(const char *path)
{
    const char *name = myna_path_name(path), *dot = strrchr(name, '.');
    return dot && dot != name ? dot : name + strlen(name); /* ".profile" is all stem */
}

const char *myna_path_inside(const char *path, const char *folder)
{
    size_t n_folder = strlen(folder);
    if (strncmp(path, folder, n_folder) != 0) return path;
    return path + n_folder + strspn(path + n_folder, "/");
}

char *myna_path_stem(const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/') length--;
    char *trimmed = myna_text("%.*s", (int)length, path);
    const char *name = myna_path_name(trimmed);
    char *stem = myna_text("%.*s", (int)(myna_path_suffix(name) - name), name);
    free(trimmed);
    return stem;
}
