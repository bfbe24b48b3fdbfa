/* A training corpus on disk: which recordings, whose they are, and which are held out. */
#ifndef MYNA_CLI_CORPUS_LIST_H
#define MYNA_CLI_CORPUS_LIST_H

#include "cli/cli.h"
#include "myna/train.h"

typedef struct myna_corpus_list {
    myna_corpus_item *items;
    size_t n_items;
    myna_strings paths, speakers; /* own the items' strings */
    char *folder;                 /* of the corpus: inside it recordings have their names (myna_path_inside) */
} myna_corpus_list;

/* `path` is a folder with a folder for each speaker (or, without any, of one speaker), a folder with a manifest.tsv, or a
 * manifest: tab-separated with a header line that names the columns path (relative to the manifest), speaker and
 * optionally split, where "train" is trained on and everything else is held out, recording by recording; speakers in
 * both are named in a note. Blank lines are passed over. Without splits about a twentieth of the speakers is held out,
 * chosen by name; of fewer than eight speakers, a twentieth of the recordings. */
myna_status myna_corpus_list_read(myna_corpus_list *out, const char *path, myna_error *error);
void myna_corpus_list_free(myna_corpus_list *list);

#endif
