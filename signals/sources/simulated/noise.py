"""Address random numbers by (seed, stream, index): any of them can be drawn without drawing the others."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Words = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_LANE = np.uint64(0xFFFF)


def words(seed: int, stream: str, index: NDArray[np.int64]) -> Words:
    """Return 64 pseudo-random bits per index: the splitmix64 finaliser over a counter, exact on every platform."""
    start = np.full(1, (seed * 0x9E3779B97F4A7C15 + zlib.crc32(stream.encode()) * 0x100000001) % 2**64, np.uint64)
    return _mixed(_mixed(start) + index.astype(np.uint64) * _GOLDEN)


def uniforms(seed: int, stream: str, index: NDArray[np.int64]) -> Floats:
    """Return one number in [0, 1) per index, from the upper 53 bits of its word."""
    return (words(seed, stream, index) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normals(seed: int, stream: str, index: NDArray[np.int64]) -> Floats:
    """Return one nearly standard normal number per index: twelve 16-bit uniforms added up (Irwin-Hall)."""
    total = np.zeros(index.shape, np.int64)
    for part in range(3):
        word = words(seed, f"{stream}/{part}", index)
        for shift in (0, 16, 32, 48):
            total += ((word >> np.uint64(shift)) & _LANE).astype(np.int64)
    return (total.astype(np.float64) + 6.0) * 2.0**-16 - 6.0


def ripple(seed: int, stream: str, at: Floats) -> Floats:
    """Return smooth noise of unit size at real positions: random knots at the integers, eased between them."""
    left = np.floor(at)
    share = at - left
    eased = share * share * (3.0 - 2.0 * share)
    knot = left.astype(np.int64)
    return normals(seed, stream, knot) * (1.0 - eased) + normals(seed, stream, knot + 1) * eased


def _mixed(word: Words) -> Words:
    """Scatter the bits of a word."""
    word = (word ^ (word >> np.uint64(30))) * _MIX_1
    word = (word ^ (word >> np.uint64(27))) * _MIX_2
    return word ^ (word >> np.uint64(31))
