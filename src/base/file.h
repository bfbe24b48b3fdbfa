/* Whole files: read or mapped, and written so that a reader never sees half of one. */
#ifndef MYNA_BASE_FILE_H
#define MYNA_BASE_FILE_H

#include "myna/myna.h"

#include <stdbool.h>
#include <stdio.h>

/* Maps a file read-only. An empty file gives data NULL and size 0. */
typedef struct myna_mapping {
    const unsigned char *data;
    size_t size;
} myna_mapping;
myna_status myna_file_map(myna_mapping *out, const char *path, myna_error *error);
void myna_file_unmap(myna_mapping *mapping);

/* A file under a temporary name beside `path`. Write to `stream`; commit checks every write, syncs, renames to `path` and
 * syncs the folder; abandon removes it. What is at `path` already is replaced, what has come there since is not. A link
 * stays, and leads to the new file. What is no regular file (a device, a folder), and a link that leads nowhere, is refused.
 * Errors name `path` and the system's reason. */
typedef struct myna_new_file {
    FILE *stream;
    char *path, *temporary;
    bool replaces;
} myna_new_file;
myna_status myna_new_file_open(myna_new_file *out, const char *path, myna_error *error);
myna_status myna_new_file_commit(myna_new_file *file, myna_error *error);
void myna_new_file_abandon(myna_new_file *file); /* fine after commit, and on a zeroed struct */

/* A 64-bit hash like FNV-1a over little-endian words of 8 bytes (8 times as fast as over bytes), then over the bytes
 * that are left: start with MYNA_HASH_START, feed on. Any single changed byte changes the result; so does feeding in
 * other pieces, unless all but the last are whole words. */
#define MYNA_HASH_START 0xcbf29ce484222325u
uint64_t myna_hash(uint64_t hash, const void *data, size_t n_bytes);

#endif
