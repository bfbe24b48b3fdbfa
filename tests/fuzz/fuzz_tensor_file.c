/* Any bytes as a tensor file: as they are, and with a checksum that fits, without which nothing gets past the door. */
#include "forge.h"
#include "fuzz.h"

static void read_all(const myna_tensor_file *file)
{
    enum { most = 1 << 16 };
    static float values[most];
    for (size_t i = 0; i < file->n_views; i++) {
        const myna_tensor_view *view = &file->views[i];
        if (view->n_elements > most) continue;
        if (myna_tensor_read(values, file, view->name, view->n_dims, view->dims, NULL) != MYNA_OK) continue;
        for (size_t k = 0; k < view->n_elements; k++) {
            if (!(values[k] - values[k] == 0)) abort(); /* NaN or infinity has come through */
        }
    }
}

static void parse(image bytes)
{
    myna_tensor_file file;
    myna_error error = {0};
    if (myna_tensor_file_parse(&file, bytes.bytes, bytes.size, NULL, &error) == MYNA_OK) {
        read_all(&file);
        myna_tensor_file_free(&file);
    } else if (!error.detail[0] || strpbrk(error.detail, "\r\n")) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    image bytes = {malloc(size ? size : 1), size};
    if (size) memcpy(bytes.bytes, data, size);
    parse(bytes);
    forge_seal(bytes);
    parse(bytes);
    free(bytes.bytes);
    return 0;
}
