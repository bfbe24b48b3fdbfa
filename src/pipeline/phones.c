#include "pipeline/phones.h"

#include "base/status.h"
#include "dsp/stft.h"
#include "nn/layers.h"
#include "nn/loss.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Labels of frames ------------------------------------------------------------------------------------------------ */

static myna_status check_phones(const myna_corpus_item *item, myna_error *error)
{
    for (size_t i = 0; i < item->n_phones; i++) {
        const myna_phone *phone = &item->phones[i];
        if (phone->label >= 0 && phone->label < MYNA_MAX_PHONES && phone->start_seconds <= phone->end_seconds) continue;
        myna_fail(error, MYNA_ERROR_ARGUMENT, "phone %zu: label %d from %g to %g s", i, phone->label,
            (double)phone->start_seconds, (double)phone->end_seconds);
        return myna_fail_in(error, MYNA_ERROR_ARGUMENT, item->path);
    }
    return MYNA_OK;
}

/* The first frame whose window has its middle at or after a time: that of frame k is sample 200 k - 200, see
 * analysis.h. */
static uint32_t frame_at(float seconds, uint32_t n_frames)
{
    double frame = ceil((double)seconds * MYNA_SAMPLE_RATE_HZ / MYNA_HOP_SAMPLES + 1);
    return frame < n_frames ? (uint32_t)fmax(frame, 0) : n_frames;
}

static void label_frames(uint8_t *labels, const myna_corpus_item *item, uint32_t n_frames)
{
    memset(labels, MYNA_NO_PHONE, n_frames);
    for (size_t i = 0; i < item->n_phones; i++) {
        uint32_t first = frame_at(item->phones[i].start_seconds, n_frames);
        uint32_t end = frame_at(item->phones[i].end_seconds, n_frames);
        memset(labels + first, item->phones[i].label, end - first);
    }
}

myna_status myna_corpus_label(myna_corpus *corpus, const myna_corpus_item *items, myna_error *error)
{
    size_t n_labelled = 0;
    for (size_t i = 0; i < corpus->n_entries; i++) {
        const myna_corpus_entry *entry = &corpus->entries[i];
        const myna_corpus_item *item = &items[entry->item];
        if (!item->n_phones || entry->held_out) continue;
        myna_status status = check_phones(item, error);
        if (status != MYNA_OK) return status;
        if (!corpus->phones) corpus->phones = calloc(corpus->n_entries, sizeof *corpus->phones);
        if (corpus->phones) corpus->phones[i] = malloc(entry->n_frames);
        if (!corpus->phones || !corpus->phones[i]) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for phones");
        label_frames(corpus->phones[i], item, entry->n_frames);
        for (uint32_t k = 0; k < entry->n_frames; k++) n_labelled += corpus->phones[i][k] != MYNA_NO_PHONE;
    }
    corpus->facts.phone_hours = (double)n_labelled * MYNA_HOP_SAMPLES / MYNA_SAMPLE_RATE_HZ / 3600;
    return MYNA_OK;
}

/* ---- The classifier ------------------------------------------------------------------------------------------------- */

myna_status myna_phone_reader_init(myna_phone_reader *reader, size_t code_width, myna_error *error)
{
    const size_t n = MYNA_MAX_PHONES * (code_width + 1);
    *reader = (myna_phone_reader){.code_width = code_width,
        .n_parameters = n,
        .parameters = calloc(n, sizeof(float)),
        .moment1 = calloc(n, sizeof(float)),
        .moment2 = calloc(n, sizeof(float))};
    return reader->parameters && reader->moment1 && reader->moment2
               ? MYNA_OK
               : myna_fail(error, MYNA_ERROR_MEMORY, "no memory to read phones");
}

void myna_phone_reader_clear(myna_phone_reader *reader)
{
    free(reader->parameters);
    free(reader->moment1);
    free(reader->moment2);
    *reader = (myna_phone_reader){0};
}

myna_status myna_phone_pass_init(
    myna_phone_pass *pass, const myna_phone_reader *reader, size_t rows, myna_error *error)
{
    *pass = (myna_phone_pass){.logits = calloc(rows * MYNA_MAX_PHONES + 1, sizeof(float)),
        .gradients = calloc(reader->n_parameters, sizeof(float)),
        .dcode = calloc(rows * reader->code_width + 1, sizeof(float))};
    return pass->logits && pass->gradients && pass->dcode
               ? MYNA_OK
               : myna_fail(error, MYNA_ERROR_MEMORY, "no memory to read phones");
}

void myna_phone_pass_clear(myna_phone_pass *pass)
{
    free(pass->logits);
    free(pass->gradients);
    free(pass->dcode);
    *pass = (myna_phone_pass){0};
}

void myna_phone_pass_run(myna_phone_pass *pass, const myna_phone_reader *reader, const float *code,
    const uint8_t *labels, size_t rows, float scale)
{
    const size_t width = reader->code_width, n_weights = MYNA_MAX_PHONES * width;
    myna_linear_forward(
        pass->logits, code, reader->parameters, reader->parameters + n_weights, rows, MYNA_MAX_PHONES, width);
    pass->loss = 0;
    pass->n_known = pass->n_right = 0;
    for (size_t r = 0; r < rows; r++) {
        float *logits = pass->logits + r * MYNA_MAX_PHONES;
        if (labels[r] == MYNA_NO_PHONE) {
            memset(logits, 0, MYNA_MAX_PHONES * sizeof *logits);
            continue;
        }
        pass->n_known++;
        pass->loss += myna_cross_entropy(logits, logits, labels[r], MYNA_MAX_PHONES, scale, &pass->n_right);
    }
    memset(pass->gradients, 0, reader->n_parameters * sizeof(float));
    myna_linear_backward(pass->dcode, pass->gradients, pass->gradients + n_weights, pass->logits, code,
        reader->parameters, rows, MYNA_MAX_PHONES, width);
}

void myna_phone_reader_update(myna_phone_reader *reader, const float *gradients, const myna_adamw *options)
{
    myna_adamw_update(reader->parameters, reader->moment1, reader->moment2, gradients, reader->n_parameters, options, 1,
        false);
}
