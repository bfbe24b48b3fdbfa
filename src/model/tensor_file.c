#include "model/tensor_file.h"

#include "base/half.h"
#include "base/simd.h"
#include "base/status.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensors are copied as the little-endian file holds them");

enum { length_bytes = 8, chunk_elements = 2048 };
static const double max_integer = 0x1p53; /* beyond it JSON's doubles skip integers */

/* ---- The frame: length, header, checksum ----------------------------------------------------------------------- */

bool myna_tensor_file_checksum(char out[MYNA_CHECKSUM_SIZE], const void *data, size_t n_bytes)
{
    static const char opening[] = "{\"__metadata__\":{\"checksum\":\"";
    enum { digits = MYNA_CHECKSUM_SIZE - 1, at = length_bytes + sizeof opening - 1, head_bytes = 64 };
    const unsigned char *bytes = data;
    if (n_bytes < head_bytes || memcmp(bytes + length_bytes, opening, sizeof opening - 1) != 0) return false;
    unsigned char head[head_bytes];
    memcpy(head, bytes, head_bytes);
    memset(head + at, '0', digits);
    uint64_t hash = myna_hash(MYNA_HASH_START, head, head_bytes);
    hash = myna_hash(hash, bytes + head_bytes, n_bytes - head_bytes);
    snprintf(out, MYNA_CHECKSUM_SIZE, "%016" PRIx64, hash);
    return true;
}

static myna_status check_frame(size_t *header_bytes, const unsigned char *bytes, size_t n_bytes, myna_error *error)
{
    if (n_bytes < length_bytes) {
        return myna_fail(error, MYNA_ERROR_FORMAT, "%zu bytes are too few for a safetensors file", n_bytes);
    }
    uint64_t length;
    memcpy(&length, bytes, sizeof length);
    if (length > MYNA_MAX_HEADER_BYTES) {
        if (n_bytes > length_bytes && bytes[length_bytes] != '{')
            return myna_fail(error, MYNA_ERROR_FORMAT, "no safetensors file");
        return myna_fail(error, MYNA_ERROR_FORMAT, "a header of %" PRIu64 " bytes, over the limit of %d", length,
            MYNA_MAX_HEADER_BYTES);
    }
    if (length > n_bytes - length_bytes) {
        return myna_fail(
            error, MYNA_ERROR_FORMAT, "cut short: a header of %" PRIu64 " bytes in a file of %zu", length, n_bytes);
    }
    *header_bytes = (size_t)length;
    return MYNA_OK;
}

/* Copies the header for cJSON, which wants a terminated string; control characters could end or hide parts of it. */
static myna_status parse_json(cJSON **out, const unsigned char *header, size_t n_bytes, myna_error *error)
{
    if (n_bytes == 0 || header[0] != '{') return myna_fail(error, MYNA_ERROR_FORMAT, "the header is no JSON object");
    for (size_t i = 0; i < n_bytes; i++) {
        if (header[i] < 0x20) return myna_fail(error, MYNA_ERROR_FORMAT, "the header holds a control character");
    }
    char *text = malloc(n_bytes + 1);
    if (!text) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a header of %zu bytes", n_bytes);
    memcpy(text, header, n_bytes);
    text[n_bytes] = 0;
    const char *end = text;
    errno = 0; /* cJSON does not tell a syntax error from lack of memory; malloc does */
    cJSON *root = cJSON_ParseWithOpts(text, &end, false);
    bool no_memory = !root && errno == ENOMEM;
    size_t parsed = root ? (size_t)(end - text) + strspn(end, " ") : 0;
    free(text);
    if (no_memory) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a header of %zu bytes", n_bytes);
    if (parsed != n_bytes) {
        cJSON_Delete(root);
        return myna_fail(error, MYNA_ERROR_FORMAT, "the header is not exactly one JSON object");
    }
    *out = root;
    return MYNA_OK;
}

bool myna_name_is_good(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < length; i++) {
        if (name[i] <= 0x20 || name[i] >= 0x7f) return false;
    }
    return length > 0 && length < MYNA_NAME_SIZE;
}

/* ---- The header's content -------------------------------------------------------------------------------------- */

static myna_status read_facts(myna_tensor_file *file, const cJSON *metadata, myna_error *error)
{
    size_t n = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, metadata)
    {
        if (!cJSON_IsString(item)) return myna_fail(error, MYNA_ERROR_FORMAT, "a metadata value is no string");
        if (!myna_name_is_good(item->string)) {
            return myna_fail(error, MYNA_ERROR_FORMAT, "a metadata key is not 1 to %d printable ASCII characters",
                MYNA_NAME_SIZE - 1);
        }
        if (++n > MYNA_MAX_FACTS) return myna_fail(error, MYNA_ERROR_FORMAT, "over %d metadata keys", MYNA_MAX_FACTS);
        if (!myna_fact_set(&file->facts, item->string, "%s", item->valuestring)) {
            return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for metadata");
        }
        if (file->facts.n != n) {
            return myna_fail(error, MYNA_ERROR_FORMAT, "a metadata key stands twice: '%s'", item->string);
        }
    }
    /* The checksum comes first, or myna_tensor_file_checksum would not have found it. */
    myna_fact *facts = file->facts.items;
    free(facts[0].key);
    free(facts[0].value);
    memmove(facts, facts + 1, --file->facts.n * sizeof *facts);
    return MYNA_OK;
}

static myna_status check_format(const myna_facts *facts, const char *format, myna_error *error)
{
    const char *is = myna_fact_find(facts, "format"), *version = myna_fact_find(facts, "format_version");
    if (!is || (format && strcmp(is, format) != 0)) {
        return myna_fail(error, MYNA_ERROR_FORMAT, "its format is '%.60s' instead of '%s'", is ? is : "",
            format ? format : "myna-...");
    }
    if (!version || strcmp(version, "1") != 0) {
        return myna_fail(error, MYNA_ERROR_FORMAT, "its %s has version '%.60s', but this program reads version 1", is,
            version ? version : "");
    }
    return MYNA_OK;
}

/* A JSON array of at most `limit` whole numbers from 0 to 2^53; false when it is anything else. */
static bool read_sizes(size_t *out, int *n, int limit, const cJSON *array)
{
    if (!cJSON_IsArray(array)) return false;
    *n = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, array)
    {
        if (!cJSON_IsNumber(item) || *n == limit) return false;
        double x = item->valuedouble;
        if (!(x >= 0 && x <= max_integer) || floor(x) != x) return false;
        out[(*n)++] = (size_t)x;
    }
    return true;
}

/* False where the size in bytes would overflow. */
static bool count_elements(size_t *out, const size_t *dims, int n_dims)
{
    size_t n = 1;
    for (int i = 0; i < n_dims; i++) {
        if (dims[i] && n > SIZE_MAX / sizeof(float) / dims[i]) return false;
        n *= dims[i];
    }
    *out = n;
    return true;
}

/* {"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}, with offsets into data[n_data]. */
static myna_status read_tensor(
    myna_tensor_view *out, const cJSON *item, const unsigned char *data, size_t n_data, myna_error *error)
{
    const char *name = item->string;
    if (!myna_name_is_good(name)) {
        return myna_fail(
            error, MYNA_ERROR_FORMAT, "a tensor's name is not 1 to %d printable ASCII characters", MYNA_NAME_SIZE - 1);
    }
    const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(item, "dtype");
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(item, "shape");
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(item, "data_offsets");
    if (!cJSON_IsObject(item) || !dtype || !shape || !offsets || cJSON_GetArraySize(item) != 3) {
        return myna_fail(
            error, MYNA_ERROR_FORMAT, "tensor '%s' does not have exactly dtype, shape and data_offsets", name);
    }
    myna_tensor_view view = {0};
    memcpy(view.name, name, strlen(name));
    const char *type = cJSON_IsString(dtype) ? dtype->valuestring : "";
    if (strcmp(type, "F32") != 0 && strcmp(type, "F16") != 0) {
        return myna_fail(error, MYNA_ERROR_FORMAT, "tensor '%s': dtype is neither F32 nor F16", name);
    }
    view.dtype = strcmp(type, "F32") == 0 ? MYNA_F32 : MYNA_F16;
    if (!read_sizes(view.dims, &view.n_dims, MYNA_MAX_DIMS, shape)) {
        return myna_fail(
            error, MYNA_ERROR_FORMAT, "tensor '%s': shape is not at most %d whole numbers", name, MYNA_MAX_DIMS);
    }
    size_t range[2];
    int n_range;
    if (!read_sizes(range, &n_range, 2, offsets) || n_range != 2 || range[0] > range[1] || range[1] > n_data) {
        return myna_fail(error, MYNA_ERROR_FORMAT, "tensor '%s': data_offsets are no range within the file", name);
    }
    size_t n_bytes = range[1] - range[0];
    if (!count_elements(&view.n_elements, view.dims, view.n_dims) ||
        view.n_elements * myna_dtype_bytes(view.dtype) != n_bytes) {
        return myna_fail(
            error, MYNA_ERROR_FORMAT, "tensor '%s': its shape does not match its %zu bytes", name, n_bytes);
    }
    view.data = data + range[0];
    *out = view;
    return MYNA_OK;
}

static myna_status read_tensors(
    myna_tensor_file *file, const cJSON *root, const unsigned char *data, size_t n_data, myna_error *error)
{
    size_t n = (size_t)cJSON_GetArraySize(root) - 1; /* without __metadata__ */
    if (n > MYNA_MAX_FILE_TENSORS) {
        return myna_fail(error, MYNA_ERROR_FORMAT, "%zu tensors, over the limit of %d", n, MYNA_MAX_FILE_TENSORS);
    }
    file->views = calloc(n + 1, sizeof *file->views);
    if (!file->views) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for %zu tensors", n);
    for (const cJSON *item = root->child->next; item; item = item->next) {
        if (strcmp(item->string, "__metadata__") == 0 || myna_tensor_find(file, item->string)) {
            return myna_fail(error, MYNA_ERROR_FORMAT, "the header names '%.95s' twice", item->string);
        }
        myna_status status = read_tensor(&file->views[file->n_views], item, data, n_data, error);
        if (status != MYNA_OK) return status;
        file->n_views++;
    }
    return MYNA_OK;
}

static int compare_places(const void *a, const void *b)
{
    const myna_tensor_view *left = a, *right = b;
    if (left->data != right->data) return left->data < right->data ? -1 : 1;
    return (left->n_elements > right->n_elements) - (left->n_elements < right->n_elements); /* empty ones first */
}

static myna_status check_tiling(
    const myna_tensor_file *file, const unsigned char *data, size_t n_data, myna_error *error)
{
    const unsigned char *at = data;
    for (size_t i = 0; i < file->n_views; i++) {
        const myna_tensor_view *view = &file->views[i];
        if (view->data != at) {
            return myna_fail(error, MYNA_ERROR_FORMAT, "tensor '%s' %s", view->name,
                view->data < at ? "overlaps another" : "leaves a gap before its data");
        }
        at += view->n_elements * myna_dtype_bytes(view->dtype);
    }
    size_t rest = (size_t)(data + n_data - at);
    if (rest) return myna_fail(error, MYNA_ERROR_FORMAT, "%zu bytes after the last tensor", rest);
    return MYNA_OK;
}

static myna_status read_header(myna_tensor_file *file, const cJSON *root, const unsigned char *data, size_t n_data,
    const char *format, myna_error *error)
{
    myna_status status = read_facts(file, root->child, error);
    if (status == MYNA_OK) status = check_format(&file->facts, format, error);
    if (status == MYNA_OK) status = read_tensors(file, root, data, n_data, error);
    if (status != MYNA_OK) return status;
    if (file->n_views) qsort(file->views, file->n_views, sizeof *file->views, compare_places);
    return check_tiling(file, data, n_data, error);
}

myna_status myna_tensor_file_parse(
    myna_tensor_file *out, const void *data, size_t n_bytes, const char *format, myna_error *error)
{
    const unsigned char *bytes = data;
    size_t header_bytes = 0;
    myna_status status = check_frame(&header_bytes, bytes, n_bytes, error);
    if (status != MYNA_OK) return status;
    myna_tensor_file file = {0};
    if (!myna_tensor_file_checksum(file.checksum, bytes, n_bytes)) {
        return myna_fail(error, MYNA_ERROR_FORMAT, "no file of myna's: its header does not start with a checksum");
    }
    cJSON *root = NULL;
    const unsigned char *header = bytes + length_bytes;
    status = parse_json(&root, header, header_bytes, error);
    if (status != MYNA_OK) return status;
    const char *own = root->child->child->valuestring; /* where myna_tensor_file_checksum has found the digits */
    if (!own || strcmp(own, file.checksum) != 0) {
        status = myna_fail(
            error, MYNA_ERROR_FORMAT, "damaged: its content has checksum %s, not the one it states", file.checksum);
    } else {
        status = read_header(&file, root, header + header_bytes, n_bytes - length_bytes - header_bytes, format, error);
    }
    cJSON_Delete(root);
    if (status == MYNA_OK) *out = file;
    else myna_tensor_file_free(&file);
    return status;
}

void myna_tensor_file_free(myna_tensor_file *file)
{
    free(file->views);
    myna_facts_free(&file->facts);
    *file = (myna_tensor_file){0};
}

/* ---- Tensors ----------------------------------------------------------------------------------------------------- */

const myna_tensor_view *myna_tensor_find(const myna_tensor_file *file, const char *name)
{
    for (size_t i = 0; i < file->n_views; i++) {
        if (strcmp(file->views[i].name, name) == 0) return &file->views[i];
    }
    return NULL;
}

static const char *shape_text(char out[96], int n_dims, const size_t *dims)
{
    size_t used = 0;
    for (int i = 0; i < n_dims; i++) {
        used += (size_t)snprintf(out + used, 96 - used, "%s%zu", i ? ", " : "[", dims[i]);
    }
    snprintf(out + used, 96 - used, "%s", n_dims ? "]" : "[]");
    return out;
}

/* An exponent of all ones is infinity or NaN. memcpy, since files align nothing. */
static inline bool finite_f32(const unsigned char *data, size_t n)
{
    uint32_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, data + 4 * i, sizeof bits);
        bad |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    return !bad;
}

static inline bool finite_f16(const unsigned char *data, size_t n)
{
    uint16_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        uint16_t bits;
        memcpy(&bits, data + 2 * i, sizeof bits);
        bad |= (bits & 0x7c00u) == 0x7c00u;
    }
    return !bad;
}

MYNA_VECTORIZED static bool all_finite(const myna_tensor_view *view)
{
    return view->dtype == MYNA_F32 ? finite_f32(view->data, view->n_elements)
                                   : finite_f16(view->data, view->n_elements);
}

myna_status myna_tensor_check(const myna_tensor_view **out, const myna_tensor_file *file, const char *name, int n_dims,
    const size_t *dims, myna_error *error)
{
    const myna_tensor_view *view = myna_tensor_find(file, name);
    if (!view) return myna_fail(error, MYNA_ERROR_FORMAT, "tensor '%s' is missing", name);
    bool same = view->n_dims == n_dims;
    for (int i = 0; same && i < n_dims; i++) same = view->dims[i] == dims[i];
    if (!same) {
        char is[96], expected[96];
        return myna_fail(error, MYNA_ERROR_FORMAT, "tensor '%s' has shape %s instead of %s", name,
            shape_text(is, view->n_dims, view->dims), shape_text(expected, n_dims, dims));
    }
    if (!all_finite(view)) {
        return myna_fail(error, MYNA_ERROR_NOT_FINITE, "tensor '%s' holds NaN or infinity", name);
    }
    *out = view;
    return MYNA_OK;
}

myna_status myna_tensor_read(
    float *out, const myna_tensor_file *file, const char *name, int n_dims, const size_t *dims, myna_error *error)
{
    const myna_tensor_view *view;
    myna_status status = myna_tensor_check(&view, file, name, n_dims, dims, error);
    if (status != MYNA_OK) return status;
    if (view->dtype == MYNA_F32) {
        if (view->n_elements) memcpy(out, view->data, view->n_elements * sizeof *out);
        return MYNA_OK;
    }
    uint16_t aligned[chunk_elements];
    for (size_t i = 0; i < view->n_elements; i += chunk_elements) {
        size_t rest = view->n_elements - i, n = rest < chunk_elements ? rest : chunk_elements;
        memcpy(aligned, view->data + 2 * i, n * sizeof *aligned);
        myna_float_from_half(out + i, aligned, n);
    }
    return MYNA_OK;
}
