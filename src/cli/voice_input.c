#include "cli/voice_input.h"

#include "base/status.h"
#include "cli/find_files.h"
#include "io/audio_file.h"
#include "model/voice.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const float enough_speech_seconds = 3;
static const float least_voiced_share = 0.1f; /* of speech it is half or more, of noise next to nothing */

bool myna_is_voice_name(const char *path)
{
    return strcasecmp(myna_path_suffix(path), ".voice") == 0;
}

/* Files as they are, folders as the recordings in them. */
static myna_status list_recordings(myna_strings *out, const myna_strings *targets, myna_error *error)
{
    for (size_t i = 0; i < targets->n; i++) {
        const char *target = targets->items[i];
        if (!myna_is_folder(target)) {
            myna_strings_add(out, target);
            continue;
        }
        size_t before = out->n;
        myna_status status = myna_find_audio(out, target, error);
        if (status == MYNA_OK && out->n == before) {
            myna_fail(error, MYNA_ERROR_FILE, "no recordings in this folder");
            status = myna_fail_in(error, MYNA_ERROR_FILE, target);
        }
        if (status != MYNA_OK) return status;
    }
    return MYNA_OK;
}

static myna_status load_recordings(
    myna_recording *recordings, float **samples, const myna_strings *paths, myna_error *error)
{
    for (size_t i = 0; i < paths->n; i++) {
        size_t n_samples;
        myna_status status = myna_audio_load(&samples[i], &n_samples, paths->items[i], NULL, error);
        if (status != MYNA_OK) return status;
        recordings[i] = (myna_recording){samples[i], n_samples, paths->items[i]};
    }
    return MYNA_OK;
}

static myna_status enroll(myna_voice **out, const myna_model *model, const myna_strings *paths, myna_error *error)
{
    myna_recording *recordings = calloc(paths->n, sizeof *recordings);
    float **samples = calloc(paths->n, sizeof *samples), *speech_seconds = calloc(paths->n, sizeof *speech_seconds);
    myna_status status =
        recordings && samples && speech_seconds ? MYNA_OK : myna_fail(error, MYNA_ERROR_MEMORY, "no memory for recordings");
    myna_interrupt_at_once(true);
    if (status == MYNA_OK) status = load_recordings(recordings, samples, paths, error);
    if (status == MYNA_OK)
        status = myna_voice_enroll_measured(out, model, recordings, paths->n, speech_seconds, error);
    myna_interrupt_at_once(false);
    for (size_t i = 0; status == MYNA_OK && i < paths->n; i++) /* alone, such a one is refused */
        if (speech_seconds[i] <= 0) myna_note(paths->items[i], "no speech; the voice is made of the others");
    for (size_t i = 0; samples && i < paths->n; i++) free(samples[i]);
    free(samples);
    free(speech_seconds);
    free(recordings);
    return status;
}

static int report_mixture(const char *path)
{
    myna_report(path, "a voice file is a whole target; `myna voice mix` puts several together");
    return MYNA_EXIT_USAGE;
}

/* A voice that only whispers is a strange one, but may be wanted: no reason to refuse it. */
static void print_notes(const char *target, const myna_profile *profile)
{
    if (profile->voiced_seconds < least_voiced_share * profile->speech_seconds)
        myna_note(target, "hardly any of it is voiced; is this speech?");
    else if (profile->speech_seconds < enough_speech_seconds)
        myna_note(target, "only %.1f s of speech; the likeness is better from 3 s on", (double)profile->speech_seconds);
}

int myna_cli_load_voice(myna_voice **out, const myna_model *model, const myna_strings *targets)
{
    const char *first = targets->items[0];
    for (size_t i = 0; targets->n > 1 && i < targets->n; i++)
        if (myna_is_voice_name(targets->items[i])) return report_mixture(targets->items[i]);
    myna_error error = {0};
    if (myna_is_voice_name(first)) return myna_report_status(first, myna_voice_load(out, model, first, &error), &error);

    myna_strings paths = {0};
    myna_voice *voice = NULL;
    myna_status status = list_recordings(&paths, targets, &error);
    if (status == MYNA_OK) status = enroll(&voice, model, &paths, &error);
    myna_strings_free(&paths);
    if (status != MYNA_OK) return myna_report_status(first, status, &error);
    print_notes(first, myna_voice_profile(voice));
    *out = voice;
    return MYNA_EXIT_OK;
}

int myna_cli_load_source(myna_source *source, myna_converter_options *options, const char *path, const myna_model *model,
    const myna_voice *target)
{
    if (!path) return MYNA_EXIT_OK;
    myna_voice *own = NULL;
    myna_strings paths = {0};
    myna_strings_add(&paths, path);
    int code = myna_cli_load_voice(&own, model, &paths);
    myna_strings_free(&paths);
    if (code != MYNA_EXIT_OK) return code;
    myna_error error = {0};
    myna_status status = myna_source_of_voice(source, model, own, target, options, &error);
    myna_voice_free(own);
    if (status == MYNA_OK) {
        options->source = source;
        options->source_is_start = true;
    }
    return myna_report_status(path, status, &error);
}
