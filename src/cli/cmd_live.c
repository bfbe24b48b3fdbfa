#include "cli/cli.h"
#include "cli/live_file.h"
#include "cli/live_resume.h"
#include "cli/live_session.h"
#include "cli/live_view.h"
#include "cli/voice_input.h"

#include "base/clock.h"
#include "base/status.h"
#include "io/audio_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOOKS_A_SECOND = 20 };
static const double default_block_ms = 10;  /* of files */
static const time_t reconnect_seconds = 1;  /* between tries */

typedef struct arguments {
    myna_strings operands, to;
    const char *input, *output, *monitor, *source, *model, *input_file, *output_file, *record;
    int latency;
    int64_t rate_hz, iterations;
    double block_ms, gate_db, wet, duration, pitch;
    char **argv;
    bool keep_pitch, reconnect, as_fast_as_possible, force, quiet;
} arguments;

static const char about[] = "Converts what a microphone hears and plays it, as it is spoken. Devices are named by\n"
                            "index or by any part of their name: see myna devices. Several voices (--to a.voice\n"
                            "--to b.voice) can be switched with the keys 1 to 9.\n\n"
                            "Keys: 1-9 voice, b bypass, m mute, + and - pitch, q quit.";

static bool read_arguments(arguments *a, int argc, char **argv, int *exit_code)
{
    const myna_option options[] = {
        {"to", 't', MYNA_OPTION_TEXTS, &a->to, "VOICE",
            "target: a voice file, a recording or a folder of them; up to 9", 0, 0, NULL},
        {"input", 'i', MYNA_OPTION_TEXT, &a->input, "DEVICE", "to record from (the default device)", 0, 0, NULL},
        {"output", 'o', MYNA_OPTION_TEXT, &a->output, "DEVICE", "to play to (the default device)", 0, 0, NULL},
        {"monitor", 0, MYNA_OPTION_TEXT, &a->monitor, "DEVICE",
            "to play to as well: headphones, while the output is a virtual microphone", 0, 0, NULL},
        {"latency", 'l', MYNA_OPTION_CHOICE, &a->latency, NULL, "how much of the future is heard: 50, 75 or 200 ms",
            0, 0, myna_latency_names},
        {"source", 's', MYNA_OPTION_TEXT, &a->source, "VOICE", "your own voice, enrolled: estimates start from it", 0,
            0, NULL},
        {"pitch", 'p', MYNA_OPTION_NUMBER, &a->pitch, "N", "semitones on top of the target's pitch (0)", -24, 24, NULL},
        {"keep-pitch", 'k', MYNA_OPTION_FLAG, &a->keep_pitch, NULL, "keep your own melody, moved by --pitch", 0, 0,
            NULL},
        {"gate", 'g', MYNA_OPTION_NUMBER, &a->gate_db, "DB", "what is so far below speech begins to fade (-35)", -80,
            -10, NULL},
        {"dry-wet", 'w', MYNA_OPTION_NUMBER, &a->wet, "PART", "share of the converted voice, 0 to 1 (1)", 0, 1, NULL},
        {"block", 'b', MYNA_OPTION_NUMBER, &a->block_ms, "MS", "heard and spoken at a time (as the device likes)", 1,
            200, NULL},
        {"rate", 'r', MYNA_OPTION_INTEGER, &a->rate_hz, "HZ", "of the devices (their own)", 8000, 384000, NULL},
        {"iterations", 0, MYNA_OPTION_INTEGER, &a->iterations, "N", "of the waveform stage a frame (8)", 0, 64, NULL},
        {"record", 0, MYNA_OPTION_TEXT, &a->record, "FILE",
            "what is heard and what is spoken, as two channels at 16 kHz", 0, 0, NULL},
        {"duration", 'd', MYNA_OPTION_NUMBER, &a->duration, "S", "stop after so many seconds, reconnecting included", 0, 1e9, NULL},
        {"reconnect", 0, MYNA_OPTION_FLAG, &a->reconnect, NULL, "wait for a lost device to come back instead of giving up", 0, 0,
            NULL},
        {"input-file", 0, MYNA_OPTION_TEXT, &a->input_file, "FILE", "hear a recording instead of a device ...", 0, 0,
            NULL},
        {"output-file", 0, MYNA_OPTION_TEXT, &a->output_file, "FILE", "... and speak into a file, as late as live", 0,
            0, NULL},
        {"as-fast-as-possible", 0, MYNA_OPTION_FLAG, &a->as_fast_as_possible, NULL, "files: not in real time", 0, 0,
            NULL},
        {"force", 'f', MYNA_OPTION_FLAG, &a->force, NULL, "replace files that exist", 0, 0, NULL},
        {"model", 'm', MYNA_OPTION_TEXT, &a->model, "MODEL", "the model file, instead of the one that came along", 0, 0,
            NULL},
        {"quiet", 'q', MYNA_OPTION_FLAG, &a->quiet, NULL, "print errors only", 0, 0, NULL},
        {0},
    };
    const myna_command command = {"live --to VOICE [--input DEVICE] [--output DEVICE]", about, options, 0, 0};
    return myna_options_parse(&command, argc, argv, &a->operands, exit_code);
}

/* ---- What both devices and files need ---------------------------------------------------------------------------- */

typedef struct live {
    const arguments *arguments;
    myna_model *model;
    myna_voice *voices[MYNA_LIVE_MAX_VOICES];
    myna_source source;
    myna_live_settings settings;
    myna_live_controls controls;
    myna_live_recorder *recorder;
    double start_seconds;
} live;

static int load_voices(live *l)
{
    const myna_strings *to = &l->arguments->to;
    int code = MYNA_EXIT_OK;
    for (size_t i = 0; i < to->n && code == MYNA_EXIT_OK; i++) {
        myna_strings one = {&to->items[i], 1};
        code = myna_cli_load_voice(&l->voices[i], l->model, &one);
        l->settings.voices[i] = l->voices[i];
    }
    l->settings.n_voices = (int)to->n;
    return code;
}

static int load(live *l)
{
    const arguments *a = l->arguments;
    myna_converter_options *options = &l->settings.options;
    myna_converter_options_init(options);
    options->latency = (myna_latency)a->latency;
    options->iterations = (int)a->iterations;
    options->gate_db = (float)a->gate_db;
    options->pitch = a->keep_pitch ? MYNA_PITCH_KEEP : MYNA_PITCH_AUTO;
    options->pitch_semitones = (float)a->pitch;
    l->settings.wet = (float)a->wet;
    l->controls = (myna_live_controls){.pitch = options->pitch, .semitones = options->pitch_semitones};
    int code = myna_cli_load_model(&l->model, a->model);
    l->settings.model = l->model;
    if (code == MYNA_EXIT_OK) code = load_voices(l);
    return code == MYNA_EXIT_OK ? myna_cli_load_source(&l->source, options, a->source, l->model, l->voices[0]) : code;
}

static void unload(live *l)
{
    for (int i = 0; i < MYNA_LIVE_MAX_VOICES; i++) myna_voice_free(l->voices[i]);
    myna_model_free(l->model);
}

/* For tests: MYNA_TEST_SLOW_MS makes every block take so much longer. */
static void slow_down(myna_live_worker *worker)
{
    const char *text = getenv("MYNA_TEST_SLOW_MS");
    if (text) myna_live_worker_slow_down(worker, strtod(text, NULL) / 1000);
}

/* Keys and view; false: quit. */
static bool look(live *l, myna_live_worker *worker, uint64_t xruns, double latency_ms, double seconds)
{
    double duration = l->arguments->duration;
    if (myna_live_view_read_keys(&l->controls, l->settings.n_voices)) return false;
    myna_live_worker_control(worker, &l->controls);
    myna_live_status status = {.report = myna_live_worker_report(worker),
        .xruns = xruns,
        .controls = l->controls,
        .voice = myna_path_name(l->arguments->to.items[l->controls.voice]),
        .latency_ms = latency_ms,
        .seconds = seconds};
    myna_live_view_show(&status);
    return !myna_interrupted && !(duration > 0 && seconds >= duration);
}

/* ---- Recording ------------------------------------------------------------------------------------------------- */

static int start_recording(live *l)
{
    const char *path = l->arguments->record;
    if (!path) return MYNA_EXIT_OK;
    int code = myna_cli_check_output(path, l->arguments->force);
    if (code != MYNA_EXIT_OK) return code;
    myna_error error = {0};
    code = myna_report_status(path, myna_live_recorder_start(&l->recorder, path, &error), &error);
    l->settings.taps = myna_live_recorder_taps(l->recorder);
    return code;
}

static int finish_recording(live *l)
{
    myna_error error = {0};
    double lost_seconds;
    myna_status status = myna_live_recorder_finish(l->recorder, &lost_seconds, &error);
    l->recorder = NULL;
    if (lost_seconds > 0)
        myna_note(l->arguments->record, "%.1f s are missing in it: the disk was too slow", lost_seconds);
    return myna_report_status(l->arguments->record, status, &error);
}

/* ---- Devices ----------------------------------------------------------------------------------------------------- */

static void close_session(myna_live_session *s, int code)
{
    if (!myna_live_session_close(s)) _exit(code);
}

static void wait_to_reconnect(void)
{
    struct timespec pause = {.tv_sec = reconnect_seconds};
    nanosleep(&pause, NULL);
}

static bool is_over(const live *l)
{
    double duration = l->arguments->duration;
    return myna_interrupted || (duration > 0 && myna_seconds_now() - l->start_seconds >= duration);
}

static int start_anew(const live *l, const myna_live_session *s)
{
    wait_to_reconnect();
    if (is_over(l)) return MYNA_EXIT_OK;
    myna_live_resume resume = {.start_seconds = l->start_seconds,
        .controls = l->controls,
        .input = s->input,
        .output = s->output,
        .monitor = *s->monitor ? s->monitor : NULL};
    myna_live_resume_in(l->arguments->argv, &resume);
    myna_report("live", "cannot start anew");
    return MYNA_EXIT_DEVICE;
}

/* Until the user quits (MYNA_OK) or a device is lost, which is looked for first: Ctrl-C may reach the sound server
 * too. */
static myna_status run_session(myna_live_session *s, live *l, myna_error *error)
{
    for (;;) {
        struct timespec pause = {.tv_nsec = 1000000000 / LOOKS_A_SECOND};
        nanosleep(&pause, NULL);
        myna_status status = myna_live_session_check(s, error);
        if (status != MYNA_OK) return status;
        double seconds = myna_seconds_now() - l->start_seconds;
        if (!look(l, s->worker, myna_live_session_xruns(s), myna_live_session_latency_ms(s), seconds)) return MYNA_OK;
    }
}

/* Opens the devices; those that were lost and have not come back are waited for. */
static myna_status wait_for_session(myna_live_session *s, live *l, myna_error *error)
{
    const arguments *a = l->arguments;
    myna_live_wanted wanted = {.input = a->input,
        .output = a->output,
        .monitor = a->monitor,
        .rate_hz = (int)a->rate_hz,
        .block_ms = a->block_ms};
    myna_live_resume resume;
    bool resumes = a->reconnect && myna_live_resume_read(&resume) && resume.controls.voice < l->settings.n_voices;
    if (resumes) {
        l->start_seconds = resume.start_seconds;
        l->controls = resume.controls;
        wanted.input = resume.input;
        wanted.output = resume.output;
        wanted.monitor = resume.monitor;
        wanted.by_full_name = true;
    }
    for (;;) {
        *s = (myna_live_session){0};
        myna_status status = myna_live_session_open(s, &wanted, &l->settings, error);
        if (status == MYNA_OK) return MYNA_OK;
        close_session(s, MYNA_EXIT_DEVICE);
        if (resumes && is_over(l)) return MYNA_ERROR_INTERRUPTED;
        if (status != MYNA_ERROR_DEVICE || !resumes) return status;
        wait_to_reconnect();
    }
}

static int run_devices(live *l)
{
    myna_live_session s;
    myna_error error = {0};
    myna_status status = wait_for_session(&s, l, &error);
    if (status != MYNA_OK && (status == MYNA_ERROR_INTERRUPTED || myna_interrupted)) return MYNA_EXIT_OK;
    if (status != MYNA_OK) return myna_report_status(NULL, status, &error);
    slow_down(s.worker);
    if (!l->arguments->quiet) myna_live_session_describe(&s);
    myna_live_view_open(l->arguments->quiet);
    status = run_session(&s, l, &error);
    myna_live_view_close();
    if (status == MYNA_OK) {
        myna_live_report report = myna_live_worker_report(s.worker);
        myna_live_load_figures load = myna_live_worker_total_load(s.worker);
        myna_live_view_summarize(&report, &load, myna_live_session_xruns(&s));
    }
    myna_live_worker_stop(s.worker);
    int recorded = finish_recording(l);
    if (status == MYNA_OK) {
        close_session(&s, recorded);
        return recorded;
    }
    if (!l->arguments->reconnect || is_over(l)) {
        if (!is_over(l)) myna_report_status(NULL, status, &error);
        _exit(is_over(l) ? recorded : MYNA_EXIT_DEVICE); /* see live_resume.h */
    }
    myna_note(error.file, "%s; waiting for it to come back", error.detail);
    return start_anew(l, &s);
}

/* ---- Files ------------------------------------------------------------------------------------------------------- */

static bool on_block(void *context, myna_live_worker *worker, double seconds)
{
    live *l = context;
    static double next_look;
    if (seconds < next_look && !myna_interrupted) return true;
    next_look = seconds + 1.0 / LOOKS_A_SECOND;
    slow_down(worker);
    return look(l, worker, 0, 1000 * myna_live_worker_latency(worker), seconds);
}

static int run_files(live *l)
{
    const arguments *a = l->arguments;
    int code = myna_cli_refuse_same(a->input_file, a->output_file);
    if (code == MYNA_EXIT_OK) code = myna_cli_check_output(a->output_file, a->force);
    if (code != MYNA_EXIT_OK) return code;
    myna_live_file file = {a->input_file, a->output_file, (a->block_ms > 0 ? a->block_ms : default_block_ms) / 1000,
        !a->as_fast_as_possible};
    myna_live_file_result result;
    myna_error error = {0};
    myna_live_view_open(a->quiet || a->as_fast_as_possible);
    myna_status status = myna_live_file_run(&result, &file, &l->settings, on_block, l, &error);
    myna_live_view_close();
    if (status == MYNA_OK) {
        myna_live_view_summarize(&result.report, &result.load, 0);
        if (!a->quiet) printf("%s: %.1f ms late\n", a->output_file, 1000 * result.latency_seconds);
    }
    code = myna_report_status(a->input_file, status, &error);
    return code == MYNA_EXIT_OK && myna_interrupted ? MYNA_EXIT_INTERRUPTED : code;
}

static const char *find_contradiction(const arguments *a)
{
    if (a->to.n == 0) return "no target: name a voice with --to";
    if (a->to.n > MYNA_LIVE_MAX_VOICES) return "at most 9 voices";
    if (!a->input_file != !a->output_file) return "--input-file and --output-file go together";
    if (a->input_file && (a->input || a->output || a->monitor || a->rate_hz))
        return "--input, --output, --monitor and --rate are for devices, not for files";
    if (a->output_file && !myna_audio_has_suffix(a->output_file)) return "--output-file is written as " MYNA_AUDIO_SUFFIXES;
    if (a->record && !myna_audio_has_suffix(a->record)) return "--record is written as " MYNA_AUDIO_SUFFIXES;
    if (a->record && a->output_file && strcmp(a->record, a->output_file) == 0)
        return "--record and --output-file are two files";
    if (a->record && a->reconnect) return "--record ends with the device: not together with --reconnect";
    if (a->as_fast_as_possible && !a->input_file) return "only files can be converted faster than they are spoken";
    return NULL;
}

static int run(const arguments *a)
{
    live l = {.arguments = a, .start_seconds = myna_seconds_now()};
    const char *contradiction = find_contradiction(a);
    if (contradiction) {
        myna_report("live", "%s", contradiction);
        return MYNA_EXIT_USAGE;
    }
    myna_set_quiet(a->quiet);
    int code = load(&l);
    if (code == MYNA_EXIT_OK) code = start_recording(&l);
    l.start_seconds = myna_seconds_now();
    if (code == MYNA_EXIT_OK) code = a->input_file ? run_files(&l) : run_devices(&l);
    int recorded = finish_recording(&l);
    unload(&l);
    return code == MYNA_EXIT_OK ? recorded : code;
}

int myna_cmd_live(int argc, char **argv)
{
    /* the program's own argv lies one before the command's */
    arguments a = {
        .argv = argv - 1, .latency = MYNA_LATENCY_LOW, .iterations = MYNA_DEFAULT_ITERATIONS, .gate_db = MYNA_DEFAULT_GATE_DB, .wet = 1};
    int code;
    if (read_arguments(&a, argc, argv, &code)) code = run(&a);
    myna_strings_free(&a.operands);
    myna_strings_free(&a.to);
    return code;
}
