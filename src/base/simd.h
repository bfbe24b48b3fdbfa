/* MYNA_VECTORIZED before a function compiles it for plain x86-64, AVX2 and AVX-512 and picks one when the program
 * loads, so that one binary runs everywhere and is fast where it can be. The function itself stays plain C with
 * loops that compilers vectorise. Sanitizers run before the choice could be made, so they get the plain version; so
 * does clang, whose target_clones before version 18 cannot be called from another file.
 * Functions called from inside must be MYNA_INLINE to be compiled along: gcc keeps larger `static inline` ones as
 * calls to a plain version. */
#ifndef MYNA_BASE_SIMD_H
#define MYNA_BASE_SIMD_H

#include <stdbool.h>

#if defined(__x86_64__) && defined(__linux__) && !defined(__clang__) && !defined(MYNA_NO_DISPATCH)
#define MYNA_VECTORIZED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#define MYNA_HAS_AVX512 \
    (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
#else
#define MYNA_VECTORIZED
#define MYNA_HAS_AVX512 false
#endif

/* Is it the AVX-512 version that was picked? For the few functions that are written another way for its registers. */
static inline bool myna_has_avx512(void)
{
    return MYNA_HAS_AVX512;
}

#if defined(__GNUC__)
#define MYNA_INLINE static inline __attribute__((always_inline))
#else
#define MYNA_INLINE static inline
#endif

#endif
