#define _GNU_SOURCE
#include "cli/corpus_list.h"

#include "base/file.h"
#include "base/status.h"
#include "cli/find_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HELD_OUT_SHARE = 20, FEW_SPEAKERS = 8 };

void myna_corpus_list_free(myna_corpus_list *list)
{
    free(list->items);
    free(list->folder);
    myna_strings_free(&list->paths);
    myna_strings_free(&list->speakers);
    *list = (myna_corpus_list){0};
}

/* Items from the two lists of strings, which do not grow any more. */
static myna_status make_items(myna_corpus_list *list, const char *source, myna_error *error)
{
    list->n_items = list->paths.n;
    if (!list->n_items) {
        myna_fail(error, MYNA_ERROR_FILE, "no recordings found");
        return myna_fail_in(error, MYNA_ERROR_FILE, source);
    }
    list->items = calloc(list->n_items, sizeof *list->items);
    if (!list->items) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for %zu recordings", list->n_items);
    for (size_t i = 0; i < list->n_items; i++)
        list->items[i] = (myna_corpus_item){.path = list->paths.items[i], .speaker = list->speakers.items[i]};
    return MYNA_OK;
}

/* ---- Folders ------------------------------------------------------------------------------------------------------- */

/* "CORPUS/anna/day1/03.wav" belongs to "anna"; a recording directly in CORPUS to `folder` itself. */
static void add_from_folder(myna_corpus_list *list, const char *folder, const char *path)
{
    const char *inside = myna_path_inside(path, folder), *slash = strchr(inside, '/');
    char *speaker = slash ? myna_text("%.*s", (int)(slash - inside), inside) : myna_text("%s", folder);
    myna_strings_add(&list->paths, path);
    myna_strings_add(&list->speakers, speaker);
    free(speaker);
}

static myna_status read_folder(myna_corpus_list *list, const char *folder, myna_error *error)
{
    myna_strings found = {0};
    list->folder = myna_text("%s", folder);
    myna_status status = myna_find_audio(&found, folder, error);
    for (size_t i = 0; i < found.n && status == MYNA_OK; i++) add_from_folder(list, folder, found.items[i]);
    myna_strings_free(&found);
    return status == MYNA_OK ? make_items(list, folder, error) : status;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t count_distinct(const myna_strings *texts)
{
    const char **sorted = malloc(texts->n * sizeof *sorted);
    if (!sorted) return 0;
    for (size_t i = 0; i < texts->n; i++) sorted[i] = texts->items[i];
    qsort(sorted, texts->n, sizeof *sorted, compare_texts);
    size_t n = texts->n > 0;
    for (size_t i = 1; i < texts->n; i++) n += strcmp(sorted[i - 1], sorted[i]) != 0;
    free(sorted);
    return n;
}

static uint64_t name_hash(const myna_corpus_item *item, const char *folder, bool few)
{
    const char *name = few ? myna_path_inside(item->path, folder) : item->speaker;
    return myna_hash(MYNA_HASH_START, name, strlen(name));
}

/* By name, so that a corpus that grows keeps what it held out; at least the name with the smallest hash. */
static void hold_out(myna_corpus_list *list)
{
    bool few = count_distinct(&list->speakers) < FEW_SPEAKERS;
    uint64_t smallest = UINT64_MAX;
    if (list->n_items < FEW_SPEAKERS) return;
    for (size_t i = 0; i < list->n_items; i++) {
        uint64_t hash = name_hash(&list->items[i], list->folder, few);
        if (hash < smallest) smallest = hash;
    }
    for (size_t i = 0; i < list->n_items; i++) {
        myna_corpus_item *item = &list->items[i];
        uint64_t hash = name_hash(item, list->folder, few);
        item->held_out = hash == smallest || hash < UINT64_MAX / HELD_OUT_SHARE;
    }
}

/* ---- Manifests ------------------------------------------------------------------------------------------------------- */

enum { COLUMN_PATH, COLUMN_SPEAKER, COLUMN_SPLIT, N_COLUMNS };
static const char *const column_names[N_COLUMNS] = {"path", "speaker", "split"};

typedef struct manifest {
    int columns[N_COLUMNS]; /* index in a line, or -1 */
    myna_strings splits;
} manifest;

/* Cuts a line at tabs; points fields[] at the columns wanted (NULL where the line is too short). */
static void cut(char *line, const int columns[N_COLUMNS], const char *fields[N_COLUMNS])
{
    memset(fields, 0, N_COLUMNS * sizeof *fields);
    line[strcspn(line, "\r\n")] = 0;
    for (int column = 0; line; column++) {
        char *field = strsep(&line, "\t");
        for (int i = 0; i < N_COLUMNS; i++)
            if (columns[i] == column) fields[i] = field;
    }
}

static bool read_header(char *line, int columns[N_COLUMNS])
{
    for (int i = 0; i < N_COLUMNS; i++) columns[i] = -1;
    if (strncmp(line, "\xef\xbb\xbf", 3) == 0) line += 3; /* the byte order mark that spreadsheets write */
    line[strcspn(line, "\r\n")] = 0;
    for (int column = 0; line; column++) {
        const char *field = strsep(&line, "\t");
        for (int i = 0; i < N_COLUMNS; i++)
            if (strcmp(field, column_names[i]) == 0) columns[i] = column;
    }
    return columns[COLUMN_PATH] >= 0 && columns[COLUMN_SPEAKER] >= 0;
}

static int compare_items(const void *a, const void *b)
{
    const myna_corpus_item *x = *(const myna_corpus_item *const *)a, *y = *(const myna_corpus_item *const *)b;
    int order = strcmp(x->speaker, y->speaker);
    return order ? order : x->held_out - y->held_out;
}

/* That speakers are in both splits may be wanted, and may be a slip: they are named. */
static void note_divided_speakers(const myna_corpus_list *list, const char *path)
{
    enum { N_NAMED = 5 };
    size_t n_divided = 0;
    char *names = myna_text("%s", "");
    const myna_corpus_item **sorted = malloc(list->n_items * sizeof *sorted);
    for (size_t i = 0; i < list->n_items && sorted; i++) sorted[i] = &list->items[i];
    if (sorted) qsort(sorted, list->n_items, sizeof *sorted, compare_items);
    for (size_t i = 1; i < list->n_items && sorted; i++) {
        const myna_corpus_item *before = sorted[i - 1], *item = sorted[i];
        if (strcmp(before->speaker, item->speaker) != 0 || before->held_out == item->held_out) continue;
        if (n_divided++ >= N_NAMED) continue;
        char *longer = myna_text("%s%s%s", names, *names ? ", " : "", item->speaker);
        free(names);
        names = longer;
    }
    if (n_divided)
        myna_note(path, "speakers both in train and in another split, whose recordings are not trained on: %s%s", names,
            n_divided > N_NAMED ? ", ..." : "");
    free(names);
    free(sorted);
}

static myna_status read_lines(myna_corpus_list *list, manifest *m, FILE *stream, myna_error *error)
{
    char *line = NULL;
    size_t capacity = 0, number = 1;
    myna_status status = MYNA_OK;
    if (getline(&line, &capacity, stream) < 0 || !read_header(line, m->columns))
        status = myna_fail(error, MYNA_ERROR_FORMAT, "the first line does not name the columns path and speaker");
    while (status == MYNA_OK && getline(&line, &capacity, stream) >= 0) {
        const char *fields[N_COLUMNS];
        number++;
        if (!line[strspn(line, " \t\r\n")]) continue;
        cut(line, m->columns, fields);
        if (!fields[COLUMN_PATH] || !fields[COLUMN_SPEAKER] || !*fields[COLUMN_PATH] || !*fields[COLUMN_SPEAKER]) {
            status = myna_fail(error, MYNA_ERROR_FORMAT, "line %zu has no path or no speaker", number);
            break;
        }
        char *path = myna_text("%s%s", *fields[COLUMN_PATH] == '/' ? "" : list->folder, fields[COLUMN_PATH]);
        myna_strings_add(&list->paths, path);
        free(path);
        myna_strings_add(&list->speakers, fields[COLUMN_SPEAKER]);
        myna_strings_add(&m->splits, fields[COLUMN_SPLIT] ? fields[COLUMN_SPLIT] : "");
    }
    free(line);
    return status;
}

static myna_status read_manifest(myna_corpus_list *list, const char *path, myna_error *error)
{
    FILE *stream = fopen(path, "re");
    if (!stream) {
        myna_fail(error, MYNA_ERROR_FILE, "%s", strerror(errno));
        return myna_fail_in(error, MYNA_ERROR_FILE, path);
    }
    manifest m = {0};
    list->folder = myna_text("%.*s", (int)(myna_path_name(path) - path), path); /* with its slash, or empty */
    myna_status status = read_lines(list, &m, stream, error);
    fclose(stream);
    if (status != MYNA_OK) myna_fail_in(error, status, path);
    else status = make_items(list, path, error);
    bool split = m.columns[COLUMN_SPLIT] >= 0;
    for (size_t i = 0; i < list->n_items && status == MYNA_OK && split; i++)
        list->items[i].held_out = strcmp(m.splits.items[i], "train") != 0;
    if (status == MYNA_OK && split) note_divided_speakers(list, path);
    else if (status == MYNA_OK) hold_out(list);
    myna_strings_free(&m.splits);
    return status;
}

myna_status myna_corpus_list_read(myna_corpus_list *out, const char *path, myna_error *error)
{
    myna_corpus_list list = {0};
    myna_status status;
    if (myna_is_folder(path)) {
        char *manifest_path = myna_text("%s/manifest.tsv", path);
        if (access(manifest_path, F_OK) == 0) {
            status = read_manifest(&list, manifest_path, error);
        } else {
            status = read_folder(&list, path, error);
            if (status == MYNA_OK) hold_out(&list);
        }
        free(manifest_path);
    } else {
        status = read_manifest(&list, path, error);
    }
    if (status == MYNA_OK) *out = list;
    else myna_corpus_list_free(&list);
    return status;
}
