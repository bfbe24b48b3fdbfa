/* Any bytes as a voice file: as they are, and with a checksum that fits. Voices of other models are embedded again. */
#include "forge.h"
#include "fuzz.h"
#include "model/voice.h"

static myna_model *make_model(void)
{
    static myna_layout layout;
    myna_layout_init(&layout, 1);
    float *parameters = malloc(layout.n_parameters * sizeof *parameters);
    myna_parameters_init(parameters, &layout, 1);
    myna_weights weights;
    myna_weights_bind(&weights, &layout, parameters);
    weights.front.mel_deviation[0] = 0.5f;
    weights.front.log_f0[0] = 5;
    weights.front.log_f0[1] = 0.2f;
    myna_model *model;
    if (myna_model_create(&model, &layout, parameters, &(myna_facts){0}, "0123456789abcdef", NULL) != MYNA_OK) abort();
    return model;
}

static void load(const myna_model *model, image bytes)
{
    myna_voice *voice;
    myna_error error = {0};
    if (myna_voice_load_memory(&voice, model, bytes.bytes, bytes.size, &error) == MYNA_OK) {
        for (size_t i = 0; i < MYNA_EMBEDDING_SIZE; i++) {
            if (!(voice->speaker.embedding[i] - voice->speaker.embedding[i] == 0)) abort();
        }
        myna_voice_free(voice);
    } else if (!error.detail[0] || strpbrk(error.detail, "\r\n")) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static myna_model *model;
    if (!model) model = make_model();
    image bytes = {malloc(size ? size : 1), size};
    if (size) memcpy(bytes.bytes, data, size);
    load(model, bytes);
    forge_seal(bytes);
    load(model, bytes);
    free(bytes.bytes);
    return 0;
}
