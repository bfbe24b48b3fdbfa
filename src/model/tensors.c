#include "model/tensors.h"

#include "nn/layers.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* Dimensions that depend on the code's width. */
#define CODE           ((size_t)-1)
#define CODE_AND_PITCH ((size_t)-2)

#define C        MYNA_CHANNELS
#define S        MYNA_SPEAKER_CHANNELS
#define AT(part) offsetof(myna_weights, part)

#define VECTOR(path, part, size, init) {path, 1, {size, 1}, init, 0, 0, AT(part)}
#define LINEAR(path, part, out, in)                                                                                    \
    {path ".weight", 2, {out, in}, MYNA_INIT_UNIFORM, 0, 0, AT(part.weight)},                                          \
        VECTOR(path ".bias", part.bias, out, MYNA_INIT_ZERO)
#define CONV(path, part, c)                                                                                            \
    {path ".conv.weight", 2, {MYNA_TAPS, c}, MYNA_INIT_TAPS, 0, 0, AT(part.conv_weight)},                              \
        VECTOR(path ".conv.bias", part.conv_bias, c, MYNA_INIT_ZERO)
#define NORM(path, part, c)                                                                                            \
    VECTOR(path ".norm.scale", part.norm_scale, c, MYNA_INIT_ONE),                                                     \
        VECTOR(path ".norm.shift", part.norm_shift, c, MYNA_INIT_ZERO)
#define PERCEPTRON(path, part, c)                                                                                      \
    LINEAR(path ".expand", part.expand, MYNA_EXPANSION *c, c), LINEAR(path ".project", part.project, c, MYNA_EXPANSION *c), \
        VECTOR(path ".gain", part.gain, c, MYNA_INIT_GAIN)

#define SPEAKER_BLOCK(i)                                                                                               \
    CONV("speaker.block." #i, speaker.blocks[i], S), NORM("speaker.block." #i, speaker.blocks[i], S),                   \
        PERCEPTRON("speaker.block." #i, speaker.blocks[i], S)
#define CONDITIONED_BLOCK(path, part)                                                                                  \
    CONV(path, part, C), LINEAR(path ".film", part.film, MYNA_FILM, MYNA_EMBEDDING_SIZE), PERCEPTRON(path, part, C)
#define CONTENT_BLOCK(i) CONDITIONED_BLOCK("content.block." #i, content.blocks[i])
#define DECODER_BLOCK(i) CONDITIONED_BLOCK("decoder.block." #i, decoder.blocks[i])
#define ATTENTION_PARTS(path, part)                                                                                    \
    NORM(path, part, C), LINEAR(path ".query", part.query, MYNA_ATTENTION_KEY, C),                                      \
        LINEAR(path ".key", part.key, MYNA_ATTENTION_KEY, C), LINEAR(path ".value", part.value, C, MYNA_CONTENT_IN),    \
        LINEAR(path ".out", part.out, C, C), VECTOR(path ".no_key", part.no_key, MYNA_ATTENTION_KEY, MYNA_INIT_ZERO),   \
        VECTOR(path ".no_value", part.no_value, C, MYNA_INIT_ZERO), VECTOR(path ".gain", part.gain, C, MYNA_INIT_GAIN)
#define ATTENTION(i) ATTENTION_PARTS("decoder.attention." #i, decoder.attention[i])

static const myna_tensor table[] = {
    LINEAR("content.in", content.in, C, MYNA_CONTENT_IN),
    CONTENT_BLOCK(0),
    CONTENT_BLOCK(1),
    CONTENT_BLOCK(2),
    CONTENT_BLOCK(3),
    CONTENT_BLOCK(4),
    LINEAR("content.out", content.out, CODE, C),

    LINEAR("speaker.in", speaker.in, S, MYNA_SPEAKER_IN),
    SPEAKER_BLOCK(0),
    SPEAKER_BLOCK(1),
    SPEAKER_BLOCK(2),
    SPEAKER_BLOCK(3),
    LINEAR("speaker.attention", speaker.attention, 1, S),
    LINEAR("speaker.out", speaker.out, MYNA_EMBEDDING_SIZE, 2 * S),

    LINEAR("decoder.in", decoder.in, C, CODE_AND_PITCH),
    DECODER_BLOCK(0),
    DECODER_BLOCK(1),
    DECODER_BLOCK(2),
    DECODER_BLOCK(3),
    DECODER_BLOCK(4),
    DECODER_BLOCK(5),
    ATTENTION(0),
    ATTENTION(1),
    LINEAR("decoder.out", decoder.out, MYNA_STEP_OUT, C),
    {"decoder.gate.weight", 2, {MYNA_STEP_GATES, C}, MYNA_INIT_ZERO, 0, 0, AT(decoder.gate.weight)},
    VECTOR("decoder.gate.bias", decoder.gate.bias, MYNA_STEP_GATES, MYNA_INIT_ZERO),

    VECTOR("front.mel_mean", front.mel_mean, MYNA_MEL_BANDS, MYNA_INIT_FIXED_ZERO),
    VECTOR("front.mel_deviation", front.mel_deviation, 1, MYNA_INIT_FIXED_ZERO),
    VECTOR("front.log_f0", front.log_f0, 2, MYNA_INIT_FIXED_ZERO),
    {"front.content_mean", 2, {MYNA_CONTENT_NORMS, C}, MYNA_INIT_FIXED_ZERO, 0, 0, AT(front.content_mean)},
    {"front.content_deviation", 2, {MYNA_CONTENT_NORMS, C}, MYNA_INIT_FIXED_ONE, 0, 0, AT(front.content_deviation)},
    {"front.unknown_mean", 2, {MYNA_CONTENT_NORMS, C}, MYNA_INIT_FIXED_ZERO, 0, 0, AT(front.unknown_mean)},
    {"front.unknown_deviation", 2, {MYNA_CONTENT_NORMS, C}, MYNA_INIT_FIXED_ONE, 0, 0, AT(front.unknown_deviation)},
};

enum { N_TENSORS = sizeof table / sizeof table[0] };
_Static_assert((int)N_TENSORS <= (int)MYNA_MAX_TENSORS, "MYNA_MAX_TENSORS is too small");

static size_t resolve(size_t dim, size_t code_width)
{
    return dim == CODE ? code_width : dim == CODE_AND_PITCH ? code_width + MYNA_PITCH_IN : dim;
}

void myna_layout_init(myna_layout *layout, size_t code_width)
{
    *layout = (myna_layout){.code_width = code_width, .n_tensors = N_TENSORS};
    for (size_t i = 0; i < N_TENSORS; i++) {
        myna_tensor *tensor = &layout->tensors[i];
        *tensor = table[i];
        for (int d = 0; d < 2; d++) tensor->dims[d] = resolve(tensor->dims[d], code_width);
        tensor->offset = layout->n_parameters;
        tensor->size = tensor->dims[0] * tensor->dims[1];
        layout->n_parameters += tensor->size;
        if (myna_tensor_is_trained(tensor)) layout->n_trained = layout->n_parameters;
    }
}

void myna_weights_bind(myna_weights *weights, const myna_layout *layout, float *flat)
{
    memset(weights, 0, sizeof *weights);
    for (size_t i = 0; i < layout->n_tensors; i++) {
        float *start = flat + layout->tensors[i].offset;
        memcpy((char *)weights + layout->tensors[i].place, &start, sizeof start);
    }
}

void myna_parameters_init(float *flat, const myna_layout *layout, uint64_t seed)
{
    for (size_t i = 0; i < layout->n_tensors; i++) {
        const myna_tensor *tensor = &layout->tensors[i];
        myna_rng rng = myna_rng_seed(seed, i);
        float *x = flat + tensor->offset, bound = 1.0f / sqrtf((float)tensor->dims[1]);
        for (size_t j = 0; j < tensor->size; j++) {
            switch (tensor->init) {
            case MYNA_INIT_ZERO:
            case MYNA_INIT_FIXED_ZERO: x[j] = 0; break;
            case MYNA_INIT_ONE:
            case MYNA_INIT_FIXED_ONE: x[j] = 1; break;
            case MYNA_INIT_GAIN: x[j] = 0.1f; break;
            case MYNA_INIT_UNIFORM: x[j] = myna_rng_uniform(&rng, -bound, bound); break;
            case MYNA_INIT_TAPS: x[j] = myna_rng_normal(&rng) / sqrtf((float)MYNA_TAPS); break;
            }
        }
    }
}
