#define _GNU_SOURCE
#include "base/file.h"

#include "base/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static myna_status fail_errno(myna_error *error, const char *path)
{
    myna_fail(error, MYNA_ERROR_FILE, "%s", strerror(errno));
    return myna_fail_in(error, MYNA_ERROR_FILE, path);
}

myna_status myna_file_map(myna_mapping *out, const char *path, myna_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail_errno(error, path);
    struct stat info;
    myna_status status = MYNA_OK;
    myna_mapping mapping = {0};
    if (fstat(fd, &info) != 0) {
        status = fail_errno(error, path);
    } else if (S_ISDIR(info.st_mode)) {
        errno = EISDIR;
        status = fail_errno(error, path);
    } else if (info.st_size > 0) {
        void *data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) status = fail_errno(error, path);
        else mapping = (myna_mapping){data, (size_t)info.st_size};
    }
    close(fd);
    if (status == MYNA_OK) *out = mapping;
    return status;
}

void myna_file_unmap(myna_mapping *mapping)
{
    if (mapping->data) munmap((void *)(uintptr_t)mapping->data, mapping->size);
    *mapping = (myna_mapping){0};
}

/* A new file beside `path`, with the permissions that the umask allows; *name is malloc'd. -1, with errno, where there can
 * be none. */
static int create_beside(char **name, const char *path)
{
    static atomic_uint number;
    int fd;
    do {
        free(*name);
        if (asprintf(name, "%s.%ld-%u", path, (long)getpid(), atomic_fetch_add(&number, 1)) < 0) *name = NULL;
        fd = *name ? open(*name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666) : -1;
    } while (fd < 0 && *name && errno == EEXIST); /* of a program that died */
    return fd;
}

/* Renaming over a device, a pipe or a folder would replace or lose it; better said before the work than after. *exists:
 * there is a file to replace; *is_link: behind a link. */
static myna_status check_replaceable(bool *exists, bool *is_link, const char *path, myna_error *error)
{
    struct stat info, itself;
    const char *reason = NULL;
    *exists = stat(path, &info) == 0;
    *is_link = lstat(path, &itself) == 0 && S_ISLNK(itself.st_mode);
    if (*is_link && !*exists) reason = "a link that leads nowhere";
    else if (*exists && S_ISDIR(info.st_mode)) reason = strerror(EISDIR);
    else if (*exists && !S_ISREG(info.st_mode)) reason = "not a regular file";
    if (!reason) return MYNA_OK;
    myna_fail(error, MYNA_ERROR_FILE, "%s", reason);
    return myna_fail_in(error, MYNA_ERROR_FILE, path);
}

myna_status myna_new_file_open(myna_new_file *out, const char *path, myna_error *error)
{
    bool exists, is_link;
    myna_status replaceable = check_replaceable(&exists, &is_link, path, error);
    if (replaceable != MYNA_OK) return replaceable;
    char *behind_link = is_link ? realpath(path, NULL) : NULL;
    myna_new_file file = {.path = behind_link ? behind_link : strdup(path), .replaces = exists};
    int fd = file.path ? create_beside(&file.temporary, file.path) : -1;
    if (fd >= 0) file.stream = fdopen(fd, "w+b");
    if (!file.stream) {
        myna_status status = file.temporary ? fail_errno(error, path)
                                            : myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a file name");
        if (fd >= 0) close(fd);
        myna_new_file_abandon(&file);
        return status;
    }
    *out = file;
    return MYNA_OK;
}

static void sync_folder_of(const char *path)
{
    char *folder = strdup(path);
    if (!folder) return;
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = 0;
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(folder);
}

/* Not every file system can refuse to replace. */
static bool put_in_place(const myna_new_file *file)
{
    if (!file->replaces) {
        if (renameat2(AT_FDCWD, file->temporary, AT_FDCWD, file->path, RENAME_NOREPLACE) == 0) return true;
        if (errno != EINVAL && errno != ENOSYS) return false;
    }
    return rename(file->temporary, file->path) == 0;
}

myna_status myna_new_file_commit(myna_new_file *file, myna_error *error)
{
    bool good = fflush(file->stream) == 0 && !ferror(file->stream) && fsync(fileno(file->stream)) == 0;
    myna_status status = good ? MYNA_OK : fail_errno(error, file->path);
    if (fclose(file->stream) != 0 && status == MYNA_OK) status = fail_errno(error, file->path);
    file->stream = NULL;
    if (status == MYNA_OK && !put_in_place(file)) status = fail_errno(error, file->path);
    if (status == MYNA_OK) {
        sync_folder_of(file->path);
        free(file->temporary);
        file->temporary = NULL;
    }
    myna_new_file_abandon(file);
    return status;
}

void myna_new_file_abandon(myna_new_file *file)
{
    if (file->stream) fclose(file->stream);
    if (file->temporary) unlink(file->temporary);
    free(file->temporary);
    free(file->path);
    *file = (myna_new_file){0};
}

/* One step is a bijection of `hash` for a given word and of the word for a given hash, so a changed word always
 * changes the result; the shift lets high bits reach low ones, which a product alone does not. */
static inline uint64_t hash_word(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ (hash >> 32);
}

uint64_t myna_hash(uint64_t hash, const void *data, size_t n_bytes)
{
    const unsigned char *bytes = data;
    size_t i = 0;
    for (; n_bytes - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, bytes + i, sizeof word);
        hash = hash_word(hash, word);
    }
    for (; i < n_bytes; i++) hash = hash_word(hash, bytes[i]);
    return hash;
}
