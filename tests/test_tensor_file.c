#define _GNU_SOURCE
#include "model/tensor_file.h"

#include "allocation.h"
#include "base/rng.h"
#include "forge.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* ---- Round trips ------------------------------------------------------------------------------------------------ */

enum { ODD = 5, ROWS = 3, COLUMNS = 70 };

static struct {
    float odd[ODD], matrix[ROWS * COLUMNS], scalar;
} values;

/* An F16 tensor of odd length first, so that what follows lies unaligned in the file. */
static const myna_tensor_source sources[] = {
    {"odd", MYNA_F16, 1, {ODD}, values.odd},
    {"matrix", MYNA_F32, 2, {ROWS, COLUMNS}, values.matrix},
    {"matrix.half", MYNA_F16, 2, {ROWS, COLUMNS}, values.matrix},
    {"none", MYNA_F32, 2, {0, 7}, values.matrix},
    {"scalar", MYNA_F32, 0, {0}, &values.scalar},
};
enum { N_SOURCES = sizeof sources / sizeof *sources };

static int fill_values(void **state)
{
    (void)state;
    myna_rng rng = myna_rng_seed(1, 0);
    for (size_t i = 0; i < ODD; i++) values.odd[i] = (float)i - 1.5f;
    for (size_t i = 0; i < ROWS * COLUMNS; i++) values.matrix[i] = myna_rng_normal(&rng);
    values.matrix[0] = FLT_TRUE_MIN;
    values.matrix[1] = -65504.0f;
    values.scalar = FLT_MAX;
    return 0;
}

static image write_example(void)
{
    myna_facts facts = {0};
    assert_true(myna_fact_set(&facts, "training.corpus", "%s", "\"quoted\" \\ Z\xc3\xbcrich\nnext line"));
    assert_true(myna_fact_set(&facts, "format", "%s", "not this"));
    assert_true(myna_fact_set(&facts, "empty", "%s", ""));
    myna_error error = {0};
    const char *path = temporary_path("example");
    assert_int_equal(myna_tensor_file_write(path, "myna-test", sources, N_SOURCES, &facts, &error), MYNA_OK);
    myna_facts_free(&facts);
    image file = image_read(path);
    assert_non_null(file.bytes);
    return file;
}

static void round_trip(void **state)
{
    (void)state;
    image bytes = write_example();
    myna_tensor_file file;
    myna_error error = {0};
    assert_int_equal(myna_tensor_file_parse(&file, bytes.bytes, bytes.size, "myna-test", &error), MYNA_OK);
    assert_int_equal(file.n_views, N_SOURCES);
    assert_string_equal(file.views[0].name, "odd"); /* in the order of their data */
    assert_string_equal(file.views[N_SOURCES - 1].name, "scalar");
    assert_memory_equal(bytes.bytes + 37, file.checksum, 16);
    uint64_t header_bytes;
    memcpy(&header_bytes, bytes.bytes, 8);
    assert_int_equal(header_bytes % 8, 0);

    float read[ROWS * COLUMNS];
    assert_int_equal(myna_tensor_read(read, &file, "matrix", 2, (size_t[]){ROWS, COLUMNS}, &error), MYNA_OK);
    assert_memory_equal(read, values.matrix, sizeof read);
    assert_int_equal(myna_tensor_read(read, &file, "matrix.half", 2, (size_t[]){ROWS, COLUMNS}, &error), MYNA_OK);
    for (size_t i = 0; i < ROWS * COLUMNS; i++) {
        assert_true(fabsf(read[i] - values.matrix[i]) <= fabsf(values.matrix[i]) * 0x1p-11f + 0x1p-25f);
    }
    assert_int_equal(myna_tensor_read(read, &file, "odd", 1, (size_t[]){ODD}, &error), MYNA_OK);
    assert_memory_equal(read, values.odd, sizeof values.odd);
    assert_int_equal(myna_tensor_read(read, &file, "scalar", 0, NULL, &error), MYNA_OK);
    assert_true(read[0] == FLT_MAX);
    assert_int_equal(myna_tensor_read(read, &file, "none", 2, (size_t[]){0, 7}, &error), MYNA_OK);
    myna_tensor_file_free(&file);
    free(bytes.bytes);
}

/* A library lives in programs that set their locale; where none with a comma is installed there is nothing to test. */
static void numbers_have_a_point_in_any_locale(void **state)
{
    (void)state;
    static const char *const with_comma[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "fr_FR.utf8"};
    const char *found = NULL;
    for (size_t i = 0; !found && i < sizeof with_comma / sizeof *with_comma; i++) found = setlocale(LC_ALL, with_comma[i]);
    if (!found) skip();
    myna_facts facts = {0};
    bool is_set = myna_fact_set(&facts, "rate", "%g", 0.25);
    float rate, absent;
    bool is_read = myna_fact_float(&rate, &facts, "rate") && myna_fact_float(&absent, &facts, "none");
    bool is_as_before = strcmp(localeconv()->decimal_point, ",") == 0;
    setlocale(LC_ALL, "C");
    assert_true(is_set && is_read && is_as_before);
    assert_string_equal(myna_fact_find(&facts, "rate"), "0.25");
    assert_true(rate == 0.25f && absent == 0.0f);
    myna_facts_free(&facts);
}

static void facts_come_back(void **state)
{
    (void)state;
    image bytes = write_example();
    myna_tensor_file file;
    assert_int_equal(myna_tensor_file_parse(&file, bytes.bytes, bytes.size, NULL, NULL), MYNA_OK);
    const char *expected[][2] = {{"format", "myna-test"}, {"format_version", "1"},
        {"training.corpus", "\"quoted\" \\ Z\xc3\xbcrich next line"}, {"empty", ""}};
    assert_int_equal(file.facts.n, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(file.facts.items[i].key, expected[i][0]);
        assert_string_equal(file.facts.items[i].value, expected[i][1]);
    }
    assert_null(myna_fact_find(&file.facts, "checksum"));
    myna_facts copy;
    assert_true(myna_facts_copy(&copy, &file.facts));
    assert_true(myna_fact_set(&copy, "empty", "%d", 7));
    assert_string_equal(myna_fact_find(&copy, "empty"), "7");
    assert_string_equal(myna_fact_find(&file.facts, "empty"), "");
    assert_int_equal(copy.n, 4);
    myna_facts_free(&copy);
    myna_tensor_file_free(&file);
    free(bytes.bytes);
}

static void shapes_are_named(void **state)
{
    (void)state;
    image bytes = write_example();
    myna_tensor_file file;
    myna_error error = {0};
    float untouched = 42;
    assert_int_equal(myna_tensor_file_parse(&file, bytes.bytes, bytes.size, NULL, &error), MYNA_OK);
    assert_int_equal(
        myna_tensor_read(&untouched, &file, "matrix", 2, (size_t[]){COLUMNS, ROWS}, &error), MYNA_ERROR_FORMAT);
    assert_string_equal(error.detail, "tensor 'matrix' has shape [3, 70] instead of [70, 3]");
    assert_int_equal(myna_tensor_read(&untouched, &file, "scalar", 1, (size_t[]){1}, &error), MYNA_ERROR_FORMAT);
    assert_string_equal(error.detail, "tensor 'scalar' has shape [] instead of [1]");
    assert_int_equal(myna_tensor_read(&untouched, &file, "absent", 1, (size_t[]){1}, &error), MYNA_ERROR_FORMAT);
    assert_string_equal(error.detail, "tensor 'absent' is missing");
    assert_true(untouched == 42);
    myna_tensor_file_free(&file);
    free(bytes.bytes);
}

/* ---- Refusals --------------------------------------------------------------------------------------------------- */

#define GOOD          FORGE_OPENING ",\"format\":\"myna-test\",\"format_version\":\"1\"}"
#define F32(name)     ",\"" name "\":{\"dtype\":\"F32\",\"shape\":"
#define TENSOR(a)     GOOD F32("t") a "}"
#define RANGE(a)      ",\"data_offsets\":" a "}"
#define TENSORS(a, b) GOOD F32("a") "[1]" RANGE(a) F32("b") "[1]" RANGE(b) "}"
#define FACT(text)    FORGE_OPENING ",\"format\":\"myna-test\",\"format_version\":\"1\"" text "}}"

static const struct {
    const char *detail; /* part of the message; NULL: the file is good */
    const char *header;
    size_t n_data;
} corpus[] = {
    {NULL, GOOD "}", 0},
    {NULL, GOOD "}   ", 0},
    {NULL, TENSOR("[1]" RANGE("[0,4]")), 4},
    {NULL, TENSOR("[2.0,1e0]" RANGE("[0,8]")), 8},
    {NULL, TENSOR("[0,9]" RANGE("[0,0]")), 0},
    {NULL, TENSOR("[9,0]" RANGE("[0,0]")), 0},
    {NULL, TENSORS("[4,8]", "[0,4]"), 8},
    {NULL, GOOD F32("a") "[0]" RANGE("[4,4]") F32("b") "[1]" RANGE("[0,4]") F32("c") "[1]" RANGE("[4,8]") "}", 8},
    {NULL, FACT(",\"a\":\"one\\nline\""), 0},
    {"not exactly one JSON object", GOOD "} {}", 0},
    {"not exactly one JSON object", GOOD "}x", 0},
    {"not exactly one JSON object", GOOD, 0},
    {"not exactly one JSON object", GOOD ",}", 0},
    {"control character", GOOD "\n}", 0},
    {"does not start with a checksum", "{\"__metadata__\":{\"format\":\"pt\"}} padding padding padding padding", 0},
    {"does not start with a checksum", "[{\"__metadata__\":{\"checksum\":\"0000000000000000\",\"format\":\"a\"}}]", 0},
    {"metadata value is no string", FACT(",\"a\":1"), 0},
    {"metadata value is no string", FACT(",\"a\":{\"b\":\"c\"}"), 0},
    {"metadata key stands twice: 'a'", FACT(",\"a\":\"1\",\"b\":\"2\",\"a\":\"1\""), 0},
    {"metadata key stands twice: 'checksum'", FACT(",\"checksum\":\"0000000000000000\""), 0},
    {"metadata key is not", FACT(",\"a b\":\"1\""), 0},
    {"metadata key is not", FACT(",\"\":\"1\""), 0},
    {"its format is ''", FORGE_OPENING ",\"format_version\":\"1\"}}", 0},
    {"its format is 'myna-voice' instead of 'myna-test'",
        FORGE_OPENING ",\"format\":\"myna-voice\",\"format_version\":\"1\"}}", 0},
    {"its myna-test has version '2'", FORGE_OPENING ",\"format\":\"myna-test\",\"format_version\":\"2\"}}", 0},
    {"its myna-test has version ''", FORGE_OPENING ",\"format\":\"myna-test\"}}", 0},
    {"names '__metadata__' twice", GOOD ",\"__metadata__\":{}}", 0},
    {"names 'a' twice", GOOD F32("a") "[1]" RANGE("[0,4]") F32("a") "[1]" RANGE("[4,8]") "}", 8},
    {"printable ASCII", GOOD F32("") "[1]" RANGE("[0,4]") "}", 4},
    {"printable ASCII", GOOD F32("a b") "[1]" RANGE("[0,4]") "}", 4},
    {"printable ASCII", GOOD F32("a\\nb") "[1]" RANGE("[0,4]") "}", 4},
    {"printable ASCII",
        GOOD F32("0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456"
                 "789") "[1]" RANGE("[0,4]") "}",
        4},
    {"exactly dtype, shape and data_offsets", GOOD ",\"t\":[1]}", 0},
    {"exactly dtype, shape and data_offsets", GOOD ",\"t\":{\"dtype\":\"F32\",\"shape\":[]}}", 0},
    {"exactly dtype, shape and data_offsets", TENSOR("[1],\"more\":1" RANGE("[0,4]")), 4},
    {"exactly dtype, shape and data_offsets", TENSOR("[1],\"shape\":[1]" RANGE("[0,4]")), 4},
    {"neither F32 nor F16", GOOD ",\"t\":{\"dtype\":\"BF16\",\"shape\":[1]" RANGE("[0,2]") "}", 2},
    {"neither F32 nor F16", GOOD ",\"t\":{\"dtype\":32,\"shape\":[1]" RANGE("[0,4]") "}", 4},
    {"shape is not", TENSOR("1" RANGE("[0,4]")), 4},
    {"shape is not", TENSOR("[-1]" RANGE("[0,4]")), 4},
    {"shape is not", TENSOR("[1.5]" RANGE("[0,4]")), 4},
    {"shape is not", TENSOR("[1e300]" RANGE("[0,4]")), 4},
    {"shape is not", TENSOR("[1e999]" RANGE("[0,4]")), 4},
    {"shape is not", TENSOR("[\"1\"]" RANGE("[0,4]")), 4},
    {"shape is not", TENSOR("[[1]]" RANGE("[0,4]")), 4},
    {"shape is not", TENSOR("[1,1,1,1,1]" RANGE("[0,4]")), 4},
    {"does not match its 4 bytes", TENSOR("[2]" RANGE("[0,4]")), 4},
    {"does not match its 0 bytes", TENSOR("[4294967296,4294967296]" RANGE("[0,0]")), 0}, /* product 0 in 64 bits */
    {"does not match its 0 bytes", TENSOR("[4611686018,4294967296]" RANGE("[0,0]")), 0},
    {"does not match its 4 bytes", TENSOR("[0]" RANGE("[0,4]")), 4},
    {"does not match its 4 bytes", TENSOR("[9007199254740992,9007199254740992,9007199254740992]" RANGE("[0,4]")), 4},
    {"does not match its 4 bytes", TENSOR("[4294967296,4294967296,1]" RANGE("[0,4]")), 4},
    {"shape is not", TENSOR("[4611686018427387905]" RANGE("[0,4]")), 4},
    {"no range within the file", TENSOR("[1]" RANGE("[0]")), 4},
    {"no range within the file", TENSOR("[1]" RANGE("[0,4,8]")), 4},
    {"no range within the file", TENSOR("[1]" RANGE("[4,0]")), 4},
    {"no range within the file", TENSOR("[1]" RANGE("[0,8]")), 4},
    {"no range within the file", TENSOR("[1]" RANGE("[-4,0]")), 4},
    {"no range within the file", TENSOR("[1]" RANGE("null")), 4},
    {"no range within the file", TENSOR("[1]" RANGE("[9007199254740988,9007199254740992]")), 4},
    {"tensor 'b' overlaps another", TENSORS("[0,4]", "[0,4]"), 4},
    {"tensor 'b' overlaps another", TENSORS("[0,4]", "[2,6]"), 6},
    {"tensor 'b' leaves a gap", TENSORS("[0,4]", "[5,9]"), 9},
    {"tensor 'a' leaves a gap", TENSORS("[1,5]", "[5,9]"), 9},
    {"3 bytes after the last tensor", TENSORS("[0,4]", "[4,8]"), 11},
    {"1 bytes after the last tensor", GOOD "}", 1},
};

/* Any file that fails gives one line that says why, and leaves `out` alone. */
static void expect_refused(image bytes, const char *detail)
{
    myna_tensor_file untouched, file;
    memset(&untouched, 0x5a, sizeof untouched);
    memcpy(&file, &untouched, sizeof file);
    myna_error error = {0};
    myna_status status = myna_tensor_file_parse(&file, bytes.bytes, bytes.size, "myna-test", &error);
    assert_int_equal(status, MYNA_ERROR_FORMAT);
    if (!strstr(error.detail, detail)) fail_msg("'%s' instead of '%s'", error.detail, detail);
    assert_null(strpbrk(error.detail, "\r\n"));
    assert_memory_equal(&file, &untouched, sizeof file);
}

static void error_corpus(void **state)
{
    (void)state;
    static const unsigned char data[16];
    for (size_t i = 0; i < sizeof corpus / sizeof *corpus; i++) {
        image bytes = forge(corpus[i].header, data, corpus[i].n_data);
        if (corpus[i].detail) {
            expect_refused(bytes, corpus[i].detail);
        } else {
            myna_tensor_file file;
            assert_int_equal(myna_tensor_file_parse(&file, bytes.bytes, bytes.size, "myna-test", NULL), MYNA_OK);
            myna_tensor_file_free(&file);
        }
        free(bytes.bytes);
    }
}

static void lengths(void **state)
{
    (void)state;
    static const struct {
        const char *detail;
        uint64_t length;
        size_t size;
    } cases[] = {
        {"0 bytes are too few", 0, 0},
        {"7 bytes are too few", 0, 7},
        {"does not start with a checksum", 0, 8},
        {"cut short: a header of 1 bytes in a file of 8", 1, 8},
        {"cut short: a header of 1048576 bytes in a file of 100", MYNA_MAX_HEADER_BYTES, 100},
        {"header of 1048577 bytes, over the limit of 1048576", MYNA_MAX_HEADER_BYTES + 1, 100},
        {"header of 18446744073709551615 bytes", UINT64_MAX, 100},
        {"header of 18446744073709551608 bytes", UINT64_MAX - 7, 100},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        image bytes = {calloc(1, cases[i].size + !cases[i].size), cases[i].size};
        memcpy(bytes.bytes, &cases[i].length, cases[i].size < 8 ? cases[i].size : 8);
        if (cases[i].size > 8) bytes.bytes[8] = '{';
        expect_refused(bytes, cases[i].detail);
        free(bytes.bytes);
    }
    char wave[] = "RIFF\044\0\1\0WAVEfmt and so on"; /* whose first 8 bytes are no length that would tell anybody much */
    expect_refused((image){(unsigned char *)wave, sizeof wave}, "no safetensors file");
    expect_refused((image){0}, "0 bytes are too few"); /* an empty file maps to NULL */
}

/* Repeats `piece` into `text`, with numbers, as long as a header may be. */
static void expect_long_header_refused(
    const char *start, const char *piece, const char *end, size_t n, const char *detail)
{
    char *text = malloc(MYNA_MAX_HEADER_BYTES + 64);
    size_t used = (size_t)sprintf(text, "%s", start);
    for (size_t i = 0; i < n && used < MYNA_MAX_HEADER_BYTES - 256; i++) {
        for (const char *c = piece; *c; c++) {
            if (*c == '#') used += (size_t)sprintf(text + used, "%zu", i);
            else text[used++] = *c;
        }
    }
    strcpy(text + used, end);
    image bytes = forge(text, NULL, 0);
    expect_refused(bytes, detail);
    free(bytes.bytes);
    free(text);
}

static void excess(void **state)
{
    (void)state;
    const char *facts = FORGE_OPENING ",\"format\":\"myna-test\",\"format_version\":\"1\"";
    expect_long_header_refused(facts, ",\"#\":\"\"", "}}", MYNA_MAX_FACTS, "over 1024 metadata keys");
    expect_long_header_refused(
        GOOD, ",\"t#\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}", "}", 4097, "4097 tensors, over");
    expect_long_header_refused(GOOD ",\"t\":", "[", "}", 1 << 20, "not exactly one JSON object");
    expect_long_header_refused(GOOD ",\"t\":", "{\"a\":", "}", 1 << 20, "not exactly one JSON object");
    expect_long_header_refused(GOOD F32("t") "[1", ",1", "]}}", 1 << 20, "exactly dtype, shape and data_offsets");
    expect_long_header_refused(GOOD ",\"", "long", "\":1}", 1 << 18, "printable ASCII");
}

static void damage_is_noticed(void **state)
{
    (void)state;
    image whole = write_example();
    for (size_t n = 0; n < whole.size; n++) { /* each cut in a block of its own, so that ASan sees the end */
        image part = image_part(whole, n);
        expect_refused(part, "");
        forge_seal(part); /* also with a checksum that fits, which most cuts then fail elsewhere for */
        expect_refused(part, "");
        free(part.bytes);
    }
    for (size_t i = 0; i < whole.size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            whole.bytes[i] ^= (unsigned char)(1 << bit);
            expect_refused(whole, "");
            whole.bytes[i] ^= (unsigned char)(1 << bit);
        }
    }
    image longer = image_part(whole, whole.size);
    longer.bytes = realloc(longer.bytes, ++longer.size);
    longer.bytes[longer.size - 1] = 0;
    expect_refused(longer, "damaged: its content has checksum ");
    free(longer.bytes);
    free(whole.bytes);
}

/* Any byte changed in a file whose checksum is right again: refused or not, nothing may break. */
static void sealed_damage_is_survived(void **state)
{
    (void)state;
    image whole = write_example();
    for (size_t i = 0; i < whole.size; i++) {
        static const unsigned char replacements[] = {0, '"', '}', '9', '-', 0xff};
        for (size_t k = 0; k < sizeof replacements; k++) {
            image changed = image_part(whole, whole.size);
            changed.bytes[i] = replacements[k];
            forge_seal(changed);
            myna_tensor_file file;
            if (myna_tensor_file_parse(&file, changed.bytes, changed.size, NULL, NULL) == MYNA_OK) {
                float read[ROWS * COLUMNS];
                for (size_t t = 0; t < file.n_views; t++) {
                    const myna_tensor_view *view = &file.views[t];
                    if (view->n_elements > ROWS * COLUMNS) continue;
                    myna_tensor_read(read, &file, view->name, view->n_dims, view->dims, NULL);
                }
                myna_tensor_file_free(&file);
            }
            free(changed.bytes);
        }
    }
    free(whole.bytes);
}

static void infinities_are_refused(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    static const uint16_t bad_halves[] = {0x7e00, 0x7c00, 0xfc00, 0x7c01};
    for (size_t i = 0; i < 7; i++) {
        bool half = i >= 3;
        const void *value = half ? (const void *)&bad_halves[i - 3] : (const void *)&bad[i];
        const char *header =
            half ? GOOD ",\"t\":{\"dtype\":\"F16\",\"shape\":[]" RANGE("[0,2]") "}" : TENSOR("[]" RANGE("[0,4]"));
        image bytes = forge(header, value, half ? 2 : 4);
        myna_tensor_file file;
        myna_error error = {0};
        float untouched = 42;
        assert_int_equal(myna_tensor_file_parse(&file, bytes.bytes, bytes.size, NULL, NULL), MYNA_OK);
        assert_int_equal(myna_tensor_read(&untouched, &file, "t", 0, NULL, &error), MYNA_ERROR_NOT_FINITE);
        assert_string_equal(error.detail, "tensor 't' holds NaN or infinity");
        assert_true(untouched == 42);
        myna_tensor_file_free(&file);
        free(bytes.bytes);
    }
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

static void bad_tensors_are_not_written(void **state)
{
    (void)state;
    static const float nan = NAN, large = 65520.0f, largest = 65519.9f;
    static const struct {
        myna_status status;
        const char *detail;
        myna_tensor_source tensors[2];
        size_t n;
    } cases[] = {
        {MYNA_ERROR_NOT_FINITE, "tensor 't' holds nan", {{"t", MYNA_F32, 0, {0}, &nan}}, 1},
        {MYNA_ERROR_NOT_FINITE, "tensor 't' holds 65520, which F16 cannot store", {{"t", MYNA_F16, 0, {0}, &large}}, 1},
        {MYNA_ERROR_ARGUMENT, "two tensors are named 't'",
            {{"t", MYNA_F32, 0, {0}, &large}, {"t", MYNA_F16, 0, {0}, &largest}}, 2},
        {MYNA_ERROR_ARGUMENT, "tensor 0", {{"a b", MYNA_F32, 0, {0}, &large}}, 1},
        {MYNA_ERROR_ARGUMENT, "tensor 0", {{"__metadata__", MYNA_F32, 0, {0}, &large}}, 1},
        {MYNA_ERROR_ARGUMENT, "tensor 0", {{"t", MYNA_F32, 5, {1}, &large}}, 1},
        {MYNA_OK, "", {{"t", MYNA_F16, 0, {0}, &largest}}, 1},
    };
    const char *path = temporary_path("example");
    free(write_example().bytes);
    image before = image_read(path);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        myna_error error = {0};
        myna_status status = myna_tensor_file_write(path, "myna-test", cases[i].tensors, cases[i].n, NULL, &error);
        assert_int_equal(status, cases[i].status);
        assert_non_null(strstr(error.detail, cases[i].detail));
        if (status == MYNA_OK) continue;
        assert_string_equal(error.file, path);
        image after = image_read(path); /* what was there is still there */
        assert_int_equal(after.size, before.size);
        assert_memory_equal(after.bytes, before.bytes, before.size);
        free(after.bytes);
    }
    free(before.bytes);
    myna_error error = {0};
    assert_int_equal(myna_tensor_file_write("/nowhere/file", "myna-test", NULL, 0, NULL, &error), MYNA_ERROR_FILE);
    assert_string_equal(error.file, "/nowhere/file");
}

static void hash_sees_everything(void **state)
{
    (void)state;
    unsigned char data[67];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (unsigned char)(i * 37);
    uint64_t whole = myna_hash(MYNA_HASH_START, data, sizeof data);
    for (size_t i = 0; i < sizeof data; i++) {
        for (int change = 1; change < 256; change++) {
            data[i] ^= (unsigned char)change;
            assert_true(myna_hash(MYNA_HASH_START, data, sizeof data) != whole);
            data[i] ^= (unsigned char)change;
        }
        assert_true(myna_hash(MYNA_HASH_START, data, i) != whole);
    }
    uint64_t pieces = myna_hash(MYNA_HASH_START, data, 24);
    assert_true(myna_hash(pieces, data + 24, sizeof data - 24) == whole);
    assert_true(whole == 0x8c5d1021a2fe584c); /* by fuzz/make_corpus.py: files must stay readable */
}

/* ---- Too little memory ------------------------------------------------------------------------------------------- */

static void memory_runs_out(void **state)
{
    (void)state;
    if (!allocation_can_fail) skip();
    image bytes = write_example();
    const char *path = temporary_path("example");
    long n_calls = 1;
    for (long n = 0; n <= n_calls; n++) { /* 0 fails nothing and counts */
        myna_tensor_file file;
        myna_error error = {0};
        allocation_start(n);
        myna_status status = myna_tensor_file_parse(&file, bytes.bytes, bytes.size, "myna-test", &error);
        if (status == MYNA_OK) myna_tensor_file_free(&file);
        long calls = allocation_stop();
        if (status != MYNA_OK) assert_int_equal(status, MYNA_ERROR_MEMORY); /* vasprintf can do without some */
        assert_int_equal(allocation.n_live, 0);
        if (n == 0) assert_int_equal(status, MYNA_OK);
        if (n == 0) n_calls = calls;
    }
    assert_true(n_calls > 50);
    for (long n = 0; n <= n_calls; n++) {
        myna_error error = {0};
        allocation_start(n);
        myna_status status = myna_tensor_file_write(path, "myna-test", sources, N_SOURCES, NULL, &error);
        long calls = allocation_stop();
        assert_int_equal(allocation.n_live, 0);
        if (n == 0) n_calls = calls;
        if (n == 0) assert_int_equal(status, MYNA_OK);
        if (status != MYNA_OK) assert_true(error.detail[0]);
    }
    free(bytes.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(facts_come_back),
        cmocka_unit_test(numbers_have_a_point_in_any_locale),
        cmocka_unit_test(shapes_are_named),
        cmocka_unit_test(error_corpus),
        cmocka_unit_test(lengths),
        cmocka_unit_test(excess),
        cmocka_unit_test(damage_is_noticed),
        cmocka_unit_test(sealed_damage_is_survived),
        cmocka_unit_test(infinities_are_refused),
        cmocka_unit_test(bad_tensors_are_not_written),
        cmocka_unit_test(hash_sees_everything),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, fill_values, remove_temporary_folder);
}
