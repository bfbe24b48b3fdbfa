#define _GNU_SOURCE
#include "cli/train_files.h"

#include "base/file.h"
#include "cli/find_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N_FILES = 4 };

static void list(const char *out[N_FILES], const train_files *files)
{
    out[0] = files->model;
    out[1] = files->checkpoint;
    out[2] = files->table;
    out[3] = files->plot;
}

void train_files_name(train_files *files, const char *model, bool with_plot, bool resumes)
{
    int length = (int)(myna_path_suffix(model) - model);
    *files = (train_files){.model = myna_text("%s", model),
        .checkpoint = myna_text("%.*s.checkpoint", length, model),
        .table = myna_text("%.*s.tsv", length, model),
        .plot = myna_text("%.*s.svg", length, model)};
    if (with_plot || (resumes && access(files->plot, F_OK) == 0)) return;
    free(files->plot);
    files->plot = NULL;
}

void train_files_free(train_files *files)
{
    free(files->model);
    free(files->checkpoint);
    free(files->table);
    free(files->plot);
}

static int check_outputs(const train_files *files, const char *corpus, const char *init, bool replace)
{
    const char *outputs[N_FILES];
    list(outputs, files);
    char *manifest = myna_text("%s/manifest.tsv", corpus);
    int code = MYNA_EXIT_OK;
    for (int i = 0; i < N_FILES && outputs[i] && code == MYNA_EXIT_OK; i++) {
        const char *output = outputs[i];
        if (myna_is_same_file(output, corpus) || myna_is_same_file(output, manifest) || (init && myna_is_same_file(output, init))) {
            myna_report(output, "is input and output at once");
            code = MYNA_EXIT_FAILED;
        } else {
            code = myna_cli_refuse_existing(output, replace);
        }
    }
    free(manifest);
    return code;
}

int train_files_check(const train_files *files, const char *corpus, const char *init, bool resume, bool force)
{
    int code = check_outputs(files, corpus, init, resume || force);
    if (code == MYNA_EXIT_OK && init) {
        myna_model *model = NULL;
        code = myna_cli_load_model(&model, init);
        myna_model_free(model);
    }
    if (code == MYNA_EXIT_OK && resume && access(files->checkpoint, R_OK) != 0) {
        myna_report(files->checkpoint, "%s", strerror(errno));
        code = MYNA_EXIT_FAILED;
    }
    return code;
}

myna_status train_files_prepare(const train_files *files, myna_error *error)
{
    const char *outputs[N_FILES];
    list(outputs, files);
    myna_status status = myna_make_folder_of(files->model, error);
    for (int i = 0; i < N_FILES && outputs[i] && status == MYNA_OK; i++) {
        myna_new_file file;
        status = myna_new_file_open(&file, outputs[i], error);
        if (status == MYNA_OK) myna_new_file_abandon(&file);
    }
    return status;
}
