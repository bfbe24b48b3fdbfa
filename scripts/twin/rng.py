"""Myna's random numbers (src/base/rng.c): many streams side by side, since each is sequential by nature."""

import numpy as np

MASK = (1 << 64) - 1


def _split_mix(x):
    x = (x + 0x9E3779B97F4A7C15) & MASK
    z = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return x, z ^ (z >> 31)


def _seed(seed, stream):
    _, z = _split_mix(seed)
    x = z ^ ((stream * 0xD1342543DE82EF95) & MASK)
    x, a = _split_mix(x)
    x, b = _split_mix(x)
    return [a & 0xFFFFFFFF, a >> 32, b & 0xFFFFFFFF, (b >> 32) | 1]


def _rotate(x, k):
    return (x << np.uint32(k)) | (x >> np.uint32(32 - k))


def draw(seed, streams, n):
    """The first n numbers of each stream: uint32 [len(streams)][n] (xoshiro128++)."""
    s = np.array([_seed(seed, stream) for stream in streams], dtype=np.uint32).T.copy()
    out = np.empty((n, len(streams)), dtype=np.uint32)
    for i in range(n):
        out[i] = _rotate(s[0] + s[3], 7) + s[0]
        t = s[1] << np.uint32(9)
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = _rotate(s[3], 11)
    return out.T


def uniform(bits, low, high):
    """myna_rng_uniform of numbers drawn: float32 in [low, high)."""
    low, high = np.float32(low), np.float32(high)
    return low + (high - low) * (bits >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)


def normal(bits):
    """myna_rng_normal of numbers drawn, two for each: float32, half as many."""
    u, v = np.float32(1) - uniform(bits[..., 0::2], 0, 1), uniform(bits[..., 1::2], 0, 1)
    return np.sqrt(np.float32(-2) * np.log(u)) * np.cos(np.float32(6.2831853) * v)
