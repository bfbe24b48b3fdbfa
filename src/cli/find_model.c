/* Where the model is: -m, MYNA_MODEL, or one of the places a model comes to with the program: the install prefix
 * (bin/myna and share/myna/myna.safetensors), the source tree it was built from, the program's own folder. */
#define _GNU_SOURCE
#include "cli/cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add_place(myna_strings *places, const char *folder, const char *name)
{
    char *path = myna_text("%s/%s", folder, name);
    myna_strings_add(places, path);
    free(path);
}

static void cut_last_part(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash) *slash = 0;
}

static void list_places(myna_strings *places)
{
    char folder[4096];
    ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    if (length > 0) {
        folder[length] = 0;
        cut_last_part(folder);
        add_place(places, folder, "myna.safetensors");
        cut_last_part(folder);
        add_place(places, folder, "share/myna/myna.safetensors");
    }
#ifdef MYNA_SOURCE_DIR
    add_place(places, MYNA_SOURCE_DIR, "pretrained/myna.safetensors");
#endif
}

/* malloc'd; NULL, and reported, when there is none. */
static char *find_installed(void)
{
    myna_strings places = {0};
    list_places(&places);
    char *found = NULL, *tried = myna_text("%s", "");
    for (size_t i = 0; i < places.n && !found; i++) {
        if (access(places.items[i], F_OK) == 0) found = myna_text("%s", places.items[i]);
        char *longer = myna_text("%s%s%s", tried, i ? ", " : "", places.items[i]);
        free(tried);
        tried = longer;
    }
    if (!found) myna_report(NULL, "no model found at %s; name one with -m or in MYNA_MODEL", tried);
    free(tried);
    myna_strings_free(&places);
    return found;
}

int myna_cli_load_model(myna_model **out, const char *named)
{
    const char *variable = getenv("MYNA_MODEL");
    if (!named && variable && variable[0]) named = variable;
    char *path = named ? myna_text("%s", named) : find_installed();
    if (!path) return MYNA_EXIT_FAILED;
    myna_error error = {0};
    int code = myna_report_status(path, myna_model_load(out, path, &error), &error);
    free(path);
    return code;
}
