#define _GNU_SOURCE
#include "model/tensor_file.h"

#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Facts end up in terminals and error messages, and may come from a stranger's file: a value stays one line. */
static void make_one_line(char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) *text = ' ';
    }
}

static myna_fact *find(const myna_facts *facts, const char *key)
{
    for (size_t i = 0; i < facts->n; i++) {
        if (strcmp(facts->items[i].key, key) == 0) return &facts->items[i];
    }
    return NULL;
}

const char *myna_fact_find(const myna_facts *facts, const char *key)
{
    const myna_fact *fact = find(facts, key);
    return fact ? fact->value : NULL;
}

/* Files hold numbers with a point, whatever the locale of the program that Myna is a part of. Returns the thread's own
 * locale, for leave_plain_locale. False when memory is short. */
static bool enter_plain_locale(locale_t *own)
{
    locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0) return false;
    *own = uselocale(plain);
    return true;
}

static void leave_plain_locale(locale_t own)
{
    freelocale(uselocale(own));
}

bool myna_fact_float(float *out, const myna_facts *facts, const char *key)
{
    const char *value = myna_fact_find(facts, key);
    locale_t own;
    *out = 0;
    if (!enter_plain_locale(&own)) return false;
    if (value) *out = strtof(value, NULL);
    leave_plain_locale(own);
    return true;
}

/* Takes ownership of `key` and `value` when it succeeds. */
static bool append(myna_facts *facts, char *key, char *value)
{
    myna_fact *items = realloc(facts->items, (facts->n + 1) * sizeof *items);
    if (!items) return false;
    facts->items = items;
    items[facts->n++] = (myna_fact){key, value};
    return true;
}

bool myna_fact_set(myna_facts *facts, const char *key, const char *format, ...)
{
    char *value;
    va_list arguments;
    locale_t own;
    if (!enter_plain_locale(&own)) return false;
    va_start(arguments, format);
    int length = vasprintf(&value, format, arguments);
    va_end(arguments);
    leave_plain_locale(own);
    if (length < 0) return false;
    make_one_line(value);
    char *own_key = strdup(key);
    myna_fact *old = own_key ? find(facts, key) : NULL;
    if (old) {
        free(own_key);
        free(old->value);
        old->value = value;
        return true;
    }
    if (own_key && append(facts, own_key, value)) return true;
    free(own_key);
    free(value);
    return false;
}

bool myna_facts_copy(myna_facts *out, const myna_facts *facts)
{
    myna_facts copy = {0};
    for (size_t i = 0; facts && i < facts->n; i++) {
        if (!myna_fact_set(&copy, facts->items[i].key, "%s", facts->items[i].value)) {
            myna_facts_free(&copy);
            return false;
        }
    }
    *out = copy;
    return true;
}

void myna_facts_free(myna_facts *facts)
{
    for (size_t i = 0; i < facts->n; i++) {
        free(facts->items[i].key);
        free(facts->items[i].value);
    }
    free(facts->items);
    *facts = (myna_facts){0};
}
