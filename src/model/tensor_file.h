/* safetensors: an 8-byte little-endian header length, a JSON header, raw little-endian tensors that tile the rest.
 * Models, voices and checkpoints are all of it. The reader trusts nothing. */
#ifndef MYNA_MODEL_TENSOR_FILE_H
#define MYNA_MODEL_TENSOR_FILE_H

#include "base/file.h"
#include "myna/myna.h"

/* ---- Facts: the string pairs of __metadata__, in order ------------------------------------------------------ */

typedef struct myna_fact {
    char *key, *value;
} myna_fact;
typedef struct myna_facts {
    myna_fact *items;
    size_t n;
} myna_facts;

const char *myna_fact_find(const myna_facts *facts, const char *key); /* NULL when absent */
/* That number, with a point in any locale; 0 when absent or none. False, and 0, when memory is short. */
bool myna_fact_float(float *out, const myna_facts *facts, const char *key);
/* Sets or replaces; the value is printf-style, in the C locale's numbers. Its control characters become spaces, so that a fact is one line.
 * False when memory is short. */
bool myna_fact_set(myna_facts *facts, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool myna_facts_copy(myna_facts *out, const myna_facts *facts); /* NULL `facts`: an empty copy */
void myna_facts_free(myna_facts *facts);

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

typedef enum myna_dtype { MYNA_F32, MYNA_F16 } myna_dtype;

static inline size_t myna_dtype_bytes(myna_dtype dtype)
{
    return dtype == MYNA_F32 ? 4 : 2;
}

enum {
    MYNA_MAX_HEADER_BYTES = 1 << 20,
    MYNA_MAX_FILE_TENSORS = 4096,
    MYNA_MAX_FACTS = 1024,
    MYNA_MAX_DIMS = 4,
    MYNA_NAME_SIZE = 96,     /* of tensors and facts: printable ASCII without spaces, and a zero */
    MYNA_CHECKSUM_SIZE = 17, /* 16 lower-case hexadecimal digits and a zero */
};

typedef struct myna_tensor_view {
    char name[MYNA_NAME_SIZE];
    myna_dtype dtype;
    int n_dims; /* 0 to MYNA_MAX_DIMS */
    size_t dims[MYNA_MAX_DIMS];
    size_t n_elements;
    const unsigned char *data; /* inside the parsed bytes; maybe unaligned */
} myna_tensor_view;

typedef struct myna_tensor_file {
    myna_tensor_view *views; /* [n_views], in the order of their data */
    size_t n_views;
    myna_facts facts;                  /* without the checksum */
    char checksum[MYNA_CHECKSUM_SIZE]; /* as computed and found equal to the file's own */
} myna_tensor_file;

bool myna_name_is_good(const char *name); /* 1 to MYNA_NAME_SIZE - 1 characters as said there */

/* Parses `data`, which must outlive `out`. Refused with a reason: short files, a header over 1 MiB or no JSON object,
 * more tensors or facts than the limits above, unknown dtypes, bad or duplicate names or metadata keys, ranges that
 * do not tile the data exactly, shapes that do not match their range, a "format" fact other than `format` ("myna-model"
 * ...; NULL accepts any), a "format_version" other than 1, a missing or wrong checksum. */
myna_status myna_tensor_file_parse(
    myna_tensor_file *out, const void *data, size_t n_bytes, const char *format, myna_error *error);
void myna_tensor_file_free(myna_tensor_file *file);

const myna_tensor_view *myna_tensor_find(const myna_tensor_file *file, const char *name); /* NULL when absent */
/* The tensor `name`, when it has exactly this shape (n_dims, dims) and is all finite. */
myna_status myna_tensor_check(const myna_tensor_view **out, const myna_tensor_file *file, const char *name, int n_dims,
    const size_t *dims, myna_error *error);
/* The same, as float into out[product of dims]. */
myna_status myna_tensor_read(
    float *out, const myna_tensor_file *file, const char *name, int n_dims, const size_t *dims, myna_error *error);

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

typedef struct myna_tensor_source {
    const char *name;
    myna_dtype dtype; /* as stored */
    int n_dims;
    size_t dims[MYNA_MAX_DIMS];
    const float *data; /* always float in memory */
} myna_tensor_source;

/* Writes atomically, and nothing that the reader would refuse: NaN, infinity and what F16 cannot hold give
 * ERROR_NOT_FINITE. Adds "checksum" and "format" and "format_version" before `facts` (which may be NULL; the same keys
 * there are passed over). */
myna_status myna_tensor_file_write(const char *path, const char *format, const myna_tensor_source *tensors,
    size_t n_tensors, const myna_facts *facts, myna_error *error);

/* The header starts with {"__metadata__":{"checksum":" and 16 digits: myna_hash of the whole file as it would be with
 * these digits all '0', so that any changed byte is noticed. False when `data` does not start that way. */
bool myna_tensor_file_checksum(char out[MYNA_CHECKSUM_SIZE], const void *data, size_t n_bytes);

#endif
