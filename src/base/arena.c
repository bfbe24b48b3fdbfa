#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const size_t overflowed = SIZE_MAX;

void *myna_arena_take(myna_arena *arena, size_t count, size_t element)
{
    size_t limit = SIZE_MAX / 4;
    if (arena->used == overflowed || (element && count > limit / element)) {
        arena->used = overflowed;
        return NULL;
    }
    size_t bytes = (count * element + MYNA_ALIGNMENT - 1) / MYNA_ALIGNMENT * MYNA_ALIGNMENT;
    void *taken = arena->base ? arena->base + arena->used : NULL;
    arena->used = arena->used > limit ? overflowed : arena->used + bytes;
    return taken;
}

bool myna_arena_reserve(myna_arena *arena)
{
    if (arena->used == overflowed) return false;
    arena->size = arena->used ? arena->used : MYNA_ALIGNMENT;
    arena->base = aligned_alloc(MYNA_ALIGNMENT, arena->size);
    if (!arena->base) return false;
    memset(arena->base, 0, arena->size);
    arena->used = 0;
    return true;
}

void myna_arena_free(myna_arena *arena)
{
    free(arena->base);
    *arena = (myna_arena){0};
}
