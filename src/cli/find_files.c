#define _GNU_SOURCE
#include "cli/find_files.h"

#include "base/status.h"
#include "io/audio_signature.h"

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
        ".au", ".snd", ".caf", ".w64", ".rf64", ".voc", ".sph", ".nist"};
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

/* Each folder is entered once, however many links lead to it, and by its own path rather than by a link: links are
 * followed only when everything else has been seen. */
typedef struct search {
    myna_strings *found;
    myna_strings entered; /* folders, by device and inode */
    myna_strings links;   /* to folders */
    myna_strings foreign; /* of formats that cannot be read */
} search;

/* False when it has been entered before, or is not there. */
static bool enter(search *s, const char *folder)
{
    struct stat info;
    if (stat(folder, &info) != 0) return false;
    char *id = myna_text("%llu:%llu", (unsigned long long)info.st_dev, (unsigned long long)info.st_ino);
    bool is_new = true;
    for (size_t i = 0; i < s->entered.n && is_new; i++) is_new = strcmp(s->entered.items[i], id) != 0;
    if (is_new) myna_strings_add(&s->entered, id);
    free(id);
    return is_new;
}

/* A link to a folder that holds `folder` would lead out of it and back in: those count as entered. */
static void enter_all_above(search *s, const char *folder)
{
    char *path = myna_text("%s/..", folder);
    while (enter(s, path)) { /* until "/..", which is "/" again */
        char *above = myna_text("%s/..", path);
        free(path);
        path = above;
    }
    free(path);
}

static myna_status walk(search *s, const char *folder, myna_error *error)
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
        bool is_link = lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
        if (!myna_is_folder(path)) {
            if (myna_is_audio_name(path)) myna_strings_add(s->found, path);
            else if (myna_audio_has_foreign_suffix(path)) myna_strings_add(&s->foreign, path);
        } else if (is_link) {
            myna_strings_add(&s->links, path);
        } else if (enter(s, path)) {
            status = walk(s, path, error);
        }
        free(path);
    }
    closedir(stream);
    return status;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_from(myna_strings *strings, size_t first)
{
    if (strings->n > first) qsort(strings->items + first, strings->n - first, sizeof *strings->items, compare);
}

myna_status myna_find_audio(myna_strings *out, const char *folder, myna_error *error)
{
    search s = {.found = out};
    size_t before = out->n, n_sorted = 0;
    enter(&s, folder);
    enter_all_above(&s, folder);
    myna_status status = walk(&s, folder, error);
    for (size_t i = 0; i < s.links.n && status == MYNA_OK; i++) { /* what they lead to may hold more links */
        if (i == n_sorted) {
            sort_from(&s.links, i);
            n_sorted = s.links.n;
        }
        if (enter(&s, s.links.items[i])) status = walk(&s, s.links.items[i], error);
    }
    sort_from(out, before);
    sort_from(&s.foreign, 0);
    if (s.foreign.n > 0)
        myna_note(folder, "%zu of its files left out, %s first: convert them with ffmpeg, libsndfile cannot read them",
            s.foreign.n, myna_path_name(s.foreign.items[0]));
    myna_strings_free(&s.foreign);
    myna_strings_free(&s.entered);
    myna_strings_free(&s.links);
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

bool myna_is_same_file(const char *a, const char *b)
{
    struct stat one, other;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

int myna_cli_refuse_existing(const char *path, bool force)
{
    if (force || access(path, F_OK) != 0) return MYNA_EXIT_OK;
    myna_report(path, "exists already; --force replaces it");
    return MYNA_EXIT_FAILED;
}

int myna_cli_refuse_same(const char *input, const char *output)
{
    if (!myna_is_same_file(input, output)) return MYNA_EXIT_OK;
    myna_report(output, "is input and output at once");
    return MYNA_EXIT_FAILED;
}

int myna_cli_check_output(const char *path, bool force)
{
    int code = myna_cli_refuse_existing(path, force);
    myna_error error = {0};
    return code == MYNA_EXIT_OK ? myna_report_status(path, myna_make_folder_of(path, &error), &error) : code;
}
