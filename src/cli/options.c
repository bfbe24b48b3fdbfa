#include "cli/cli.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct parser {
    const myna_command *command;
    int argc, next; /* argv[next] is read next */
    char **argv;
    myna_strings *operands;
} parser;

typedef enum progress { GO_ON, HELP_PRINTED, WRONG } progress;

static const char *command_name(const parser *p)
{
    return p->argv[0];
}

/* malloc'd: the words of a CHOICE with `between` them. */
static char *join_choices(const char *const *choices, const char *between)
{
    char *words = myna_text("%s", choices[0]);
    for (size_t i = 1; choices[i]; i++) {
        char *longer = myna_text("%s%s%s", words, between, choices[i]);
        free(words);
        words = longer;
    }
    return words;
}

/* ---- Help ---------------------------------------------------------------------------------------------------------
 */

enum { HELP_COLUMN = 26, MAX_DISTANCE = 3 };

static void print_option(char letter, const char *name, const char *metavar, const char *help)
{
    int width = printf(letter ? "  -%c, " : "      ", letter);
    width += printf("--%s%s%s", name, metavar ? " " : "", metavar ? metavar : "");
    if (width > HELP_COLUMN - 2) {
        putchar('\n');
        width = 0;
    }
    for (const char *line = help;; width = 0) {
        size_t length = strcspn(line, "\n");
        printf("%*s%.*s\n", HELP_COLUMN - width, "", (int)length, line);
        if (!line[length]) return;
        line += length + 1;
    }
}

static void print_help(const myna_command *command)
{
    printf("usage: myna %s\n\n%s\n\noptions:\n", command->usage, command->about);
    for (const myna_option *option = command->options; option->kind != MYNA_OPTION_END; option++) {
        char *words = option->choices ? join_choices(option->choices, "|") : NULL;
        print_option(option->letter, option->name, words ? words : option->metavar, option->help);
        free(words);
    }
    print_option('h', "help", NULL, "print this");
}

/* ---- Values -------------------------------------------------------------------------------------------------------
 */

static bool number_parse(const char *text, double *out)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !isfinite(value)) return false;
    *out = value;
    return true;
}

bool myna_numbers_parse(const char *text, double *out, size_t max, size_t *n)
{
    size_t count = 0;
    char *copy = myna_text("%s,", text);
    bool good = true;
    for (char *part = copy, *comma; good && (comma = strchr(part, ',')); part = comma + 1) {
        *comma = 0;
        good = count < max && number_parse(part, &out[count]);
        count++;
    }
    free(copy);
    if (good) *n = count;
    return good;
}

/* Where `word` stands among `choices`; -1: nowhere. */
static int choice_index(const char *const *choices, const char *word)
{
    for (int i = 0; choices[i]; i++)
        if (strcmp(choices[i], word) == 0) return i;
    return -1;
}

static bool in_range(const myna_option *option, double value)
{
    return option->low >= option->high || (value >= option->low && value <= option->high);
}

static bool store_integer(const myna_option *option, const char *text)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || errno || !in_range(option, (double)value)) return false;
    *(int64_t *)option->value = value;
    return true;
}

static bool store_number(const myna_option *option, const char *text)
{
    double value;
    if (!number_parse(text, &value) || !in_range(option, value)) return false;
    *(double *)option->value = value;
    return true;
}

static progress complain_value(const parser *p, const myna_option *option, const char *text)
{
    const char *kind = option->kind == MYNA_OPTION_INTEGER ? "a whole number" : "a number";
    if (option->choices) {
        char *words = join_choices(option->choices, " ");
        myna_report(command_name(p), "--%s is one of: %s; not '%s'", option->name, words, text);
        free(words);
    } else if (option->low < option->high) {
        myna_report(command_name(p), "--%s takes %s from %.10g to %.10g, not '%s'", option->name, kind, option->low,
            option->high, text);
    } else {
        myna_report(command_name(p), "--%s takes %s, not '%s'", option->name, kind, text);
    }
    return WRONG;
}

static progress store(const parser *p, const myna_option *option, char *text)
{
    bool good = true;
    int choice;
    if (!*text) { /* an unset variable of a script, most likely; nothing can be called so */
        myna_report(command_name(p), "--%s is given an empty value", option->name);
        return WRONG;
    }
    switch (option->kind) {
    case MYNA_OPTION_TEXT:
        *(const char **)option->value = text;
        break;
    case MYNA_OPTION_TEXTS:
        myna_strings_add(option->value, text);
        break;
    case MYNA_OPTION_INTEGER:
        good = store_integer(option, text);
        break;
    case MYNA_OPTION_NUMBER:
        good = store_number(option, text);
        break;
    case MYNA_OPTION_CHOICE:
        choice = choice_index(option->choices, text);
        good = choice >= 0;
        if (good) *(int *)option->value = choice;
        break;
    case MYNA_OPTION_END:
    case MYNA_OPTION_FLAG:
        break;
    }
    return good ? GO_ON : complain_value(p, option, text);
}

/* ---- The command line ---------------------------------------------------------------------------------------------
 */

/* Edit distance, single letters inserted, deleted or replaced; two long words count as far apart. */
static size_t distance(const char *a, const char *b)
{
    enum { LONGEST = 32 };
    size_t row[LONGEST + 1], n_a = strlen(a), n_b = strlen(b);
    if (n_a > LONGEST || n_b > LONGEST) return LONGEST;
    for (size_t j = 0; j <= n_b; j++) row[j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            size_t other = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
            diagonal = row[j];
            row[j] = replaced < other ? replaced : other;
        }
    }
    return row[n_b];
}

static progress complain_unknown(const parser *p, const char *name)
{
    const char *nearest = "help";
    size_t best = distance(name, nearest);
    for (const myna_option *option = p->command->options; option->kind != MYNA_OPTION_END; option++) {
        size_t d = distance(name, option->name);
        if (d < best) {
            best = d;
            nearest = option->name;
        }
    }
    if (best <= MAX_DISTANCE && best < strlen(name))
        myna_report(command_name(p), "unknown option --%s, did you mean --%s?", name, nearest);
    else myna_report(command_name(p), "unknown option --%s, see myna %s --help", name, command_name(p));
    return WRONG;
}

/* A dash and more than that, and no negative number: an option, where options are looked for. */
static bool looks_like_option(const char *argument)
{
    if (argument[0] != '-' || !argument[1]) return false;
    char first = argument[1] == '.' ? argument[2] : argument[1];
    return first < '0' || first > '9';
}

/* The value of `option` is `attached`, or the next argument where that is NULL. */
static progress take_value(parser *p, const myna_option *option, char *attached)
{
    if (option->kind == MYNA_OPTION_FLAG) {
        if (attached) {
            myna_report(command_name(p), "--%s takes no value", option->name);
            return WRONG;
        }
        *(bool *)option->value = true;
        return GO_ON;
    }
    if (!attached) {
        if (p->next == p->argc || looks_like_option(p->argv[p->next])) {
            myna_report(command_name(p), "--%s needs a value", option->name);
            return WRONG;
        }
        attached = p->argv[p->next++];
    }
    return store(p, option, attached);
}

/* Arguments stay as they are: a lost device may call for the program to be started anew with them. */
static progress parse_long(parser *p, char *argument)
{
    char *value = strchr(argument, '='), *name = myna_text("%.*s", (int)strcspn(argument + 2, "="), argument + 2);
    const myna_option *option = p->command->options;
    while (option->kind != MYNA_OPTION_END && strcmp(name, option->name) != 0) option++;
    progress result = HELP_PRINTED;
    if (strcmp(name, "help") == 0) print_help(p->command);
    else if (option->kind == MYNA_OPTION_END) result = complain_unknown(p, name);
    else result = take_value(p, option, value ? value + 1 : NULL);
    free(name);
    return result;
}

/* "-qo FILE": flags may stand together, and before one letter that takes a value. */
static progress parse_letters(parser *p, char *argument)
{
    for (char *letter = argument + 1; *letter; letter++) {
        if (*letter == 'h') {
            print_help(p->command);
            return HELP_PRINTED;
        }
        const myna_option *option = p->command->options;
        while (option->kind != MYNA_OPTION_END && option->letter != *letter) option++;
        if (option->kind == MYNA_OPTION_END) {
            myna_report(command_name(p), "unknown option -%c, see myna %s --help", *letter, command_name(p));
            return WRONG;
        }
        bool flag = option->kind == MYNA_OPTION_FLAG;
        progress result = take_value(p, option, flag || !letter[1] ? NULL : letter + 1);
        if (result != GO_ON || !flag) return result;
    }
    return GO_ON;
}

static progress check_operands(const parser *p)
{
    const myna_command *command = p->command;
    size_t n = p->operands->n;
    for (size_t i = 0; i < n; i++) {
        if (p->operands->items[i][0]) continue;
        myna_report(command_name(p), "an argument is empty; usage: myna %s", command->usage);
        return WRONG;
    }
    if (n < (size_t)command->min_operands) {
        myna_report(command_name(p), "too few arguments; usage: myna %s", command->usage);
        return WRONG;
    }
    if (command->max_operands >= 0 && n > (size_t)command->max_operands) {
        myna_report(command_name(p), "one argument too many: '%s'; usage: myna %s",
            p->operands->items[command->max_operands], command->usage);
        return WRONG;
    }
    return GO_ON;
}

bool myna_options_parse(const myna_command *command, int argc, char **argv, myna_strings *operands, int *exit_code)
{
    parser p = {.command = command, .argc = argc, .next = 1, .argv = argv, .operands = operands};
    progress result = GO_ON;
    bool only_operands = false;
    while (result == GO_ON && p.next < argc) {
        char *argument = argv[p.next++];
        if (only_operands || !looks_like_option(argument)) myna_strings_add(operands, argument);
        else if (strcmp(argument, "--") == 0) only_operands = true;
        else result = argument[1] == '-' ? parse_long(&p, argument) : parse_letters(&p, argument);
    }
    if (result == GO_ON) result = check_operands(&p);
    if (result == GO_ON) return true;
    *exit_code = result == HELP_PRINTED ? MYNA_EXIT_OK : MYNA_EXIT_USAGE;
    return false;
}
