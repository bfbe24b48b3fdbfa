/* One block of memory for each object: sizes are known in create, nothing is freed piecemeal. */
#ifndef MYNA_BASE_ARENA_H
#define MYNA_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

enum { MYNA_ALIGNMENT = 64 }; /* of every allocation: a cache line, an AVX-512 register */

/* An object's layout function runs twice over the same arena: first with `base` NULL, which only counts bytes,
 * then, after myna_arena_reserve, to hand out the addresses. */
typedef struct myna_arena {
    unsigned char *base; /* NULL while counting */
    size_t used, size;
} myna_arena;

/* Next `count` zeroed elements of `element` bytes; NULL while counting. */
void *myna_arena_take(myna_arena *arena, size_t count, size_t element);
/* Allocates what was counted and rewinds. False when memory is short or the count overflowed. */
bool myna_arena_reserve(myna_arena *arena);
void myna_arena_free(myna_arena *arena);

#define MYNA_TAKE(arena, pointer, count) ((pointer) = myna_arena_take((arena), (count), sizeof *(pointer)))

#endif
