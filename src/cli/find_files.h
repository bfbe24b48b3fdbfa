/* Folders of recordings, and folders for what is made. */
#ifndef MYNA_CLI_FIND_FILES_H
#define MYNA_CLI_FIND_FILES_H

#include "cli/cli.h"

/* By its suffix, in any case: a file of a kind libsndfile reads. */
bool myna_is_audio_name(const char *path);
bool myna_is_folder(const char *path);

/* Adds the audio files under `folder`, recursively and sorted by path, as "folder/...". Names that start with a dot are
 * passed over. Links to folders are followed, but no folder is entered twice, nor one that `folder` lies in. Fails,
 * naming the folder, where one cannot be read. Recordings of formats that cannot be read are left out with a note. */
myna_status myna_find_audio(myna_strings *out, const char *folder, myna_error *error);

/* Both exist and are one, by whatever names. */
bool myna_is_same_file(const char *a, const char *b);

/* Makes the folder of `path` and those above it where they are missing. */
myna_status myna_make_folder_of(const char *path, myna_error *error);

#endif
