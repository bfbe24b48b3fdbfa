/* The network's tensors: one static table of {name, dims, init} that drives initialisation, saving, loading, the
 * optimiser, gradient checks and `myna info`. */
#ifndef MYNA_MODEL_TENSORS_H
#define MYNA_MODEL_TENSORS_H

#include "base/rng.h"
#include "myna/myna.h"

enum {
    MYNA_STEP_FRAMES = 2,       /* mel frames a network step: 25 ms */
    MYNA_POOLED_BANDS = 64,     /* mel bands as the encoders see them: 256 pooled by four */
    MYNA_CONTENT_IN = MYNA_STEP_FRAMES * MYNA_POOLED_BANDS,
    MYNA_CHANNELS = 256,        /* of content encoder and decoder */
    MYNA_EXPANSION = 2,         /* a block's inner width over its channels */
    MYNA_CONTENT_BLOCKS = 5,
    MYNA_CONTENT_NORMS = MYNA_CONTENT_BLOCKS + 1, /* instance normalisations: after content.in and after each block */
    MYNA_DECODER_BLOCKS = 6,
    MYNA_AHEAD_BLOCKS = 2,      /* the first blocks of content encoder and of decoder may look one step ahead */
    MYNA_SPEAKER_FRAMES = 4,    /* mel frames a speaker-encoder step: 50 ms */
    MYNA_SPEAKER_IN = MYNA_SPEAKER_FRAMES * MYNA_POOLED_BANDS,
    MYNA_SPEAKER_CHANNELS = 192,
    MYNA_SPEAKER_BLOCKS = 4,
    MYNA_FILM = 2 * MYNA_CHANNELS, /* a conditioned block's scales and shifts */
    MYNA_ATTENTIONS = 2,        /* of the decoder, see myna_attention_before */
    MYNA_ATTENTION_HEADS = 4,
    MYNA_ATTENTION_KEY = 128,   /* of all heads together; their values have MYNA_CHANNELS */
    MYNA_HEAD_KEY = MYNA_ATTENTION_KEY / MYNA_ATTENTION_HEADS,
    MYNA_HEAD_VALUE = MYNA_CHANNELS / MYNA_ATTENTION_HEADS,
    MYNA_PITCH_BINS = 64,
    MYNA_PITCH_IN = MYNA_STEP_FRAMES * (MYNA_PITCH_BINS + 1),
    MYNA_GATES = 32,            /* harmonic gates a frame */
    MYNA_STEP_GATES = MYNA_STEP_FRAMES * MYNA_GATES,
    MYNA_STEP_OUT = MYNA_STEP_FRAMES * MYNA_MEL_BANDS,
    MYNA_MAX_CODE_WIDTH = 256,
    MYNA_MAX_TENSORS = 192,
};

typedef struct myna_linear {
    float *weight; /* [out][in] */
    float *bias;   /* [out] */
} myna_linear;

/* y = x + gain * project(gelu(expand(norm(conv(x))))), the one block of the network (ConvNeXt, arXiv 2201.03545). */
typedef struct myna_block {
    float *conv_weight, *conv_bias; /* [MYNA_TAPS][c], [c] */
    float *norm_scale, *norm_shift; /* [c]; the speaker encoder's. In conditioned blocks, all others, `film` makes them
                                       from an embedding: of who is heard, of who is to speak */
    myna_linear film;               /* [2 c][MYNA_EMBEDDING_SIZE]; NULL in the speaker encoder */
    myna_linear expand, project;    /* [2 c][c], [c][2 c] */
    float *gain;                    /* [c] */
} myna_block;

/* y = x + gain * out(attend(query(norm(x)), keys, values)): how the target spoke a sound like this one, see attention.h. */
typedef struct myna_attention {
    float *norm_scale, *norm_shift; /* [c] */
    myna_linear query, key;         /* [MYNA_ATTENTION_KEY][c] */
    myna_linear value, out;         /* [c][MYNA_CONTENT_IN], [c][c] */
    float *no_key, *no_value;       /* [MYNA_ATTENTION_KEY], [c]: to be found where nothing is alike */
    float *gain;                    /* [c] */
} myna_attention;

/* The number of the attention that stands before this block of the decoder, -1 where none does. */
static inline int myna_attention_before(int block)
{
    return block == 2 ? 0 : block == 4 ? 1 : -1;
}

/* Where each tensor lies in a flat array of parameters, or of gradients, or of their moving average. */
typedef struct myna_weights {
    struct {
        myna_linear in, out; /* [c][MYNA_CONTENT_IN], [code][c] */
        myna_block blocks[MYNA_CONTENT_BLOCKS];
    } content;
    struct {
        myna_linear in, out;        /* [192][MYNA_SPEAKER_IN], [MYNA_EMBEDDING_SIZE][2 * 192] */
        myna_linear attention;      /* [1][192] */
        myna_block blocks[MYNA_SPEAKER_BLOCKS];
    } speaker;
    struct {
        myna_linear in, out, gate; /* [c][code + MYNA_PITCH_IN], [MYNA_STEP_OUT][c], [MYNA_STEP_GATES][c] */
        myna_block blocks[MYNA_DECODER_BLOCKS];
        myna_attention attention[MYNA_ATTENTIONS];
    } decoder;
    struct {             /* measured on the training corpus, not trained */
        float *mel_mean; /* [MYNA_MEL_BANDS], of log-mel */
        float *mel_deviation; /* [1], one for all bands */
        float *log_f0;        /* [2]: mean and deviation of ln F0 over voiced frames */
        float *content_mean, *content_deviation; /* [MYNA_CONTENT_NORMS][c]: an average recording's, see network.h */
        float *unknown_mean, *unknown_deviation; /* the same where the content encoder is not told whom it hears */
    } front;
} myna_weights;

typedef enum myna_init {
    MYNA_INIT_ZERO,
    MYNA_INIT_ONE,
    MYNA_INIT_GAIN,    /* 0.1 */
    MYNA_INIT_UNIFORM, /* +-1/sqrt(inputs) */
    MYNA_INIT_TAPS,    /* normal, deviation 1/sqrt(MYNA_TAPS) */
    MYNA_INIT_FIXED_ZERO, /* these two are not trained */
    MYNA_INIT_FIXED_ONE,
} myna_init;

typedef struct myna_tensor {
    char name[48];  /* "decoder.block.3.film.weight" */
    int n_dims;     /* 1 or 2 */
    size_t dims[2]; /* dims[1] is 1 for vectors */
    myna_init init;
    size_t offset, size; /* elements, in the flat array */
    size_t place;        /* offsetof(myna_weights, ...) of its pointer */
} myna_tensor;

/* Tensors in table order; the trained ones come first, so that [0, n_trained) is what the optimiser works on. */
typedef struct myna_layout {
    size_t code_width; /* values a step between content encoder and decoder */
    size_t n_tensors, n_parameters, n_trained;
    myna_tensor tensors[MYNA_MAX_TENSORS];
} myna_layout;

/* code_width in [1, MYNA_MAX_CODE_WIDTH]. */
void myna_layout_init(myna_layout *layout, size_t code_width);
/* Points `weights` into flat[n_parameters]. */
void myna_weights_bind(myna_weights *weights, const myna_layout *layout, float *flat);
/* Fills flat[n_parameters] as the table says. */
void myna_parameters_init(float *flat, const myna_layout *layout, uint64_t seed);
static inline bool myna_tensor_is_trained(const myna_tensor *tensor)
{
    return tensor->init < MYNA_INIT_FIXED_ZERO;
}
/* Weight decay goes to matrices and convolution taps, not to biases, norms and gains. */
static inline bool myna_tensor_decays(const myna_tensor *tensor)
{
    return tensor->n_dims == 2;
}
/* A trained matrix that maps many values to many has directions that Muon can tell apart; convolution taps, which are one
 * for each channel, and what maps to a single value are left to AdamW. */
static inline bool myna_tensor_maps(const myna_tensor *tensor)
{
    return myna_tensor_is_trained(tensor) && tensor->n_dims == 2 && tensor->dims[0] >= 16 && tensor->dims[1] >= 16;
}

#endif
