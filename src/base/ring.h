/* A ring of samples between two threads, without locks: one writes, one reads (SPSC, C11 atomics). Neither call ever
 * waits or allocates, so both may be made from an audio callback. */
#ifndef MYNA_BASE_RING_H
#define MYNA_BASE_RING_H

#include "myna/myna.h"

typedef struct myna_ring myna_ring;
/* Room for at least `capacity` samples, in [1, 2^30]. */
myna_status myna_ring_create(myna_ring **out, size_t capacity, myna_error *error);
void myna_ring_free(myna_ring *ring);

/* The writer's: takes as many of the n samples as there is room for, and says how many. `samples` NULL: silence. */
size_t myna_ring_write(myna_ring *ring, const float *samples, size_t n);

/* How many that would be: at least so many to the writer. */
size_t myna_ring_room(const myna_ring *ring);

/* The reader's: gives at most n samples, and says how many. `out` NULL: drops them. */
size_t myna_ring_read(myna_ring *ring, float *out, size_t n);

/* Samples in the ring. To the reader it is at least so many, to the writer at most; to others a recent figure. */
size_t myna_ring_fill(const myna_ring *ring);

#endif
