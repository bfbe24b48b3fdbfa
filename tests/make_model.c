/* A model of random weights for tests of the program: make_model SEED OUT.safetensors; "huge" as SEED: of weights with
 * which nothing stays finite */
#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set(float *values, size_t n, float value)
{
    for (size_t i = 0; i < n; i++) values[i] = value;
}

int main(int argc, char **argv)
{
    if (argc != 3) return 1;
    myna_layout layout;
    myna_layout_init(&layout, 16);
    float *parameters = calloc(layout.n_parameters, sizeof *parameters);
    if (!parameters) return 1;
    myna_parameters_init(parameters, &layout, strtoull(argv[1], NULL, 10));
    myna_weights weights;
    myna_weights_bind(&weights, &layout, parameters);
    /* about what speech measures */
    set(weights.front.mel_mean, MYNA_MEL_BANDS, -1.5f);
    set(weights.front.mel_deviation, 1, .8f);
    weights.front.log_f0[0] = 5.0f;
    weights.front.log_f0[1] = .2f;
    if (strcmp(argv[1], "huge") == 0) set(parameters, layout.n_trained, 60000);
    myna_facts facts = {0};
    myna_error error = {0};
    myna_status status = myna_model_write(argv[2], &layout, parameters, &facts, true, &error);
    if (status != MYNA_OK) fprintf(stderr, "make_model: %s: %s\n", error.file, error.detail);
    free(parameters);
    return status != MYNA_OK;
}
