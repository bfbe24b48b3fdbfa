#include "base/ring.h"

#include "base/status.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { CACHE_LINE = 64, MAX_CAPACITY = 1 << 30 };

/* Counts grow for ever and wrap with size_t; position i lies at samples[i & mask]. Each has a cache line of its own, so
 * that the two threads do not take it from each other. */
struct myna_ring {
    size_t mask;
    float *samples;
    _Alignas(CACHE_LINE) atomic_size_t n_written;
    _Alignas(CACHE_LINE) atomic_size_t n_read;
};

myna_status myna_ring_create(myna_ring **out, size_t capacity, myna_error *error)
{
    if (capacity < 1 || capacity > MAX_CAPACITY)
        return myna_fail(error, MYNA_ERROR_ARGUMENT, "a ring of %zu samples", capacity);
    size_t size = 1;
    while (size < capacity) size *= 2;
    myna_ring *ring = aligned_alloc(CACHE_LINE, sizeof *ring);
    float *samples = malloc(size * sizeof *samples);
    if (!ring || !samples) {
        free(ring);
        free(samples);
        return myna_fail(error, MYNA_ERROR_MEMORY, "no memory for a ring of %zu samples", size);
    }
    ring->mask = size - 1;
    ring->samples = samples;
    atomic_init(&ring->n_written, 0);
    atomic_init(&ring->n_read, 0);
    *out = ring;
    return MYNA_OK;
}

void myna_ring_free(myna_ring *ring)
{
    if (!ring) return;
    free(ring->samples);
    free(ring);
}

/* The n samples from position `begin` on lie in at most two runs; gives the length of the first. */
static size_t first_run(const myna_ring *ring, size_t begin, size_t n)
{
    size_t to_end = ring->mask + 1 - (begin & ring->mask);
    return n < to_end ? n : to_end;
}

/* Acquire: the reader has done with what is overwritten. Release: samples are there before the count says so. */
size_t myna_ring_write(myna_ring *ring, const float *samples, size_t n)
{
    size_t written = atomic_load_explicit(&ring->n_written, memory_order_relaxed);
    size_t room = ring->mask + 1 - (written - atomic_load_explicit(&ring->n_read, memory_order_acquire));
    if (n > room) n = room;
    size_t run = first_run(ring, written, n);
    float *first = ring->samples + (written & ring->mask), *second = ring->samples;
    if (samples) {
        memcpy(first, samples, run * sizeof *samples);
        memcpy(second, samples + run, (n - run) * sizeof *samples);
    } else {
        memset(first, 0, run * sizeof *first);
        memset(second, 0, (n - run) * sizeof *second);
    }
    atomic_store_explicit(&ring->n_written, written + n, memory_order_release);
    return n;
}

size_t myna_ring_read(myna_ring *ring, float *out, size_t n)
{
    size_t read = atomic_load_explicit(&ring->n_read, memory_order_relaxed);
    size_t fill = atomic_load_explicit(&ring->n_written, memory_order_acquire) - read;
    if (n > fill) n = fill;
    size_t run = first_run(ring, read, n);
    if (out) {
        memcpy(out, ring->samples + (read & ring->mask), run * sizeof *out);
        memcpy(out + run, ring->samples, (n - run) * sizeof *out);
    }
    atomic_store_explicit(&ring->n_read, read + n, memory_order_release);
    return n;
}

/* n_read first: a reader in between can then only make the fill look larger than it is, never negative. */
size_t myna_ring_fill(const myna_ring *ring)
{
    size_t read = atomic_load_explicit(&ring->n_read, memory_order_acquire);
    return atomic_load_explicit(&ring->n_written, memory_order_acquire) - read;
}

size_t myna_ring_room(const myna_ring *ring)
{
    return ring->mask + 1 - myna_ring_fill(ring);
}
