#define _GNU_SOURCE
#include "nn/bfloat_kernel.h"

#if defined(__x86_64__) && defined(__linux__) && (defined(__GNUC__) || defined(__clang__))

#include <cpuid.h>
#include <immintrin.h>
#include <pthread.h>
#include <stdalign.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WITH_TILES __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,amx-tile,amx-bf16")))
#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* AMX multiplies a tile of 16 rows by 16 words with one of 16 words by 16 columns, each word two neighbours along k, and
 * adds to 16 by 16 sums, in 16 cycles. Packed factors are panels of SIDE rows or columns, an even number of them, and
 * each panel its tiles from the first k to the last. (Intel, Architectures Optimization Reference Manual, chapter 20) */
enum { SIDE = 16, TILE = SIDE * SIDE, TILE_DEPTH = 2 * SIDE, STRIDE_BYTES = SIDE * 4 };
_Static_assert(MYNA_BFLOAT_ROWS % (2 * SIDE) == 0 && MYNA_BFLOAT_COLUMNS % (2 * SIDE) == 0, "blocks are whole tiles");
_Static_assert(MYNA_BFLOAT_DEPTH % TILE_DEPTH == 0, "and so is their depth");
_Static_assert(2 * SIDE <= MYNA_BFLOAT_TILE, "and these not too large");

static size_t tiles_along(size_t depth)
{
    return (depth + TILE_DEPTH - 1) / TILE_DEPTH;
}

/* ---- Packing ----------------------------------------------------------------------------------------------------- */

/* The first n of 16 floats, the rest zeros; rounded in place of a float each, the low half is not to be used. */
WITH_TILES ALWAYS_INLINE __m512i rounded(const float *x, size_t n)
{
    const __mmask16 mask = (__mmask16)(n < SIDE ? (1u << n) - 1 : 0xffffu);
    return _mm512_add_epi32(_mm512_castps_si512(_mm512_maskz_loadu_ps(mask, x)), _mm512_set1_epi32(0x8000));
}

/* Words of row i along k, from n_k <= 32 floats. */
WITH_TILES ALWAYS_INLINE __m512i pairs_along(const float *x, size_t n_k)
{
    const __m512i high_halves = _mm512_set_epi32(0x003f003d, 0x003b0039, 0x00370035, 0x00330031, 0x002f002d, 0x002b0029,
        0x00270025, 0x00230021, 0x001f001d, 0x001b0019, 0x00170015, 0x00130011, 0x000f000d, 0x000b0009, 0x00070005,
        0x00030001);
    const __m512i first = rounded(x, n_k), second = n_k > SIDE ? rounded(x + SIDE, n_k - SIDE) : _mm512_setzero_si512();
    return _mm512_permutex2var_epi16(first, high_halves, second);
}

/* Words of n_i neighbouring rows at one pair of k. */
WITH_TILES ALWAYS_INLINE __m512i pairs_across(const float *first, const float *second, size_t n_i)
{
    const __m512i low = _mm512_srli_epi32(rounded(first, n_i), 16);
    if (!second) return low;
    return _mm512_or_si512(low, _mm512_and_si512(rounded(second, n_i), _mm512_set1_epi32((int)0xffff0000u)));
}

/* Stores 16 by 16 words, rows and columns exchanged. */
WITH_TILES ALWAYS_INLINE void store_turned(uint32_t *out, const __m512i x[SIDE])
{
    __m512i y[SIDE], z[SIDE];
#pragma GCC unroll 8
    for (int i = 0; i < SIDE; i += 2) { /* neighbours of words, */
        y[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
        y[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < SIDE; i += 4) { /* then of pairs: each quarter of a register is right in itself, */
        z[i] = _mm512_unpacklo_epi64(y[i], y[i + 2]);
        z[i + 1] = _mm512_unpackhi_epi64(y[i], y[i + 2]);
        z[i + 2] = _mm512_unpacklo_epi64(y[i + 1], y[i + 3]);
        z[i + 3] = _mm512_unpackhi_epi64(y[i + 1], y[i + 3]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) { /* and the quarters are brought to their places */
        const __m512i a = _mm512_shuffle_i32x4(z[i], z[i + 4], 0x88), b = _mm512_shuffle_i32x4(z[i], z[i + 4], 0xdd);
        const __m512i c = _mm512_shuffle_i32x4(z[i + 8], z[i + 12], 0x88);
        const __m512i d = _mm512_shuffle_i32x4(z[i + 8], z[i + 12], 0xdd);
        _mm512_storeu_si512(out + i * SIDE, _mm512_shuffle_i32x4(a, c, 0x88));
        _mm512_storeu_si512(out + (i + 4) * SIDE, _mm512_shuffle_i32x4(b, d, 0x88));
        _mm512_storeu_si512(out + (i + 8) * SIDE, _mm512_shuffle_i32x4(a, c, 0xdd));
        _mm512_storeu_si512(out + (i + 12) * SIDE, _mm512_shuffle_i32x4(b, d, 0xdd));
    }
}

/* n_i rows or columns by n_k: words with those of one row side by side, or, `across`, those of one pair of k. Inlined, so
 * that a whole tile's loop has no edges and stays in registers. */
WITH_TILES ALWAYS_INLINE void pack_tile(uint32_t *out, myna_factor f, size_t n_i, size_t n_k, bool across)
{
    __m512i x[SIDE];
    const bool lies_across = f.step == 1 && f.inner != 1;
#pragma GCC unroll 16
    for (size_t r = 0; r < SIDE; r++) {
        if (lies_across && 2 * r < n_k)
            x[r] = pairs_across(f.x + 2 * r * f.inner, 2 * r + 1 < n_k ? f.x + (2 * r + 1) * f.inner : NULL, n_i);
        else if (!lies_across && r < n_i)
            x[r] = pairs_along(f.x + r * f.step, n_k);
        else
            x[r] = _mm512_setzero_si512();
    }
    if (lies_across != across) {
        store_turned(out, x);
        return;
    }
#pragma GCC unroll 16
    for (size_t r = 0; r < SIDE; r++) _mm512_storeu_si512(out + r * SIDE, x[r]);
}

/* Where the number of panels would be odd, one of zeros follows. */
WITH_TILES ALWAYS_INLINE void pack(uint32_t *out, myna_factor f, size_t n, size_t depth, bool across)
{
    size_t i = 0;
    for (; i < n; i += SIDE) {
        for (size_t k = 0; k < depth; k += TILE_DEPTH, out += TILE) {
            const myna_factor tile = myna_factor_from(f, i, k);
            const size_t n_i = myna_bfloat_least(n - i, SIDE), n_k = myna_bfloat_least(depth - k, TILE_DEPTH);
            if (n_i == SIDE && n_k == TILE_DEPTH) pack_tile(out, tile, SIDE, TILE_DEPTH, across);
            else pack_tile(out, tile, n_i, n_k, across);
        }
    }
    if (i % (2 * SIDE)) memset(out, 0, tiles_along(depth) * TILE * sizeof *out);
}

WITH_TILES static void pack_left(uint32_t *out, myna_factor f, size_t n, size_t depth)
{
    pack(out, f, n, depth, false);
}

WITH_TILES static void pack_right(uint32_t *out, myna_factor f, size_t n, size_t depth)
{
    pack(out, f, n, depth, true);
}

/* ---- Multiplying ------------------------------------------------------------------------------------------------- */

/* gcc 12 does not say that tiles are loaded from memory: what was stored before is to be there. */
#define MEMORY_IS_READ() __asm__ volatile("" ::: "memory")

/* 32 by 32 sums of two panels each, in four tiles. */
WITH_TILES static void multiply_panels(
    float *out, size_t out_step, myna_start start, const uint32_t *left, const uint32_t *right, size_t n_tiles)
{
    const size_t stride = out_step * sizeof *out, start_stride = start.step * sizeof *out, panel = n_tiles * TILE;
    float *const lower = out + SIDE * out_step;
    MEMORY_IS_READ();
    if (start.x) {
        const float *const start_lower = start.x + SIDE * start.step;
        _tile_loadd(0, start.x, start_stride);
        _tile_loadd(1, start.x + SIDE, start_stride);
        _tile_loadd(2, start_lower, start_stride);
        _tile_loadd(3, start_lower + SIDE, start_stride);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    for (size_t t = 0; t < n_tiles; t++, left += TILE, right += TILE) {
        _tile_loadd(4, left, STRIDE_BYTES);
        _tile_loadd(5, left + panel, STRIDE_BYTES);
        _tile_loadd(6, right, STRIDE_BYTES);
        _tile_loadd(7, right + panel, STRIDE_BYTES);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, out, stride);
    _tile_stored(1, out + SIDE, stride);
    _tile_stored(2, lower, stride);
    _tile_stored(3, lower + SIDE, stride);
}

static void copy(float *to, size_t to_step, const float *from, size_t from_step, size_t m, size_t n)
{
    for (size_t i = 0; i < m; i++) memcpy(to + i * to_step, from + i * from_step, n * sizeof *to);
}

/* At an edge, m by n of the 32 by 32 sums. */
static void multiply_edge(float *out, size_t out_step, myna_start start, const uint32_t *left, const uint32_t *right,
    size_t n_tiles, size_t m, size_t n)
{
    alignas(64) float sums[4 * TILE] = {0};
    if (start.x) copy(sums, 2 * SIDE, start.x, start.step, m, n);
    multiply_panels(sums, 2 * SIDE, (myna_start){sums, 2 * SIDE}, left, right, n_tiles);
    copy(out, out_step, sums, 2 * SIDE, m, n);
}

/* How ldtilecfg wants it: all eight tiles have 16 rows of 64 bytes. */
static const struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} __attribute__((aligned(64))) tile_shapes = {.palette = 1,
    .row_bytes = {64, 64, 64, 64, 64, 64, 64, 64},
    .rows = {SIDE, SIDE, SIDE, SIDE, SIDE, SIDE, SIDE, SIDE}};

WITH_TILES static void multiply(float *out, size_t out_step, myna_start start, const uint32_t *left,
    const uint32_t *right, size_t m, size_t n, size_t depth)
{
    const size_t n_tiles = tiles_along(depth), side = 2 * SIDE;
    _tile_loadconfig(&tile_shapes);
    for (size_t j = 0; j < n; j += side) {
        for (size_t i = 0; i < m; i += side) {
            const uint32_t *rows = left + i * n_tiles * SIDE, *columns = right + j * n_tiles * SIDE;
            const myna_start from = myna_start_from(start, i, j);
            if (m - i < side || n - j < side)
                multiply_edge(out + i * out_step + j, out_step, from, rows, columns, n_tiles,
                    myna_bfloat_least(m - i, side), myna_bfloat_least(n - j, side));
            else
                multiply_panels(out + i * out_step + j, out_step, from, rows, columns, n_tiles);
        }
    }
    _tile_release();
}

/* ---- Has it tiles? ----------------------------------------------------------------------------------------------- */

static bool has_tiles;

/* A thread's state grows by 8 kB with tiles, so Linux wants to be asked, once for the process. */
static void ask(void)
{
    enum { REQUEST = 0x1023, TILE_DATA = 18 }; /* ARCH_REQ_XCOMP_PERM and XFEATURE_XTILEDATA; libc has no names for them */
    unsigned a, b, c, d = 0;
    const unsigned bfloat = 1u << 22, tiles = 1u << 24;
    has_tiles = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & bfloat) && (d & tiles) && myna_bfloat_vectors() &&
                syscall(SYS_arch_prctl, REQUEST, TILE_DATA) == 0;
}

const myna_bfloat_kernel *myna_bfloat_tiles(void)
{
    static const myna_bfloat_kernel kernel = {pack_left, pack_right, multiply};
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, ask);
    return has_tiles ? &kernel : NULL;
}

#else

const myna_bfloat_kernel *myna_bfloat_tiles(void)
{
    return NULL;
}

#endif
