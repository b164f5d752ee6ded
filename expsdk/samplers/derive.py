"""Seeds and numbers that depend on a sweep's seed and some labels only: the same on every machine and Python."""

from __future__ import annotations

import hashlib


def derive_seed(seed: int, *labels: str | int, bits: int = 64) -> int:
    """Return a seed in `range(2**bits)`, at most 256 bits, from a sweep's seed and some labels.

    Python's own `hash` would not do: it differs between processes.
    """
    text = "/".join(map(str, (seed, *labels)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big") >> (256 - bits)


def derive_trial_seed(seed: int, number: int) -> int:
    """Return the seed of a trial's own, from its experiment's and its number; it fits 64 bits with a sign."""
    return derive_seed(seed, "trial", number, bits=63)


def derive_unit(seed: int, *labels: str | int) -> float:
    """Return a number in [0, 1), a multiple of 2**-53, from a sweep's seed and some labels."""
    return derive_seed(seed, *labels, bits=53) / 2**53
