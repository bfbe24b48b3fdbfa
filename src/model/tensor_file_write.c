#include "model/tensor_file.h"

#include "base/half.h"
#include "base/status.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { sink_bytes = 1 << 13, chunk_elements = 2048 };
static const char zero_checksum[MYNA_CHECKSUM_SIZE] = "0000000000000000";

/* ---- What may be written --------------------------------------------------------------------------------------- */

static size_t element_count(const myna_tensor_source *tensor)
{
    size_t n = 1;
    for (int i = 0; i < tensor->n_dims; i++) n *= tensor->dims[i];
    return n;
}

static myna_status check_values(const myna_tensor_source *tensor, myna_error *error)
{
    /* what rounds to 65504, the largest half, is smaller than this */
    float limit = tensor->dtype == MYNA_F16 ? 65520.0f : INFINITY;
    size_t n = element_count(tensor);
    for (size_t i = 0; i < n; i++) {
        if (!(fabsf(tensor->data[i]) < limit)) {
            return myna_fail(error, MYNA_ERROR_NOT_FINITE, "tensor '%s' holds %g, which %s cannot store", tensor->name,
                (double)tensor->data[i], tensor->dtype == MYNA_F16 ? "F16" : "a file");
        }
    }
    return MYNA_OK;
}

static myna_status check_tensors(const myna_tensor_source *tensors, size_t n_tensors, myna_error *error)
{
    if (n_tensors > MYNA_MAX_FILE_TENSORS) return myna_fail(error, MYNA_ERROR_ARGUMENT, "%zu tensors", n_tensors);
    for (size_t i = 0; i < n_tensors; i++) {
        const myna_tensor_source *tensor = &tensors[i];
        if (!myna_name_is_good(tensor->name) || strcmp(tensor->name, "__metadata__") == 0 || tensor->n_dims < 0 ||
            tensor->n_dims > MYNA_MAX_DIMS) {
            return myna_fail(error, MYNA_ERROR_ARGUMENT, "tensor %zu has no fitting name or shape", i);
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(tensor->name, tensors[j].name) == 0) {
                return myna_fail(error, MYNA_ERROR_ARGUMENT, "two tensors are named '%s'", tensor->name);
            }
        }
        myna_status status = check_values(tensor, error);
        if (status != MYNA_OK) return status;
    }
    return MYNA_OK;
}

static myna_status check_facts(const myna_facts *facts, myna_error *error)
{
    if (facts->n > MYNA_MAX_FACTS - 3) return myna_fail(error, MYNA_ERROR_ARGUMENT, "%zu facts", facts->n);
    for (size_t i = 0; i < facts->n; i++) {
        if (!myna_name_is_good(facts->items[i].key)) {
            return myna_fail(error, MYNA_ERROR_ARGUMENT, "fact %zu has no fitting name", i);
        }
    }
    return MYNA_OK;
}

/* ---- The header -------------------------------------------------------------------------------------------------- */

static bool add_facts(cJSON *root, const char *format, const myna_facts *facts)
{
    static const char *const own[] = {"checksum", "format", "format_version"};
    cJSON *metadata = cJSON_AddObjectToObject(root, "__metadata__");
    bool good = metadata && cJSON_AddStringToObject(metadata, own[0], zero_checksum) &&
                cJSON_AddStringToObject(metadata, own[1], format) && cJSON_AddStringToObject(metadata, own[2], "1");
    for (size_t i = 0; good && facts && i < facts->n; i++) {
        const char *key = facts->items[i].key;
        if (strcmp(key, own[0]) == 0 || strcmp(key, own[1]) == 0 || strcmp(key, own[2]) == 0) continue;
        good = cJSON_AddStringToObject(metadata, key, facts->items[i].value);
    }
    return good;
}

static bool add_number(cJSON *array, size_t value)
{
    cJSON *number = cJSON_CreateNumber((double)value);
    if (!number || !cJSON_AddItemToArray(array, number)) {
        cJSON_Delete(number);
        return false;
    }
    return true;
}

static bool add_tensor(cJSON *root, const myna_tensor_source *tensor, size_t *offset)
{
    cJSON *item = cJSON_AddObjectToObject(root, tensor->name);
    if (!item || !cJSON_AddStringToObject(item, "dtype", tensor->dtype == MYNA_F32 ? "F32" : "F16")) return false;
    cJSON *shape = cJSON_AddArrayToObject(item, "shape");
    bool good = shape;
    for (int i = 0; good && i < tensor->n_dims; i++) good = add_number(shape, tensor->dims[i]);
    cJSON *offsets = good ? cJSON_AddArrayToObject(item, "data_offsets") : NULL;
    size_t end = *offset + element_count(tensor) * myna_dtype_bytes(tensor->dtype);
    good = offsets && add_number(offsets, *offset) && add_number(offsets, end);
    *offset = end;
    return good;
}

/* The header's text without padding, or NULL when memory is short; the caller frees it. */
static char *make_header(
    const char *format, const myna_tensor_source *tensors, size_t n_tensors, const myna_facts *facts)
{
    cJSON *root = cJSON_CreateObject();
    bool good = root && add_facts(root, format, facts);
    size_t offset = 0;
    for (size_t i = 0; good && i < n_tensors; i++) good = add_tensor(root, &tensors[i], &offset);
    char *text = good ? cJSON_PrintUnformatted(root) : NULL;
    cJSON_Delete(root);
    return text;
}

/* ---- The file ---------------------------------------------------------------------------------------------------- */

/* Hashes what it writes; in full buffers, since myna_hash wants pieces of whole words. */
typedef struct sink {
    FILE *stream;
    uint64_t hash;
    size_t used;
    unsigned char buffer[sink_bytes];
} sink;

static void drain(sink *s)
{
    s->hash = myna_hash(s->hash, s->buffer, s->used);
    fwrite(s->buffer, 1, s->used, s->stream); /* commit looks for errors */
    s->used = 0;
}

static void put(sink *s, const void *data, size_t n_bytes)
{
    const unsigned char *bytes = data;
    while (n_bytes) {
        size_t room = sink_bytes - s->used, n = n_bytes < room ? n_bytes : room;
        memcpy(s->buffer + s->used, bytes, n);
        s->used += n;
        bytes += n;
        n_bytes -= n;
        if (s->used == sink_bytes) drain(s);
    }
}

static void put_tensor(sink *s, const myna_tensor_source *tensor)
{
    size_t n = element_count(tensor);
    if (tensor->dtype == MYNA_F32) {
        put(s, tensor->data, n * sizeof(float));
        return;
    }
    uint16_t half[chunk_elements];
    for (size_t i = 0; i < n; i += chunk_elements) {
        size_t part = n - i < chunk_elements ? n - i : chunk_elements;
        myna_half_from_float(half, tensor->data + i, part);
        put(s, half, part * sizeof *half);
    }
}

static void put_header(sink *s, const char *header, size_t length)
{
    uint64_t padded = (length + 7) / 8 * 8; /* so that the data is aligned */
    put(s, &padded, sizeof padded);
    put(s, header, length);
    put(s, "       ", padded - length);
}

/* Everything, and the digits last, when the content is known. */
static bool put_file(FILE *stream, const char *header, const myna_tensor_source *tensors, size_t n_tensors)
{
    sink s = {.stream = stream, .hash = MYNA_HASH_START};
    put_header(&s, header, strlen(header));
    for (size_t i = 0; i < n_tensors; i++) put_tensor(&s, &tensors[i]);
    drain(&s);
    size_t digits_at = 8 + (size_t)(strstr(header, zero_checksum) - header);
    return fseek(stream, (long)digits_at, SEEK_SET) == 0 && fprintf(stream, "%016" PRIx64, s.hash) > 0;
}

static myna_status write_file(
    const char *path, const char *header, const myna_tensor_source *tensors, size_t n_tensors, myna_error *error)
{
    if (strlen(header) > MYNA_MAX_HEADER_BYTES - 8) {
        return myna_fail(error, MYNA_ERROR_ARGUMENT, "a header of %zu bytes is over the limit", strlen(header));
    }
    myna_new_file file = {0};
    myna_status status = myna_new_file_open(&file, path, error);
    if (status != MYNA_OK) return status;
    if (put_file(file.stream, header, tensors, n_tensors)) return myna_new_file_commit(&file, error);
    status = myna_fail(error, MYNA_ERROR_FILE, "%s", strerror(errno));
    myna_new_file_abandon(&file);
    return status;
}

myna_status myna_tensor_file_write(const char *path, const char *format, const myna_tensor_source *tensors,
    size_t n_tensors, const myna_facts *facts, myna_error *error)
{
    myna_status status = check_tensors(tensors, n_tensors, error);
    if (status == MYNA_OK && facts) status = check_facts(facts, error);
    if (status != MYNA_OK) return myna_fail_in(error, status, path);
    char *header = make_header(format, tensors, n_tensors, facts);
    if (!header) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a header");
    status = write_file(path, header, tensors, n_tensors, error);
    cJSON_free(header);
    return status == MYNA_OK ? MYNA_OK : myna_fail_in(error, status, path);
}
