#define _GNU_SOURCE
#include "pipeline/corpus.h"

#include "base/status.h"
#include "base/threads.h"
#include "dsp/level.h"
#include "dsp/pitch.h"
#include "pipeline/phones.h"
#include "pipeline/segments.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The cache file: header, then each recording's PCM and F0, then the entries, then the omissions. Written and read on
 * one machine. */
typedef struct cache_header {
    char magic[8];
    uint64_t key, n_entries, entries_offset, n_omissions;
} cache_header;
/* Change the digit whenever analysis or layout change, so that old caches are not used. */
static const char cache_magic[8] = "MYNACOR4";

/* The pitch tracker decides as late as a balanced stream's does: in the middle of what the three latencies use. */
enum { PITCH_LAG = MYNA_STEP_FRAMES * (int)MYNA_LATENCY_BALANCED };

/* ---- Key ------------------------------------------------------------------------------------------------------ */

typedef struct key_job {
    const myna_corpus_item *items;
    uint64_t *hashes; /* [n_items]; of content */
    size_t n_items;
} key_job;

static void hash_items(void *context, int member, int n_members)
{
    key_job *job = context;
    for (size_t i = (size_t)member; i < job->n_items; i += (size_t)n_members) {
        myna_mapping file = {0};
        const char *path = job->items[i].path; /* stands for the content where a reader's path is no file */
        job->hashes[i] = myna_hash(MYNA_HASH_START, path, strlen(path));
        if (myna_file_map(&file, path, NULL) == MYNA_OK && file.data)
            job->hashes[i] = myna_hash(MYNA_HASH_START, file.data, file.size);
        myna_file_unmap(&file);
    }
}

static myna_status corpus_key(
    uint64_t *key, const myna_corpus_item *items, size_t n_items, myna_team *team, myna_error *error)
{
    key_job job = {items, malloc((n_items + 1) * sizeof(uint64_t)), n_items};
    if (!job.hashes) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for %zu recordings", n_items);
    myna_team_run(team, hash_items, &job);
    uint64_t hash = myna_hash(MYNA_HASH_START, cache_magic, sizeof cache_magic);
    for (size_t i = 0; i < n_items; i++) {
        hash = myna_hash(hash, &job.hashes[i], sizeof job.hashes[i]);
        hash = myna_hash(hash, items[i].speaker, strlen(items[i].speaker) + 1);
        hash = myna_hash(hash, &items[i].held_out, sizeof items[i].held_out);
    }
    free(job.hashes);
    *key = hash;
    return MYNA_OK;
}

/* ---- Making the cache -------------------------------------------------------------------------------------------- */

typedef struct build_job {
    const myna_corpus_item *items;
    const size_t *order; /* items sorted by speaker */
    size_t n_items;
    const myna_corpus_reader *reader;
    const char *path; /* of the cache */
    FILE *stream;
    myna_corpus_entry *entries;      /* [n_items], in sorted order; n_frames 0 where left out */
    myna_corpus_omission *omissions; /* [n_items], as they come */

    pthread_mutex_t mutex; /* guards all below, the stream and the reader's on_ functions */
    size_t n_next, n_done, n_omissions;
    uint64_t offset;
    myna_status status; /* what stopped the build, or ok */
    myna_error error;
} build_job;

/* Level and F0 of one recording; samples become int16 in `pcm`[n_frames * hop]. */
static myna_status analyse(
    myna_corpus_entry *entry, int16_t *pcm, float *f0_hz, myna_pitch_tracker *tracker, const float *samples, myna_error *error)
{
    size_t n_frames = entry->n_frames, n = n_frames * MYNA_HOP_SAMPLES;
    myna_level_meter level;
    myna_level_init(&level);
    myna_level_push(&level, samples, n);
    if (!(myna_level_rms(&level) > 0)) return myna_fail(error, MYNA_ERROR_SPEECH, "no speech");
    entry->gain = myna_level_gain(&level);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(samples[i])) return myna_fail(error, MYNA_ERROR_NOT_FINITE, "sample %zu is not finite", i);
        pcm[i] = (int16_t)lrintf(fmaxf(-1.0f, fminf(samples[i], 1.0f)) * 32767.0f);
    }
    static const float silence[MYNA_HOP_SAMPLES];
    myna_pitch_reset(tracker);
    for (size_t k = 0; k < n_frames + PITCH_LAG; k++) {
        float f0 = myna_pitch_push(tracker, k < n_frames ? samples + k * MYNA_HOP_SAMPLES : silence);
        if (k >= PITCH_LAG) f0_hz[k - PITCH_LAG] = f0;
    }
    return MYNA_OK;
}

/* Reads and analyses item i; *pcm and *f0_hz are malloc'd on success. */
static myna_status prepare(const build_job *job, size_t i, myna_pitch_tracker *tracker, myna_corpus_entry *entry,
    int16_t **pcm, float **f0_hz, myna_error *error)
{
    float *samples = NULL;
    size_t n_samples = 0;
    myna_status status = job->reader->read(job->reader->context, job->items[i].path, &samples, &n_samples, error);
    if (status != MYNA_OK) return status;
    entry->n_frames = (uint32_t)(n_samples / MYNA_HOP_SAMPLES);
    *pcm = malloc((n_samples + 1) * sizeof **pcm);
    *f0_hz = malloc((n_samples / MYNA_HOP_SAMPLES + 1) * sizeof **f0_hz);
    if (entry->n_frames < MYNA_REFERENCE_MIN_FRAMES)
        status = myna_fail(error, MYNA_ERROR_SPEECH, "%.2f s is too short (0.8 s at least)",
            (double)n_samples / MYNA_SAMPLE_RATE_HZ);
    else if (!*pcm || !*f0_hz)
        status = myna_fail(error, MYNA_ERROR_MEMORY, "no memory for %zu samples", n_samples);
    else status = analyse(entry, *pcm, *f0_hz, tracker, samples, error);
    free(samples);
    return status;
}

/* Under the mutex: one recording's arrays to the end of the file. */
static void append(build_job *job, myna_corpus_entry *entry, const int16_t *pcm, const float *f0_hz)
{
    size_t n = (size_t)entry->n_frames * MYNA_HOP_SAMPLES;
    entry->pcm_offset = job->offset;
    entry->f0_offset = job->offset + n * sizeof *pcm;
    fwrite(pcm, sizeof *pcm, n, job->stream);
    fwrite(f0_hz, sizeof *f0_hz, entry->n_frames, job->stream);
    job->offset = entry->f0_offset + entry->n_frames * sizeof *f0_hz;
    if (!ferror(job->stream)) return;
    job->status = myna_fail(&job->error, MYNA_ERROR_FILE, "%s", strerror(errno));
    myna_fail_in(&job->error, job->status, job->path);
}

static void report_omission(
    const myna_corpus_reader *reader, const myna_corpus_item *items, const myna_corpus_omission *omission)
{
    myna_error error = {0};
    snprintf(error.detail, sizeof error.detail, "%s", omission->reason);
    if (reader->on_bad) reader->on_bad(reader->context, items[omission->item].path, &error);
}

/* Under the mutex. */
static void leave_out(build_job *job, size_t item, myna_status status, const myna_error *error)
{
    myna_corpus_omission *omission = &job->omissions[job->n_omissions++];
    const char *reason = error->detail[0] ? error->detail : myna_status_message(status);
    omission->item = item;
    snprintf(omission->reason, sizeof omission->reason, "%s", reason);
    report_omission(job->reader, job->items, omission);
}

static void finish_item(build_job *job, size_t place, myna_status status, const myna_error *error,
    const myna_corpus_entry *entry, const int16_t *pcm, const float *f0_hz)
{
    if (status == MYNA_OK) {
        job->entries[place] = *entry;
        append(job, &job->entries[place], pcm, f0_hz);
    } else if (status == MYNA_ERROR_INTERRUPTED || status == MYNA_ERROR_MEMORY) {
        job->status = status;
        job->error = *error;
    } else {
        leave_out(job, job->order[place], status, error);
    }
    job->n_done++;
    if (job->reader->on_progress) job->reader->on_progress(job->reader->context, job->n_done, job->n_items);
}

static void build_items(void *context, int member, int n_members)
{
    (void)member, (void)n_members;
    build_job *job = context;
    myna_pitch_tracker *tracker = NULL;
    myna_error error = {0};
    myna_status status = myna_pitch_create(&tracker, PITCH_LAG, &error);
    pthread_mutex_lock(&job->mutex);
    if (status != MYNA_OK) {
        job->status = status;
        job->error = error;
    }
    while (job->status == MYNA_OK && job->n_next < job->n_items) {
        size_t place = job->n_next++;
        pthread_mutex_unlock(&job->mutex);
        int16_t *pcm = NULL;
        float *f0_hz = NULL;
        const myna_corpus_item *item = &job->items[job->order[place]];
        myna_corpus_entry entry = {.held_out = item->held_out, .item = job->order[place]};
        error = (myna_error){0}; /* a reader need not say why */
        status = prepare(job, job->order[place], tracker, &entry, &pcm, &f0_hz, &error);
        pthread_mutex_lock(&job->mutex);
        finish_item(job, place, status, &error, &entry, pcm, f0_hz);
        free(pcm);
        free(f0_hz);
    }
    pthread_mutex_unlock(&job->mutex);
    myna_pitch_free(tracker);
}

/* A speaker with recordings of both kinds counts as two: none that is held out is then trained on. */
static int compare_speakers(const myna_corpus_item *x, const myna_corpus_item *y)
{
    int order = strcmp(x->speaker, y->speaker);
    return order ? order : x->held_out - y->held_out;
}

/* Numbers speakers in sorted order and closes the gaps that left-out recordings made. */
static size_t pack_entries(build_job *job)
{
    size_t n = 0;
    uint32_t speaker = 0;
    const myna_corpus_item *last = NULL;
    for (size_t place = 0; place < job->n_items; place++) {
        if (!job->entries[place].n_frames) continue;
        const myna_corpus_item *item = &job->items[job->order[place]];
        if (last && compare_speakers(last, item) != 0) speaker++;
        last = item;
        job->entries[n] = job->entries[place];
        job->entries[n++].speaker = speaker;
    }
    return n;
}

static int by_speaker(const void *a, const void *b, void *items)
{
    const myna_corpus_item *x = (const myna_corpus_item *)items + *(const size_t *)a;
    const myna_corpus_item *y = (const myna_corpus_item *)items + *(const size_t *)b;
    int order = compare_speakers(x, y);
    return order ? order : strcmp(x->path, y->path);
}

static myna_status write_cache(build_job *job, uint64_t key, myna_new_file *file, myna_team *team, myna_error *error)
{
    cache_header header = {.key = key};
    memcpy(header.magic, cache_magic, sizeof header.magic);
    job->stream = file->stream;
    job->offset = sizeof header;
    fwrite(&header, sizeof header, 1, file->stream);
    myna_team_run(team, build_items, job);
    if (job->status != MYNA_OK) {
        if (error) *error = job->error;
        return job->status;
    }
    header.n_entries = pack_entries(job);
    header.entries_offset = (job->offset + 7) / 8 * 8;
    header.n_omissions = job->n_omissions;
    static const char zeros[8];
    fwrite(zeros, 1, (size_t)(header.entries_offset - job->offset), file->stream);
    fwrite(job->entries, sizeof *job->entries, (size_t)header.n_entries, file->stream);
    fwrite(job->omissions, sizeof *job->omissions, job->n_omissions, file->stream);
    fseek(file->stream, 0, SEEK_SET); /* unlike rewind it does not forget that a write failed */
    fwrite(&header, sizeof header, 1, file->stream);
    return MYNA_OK;
}

static myna_status build_cache(const char *path, uint64_t key, const myna_corpus_item *items, size_t n_items,
    const myna_corpus_reader *reader, myna_team *team, myna_error *error)
{
    size_t *order = malloc((n_items + 1) * sizeof *order);
    build_job job = {.items = items, .order = order, .n_items = n_items, .reader = reader, .path = path};
    job.entries = calloc(n_items + 1, sizeof *job.entries);
    job.omissions = calloc(n_items + 1, sizeof *job.omissions);
    myna_new_file file = {0};
    myna_status status = MYNA_OK;
    if (!order || !job.entries || !job.omissions)
        status = myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a corpus");
    if (status == MYNA_OK) status = myna_new_file_open(&file, path, error);
    if (status == MYNA_OK) {
        for (size_t i = 0; i < n_items; i++) order[i] = i;
        qsort_r(order, n_items, sizeof *order, by_speaker, (void *)(uintptr_t)items);
        pthread_mutex_init(&job.mutex, NULL);
        status = write_cache(&job, key, &file, team, error);
        pthread_mutex_destroy(&job.mutex);
    }
    if (status == MYNA_OK) status = myna_new_file_commit(&file, error);
    else myna_new_file_abandon(&file);
    free(order);
    free(job.entries);
    free(job.omissions);
    return status;
}

/* ---- Opening ------------------------------------------------------------------------------------------------------- */

static bool fits(const myna_corpus_entry *entry, size_t size)
{
    uint64_t samples = (uint64_t)entry->n_frames * MYNA_HOP_SAMPLES;
    return entry->pcm_offset <= size && samples * 2 <= size - entry->pcm_offset && entry->f0_offset <= size &&
           entry->n_frames * sizeof(float) <= size - entry->f0_offset && entry->pcm_offset % 2 == 0 &&
           entry->f0_offset % 4 == 0;
}

/* Each item is an entry or an omission, and the file ends with them. */
static bool is_good_header(const cache_header *header, size_t size, uint64_t key, size_t n_items)
{
    if (size < sizeof *header || memcmp(header->magic, cache_magic, sizeof cache_magic) != 0) return false;
    if (header->key != key || header->n_entries > n_items) return false;
    size_t n_omissions = n_items - (size_t)header->n_entries;
    size_t n_bytes = header->n_entries * sizeof(myna_corpus_entry) + n_omissions * sizeof(myna_corpus_omission);
    return header->n_omissions == n_omissions && header->entries_offset % 8 == 0 &&
           header->entries_offset <= size && size - header->entries_offset == n_bytes;
}

/* False where the file is missing, old or damaged: it is then made anew. */
static bool map_cache(myna_corpus *corpus, const char *path, uint64_t key, size_t n_items)
{
    if (myna_file_map(&corpus->file, path, NULL) != MYNA_OK) return false;
    const cache_header *header = (const void *)corpus->file.data;
    size_t size = corpus->file.size;
    bool good = is_good_header(header, size, key, n_items);
    if (good) {
        corpus->entries = (const void *)(corpus->file.data + header->entries_offset);
        corpus->n_entries = (size_t)header->n_entries;
        corpus->omissions = (const void *)(corpus->entries + corpus->n_entries);
        corpus->n_omissions = (size_t)header->n_omissions;
        for (size_t i = 0; i < corpus->n_entries; i++)
            good = good && fits(&corpus->entries[i], size) && corpus->entries[i].item < n_items;
        for (size_t i = 0; i < corpus->n_omissions; i++) good = good && corpus->omissions[i].item < n_items;
    }
    if (!good) myna_file_unmap(&corpus->file);
    return good;
}

static double seconds(const myna_corpus_entry *entry)
{
    return (double)entry->n_frames * MYNA_HOP_SAMPLES / MYNA_SAMPLE_RATE_HZ;
}

/* Can a segment and a reference that does not overlap it be cut from these recordings? */
static bool is_usable(const myna_corpus_entry *entries, size_t n)
{
    uint32_t longest = 0;
    for (size_t i = 0; i < n; i++)
        if (entries[i].n_frames > longest) longest = entries[i].n_frames;
    uint32_t needed = n > 1 ? MYNA_SEGMENT_FRAMES : MYNA_SEGMENT_FRAMES + MYNA_REFERENCE_MIN_FRAMES + MYNA_OVERLAP;
    return longest >= needed;
}

static void add_speaker(myna_corpus *corpus, size_t first, size_t n)
{
    bool held_out = corpus->entries[first].held_out;
    if (!is_usable(corpus->entries + first, n)) return;
    myna_corpus_group *group = &corpus->groups[held_out];
    double total = 0, before = group->n_speakers ? group->speakers[group->n_speakers - 1].weight : 0;
    for (size_t i = 0; i < n; i++) total += seconds(&corpus->entries[first + i]);
    group->speakers[group->n_speakers++] = (myna_corpus_speaker){first, n, before + sqrt(total)};
    *(held_out ? &corpus->facts.held_out_hours : &corpus->facts.hours) += total / 3600;
    corpus->facts.n_recordings += n;
}

static myna_status group_speakers(myna_corpus *corpus, myna_error *error)
{
    size_t n = corpus->n_entries;
    for (int g = 0; g < 2; g++) {
        corpus->groups[g].speakers = calloc(n + 1, sizeof(myna_corpus_speaker));
        if (!corpus->groups[g].speakers) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a corpus");
    }
    for (size_t first = 0, end; first < n; first = end) {
        for (end = first + 1; end < n && corpus->entries[end].speaker == corpus->entries[first].speaker;) end++;
        add_speaker(corpus, first, end - first);
    }
    corpus->facts.n_speakers = corpus->groups[0].n_speakers;
    corpus->facts.n_held_out_speakers = corpus->groups[1].n_speakers;
    if (corpus->groups[0].n_speakers) return MYNA_OK;
    size_t n_training = 0;
    for (size_t i = 0; i < n; i++) n_training += !corpus->entries[i].held_out;
    return myna_fail(error, MYNA_ERROR_SPEECH,
        n_training ? "no recording is long enough to train on (2.5 s, or several recordings of a speaker of 1.6 s)"
                   : "none of the recordings to train on can be used");
}

static myna_status open_cache(myna_corpus *corpus, const myna_corpus_item *items, size_t n_items, const char *folder,
    const myna_corpus_reader *reader, myna_team *team, myna_error *error)
{
    uint64_t key = 0;
    char *path = NULL;
    myna_status status = corpus_key(&key, items, n_items, team, error);
    if (status != MYNA_OK) return status;
    snprintf(corpus->facts.key, sizeof corpus->facts.key, "%016llx", (unsigned long long)key);
    if (asprintf(&path, "%s/%s.corpus", folder, corpus->facts.key) < 0)
        return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a file name");
    corpus->facts.from_cache = map_cache(corpus, path, key, n_items);
    if (corpus->facts.from_cache) {
        for (size_t i = 0; i < corpus->n_omissions; i++) report_omission(reader, items, &corpus->omissions[i]);
    } else {
        status = build_cache(path, key, items, n_items, reader, team, error);
        if (status == MYNA_OK && !map_cache(corpus, path, key, n_items)) {
            status = myna_fail(error, MYNA_ERROR_FILE, "the cache just written cannot be read");
            myna_fail_in(error, status, path);
        }
    }
    free(path);
    return status;
}

myna_status myna_corpus_open(myna_corpus **out, const myna_corpus_item *items, size_t n_items, const char *cache_folder,
    const myna_corpus_reader *reader, int n_threads, myna_error *error)
{
    if (!out || (n_items > 0 && !items) || !cache_folder || !reader)
        return myna_fail(error, MYNA_ERROR_ARGUMENT, "a corpus needs recordings, a reader and a cache");
    size_t n_held_out = 0;
    for (size_t i = 0; i < n_items; i++) n_held_out += items[i].held_out;
    if (n_items && n_held_out == n_items)
        return myna_fail(error, MYNA_ERROR_SPEECH, "every recording is held out, none is left to train on");
    myna_team *team = NULL;
    myna_corpus *corpus = calloc(1, sizeof *corpus);
    if (!corpus) return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a corpus");
    myna_status status = myna_team_create(&team, n_threads > 0 ? n_threads : myna_cpu_count(), error);
    if (status == MYNA_OK) status = open_cache(corpus, items, n_items, cache_folder, reader, team, error);
    if (status == MYNA_OK) status = group_speakers(corpus, error);
    if (status == MYNA_OK) status = myna_corpus_label(corpus, items, error);
    myna_team_free(team);
    if (status == MYNA_OK) *out = corpus;
    else myna_corpus_close(corpus);
    return status;
}

void myna_corpus_close(myna_corpus *corpus)
{
    if (!corpus) return;
    for (int g = 0; g < 2; g++) free(corpus->groups[g].speakers);
    for (size_t i = 0; i < corpus->n_entries && corpus->phones; i++) free(corpus->phones[i]);
    free(corpus->phones);
    myna_file_unmap(&corpus->file);
    free(corpus);
}

myna_corpus_facts myna_corpus_describe(const myna_corpus *corpus)
{
    return corpus->facts;
}
