#include "cli/live_view.h"

#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static const double line_every_seconds = 5;
static const float lowest_db = -60, semitone_step = 1, most_semitones = 24;
enum { METER = 6 };

static struct {
    bool is_quiet, has_terminal, has_keys;
    struct termios before, keys;
    double next_line_seconds;
} view = {.next_line_seconds = 1};

/* ---- The terminal ------------------------------------------------------------------------------------------------ */

/* Whatever ends the program, the terminal echoes again. */
static void restore_and_end(int signal_number)
{
    tcsetattr(STDIN_FILENO, TCSANOW, &view.before);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

/* Back in the foreground. */
static void take_again(int signal_number)
{
    (void)signal_number;
    if (view.has_keys) tcsetattr(STDIN_FILENO, TCSANOW, &view.keys);
}

static void catch_signals(void)
{
    const int ends[] = {SIGQUIT, SIGABRT, SIGSEGV};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) signal(ends[i], restore_and_end);
    signal(SIGCONT, take_again);
}

void myna_live_view_open(bool quiet)
{
    view.is_quiet = quiet;
    view.has_terminal = !quiet && isatty(STDERR_FILENO);
    bool is_foreground = isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp();
    view.has_keys = view.has_terminal && is_foreground && tcgetattr(STDIN_FILENO, &view.before) == 0;
    if (!view.has_keys) return;
    view.keys = view.before;
    view.keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    catch_signals();
    tcsetattr(STDIN_FILENO, TCSANOW, &view.keys);
}

void myna_live_view_close(void)
{
    if (view.has_terminal) fputs("\r\033[K", stderr);
    if (view.has_keys) tcsetattr(STDIN_FILENO, TCSANOW, &view.before);
    view.has_terminal = view.has_keys = false;
}

/* ---- The line ---------------------------------------------------------------------------------------------------- */

static void draw_meter(char out[METER + 1], float db)
{
    int n = (int)lrintf(METER * fminf(fmaxf((db - lowest_db) / -lowest_db, 0), 1));
    memset(out, '#', (size_t)n);
    memset(out + n, '.', (size_t)(METER - n));
    out[METER] = 0;
}

static void format_pitch(char *out, size_t size, const myna_live_meters *m)
{
    if (m->heard_f0_hz > 0) snprintf(out, size, "%3.0f>%3.0f Hz", (double)m->heard_f0_hz, (double)m->spoken_f0_hz);
    else snprintf(out, size, "unvoiced  ");
}

/* Eighty columns hold all but the end of a long name. */
static void format_short(char *out, size_t size, const myna_live_status *s)
{
    const myna_live_report *r = &s->report;
    char input[METER + 1], output[METER + 1], pitch[24];
    draw_meter(input, r->meters.input_db);
    draw_meter(output, r->meters.output_db);
    format_pitch(pitch, sizeof pitch, &r->meters);
    snprintf(out, size, "%s>%s %s  load %.0f/%.0f/%.0f %%  %.0f ms  lost %.0f ms, %llu xruns%s%s %+.0f  %d %s", input,
        output, pitch, 100 * r->load.p50, 100 * r->load.p95, 100 * r->load.most, s->latency_ms,
        1000 * (r->ears[0].skipped_seconds + r->ears[0].missing_seconds + r->lost_seconds),
        (unsigned long long)s->xruns, s->controls.bypass ? " BYPASS" : "", s->controls.mute ? " MUTE" : "",
        (double)s->controls.semitones, s->controls.voice + 1, s->voice);
}

/* Load and counters, the same everywhere. */
static void format_counters(
    char *out, size_t size, const myna_live_report *r, const myna_live_load_figures *load, uint64_t xruns)
{
    const myna_live_ear_report *output = &r->ears[0], *monitor = &r->ears[1];
    char also[60] = "";
    if (monitor->missing_seconds + monitor->skipped_seconds > 0)
        snprintf(also, sizeof also, " (monitor %.1f, skipped %.1f)", 1000 * monitor->missing_seconds,
            1000 * monitor->skipped_seconds);
    snprintf(out, size,
        "load %.1f/%.1f/%.1f/%.1f %%, dropped %.1f ms, missing %.1f ms%s, lost %.1f ms, waiting %.1f ms, %+.0f ppm, "
        "xruns %llu",
        100 * load->p50, 100 * load->p95, 100 * load->p99, 100 * load->most, 1000 * output->skipped_seconds,
        1000 * output->missing_seconds, also, 1000 * r->lost_seconds, 1000 * output->waiting_seconds,
        output->steering_ppm, (unsigned long long)xruns);
}

static void format_long(char *out, size_t size, const myna_live_status *s)
{
    const myna_live_report *r = &s->report;
    char pitch[24], counters[240];
    format_pitch(pitch, sizeof pitch, &r->meters);
    format_counters(counters, sizeof counters, r, &r->load, s->xruns);
    snprintf(out, size, "%.1f s: in %.0f dB, out %.0f dB, %s, latency %.0f ms, %s", s->seconds,
        (double)r->meters.input_db, (double)r->meters.output_db, pitch, s->latency_ms, counters);
}

void myna_live_view_summarize(const myna_live_report *report, const myna_live_load_figures *load, uint64_t xruns)
{
    char counters[240];
    if (view.is_quiet) return;
    format_counters(counters, sizeof counters, report, load, xruns);
    fprintf(stderr, "%.1f s spoken; %s\n", report->ears[0].spoken_seconds, counters);
}

static int terminal_columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void myna_live_view_show(const myna_live_status *status)
{
    char line[400];
    if (view.is_quiet) return;
    if (view.has_terminal) {
        format_short(line, sizeof line, status);
        fprintf(stderr, "\r%.*s\033[K", terminal_columns() - 1, line);
    } else if (status->seconds >= view.next_line_seconds) {
        format_long(line, sizeof line, status);
        fprintf(stderr, "%s\n", line);
        view.next_line_seconds = status->seconds + line_every_seconds;
    }
    fflush(stderr);
}

/* ---- Keys -------------------------------------------------------------------------------------------------------- */

static bool act(myna_live_controls *controls, char key, int n_voices)
{
    if (key >= '1' && key <= '9' && key - '1' < n_voices) controls->voice = key - '1';
    if (key == 'b') controls->bypass = !controls->bypass;
    if (key == 'm') controls->mute = !controls->mute;
    if (key == '+' || key == '=') controls->semitones = fminf(controls->semitones + semitone_step, most_semitones);
    if (key == '-') controls->semitones = fmaxf(controls->semitones - semitone_step, -most_semitones);
    return key == 'q';
}

bool myna_live_view_read_keys(myna_live_controls *controls, int n_voices)
{
    struct pollfd waiting = {.fd = STDIN_FILENO, .events = POLLIN};
    char key;
    while (view.has_keys && poll(&waiting, 1, 0) > 0 && read(STDIN_FILENO, &key, 1) == 1)
        if (act(controls, key, n_voices)) return true;
    return false;
}
