/* What the commands of `myna` share: exit codes, options, messages, interruption, and where the model is. */
#ifndef MYNA_CLI_CLI_H
#define MYNA_CLI_CLI_H

#include "myna/myna.h"

#include <signal.h>

enum myna_exit {
    MYNA_EXIT_OK = 0,
    MYNA_EXIT_USAGE = 1,  /* the command line itself is wrong */
    MYNA_EXIT_FAILED = 2, /* input, output or model */
    MYNA_EXIT_SOME = 3,   /* some of a batch failed, and are listed; the rest is done */
    MYNA_EXIT_DEVICE = 4,
    MYNA_EXIT_INTERRUPTED = 130,
};

/* Each takes its own name as argv[0] and returns an exit code. */
int myna_cmd_convert(int argc, char **argv);
int myna_cmd_voice(int argc, char **argv);
int myna_cmd_train(int argc, char **argv);
int myna_cmd_info(int argc, char **argv);
int myna_cmd_plot(int argc, char **argv);
int myna_cmd_live(int argc, char **argv);
int myna_cmd_devices(int argc, char **argv);
int myna_cmd_latency(int argc, char **argv);
int myna_cmd_bench(int argc, char **argv);

/* ---- Lists of strings, each string owned by the list ------------------------------------------------------------ */

typedef struct myna_strings {
    char **items;
    size_t n;
} myna_strings;

void myna_strings_add(myna_strings *strings, const char *text); /* copies */
void myna_strings_free(myna_strings *strings);
/* malloc'd printf. This and the lists end the program (exit code 2) when memory for a few names is not to be had. */
char *myna_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Within `path`: its last part, and the suffix with its dot (the terminating zero when there is none). */
const char *myna_path_name(const char *path);
const char *myna_path_suffix(const char *path);
/* What is left of `path` inside `folder`; all of it where it does not begin with that. */
const char *myna_path_inside(const char *path, const char *folder);
/* malloc'd: "a/b.wav" and "a/b/" give "b". */
char *myna_path_stem(const char *path);

/* ---- Options ----------------------------------------------------------------------------------------------------- */

typedef enum myna_option_kind {
    MYNA_OPTION_END,     /* ends the table */
    MYNA_OPTION_FLAG,    /* bool: becomes true */
    MYNA_OPTION_TEXT,    /* const char *: into argv */
    MYNA_OPTION_TEXTS,   /* myna_strings: every use adds one */
    MYNA_OPTION_INTEGER, /* int64_t within [low, high] */
    MYNA_OPTION_NUMBER,  /* double within [low, high] */
    MYNA_OPTION_CHOICE,  /* int: index of the word among `choices` */
} myna_option_kind;

/* One row of a command's table: { "output", 'o', MYNA_OPTION_TEXT, &output, "FILE", "where to write" }. Whatever
 * stands in *value before parsing is the default. */
typedef struct myna_option {
    const char *name; /* "output", used as --output */
    char letter;      /* 'o', used as -o; 0: none */
    myna_option_kind kind;
    void *value;
    const char *metavar; /* how --help calls the value; NULL for flags */
    const char *help;    /* one sentence or several lines, each below 80 columns */
    double low, high;    /* of INTEGER and NUMBER; equal: any */
    const char *const *choices; /* of CHOICE: words, and a NULL */
} myna_option;

typedef struct myna_command {
    const char *usage; /* "convert INPUT... --to VOICE [-o OUT]" */
    const char *about; /* what it does, a paragraph or several, of lines below 80 columns */
    const myna_option *options;
    int min_operands, max_operands; /* max -1: any number */
} myna_command;

/* Reads argv[1..]: --name VALUE, --name=VALUE, -o VALUE, -oVALUE, "--" before operands that start with a dash; "-" and
 * numbers such as -3 are values and operands; options and operands in any order. Adds the operands to `operands`.
 * True: go on. False: return *exit_code, since --help was printed on standard output, or one line about what is wrong
 * on standard error. The caller frees `operands` and TEXTS in both cases. */
bool myna_options_parse(const myna_command *command, int argc, char **argv, myna_strings *operands, int *exit_code);
/* "-3,+.5" into out[*n], at most `max`; false when it is no such list. */
bool myna_numbers_parse(const char *text, double *out, size_t max, size_t *n);

/* ---- Messages on standard error, each one line --------------------------------------------------------------------- */

/* "myna: FILE: REASON"; `file` NULL leaves it out. Control characters are shown as '?'. */
void myna_report(const char *file, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Reports a library error (under error->file, or `file` where that is empty) and gives its exit code; an interruption
 * is reported by main alone. */
int myna_report_status(const char *file, myna_status status, const myna_error *error);
/* Of n files or recordings: none of them failed, some, or all. */
int myna_exit_of_batch(size_t n_failed, size_t n);
/* "myna: FILE: note: TEXT", unless quiet. */
void myna_note(const char *file, const char *format, ...) __attribute__((format(printf, 2, 3)));
void myna_set_quiet(bool quiet); /* no notes */

/* ---- Interruption -------------------------------------------------------------------------------------------------- */

/* Set by SIGINT and SIGTERM; commands look at it in every loop, clean up and return MYNA_EXIT_INTERRUPTED. SIGPIPE and
 * SIGXFSZ are ignored, so that a closed pipe and a full disk are errors of the write. */
extern volatile sig_atomic_t myna_interrupted;
/* Around long work that leaves nothing to clean up, and that cannot look at the flag: from true until false a signal
 * ends the program on the spot, with its message and exit code. */
void myna_interrupt_at_once(bool at_once);

/* ---- Models, outputs, JSON ------------------------------------------------------------------------------------------- */

/* Loads the model `named` by -m, or by MYNA_MODEL in the environment where that is NULL, or the installed one (see
 * find_model.c). Reports failure; gives an exit code. */
int myna_cli_load_model(myna_model **out, const char *named);
/* Exit code 0 when `path` does not exist, or `force` is given. Reports otherwise. */
int myna_cli_refuse_existing(const char *path, bool force);
/* Exit code 0 when they are two files, by whatever names. Reports otherwise, whether forced or not. */
int myna_cli_refuse_same(const char *input, const char *output);
/* As myna_cli_refuse_existing, and its folder exists or could be made. */
int myna_cli_check_output(const char *path, bool force);
/* `myna info`, which other commands have under other names. */
int myna_cli_show_files(int argc, char **argv, const char *usage, const char *about);
/* Prints one line of JSON on standard output and frees it; what is not UTF-8 (file names need not be) becomes U+FFFD. */
struct cJSON;
void myna_cli_print_json(struct cJSON *json);

#endif
