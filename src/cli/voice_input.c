#include "cli/voice_input.h"

#include "base/status.h"
#include "cli/find_files.h"
#include "io/audio_file.h"

#include <stdlib.h>
#include <string.h>

static const float enough_speech_seconds = 3;

bool myna_is_voice_name(const char *path)
{
    return strcmp(myna_path_suffix(path), ".voice") == 0;
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
        if (myna_interrupted) return MYNA_ERROR_INTERRUPTED;
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
    float **samples = calloc(paths->n, sizeof *samples);
    myna_status status =
        recordings && samples ? MYNA_OK : myna_fail(error, MYNA_ERROR_MEMORY, "no memory for recordings");
    if (status == MYNA_OK) status = load_recordings(recordings, samples, paths, error);
    if (status == MYNA_OK) status = myna_voice_enroll(out, model, recordings, paths->n, error);
    for (size_t i = 0; samples && i < paths->n; i++) free(samples[i]);
    free(samples);
    free(recordings);
    return status;
}

static int report_mixture(const char *path)
{
    myna_report(path, "a voice file is a whole target; `myna voice mix` puts several together");
    return MYNA_EXIT_USAGE;
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
    float speech_seconds = myna_voice_profile(voice)->speech_seconds;
    if (speech_seconds < enough_speech_seconds)
        myna_note(first, "only %.1f s of speech; the likeness is better from 3 s on", (double)speech_seconds);
    *out = voice;
    return MYNA_EXIT_OK;
}
