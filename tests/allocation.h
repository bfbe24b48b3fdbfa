/* An allocator that fails on request: include in one file of an executable, after defining _GNU_SOURCE first thing;
 * it then replaces the C library's. Sanitizers bring allocators of their own, so there it does nothing and
 * allocation_can_fail is false. */
#ifndef MYNA_TESTS_ALLOCATION_H
#define MYNA_TESTS_ALLOCATION_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define MYNA_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MYNA_SANITIZED
#endif

static struct {
    bool counting;
    long n_calls; /* since counting began */
    long fail_at; /* the call to fail, counted from 1; 0: none */
    long n_live;  /* allocations not yet freed; moves only while counting */
} allocation;

#if defined(__GLIBC__) && !defined(MYNA_SANITIZED)

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

static const bool allocation_can_fail = true;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *old);

/* FFTW aborts when memory is short, and keeps some for good: its calls pass uncounted. */
static bool is_counted(const void *caller)
{
    Dl_info info;
    return allocation.counting && !(dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "fftw"));
}

static bool is_denied(const void *caller)
{
    if (!is_counted(caller)) return false;
    allocation.n_calls++;
    if (allocation.n_calls != allocation.fail_at) return false;
    errno = ENOMEM;
    return true;
}

static void *counted(const void *caller, void *made)
{
    if (made && is_counted(caller)) allocation.n_live++;
    return made;
}

#define CALLER __builtin_return_address(0)

void *malloc(size_t size)
{
    return is_denied(CALLER) ? NULL : counted(CALLER, __libc_malloc(size));
}

void *calloc(size_t n, size_t size)
{
    return is_denied(CALLER) ? NULL : counted(CALLER, __libc_calloc(n, size));
}

void *realloc(void *old, size_t size)
{
    if (is_denied(CALLER)) return NULL;
    void *made = __libc_realloc(old, size);
    return old ? made : counted(CALLER, made);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return is_denied(CALLER) ? NULL : counted(CALLER, __libc_memalign(alignment, size));
}

void free(void *old)
{
    if (old && is_counted(CALLER)) allocation.n_live--;
    __libc_free(old);
}

#undef CALLER

#else

static const bool allocation_can_fail = false;

#endif

static inline void allocation_start(long fail_at)
{
    allocation.n_calls = allocation.n_live = 0;
    allocation.fail_at = fail_at;
    allocation.counting = true;
}

/* How many calls there were. */
static inline long allocation_stop(void)
{
    allocation.counting = false;
    return allocation.n_calls;
}

#endif
