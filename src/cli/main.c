#define _GNU_SOURCE
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

volatile sig_atomic_t myna_interrupted;
static volatile sig_atomic_t ends_at_once;

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"convert", myna_cmd_convert, "convert recordings to another voice"},
    {"voice", myna_cmd_voice, "make, show and mix voice files"},
    {"train", myna_cmd_train, "train a model on a folder of recordings"},
    {"info", myna_cmd_info, "say what is in a model, voice, checkpoint or recording"},
    {"plot", myna_cmd_plot, "draw recordings: waveform, log-mel spectrogram, pitch"},
    {"live", myna_cmd_live, "convert a microphone to another voice as it speaks"},
    {"devices", myna_cmd_devices, "list sound devices"},
    {"latency", myna_cmd_latency, "measure how long sound takes through a device and back"},
    {"bench", myna_cmd_bench, "measure how fast this computer runs Myna's parts"},
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(FILE *stream)
{
    fprintf(stream, "usage: myna COMMAND ...\n\n"
                    "Offline voice conversion: one person's speech in, another person's voice out.\n\ncommands:\n");
    for (int i = 0; i < N_COMMANDS; i++) fprintf(stream, "  %-9s %s\n", commands[i].name, commands[i].summary);
    fprintf(stream, "\nexit codes:\n"
                    "  0         done\n"
                    "  1         the command line is wrong\n"
                    "  2         an input, an output or the model is; of several inputs: all\n"
                    "  3         some of several inputs failed, and are listed; the rest is done\n"
                    "  4         a sound device\n"
                    "  130       interrupted\n"
                    "\nmyna COMMAND --help tells more, myna --version the version.\n");
}

/* Only what a signal handler may call. */
static void end_at_once(void)
{
    static const char text[] = "myna: interrupted\n";
    ssize_t wrote = write(STDERR_FILENO, text, sizeof text - 1);
    (void)wrote;
    _exit(MYNA_EXIT_INTERRUPTED);
}

void myna_interrupt_at_once(bool at_once)
{
    if (at_once) fflush(stdout); /* what is done stays said */
    ends_at_once = at_once;
    if (at_once && myna_interrupted) end_at_once();
}

/* Again every second until the program ends: a read that began between the last look at the flag and the signal would
 * otherwise block for ever. */
static void interrupt(int signal_number)
{
    (void)signal_number;
    if (ends_at_once) end_at_once();
    myna_interrupted = 1;
    alarm(1);
}

/* Without SA_RESTART, so that a read from a pipe returns when the user interrupts. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = interrupt};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGALRM, &action, NULL);
    struct sigaction before; /* a closed terminal, unless nohup says that it does not matter */
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

static int run_command(int argc, char **argv)
{
    char *help[] = {argv[1], "--help", NULL};
    if (strcmp(argv[0], "help") == 0) return run_command(2, help); /* "help convert" */
    for (int i = 0; i < N_COMMANDS; i++)
        if (strcmp(argv[0], commands[i].name) == 0) return commands[i].run(argc, argv);
    myna_report(NULL, "unknown command '%s', see myna --help", argv[0]);
    return MYNA_EXIT_USAGE;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return MYNA_EXIT_USAGE;
    }
    catch_signals();
    int code = MYNA_EXIT_OK;
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        (strcmp(argv[1], "help") == 0 && argc == 2))
        print_help(stdout);
    else if (strcmp(argv[1], "--version") == 0) printf("myna %s\n", myna_version());
    else code = run_command(argc - 1, argv + 1);
    if (code != MYNA_EXIT_OK && myna_interrupted) {
        myna_report(NULL, "interrupted");
        return MYNA_EXIT_INTERRUPTED;
    }
    bool is_flushed = fflush(stdout) == 0;
    if ((!is_flushed || ferror(stdout)) && code == MYNA_EXIT_OK) {
        myna_report("standard output", "%s", is_flushed ? "cannot be written" : strerror(errno));
        return MYNA_EXIT_FAILED;
    }
    return code;
}
