/* What is said, where that is known: the phones of a recording's frames, and the classifier that reads them off the
 * content encoder's code while it trains. Conversion by phones alone is the phonetic posteriorgrams of Sun et al. (ICME
 * 2016); here they only teach the code what to keep, and it stays free to keep more. */
#ifndef MYNA_PIPELINE_PHONES_H
#define MYNA_PIPELINE_PHONES_H

#include "nn/optim.h"
#include "pipeline/corpus.h"

/* Sets corpus->phones and facts.phone_hours from the items that the corpus was opened with. */
myna_status myna_corpus_label(myna_corpus *corpus, const myna_corpus_item *items, myna_error *error);

/* A linear classifier of steps. */
typedef struct myna_phone_reader {
    size_t code_width, n_parameters;
    float *parameters; /* weight[MYNA_MAX_PHONES][code_width], bias[MYNA_MAX_PHONES]; 0 at first */
    float *moment1, *moment2;
} myna_phone_reader;

myna_status myna_phone_reader_init(myna_phone_reader *reader, size_t code_width, myna_error *error);
void myna_phone_reader_clear(myna_phone_reader *reader);

/* One thread's part of a batch. */
typedef struct myna_phone_pass {
    float *logits;    /* [rows][MYNA_MAX_PHONES] */
    float *gradients; /* like the reader's parameters; overwritten by each pass */
    float *dcode;     /* [rows][code_width]; overwritten */
    double loss; /* `scale` times the sum of the cross-entropies */
    size_t n_known, n_right;
} myna_phone_pass;

myna_status myna_phone_pass_init(
    myna_phone_pass *pass, const myna_phone_reader *reader, size_t rows, myna_error *error);
void myna_phone_pass_clear(myna_phone_pass *pass);
/* Reads code[rows][code_width] against labels[rows], where MYNA_NO_PHONE counts as nothing: the loss and its gradients. */
void myna_phone_pass_run(myna_phone_pass *pass, const myna_phone_reader *reader, const float *code,
    const uint8_t *labels, size_t rows, float scale);

void myna_phone_reader_update(myna_phone_reader *reader, const float *gradients, const myna_adamw *options);

#endif
