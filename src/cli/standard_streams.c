#define _GNU_SOURCE
#include "cli/standard_streams.h"

#include "base/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COPY_BYTES = 1 << 16 };

static const char input_name[] = "standard input", output_name[] = "standard output";

static myna_status fail_errno(myna_error *error, const char *file)
{
    if (myna_interrupted) return MYNA_ERROR_INTERRUPTED;
    myna_fail(error, MYNA_ERROR_FILE, "%s", strerror(errno));
    return myna_fail_in(error, MYNA_ERROR_FILE, file);
}

static myna_status read_some(int fd, const char *name, void *bytes, size_t n, size_t *n_read, myna_error *error)
{
    ssize_t got;
    do {
        if (myna_interrupted) return MYNA_ERROR_INTERRUPTED;
        got = read(fd, bytes, n);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return fail_errno(error, name);
    *n_read = (size_t)got;
    return MYNA_OK;
}

static myna_status write_all(int fd, const char *name, const char *bytes, size_t n, myna_error *error)
{
    while (n > 0) {
        ssize_t wrote = write(fd, bytes, n);
        if (wrote < 0 && (errno != EINTR || myna_interrupted)) return fail_errno(error, name);
        if (wrote > 0) {
            bytes += wrote;
            n -= (size_t)wrote;
        }
    }
    return MYNA_OK;
}

static myna_status copy(int from, const char *from_name, int to, const char *to_name, myna_error *error)
{
    char *bytes = malloc(COPY_BYTES);
    if (!bytes) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory to copy");
    myna_status status = MYNA_OK;
    for (size_t n = 1; status == MYNA_OK && n > 0;) {
        status = read_some(from, from_name, bytes, COPY_BYTES, &n, error);
        if (status == MYNA_OK) status = write_all(to, to_name, bytes, n, error);
    }
    free(bytes);
    return status;
}

myna_status myna_stdin_read(void *bytes, size_t n, size_t *n_read, myna_error *error)
{
    return read_some(STDIN_FILENO, input_name, bytes, n, n_read, error);
}

myna_status myna_stdout_write(const void *bytes, size_t n, myna_error *error)
{
    return write_all(STDOUT_FILENO, output_name, bytes, n, error);
}

myna_status myna_scratch_create(myna_scratch *out, myna_error *error)
{
    const char *parent = getenv("TMPDIR");
    char *folder = myna_text("%s/myna.XXXXXX", parent && parent[0] ? parent : "/tmp");
    if (!mkdtemp(folder)) {
        myna_status status = fail_errno(error, folder);
        free(folder);
        return status;
    }
    *out = (myna_scratch){folder, myna_text("%s/input", folder), myna_text("%s/output.wav", folder)};
    return MYNA_OK;
}

void myna_scratch_remove(myna_scratch *scratch)
{
    if (!scratch->folder) return;
    unlink(scratch->input);
    unlink(scratch->output);
    rmdir(scratch->folder);
    free(scratch->input);
    free(scratch->output);
    free(scratch->folder);
    *scratch = (myna_scratch){0};
}

myna_status myna_stdin_save(const char *path, myna_error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return fail_errno(error, path);
    myna_status status = copy(STDIN_FILENO, input_name, fd, path, error);
    if (close(fd) != 0 && status == MYNA_OK) status = fail_errno(error, path);
    return status;
}

myna_status myna_stdout_copy(const char *path, myna_error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail_errno(error, path);
    myna_status status = copy(fd, path, STDOUT_FILENO, output_name, error);
    close(fd);
    return status;
}
