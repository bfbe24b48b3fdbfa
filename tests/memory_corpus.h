/* A corpus of recordings made in memory: what a reader is asked for is looked up in a table and made. */
#ifndef MYNA_TESTS_MEMORY_CORPUS_H
#define MYNA_TESTS_MEMORY_CORPUS_H

#include "base/status.h"
#include "fixtures.h"
#include "pipeline/corpus.h"

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

typedef enum memory_kind {
    MEMORY_SPEECH, /* hz: F0 */
    MEMORY_TONE,   /* hz: of a sine */
    MEMORY_SWEEP,  /* a sine that climbs evenly from 300 to 2500 mel, so that bands tell the time */
    MEMORY_SILENCE,
    MEMORY_NAN,
    MEMORY_UNREADABLE,
    MEMORY_INTERRUPTED,
} memory_kind;

typedef struct memory_recording {
    const char *path, *speaker;
    bool held_out;
    memory_kind kind;
    float hz;
    double seconds;
} memory_recording;

enum { MEMORY_MAX_RECORDINGS = 16, MEMORY_SPEAKER_RECORDINGS = 4 };

/* Enough to train on. */
static const memory_recording memory_speakers[MEMORY_SPEAKER_RECORDINGS] = {
    {"a1", "anna", false, MEMORY_SPEECH, 200, 2.2},
    {"a2", "anna", false, MEMORY_SPEECH, 215, 1.8},
    {"b1", "bert", false, MEMORY_SPEECH, 110, 3.5},
    {"c1", "carl", true, MEMORY_SPEECH, 130, 3.0},
};

typedef struct memory_corpus {
    const memory_recording *recordings;
    size_t n_recordings;
    const myna_phone *phones; /* [n_phones], of each recording */
    size_t n_phones;
    char folder[32]; /* of the cache */
    pthread_mutex_t mutex;
    size_t n_read, n_bad, n_progress;
    const char *bad[MEMORY_MAX_RECORDINGS]; /* paths, in the order they were reported */
    char reasons[MEMORY_MAX_RECORDINGS][sizeof((myna_error *)0)->detail];
} memory_corpus;

static inline void memory_fill(float *x, size_t n, const memory_recording *r)
{
    double phase = 0;
    if (r->kind == MEMORY_SPEECH) make_speech(x, n, r->hz, 1, 0.1f, (uint64_t)r->hz);
    for (size_t i = 0; i < n && r->kind != MEMORY_SPEECH; i++) {
        double mel = 300 + 2200 * (double)i / (double)n;
        double hz = r->kind == MEMORY_SWEEP ? 700 * (pow(10, mel / 2595) - 1) : (double)r->hz;
        phase += 2 * 3.14159265358979 * hz / MYNA_SAMPLE_RATE_HZ;
        x[i] = r->kind == MEMORY_SILENCE ? 0 : (float)(0.1 * sin(phase));
    }
    if (r->kind == MEMORY_NAN) x[n / 2] = NAN;
}

static inline myna_status memory_read(
    void *context, const char *path, float **samples, size_t *n_samples, myna_error *error)
{
    memory_corpus *m = context;
    const memory_recording *r = m->recordings;
    pthread_mutex_lock(&m->mutex);
    m->n_read++;
    pthread_mutex_unlock(&m->mutex);
    while (strcmp(r->path, path) != 0) r++;
    if (r->kind == MEMORY_UNREADABLE) return myna_fail(error, MYNA_ERROR_FORMAT, "it is no recording");
    if (r->kind == MEMORY_INTERRUPTED) return MYNA_ERROR_INTERRUPTED;
    *n_samples = (size_t)(r->seconds * MYNA_SAMPLE_RATE_HZ);
    *samples = malloc(*n_samples * sizeof **samples);
    if (!*samples) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory");
    memory_fill(*samples, *n_samples, r);
    return MYNA_OK;
}

static inline void memory_on_bad(void *context, const char *path, const myna_error *error)
{
    memory_corpus *m = context;
    snprintf(m->reasons[m->n_bad], sizeof m->reasons[0], "%s", error->detail);
    m->bad[m->n_bad++] = path;
}

static inline void memory_on_progress(void *context, size_t n_done, size_t n_items)
{
    memory_corpus *m = context;
    (void)n_items;
    m->n_progress = n_done;
}

/* False when no folder for the cache can be made. */
static inline bool memory_corpus_init(memory_corpus *m, const memory_recording *recordings, size_t n_recordings)
{
    *m = (memory_corpus){.recordings = recordings, .n_recordings = n_recordings, .folder = "/tmp/myna-test-XXXXXX"};
    pthread_mutex_init(&m->mutex, NULL);
    return mkdtemp(m->folder) != NULL;
}

static inline myna_status memory_corpus_open(myna_corpus **out, memory_corpus *m, myna_error *error)
{
    myna_corpus_item items[MEMORY_MAX_RECORDINGS];
    myna_corpus_reader reader = {m, memory_read, memory_on_bad, memory_on_progress};
    for (size_t i = 0; i < m->n_recordings; i++)
        items[i] = (myna_corpus_item){.path = m->recordings[i].path,
            .speaker = m->recordings[i].speaker,
            .held_out = m->recordings[i].held_out,
            .phones = m->phones,
            .n_phones = m->n_phones};
    m->n_read = m->n_bad = m->n_progress = 0;
    return myna_corpus_open(out, items, m->n_recordings, m->folder, &reader, 2, error);
}

/* The folder's files; `path` gets the last one's. */
static inline size_t memory_corpus_files(const memory_corpus *m, char path[128])
{
    size_t n = 0;
    DIR *folder = opendir(m->folder);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        if (entry->d_name[0] == '.' && strlen(entry->d_name) <= 2) continue; /* itself and its parent */
        snprintf(path, 128, "%s/%.80s", m->folder, entry->d_name);
        n++;
    }
    if (folder) closedir(folder);
    return n;
}

static inline void memory_corpus_remove(memory_corpus *m)
{
    char path[128];
    while (memory_corpus_files(m, path) && unlink(path) == 0) continue;
    rmdir(m->folder);
    pthread_mutex_destroy(&m->mutex);
}

#endif
