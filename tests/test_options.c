/* The option parser of the command line. Its sources are the program's, compiled into this test (tests/CMakeLists.txt).
 */
#include "cli/cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { MAX_ARGUMENTS = 16 };

typedef struct result {
    bool force;
    const char *output;
    myna_strings to, operands;
    int64_t steps;
    double hours;
    int latency;
    bool go_on;
    int exit_code;
    char out[4096], err[1024]; /* what was printed */
} result;

/* Sends `stream` into a temporary file until restore; returns what it was. */
static int redirect(FILE *stream, FILE *into)
{
    fflush(stream);
    int saved = dup(fileno(stream));
    assert_true(saved >= 0 && dup2(fileno(into), fileno(stream)) >= 0);
    return saved;
}

static void restore(FILE *stream, int saved, FILE *from, char *text, size_t size)
{
    fflush(stream);
    dup2(saved, fileno(stream));
    close(saved);
    rewind(from);
    text[fread(text, 1, size - 1, from)] = 0;
    fclose(from);
}

/* Parses the words of `line` after the command's name, with `min` to `max` operands. */
static result parse(const char *line, int min, int max)
{
    result r = {.exit_code = -1, .latency = -1};
    const myna_option options[] = {
        {"force", 'f', MYNA_OPTION_FLAG, &r.force, NULL, "replace", 0, 0, NULL},
        {"output", 'o', MYNA_OPTION_TEXT, &r.output, "FILE", "first line\nsecond line", 0, 0, NULL},
        {"to", 't', MYNA_OPTION_TEXTS, &r.to, "VOICE", "target", 0, 0, NULL},
        {"steps", 0, MYNA_OPTION_INTEGER, &r.steps, "N", "steps", -5, 1000, NULL},
        {"hours", 0, MYNA_OPTION_NUMBER, &r.hours, "H", "hours", 0, 0, NULL},
        {"latency", 'l', MYNA_OPTION_CHOICE, &r.latency, NULL, "latency", 0, 0, myna_latency_names},
        {0},
    };
    const myna_command command = {"try INPUT... -o FILE", "Tries.", options, min, max};
    char words[256], *argv[MAX_ARGUMENTS] = {"try"};
    snprintf(words, sizeof words, "%s", line);
    int argc = 1;
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) argv[argc++] = word;
    FILE *out = tmpfile(), *err = tmpfile();
    int saved_out = redirect(stdout, out), saved_err = redirect(stderr, err);
    r.go_on = myna_options_parse(&command, argc, argv, &r.operands, &r.exit_code);
    restore(stdout, saved_out, out, r.out, sizeof r.out);
    restore(stderr, saved_err, err, r.err, sizeof r.err);
    /* `output` points into words, which end here */
    static char output[256];
    if (r.output) r.output = strcpy(output, r.output);
    return r;
}

static void release(result *r)
{
    myna_strings_free(&r->to);
    myna_strings_free(&r->operands);
}

static void assert_refused(const char *line, const char *message)
{
    result r = parse(line, 0, 2);
    assert_false(r.go_on);
    assert_int_equal(r.exit_code, MYNA_EXIT_USAGE);
    assert_string_equal(r.err, message);
    assert_string_equal(r.out, "");
    release(&r);
}

static void test_every_spelling(void **state)
{
    (void)state;
    result r = parse("a --output x.wav --to=b -t c -td --steps 12 --hours=1.5 -l best -f e", 0, -1);
    assert_true(r.go_on);
    assert_string_equal(r.err, "");
    assert_true(r.force);
    assert_string_equal(r.output, "x.wav");
    assert_int_equal(r.to.n, 3);
    assert_string_equal(r.to.items[0], "b");
    assert_string_equal(r.to.items[1], "c");
    assert_string_equal(r.to.items[2], "d");
    assert_int_equal(r.steps, 12);
    assert_true(r.hours == 1.5);
    assert_int_equal(r.latency, 2);
    assert_int_equal(r.operands.n, 2);
    assert_string_equal(r.operands.items[0], "a");
    assert_string_equal(r.operands.items[1], "e");
    release(&r);
}

static void test_flags_join_a_valued_letter(void **state)
{
    (void)state;
    result r = parse("-fo x", 0, -1);
    assert_true(r.go_on && r.force);
    assert_string_equal(r.output, "x");
    release(&r);
}

static void test_dashes_that_are_no_options(void **state)
{
    (void)state;
    result r = parse("- -3 --steps -4 --hours -.5 -o - -- --force -x", 0, -1);
    assert_true(r.go_on);
    assert_false(r.force);
    assert_int_equal(r.steps, -4);
    assert_true(r.hours == -.5);
    assert_string_equal(r.output, "-");
    assert_int_equal(r.operands.n, 4);
    assert_string_equal(r.operands.items[0], "-");
    assert_string_equal(r.operands.items[1], "-3");
    assert_string_equal(r.operands.items[2], "--force");
    assert_string_equal(r.operands.items[3], "-x");
    release(&r);
}

static void test_defaults_stay(void **state)
{
    (void)state;
    result r = parse("", 0, 0);
    assert_true(r.go_on);
    assert_null(r.output);
    assert_int_equal(r.latency, -1);
    assert_int_equal(r.operands.n, 0);
    release(&r);
}

static void test_refusals(void **state)
{
    (void)state;
    assert_refused("--ouput x", "myna: try: unknown option --ouput, did you mean --output?\n");
    assert_refused("--help-me", "myna: try: unknown option --help-me, did you mean --help?\n");
    assert_refused("--xyzzyplugh", "myna: try: unknown option --xyzzyplugh, see myna try --help\n");
    assert_refused("-x", "myna: try: unknown option -x, see myna try --help\n");
    assert_refused("--output", "myna: try: --output needs a value\n");
    assert_refused("--output --force", "myna: try: --output needs a value\n");
    assert_refused("-f=3", "myna: try: unknown option -=, see myna try --help\n");
    assert_refused("--force=3", "myna: try: --force takes no value\n");
    assert_refused("--steps 1001", "myna: try: --steps takes a whole number from -5 to 1000, not '1001'\n");
    assert_refused("--steps 1.5", "myna: try: --steps takes a whole number from -5 to 1000, not '1.5'\n");
    assert_refused("--steps 99999999999999999999",
        "myna: try: --steps takes a whole number from -5 to 1000, not '99999999999999999999'\n");
    assert_refused("--hours nan", "myna: try: --hours takes a number, not 'nan'\n");
    assert_refused("--hours 1h", "myna: try: --hours takes a number, not '1h'\n");
    assert_refused("--latency be", "myna: try: --latency is one of: low balanced best; not 'be'\n");
    assert_refused("a b c", "myna: try: one argument too many: 'c'; usage: myna try INPUT... -o FILE\n");
}

static void test_too_few_operands(void **state)
{
    (void)state;
    result r = parse("-f", 1, -1);
    assert_false(r.go_on);
    assert_int_equal(r.exit_code, MYNA_EXIT_USAGE);
    assert_string_equal(r.err, "myna: try: too few arguments; usage: myna try INPUT... -o FILE\n");
    release(&r);
}

static void test_help(void **state)
{
    (void)state;
    const char *spellings[] = {"--help", "-h", "-fh", "x --help --nonsense"};
    for (int i = 0; i < 4; i++) {
        result r = parse(spellings[i], 1, 1);
        assert_false(r.go_on);
        assert_int_equal(r.exit_code, MYNA_EXIT_OK);
        assert_string_equal(r.err, "");
        assert_string_equal(r.out, "usage: myna try INPUT... -o FILE\n\nTries.\n\noptions:\n"
                                   "  -f, --force             replace\n"
                                   "  -o, --output FILE       first line\n"
                                   "                          second line\n"
                                   "  -t, --to VOICE          target\n"
                                   "      --steps N           steps\n"
                                   "      --hours H           hours\n"
                                   "  -l, --latency low|balanced|best\n"
                                   "                          latency\n"
                                   "  -h, --help              print this\n");
        release(&r);
    }
}

static void test_number_lists(void **state)
{
    (void)state;
    double values[3] = {0};
    size_t n = 0;
    assert_true(myna_numbers_parse(".3,-.7,+2", values, 3, &n));
    assert_int_equal(n, 3);
    assert_true(values[0] == .3 && values[1] == -.7 && values[2] == 2);
    const char *wrong[] = {"", "1,,2", "1,", "1 2", "x", "1,2,3,4", "inf"};
    for (int i = 0; i < 7; i++) assert_false(myna_numbers_parse(wrong[i], values, 3, &n));
    assert_int_equal(n, 3);
}

static void test_paths(void **state)
{
    (void)state;
    const char *rows[][4] = {
        {"a/b.c/d.tar.gz", "d.tar.gz", ".gz", "d.tar"},
        {"a.b/c", "c", "", "c"},
        {".hidden", ".hidden", "", ".hidden"},
        {"x.wav", "x.wav", ".wav", "x"},
    };
    for (int i = 0; i < 4; i++) {
        assert_string_equal(myna_path_name(rows[i][0]), rows[i][1]);
        assert_string_equal(myna_path_suffix(rows[i][0]), rows[i][2]);
        char *stem = myna_path_stem(rows[i][0]);
        assert_string_equal(stem, rows[i][3]);
        free(stem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_spelling),
        cmocka_unit_test(test_flags_join_a_valued_letter),
        cmocka_unit_test(test_dashes_that_are_no_options),
        cmocka_unit_test(test_defaults_stay),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_too_few_operands),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_number_lists),
        cmocka_unit_test(test_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
