/* Phones of a corpus's recordings on disk. */
#ifndef MYNA_CLI_PHONE_LIST_H
#define MYNA_CLI_PHONE_LIST_H

#include "cli/corpus_list.h"

typedef struct phone_list {
    myna_phone *phones; /* the items point here */
    size_t n_phones;
    myna_strings names; /* of the labels */
} phone_list;

/* Reads a CTM file (NIST: lines of "recording channel start duration phone", in seconds; ";;" begins a comment) and
 * points the items of `list` at their phones. A recording is named by its path inside `corpus`, the folder or manifest
 * that the list was read from. Lines of recordings that the corpus does not have are passed over, with a note of how
 * many. */
myna_status phone_list_read(
    phone_list *out, myna_corpus_list *list, const char *corpus, const char *path, myna_error *error);
void phone_list_free(phone_list *list);

#endif
