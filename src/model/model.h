/* A model in memory: weights and what is derived from them once. Immutable after loading. */
#ifndef MYNA_MODEL_MODEL_H
#define MYNA_MODEL_MODEL_H

#include "dsp/mel.h"
#include "dsp/ripple.h"
#include "model/packed.h"
#include "model/tensor_file.h"
#include "model/tensors.h"

enum { MYNA_ID_SIZE = 17 }; /* 16 hexadecimal digits and a zero */

struct myna_model {
    myna_layout layout;
    float *parameters; /* [layout.n_parameters], as in the file */
    myna_weights weights; /* point to `parameters` */
    myna_packed_weights packed;
    myna_mel *mel;
    float *ripple;     /* [MYNA_RIPPLE_ROWS][MYNA_MEL_BANDS], log10 units */
    char id[MYNA_ID_SIZE];
    myna_facts facts;
};

/* Takes ownership of parameters (malloc'd, layout->n_parameters, also on failure) and copies facts: the one way a
 * model comes into being. */
myna_status myna_model_create(myna_model **out, const myna_layout *layout, float *parameters, const myna_facts *facts,
    const char *id, myna_error *error);

/* Writes parameters[n_parameters] as a model file, matrices as F16 when `half` (vectors are few and stay F32), with
 * `facts` (training, corpus, seed ...; may be NULL), code_width and the front end's constants as metadata. */
myna_status myna_model_write(
    const char *path, const myna_layout *layout, const float *parameters, const myna_facts *facts, bool half, myna_error *error);

/* Reads the tensors of `layout` out of a parsed file into parameters[n_parameters]: each must be there with its
 * shape, and finite. `prefix` stands before each name ("" in models; checkpoints hold several sets). */
myna_status myna_parameters_read(
    float *parameters, const myna_layout *layout, const myna_tensor_file *file, const char *prefix, myna_error *error);

#endif
