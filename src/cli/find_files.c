#define _GNU_SOURCE
#include "cli/find_files.h"

#include "base/status.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

bool myna_is_audio_name(const char *path)
{
    static const char *const suffixes[] = {".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc",
        ".au", ".snd", ".caf", ".w64", ".rf64"};
    const char *suffix = myna_path_suffix(path);
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
        if (strcasecmp(suffix, suffixes[i]) == 0) return true;
    return false;
}

bool myna_is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static myna_status fail_errno(myna_error *error, const char *path)
{
    myna_fail(error, MYNA_ERROR_FILE, "%s", strerror(errno));
    return myna_fail_in(error, MYNA_ERROR_FILE, path);
}

/* A folder is walked into when the caller named it, or when it is none by a link: links could lead in circles. */
static myna_status walk(myna_strings *out, const char *folder, myna_error *error)
{
    DIR *stream = opendir(folder);
    if (!stream) return fail_errno(error, folder);
    size_t length = strlen(folder);
    const char *slash = length && folder[length - 1] == '/' ? "" : "/";
    myna_status status = MYNA_OK;
    struct dirent *entry;
    while (status == MYNA_OK && (entry = readdir(stream))) {
        if (entry->d_name[0] == '.') continue;
        char *path = myna_text("%s%s%s", folder, slash, entry->d_name);
        struct stat info;
        if (lstat(path, &info) == 0 && S_ISDIR(info.st_mode)) status = walk(out, path, error);
        else if (myna_is_audio_name(path) && !myna_is_folder(path)) myna_strings_add(out, path);
        free(path);
    }
    closedir(stream);
    return status;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

myna_status myna_find_audio(myna_strings *out, const char *folder, myna_error *error)
{
    size_t before = out->n;
    myna_status status = walk(out, folder, error);
    if (out->n > before) qsort(out->items + before, out->n - before, sizeof *out->items, compare);
    return status;
}

myna_status myna_make_folder_of(const char *path, myna_error *error)
{
    char *folder = myna_text("%s", path);
    myna_status status = MYNA_OK;
    for (char *slash = folder + 1; status == MYNA_OK && folder[0] && (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        int reason = mkdir(folder, 0777) == 0 ? 0 : errno;
        if (reason && !myna_is_folder(folder)) {
            errno = reason == EEXIST ? ENOTDIR : reason;
            status = fail_errno(error, folder);
        }
        *slash = '/';
    }
    free(folder);
    return status;
}

int myna_cli_check_output(const char *path, bool force)
{
    if (!force && access(path, F_OK) == 0) {
        myna_report(path, "exists already; --force replaces it");
        return MYNA_EXIT_FAILED;
    }
    myna_error error = {0};
    return myna_report_status(path, myna_make_folder_of(path, &error), &error);
}
