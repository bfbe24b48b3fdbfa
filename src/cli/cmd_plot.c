#include "cli/cli.h"
#include "io/audio_file.h"
#include "io/plot.h"
#include "pipeline/probe.h"

#include <math.h>
#include <stdlib.h>

enum { DEFAULT_WIDTH = 1200, PANELS = 2 }; /* of a recording: waveform, log-mel with F0 */

typedef struct recording {
    float *samples;
    size_t n_samples;
    char *title;
    myna_probe probe;
} recording;

typedef struct arguments {
    myna_strings operands;
    const char *output;
    int64_t width, height; /* height 0: as many pixels as are pleasant */
    bool force;
} arguments;

static myna_status load(recording *r, const char *path, myna_error *error)
{
    myna_audio_info info;
    myna_status status = myna_audio_load(&r->samples, &r->n_samples, path, &info, error);
    if (status != MYNA_OK) return status;
    r->title = myna_text("%s  (%.3g kHz, %s)", myna_path_name(path), info.sample_rate_hz / 1000.0,
        info.channels == 1   ? "mono"
        : info.channels == 2 ? "stereo"
                             : "several channels");
    return myna_probe_create(&r->probe, r->samples, r->n_samples, error);
}

static void describe(myna_panel panels[PANELS], const recording *r, double seconds)
{
    const double rate_hz = MYNA_SAMPLE_RATE_HZ;
    panels[0] = (myna_panel){.title = r->title,
        .kind = MYNA_PANEL_WAVEFORM,
        .waveform = {r->samples, r->n_samples, MYNA_SAMPLE_RATE_HZ, seconds}};
    panels[1] = (myna_panel){.title = "Log-mel spectrogram and F0",
        .kind = MYNA_PANEL_MEL,
        .mel = {.log_mel = r->probe.log_mel,
            .f0_hz = r->probe.f0_hz,
            .n_frames = r->probe.n_frames,
            .first_seconds = -MYNA_PROBE_HOP_SAMPLES / rate_hz,
            .hop_seconds = MYNA_PROBE_HOP_SAMPLES / rate_hz,
            .seconds = seconds}};
}

/* All on one time axis, which the longest fills. */
static int draw(const arguments *a, const recording *recordings)
{
    size_t n = a->operands.n;
    double seconds = 0.01;
    for (size_t i = 0; i < n; i++) seconds = fmax(seconds, (double)recordings[i].n_samples / MYNA_SAMPLE_RATE_HZ);
    myna_panel *panels = calloc(n * PANELS, sizeof *panels);
    if (!panels) return MYNA_EXIT_FAILED;
    for (size_t i = 0; i < n; i++) describe(panels + i * PANELS, &recordings[i], seconds);
    int height = a->height ? (int)a->height : myna_plot_good_height(panels, n * PANELS);
    myna_error error = {0};
    myna_status status = myna_plot_save(a->output, (int)a->width, height, panels, n * PANELS, &error);
    free(panels);
    int code = myna_report_status(a->output, status, &error);
    return status == MYNA_ERROR_ARGUMENT ? MYNA_EXIT_USAGE : code;
}

static int run(const arguments *a)
{
    if (!a->output || !myna_plot_has_suffix(a->output)) {
        myna_report(a->output ? a->output : "plot", "name the picture to write with -o, as .png or .svg");
        return MYNA_EXIT_USAGE;
    }
    int code = myna_cli_check_output(a->output, a->force);
    if (code != MYNA_EXIT_OK) return code;
    recording *recordings = calloc(a->operands.n, sizeof *recordings);
    if (!recordings) return MYNA_EXIT_FAILED;
    myna_interrupt_at_once(true);
    for (size_t i = 0; i < a->operands.n && code == MYNA_EXIT_OK; i++) {
        myna_error error = {0};
        const char *path = a->operands.items[i];
        code = myna_report_status(path, load(&recordings[i], path, &error), &error);
    }
    myna_interrupt_at_once(false);
    if (code == MYNA_EXIT_OK) code = draw(a, recordings);
    for (size_t i = 0; i < a->operands.n; i++) {
        free(recordings[i].samples);
        free(recordings[i].title);
        myna_probe_free(&recordings[i].probe);
    }
    free(recordings);
    return code;
}

int myna_cmd_plot(int argc, char **argv)
{
    arguments a = {.width = DEFAULT_WIDTH};
    const double low = MYNA_PLOT_MIN_SIZE, high = MYNA_PLOT_MAX_SIZE;
    const myna_option options[] = {
        {"output", 'o', MYNA_OPTION_TEXT, &a.output, "FILE", "the picture to write, .png or .svg", 0, 0, NULL},
        {"width", 0, MYNA_OPTION_INTEGER, &a.width, "PIXELS", "of the picture (1200)", low, high, NULL},
        {"height", 0, MYNA_OPTION_INTEGER, &a.height, "PIXELS", "(as needed)", low, high, NULL},
        {"force", 'f', MYNA_OPTION_FLAG, &a.force, NULL, "replace the picture if it exists", 0, 0, NULL},
        {0},
    };
    const myna_command command = {"plot FILE... -o OUT.png|OUT.svg",
        "Draws recordings under each other, each as waveform, log-mel spectrogram and\npitch (F0).", options, 1, -1};
    int code;
    if (myna_options_parse(&command, argc, argv, &a.operands, &code)) code = run(&a);
    myna_strings_free(&a.operands);
    return code;
}
