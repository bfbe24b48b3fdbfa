#define _GNU_SOURCE
#include "cli/convert_batch.h"

#include "base/status.h"
#include "cli/find_files.h"
#include "io/audio_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool myna_is_stream(const char *path)
{
    return strcmp(path, "-") == 0;
}

/* Takes over `output`, which is malloc'd. */
static void add(myna_batch *batch, const char *input, char *output)
{
    myna_strings_add(&batch->inputs, input);
    myna_strings_add(&batch->outputs, output);
    batch->n_tasks++;
    free(output);
}

void myna_batch_fail(myna_batch *batch, const char *file, const char *reason)
{
    myna_strings_add(&batch->failed, file);
    myna_strings_add(&batch->reasons, reason);
}

void myna_batch_free(myna_batch *batch)
{
    myna_strings_free(&batch->inputs);
    myna_strings_free(&batch->outputs);
    myna_strings_free(&batch->failed);
    myna_strings_free(&batch->reasons);
}

/* "." and "..", which are folders with names elsewhere. */
static bool is_nameless(const char *path)
{
    const char *name = path + strspn(path, "./");
    return !*name;
}

static char *name_beside(const char *input, const char *voice)
{
    if (myna_is_stream(input)) return myna_text("-");
    char *whole = is_nameless(voice) ? realpath(voice, NULL) : NULL;
    char *voice_stem = myna_path_stem(whole ? whole : voice), *stem = myna_path_stem(input);
    char *output = myna_text("%.*s%s.%s.wav", (int)(myna_path_name(input) - input), input, stem, voice_stem);
    free(whole);
    free(voice_stem);
    free(stem);
    return output;
}

/* `name` is a path within the folder. */
static char *name_within(const char *folder, const char *name)
{
    const char *slash = folder[strlen(folder) - 1] == '/' ? "" : "/";
    return myna_text("%s%s%.*s.wav", folder, slash, (int)(myna_path_suffix(name) - name), name);
}

/* Inputs that differ by their suffix only would get one output: each keeps its suffix within its name. */
static void separate(myna_batch *batch)
{
    size_t n = batch->outputs.n;
    bool *collides = calloc(n + 1, sizeof *collides);
    if (!collides) return; /* what collides is refused later */
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(batch->outputs.items[i], batch->outputs.items[k]) == 0 &&
                strcmp(myna_path_suffix(batch->inputs.items[i]), myna_path_suffix(batch->inputs.items[k])) != 0)
                collides[i] = collides[k] = true;
    for (size_t i = 0; i < n; i++) {
        char *output = batch->outputs.items[i];
        if (!collides[i] || myna_is_stream(output)) continue;
        const char *suffix = myna_path_suffix(batch->inputs.items[i]);
        batch->outputs.items[i] = myna_text("%.*s%s.wav", (int)(strlen(output) - strlen(".wav")), output, suffix);
        free(output);
    }
    free(collides);
}

/* Of two whole paths. */
static bool lies_in(const char *path, const char *folder)
{
    size_t n = strlen(folder);
    return strncmp(path, folder, n) == 0 && path[n] == '/';
}

/* malloc'd: the whole path of `output` where it lies in the folder `input`, so that an earlier run's conversions are found
 * among the inputs; NULL elsewhere. */
static char *find_earlier(const char *input, const char *output)
{
    char *in = realpath(input, NULL), *out = realpath(output, NULL);
    bool is_inside = in && out && lies_in(out, in);
    free(in);
    if (is_inside) return out;
    free(out);
    return NULL;
}

static bool is_made_before(const char *path, const char *earlier)
{
    char *whole = earlier ? realpath(path, NULL) : NULL;
    bool is_made = whole && lies_in(whole, earlier);
    free(whole);
    return is_made;
}

static void add_folder(myna_batch *batch, const char *folder, const char *output)
{
    myna_error error = {0};
    myna_strings found = {0};
    if (myna_find_audio(&found, folder, &error) != MYNA_OK) {
        myna_batch_fail(batch, error.file, error.detail);
        batch->n_tasks++;
    } else if (found.n == 0) {
        myna_batch_fail(batch, folder, "no recordings in this folder");
        batch->n_tasks++;
    }
    char *earlier = find_earlier(folder, output);
    for (size_t i = 0; i < found.n; i++)
        if (!is_made_before(found.items[i], earlier))
            add(batch, found.items[i], name_within(output, myna_path_inside(found.items[i], folder)));
    free(earlier);
    myna_strings_free(&found);
}

int myna_batch_plan(myna_batch *out, const myna_strings *operands, const char *output, const char *voice)
{
    size_t length = output ? strlen(output) : 0;
    bool into_folder = length > 0 && (operands->n > 1 || myna_is_folder(output) || output[length - 1] == '/');
    if (output && !into_folder && !myna_is_stream(output) && !myna_is_folder(operands->items[0]) &&
        !myna_audio_has_suffix(output)) {
        myna_report(output, "audio is written as " MYNA_AUDIO_SUFFIXES);
        return MYNA_EXIT_USAGE;
    }
    bool is_several = operands->n > 1 || myna_is_folder(operands->items[0]);
    if (output && is_several && !myna_is_folder(output) && myna_audio_has_suffix(output)) {
        myna_report(output, "names a file; several recordings go into a folder, as WAV");
        return MYNA_EXIT_USAGE;
    }
    for (size_t i = 0; i < operands->n; i++) {
        const char *input = operands->items[i];
        if (myna_is_folder(input)) {
            if (!output) {
                myna_report(input, "a folder: name one for its conversions with -o");
                return MYNA_EXIT_USAGE;
            }
            add_folder(out, input, output);
        } else if (into_folder) {
            add(out, input, name_within(output, myna_is_stream(input) ? "stdin" : myna_path_name(input)));
        } else {
            add(out, input, output ? myna_text("%s", output) : name_beside(input, voice));
        }
    }
    separate(out);
    return MYNA_EXIT_OK;
}

myna_status myna_batch_check_output(const myna_batch *batch, size_t i, bool force, myna_error *error)
{
    const char *input = batch->inputs.items[i], *output = batch->outputs.items[i], *reason = NULL;
    struct stat info;
    if (myna_is_stream(output)) return MYNA_OK;
    for (size_t earlier = 0; earlier < i; earlier++) {
        if (strcmp(batch->outputs.items[earlier], output) != 0) continue;
        myna_fail(error, MYNA_ERROR_FILE, "its output would be that of %s", batch->inputs.items[earlier]);
        return myna_fail_in(error, MYNA_ERROR_FILE, input);
    }
    if (myna_is_same_file(input, output)) reason = "is input and output at once";
    else if (!force && stat(output, &info) == 0) reason = "exists already; --force replaces it";
    if (!reason) return MYNA_OK;
    myna_fail(error, MYNA_ERROR_FILE, "%s", reason);
    return myna_fail_in(error, MYNA_ERROR_FILE, output);
}
