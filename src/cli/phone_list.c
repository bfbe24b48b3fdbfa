#define _GNU_SOURCE
#include "cli/phone_list.h"

#include "base/status.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Finding recordings ---------------------------------------------------------------------------------------------- */

typedef struct named_item {
    const char *name; /* its path inside the corpus */
    size_t item;
} named_item;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const named_item *)a)->name, ((const named_item *)b)->name);
}

/* malloc'd, sorted by name; NULL without memory. */
static named_item *name_items(const myna_corpus_list *list)
{
    named_item *named = malloc((list->n_items + 1) * sizeof *named);
    for (size_t i = 0; i < list->n_items && named; i++)
        named[i] = (named_item){myna_path_inside(list->items[i].path, list->folder), i};
    if (named) qsort(named, list->n_items, sizeof *named, by_name);
    return named;
}

/* ---- Reading --------------------------------------------------------------------------------------------------------- */

/* A line's phone and whose it is. */
typedef struct owned_phone {
    size_t item, line;
    myna_phone phone;
} owned_phone;

typedef struct reading {
    const named_item *named;
    size_t n_named;
    myna_strings names; /* of labels */
    owned_phone *phones;
    size_t n_phones, capacity, n_strangers;
} reading;

/* Of a new name the next; MYNA_MAX_PHONES when there are no more. */
static int find_label(myna_strings *names, const char *name)
{
    size_t i = 0;
    while (i < names->n && strcmp(names->items[i], name) != 0) i++;
    if (i == names->n && i < MYNA_MAX_PHONES) myna_strings_add(names, name);
    return (int)i;
}

static bool add_phone(reading *r, const owned_phone *phone)
{
    if (r->n_phones == r->capacity) {
        size_t capacity = r->capacity ? 2 * r->capacity : 4096;
        owned_phone *larger = realloc(r->phones, capacity * sizeof *larger);
        if (!larger) return false;
        r->phones = larger;
        r->capacity = capacity;
    }
    r->phones[r->n_phones++] = *phone;
    return true;
}

static myna_status read_line(reading *r, const char *line, size_t number, myna_error *error)
{
    char recording[4096], name[64];
    double start, seconds;
    const char *text = line + strspn(line, " \t\r\n");
    if (!*text || strncmp(text, ";;", 2) == 0) return MYNA_OK;
    if (sscanf(text, "%4095s %*s %lf %lf %63s", recording, &start, &seconds, name) != 4)
        return myna_fail(error, MYNA_ERROR_FORMAT, "line %zu is not \"recording channel start duration phone\"", number);
    if (!(start >= 0 && seconds >= 0 && start + seconds < 1e6))
        return myna_fail(error, MYNA_ERROR_FORMAT, "line %zu has a start of %g s and a duration of %g s", number, start, seconds);
    const named_item wanted = {recording, 0};
    const named_item *found = bsearch(&wanted, r->named, r->n_named, sizeof wanted, by_name);
    if (!found) {
        r->n_strangers++;
        return MYNA_OK;
    }
    int label = find_label(&r->names, name);
    if (label == MYNA_MAX_PHONES)
        return myna_fail(error, MYNA_ERROR_FORMAT, "line %zu: more than %d different phones", number, MYNA_MAX_PHONES);
    const owned_phone phone = {found->item, number, {(float)start, (float)(start + seconds), label}};
    return add_phone(r, &phone) ? MYNA_OK : myna_fail(error, MYNA_ERROR_MEMORY, "no memory for phones");
}

static myna_status read_lines(reading *r, FILE *stream, myna_error *error)
{
    char *line = NULL;
    size_t capacity = 0;
    myna_status status = MYNA_OK;
    for (size_t number = 1; status == MYNA_OK && getline(&line, &capacity, stream) >= 0; number++)
        status = read_line(r, line, number, error);
    free(line);
    if (status == MYNA_OK && !r->n_phones && r->n_strangers)
        status = myna_fail(error, MYNA_ERROR_FORMAT, "names no recording of the corpus");
    else if (status == MYNA_OK && !r->n_phones) status = myna_fail(error, MYNA_ERROR_FORMAT, "has no phones");
    return status;
}

/* ---- Handing out ----------------------------------------------------------------------------------------------------- */

static int by_item(const void *a, const void *b)
{
    const owned_phone *x = a, *y = b;
    if (x->item != y->item) return x->item < y->item ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

static myna_status hand_out(myna_phone **phones, myna_corpus_list *list, reading *r, myna_error *error)
{
    *phones = malloc(r->n_phones * sizeof **phones);
    if (!*phones) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for phones");
    qsort(r->phones, r->n_phones, sizeof *r->phones, by_item);
    for (size_t i = 0; i < r->n_phones; i++) {
        myna_corpus_item *item = &list->items[r->phones[i].item];
        (*phones)[i] = r->phones[i].phone;
        if (!item->n_phones++) item->phones = *phones + i;
    }
    return MYNA_OK;
}

myna_status myna_phone_list_read(
    myna_phone **phones, myna_corpus_list *list, const char *path, myna_error *error)
{
    FILE *stream = fopen(path, "re");
    if (!stream) {
        myna_fail(error, MYNA_ERROR_FILE, "%s", strerror(errno));
        return myna_fail_in(error, MYNA_ERROR_FILE, path);
    }
    named_item *named = name_items(list);
    reading r = {.named = named, .n_named = list->n_items};
    myna_status status = named ? read_lines(&r, stream, error)
                               : myna_fail(error, MYNA_ERROR_MEMORY, "no memory for %zu recordings", list->n_items);
    fclose(stream);
    if (status == MYNA_OK) status = hand_out(phones, list, &r, error);
    if (status == MYNA_OK && r.n_strangers)
        myna_note(path, "%zu lines name recordings that the corpus does not have", r.n_strangers);
    free(named);
    free(r.phones);
    myna_strings_free(&r.names);
    return status == MYNA_OK ? status : myna_fail_in(error, status, path);
}
