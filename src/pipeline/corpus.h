/* The corpus as the batch maker sees it. Public functions: myna/train.h. */
#ifndef MYNA_PIPELINE_CORPUS_H
#define MYNA_PIPELINE_CORPUS_H

#include "base/file.h"
#include "myna/train.h"

/* One recording, as it stands in the cache file. */
typedef struct myna_corpus_entry {
    uint64_t pcm_offset; /* in the file: int16 [n_frames * MYNA_HOP_SAMPLES] */
    uint64_t f0_offset;  /* float [n_frames], Hz, 0 unvoiced */
    uint32_t n_frames;
    uint32_t speaker;
    float gain; /* takes speech to -20 dBFS */
    uint32_t held_out;
    uint64_t item; /* its number among the items the corpus was opened with */
} myna_corpus_entry;

/* In place of a phone's label. */
enum { MYNA_NO_PHONE = 255 };

/* A recording left out, as it stands in the cache file. */
typedef struct myna_corpus_omission {
    uint64_t item; /* its number among the items the corpus was opened with */
    char reason[sizeof((myna_error *)0)->detail];
} myna_corpus_omission;

/* Recordings of one speaker: entries [first, first + n). */
typedef struct myna_corpus_speaker {
    size_t first, n;
    double weight; /* running sum of root seconds over this group's speakers up to and with this one */
} myna_corpus_speaker;

/* The speakers to train on, or those held out. */
typedef struct myna_corpus_group {
    myna_corpus_speaker *speakers;
    size_t n_speakers;
} myna_corpus_group;

struct myna_corpus {
    myna_mapping file;
    const myna_corpus_entry *entries; /* in the mapping, sorted by speaker */
    size_t n_entries;
    const myna_corpus_omission *omissions; /* in the mapping */
    size_t n_omissions;
    myna_corpus_group groups[2]; /* [0] training, [1] held out */
    uint8_t **phones; /* [n_entries]: label of each frame, or NULL where the recording has none; NULL: no recording has */
    myna_corpus_facts facts;
};

static inline const int16_t *myna_corpus_pcm(const myna_corpus *corpus, const myna_corpus_entry *entry)
{
    return (const int16_t *)(const void *)(corpus->file.data + entry->pcm_offset);
}
static inline const float *myna_corpus_f0(const myna_corpus *corpus, const myna_corpus_entry *entry)
{
    return (const float *)(const void *)(corpus->file.data + entry->f0_offset);
}

#endif
