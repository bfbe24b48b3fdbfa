/* Files made up for the tests of readers: by hand, with a right length and checksum, so that a reader gets to see what
 * is wrong inside. */
#ifndef MYNA_TESTS_FORGE_H
#define MYNA_TESTS_FORGE_H

#include "model/tensor_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORGE_OPENING "{\"__metadata__\":{\"checksum\":\"0000000000000000\""

typedef struct image {
    unsigned char *bytes; /* malloc'd to the byte, so that sanitizers see any read past the end */
    size_t size;
} image;

/* Corrects the checksum; without effect on bytes that have no place for one. */
static inline void forge_seal(image file)
{
    char digits[MYNA_CHECKSUM_SIZE];
    if (myna_tensor_file_checksum(digits, file.bytes, file.size)) memcpy(file.bytes + 37, digits, 16);
}

static inline image forge(const char *header, const void *data, size_t n_data)
{
    uint64_t length = strlen(header);
    image file = {malloc(8 + length + n_data), 8 + length + n_data};
    memcpy(file.bytes, &length, 8);
    memcpy(file.bytes + 8, header, length);
    if (n_data) memcpy(file.bytes + 8 + length, data, n_data);
    forge_seal(file);
    return file;
}

static inline image image_part(image whole, size_t n)
{
    image part = {malloc(n ? n : 1), n};
    memcpy(part.bytes, whole.bytes, n);
    return part;
}

static inline image image_read(const char *path)
{
    image file = {0};
    FILE *stream = fopen(path, "rb");
    if (!stream) return file;
    fseek(stream, 0, SEEK_END);
    file.size = (size_t)ftell(stream);
    rewind(stream);
    file.bytes = malloc(file.size + !file.size);
    if (fread(file.bytes, 1, file.size, stream) != file.size) file.size = 0;
    fclose(stream);
    return file;
}

/* Replaces the only occurrence of `from` in the header by `to`, of the same length, and seals. False: not found. */
static inline bool image_replace(image file, const char *from, const char *to)
{
    size_t n = strlen(from);
    if (n != strlen(to)) return false;
    for (size_t i = 0; i + n <= file.size; i++) {
        if (memcmp(file.bytes + i, from, n) != 0) continue;
        memcpy(file.bytes + i, to, n);
        forge_seal(file);
        return true;
    }
    return false;
}

/* A folder of the test's own, removed with the files named to temporary_path. */
static char temporary_folder[64];
static char temporary_paths[8][128];
static size_t n_temporary_paths;

static inline const char *temporary_path(const char *name)
{
    if (!temporary_folder[0]) {
        strcpy(temporary_folder, "/tmp/myna-test-XXXXXX");
        if (!mkdtemp(temporary_folder)) abort();
    }
    char *path = temporary_paths[n_temporary_paths];
    snprintf(path, sizeof temporary_paths[0], "%s/%s", temporary_folder, name);
    for (size_t i = 0; i < n_temporary_paths; i++) {
        if (strcmp(temporary_paths[i], path) == 0) return temporary_paths[i];
    }
    if (n_temporary_paths + 1 < sizeof temporary_paths / sizeof *temporary_paths) n_temporary_paths++;
    return path;
}

/* Fails, as a cmocka teardown does, when something else is left there. */
static inline int remove_temporary_folder(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_temporary_paths; i++) unlink(temporary_paths[i]);
    return temporary_folder[0] ? rmdir(temporary_folder) : 0;
}

#endif
