/* Phones of a corpus's recordings on disk. */
#ifndef MYNA_CLI_PHONE_LIST_H
#define MYNA_CLI_PHONE_LIST_H

#include "cli/corpus_list.h"

/* Reads a CTM file (NIST: lines of "recording channel start duration phone", in seconds; ";;" begins a comment) and
 * points the items of `list` at their phones, which stand in *phones, malloc'd. A recording is named by its path inside the
 * list's folder. Lines of recordings that the corpus does not have are passed over, with a note of how many. */
myna_status myna_phone_list_read(
    myna_phone **phones, myna_corpus_list *list, const char *path, myna_error *error);

#endif
