/* MYNA_VECTORIZED before a function compiles it for plain x86-64, AVX2 and AVX-512 and picks one when the program
 * loads, so that one binary runs everywhere and is fast where it can be. The function itself stays plain C with
 * loops that compilers vectorise. Sanitizers run before the choice could be made, so they get the plain version; so
 * does clang, whose target_clones before version 18 cannot be called from another file.
 * Functions called from inside must be MYNA_INLINE to be compiled along: gcc keeps larger `static inline` ones as
 * calls to a plain version. */
#ifndef MYNA_BASE_SIMD_H
#define MYNA_BASE_SIMD_H

#if defined(__x86_64__) && defined(__linux__) && !defined(__clang__) && !defined(MYNA_NO_DISPATCH)
#define MYNA_VECTORIZED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define MYNA_VECTORIZED
#endif

#if defined(__GNUC__)
#define MYNA_INLINE static inline __attribute__((always_inline))
#else
#define MYNA_INLINE static inline
#endif

#endif
