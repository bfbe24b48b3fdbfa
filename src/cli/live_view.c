#include "cli/live_view.h"

#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static const double line_every_seconds = 10;
static const float lowest_db = -60, semitone_step = 1, most_semitones = 24;

static struct {
    bool is_quiet, has_terminal, has_keys;
    struct termios before;
    double next_line_seconds;
} view;

void myna_live_view_open(bool quiet)
{
    view.is_quiet = quiet;
    view.has_terminal = !quiet && isatty(STDERR_FILENO);
    view.has_keys = view.has_terminal && isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &view.before) == 0;
    if (!view.has_keys) return;
    struct termios keys = view.before;
    keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &keys);
}

void myna_live_view_close(void)
{
    if (view.has_terminal) fputs("\r\033[K", stderr);
    if (view.has_keys) tcsetattr(STDIN_FILENO, TCSANOW, &view.before);
    view.has_terminal = view.has_keys = false;
}

/* ---- The line ---------------------------------------------------------------------------------------------------- */

static void draw_meter(char out[11], float db)
{
    int n = (int)lrintf(10 * fminf(fmaxf((db - lowest_db) / -lowest_db, 0), 1));
    memset(out, '#', (size_t)n);
    memset(out + n, '.', (size_t)(10 - n));
    out[10] = 0;
}

static void format_pitch(char *out, size_t size, const myna_live_meters *m)
{
    if (m->heard_f0_hz > 0) snprintf(out, size, "%3.0f>%3.0f Hz", (double)m->heard_f0_hz, (double)m->spoken_f0_hz);
    else snprintf(out, size, "unvoiced  ");
}

static void format_line(char *out, size_t size, const myna_live_status *s)
{
    const myna_live_report *r = &s->report;
    char input[11], output[11], pitch[24];
    draw_meter(input, r->meters.input_db);
    draw_meter(output, r->meters.output_db);
    format_pitch(pitch, sizeof pitch, &r->meters);
    snprintf(out, size,
        "in %s %4.0f dB  out %s %4.0f dB  %s %+.0f  %d %s%s%s  load %.0f/%.0f/%.0f %%  %.0f ms  dropped %.0f ms  "
        "missing %.0f ms  xruns %llu",
        input, (double)r->meters.input_db, output, (double)r->meters.output_db, pitch, (double)s->controls.semitones,
        s->controls.voice + 1, s->voice, s->controls.bypass ? " BYPASS" : "", s->controls.mute ? " MUTE" : "",
        100 * r->load_p50, 100 * r->load_p95, 100 * r->load_max, s->latency_ms, 1000 * r->dropped_seconds,
        1000.0 * (double)s->counters.missing / (s->counters.rate_hz > 0 ? s->counters.rate_hz : 1),
        (unsigned long long)s->counters.xruns);
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
    format_line(line, sizeof line, status);
    if (view.has_terminal) {
        fprintf(stderr, "\r%.*s\033[K", terminal_columns() - 1, line);
    } else if (status->seconds >= view.next_line_seconds) {
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
