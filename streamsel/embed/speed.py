"""Benchmarks an embedder on one core of this machine."""

from __future__ import annotations

import time

import numpy as np

from streamsel.interfaces.embedding import Embedder

BATCH = 32
_ENOUGH = 0.5


def frames_per_second(embedder: Embedder) -> float:
    """Embed batches of 32 noise pictures for half a second, at least one; return the best rate.

    Other load can only make a batch slower. The time is wall time, so a GPU's is included.
    """
    side = embedder.view.side
    noise = np.random.default_rng(0).integers(0, 256, (BATCH, side, side, 3), np.uint8)
    thumbnails = list(noise)
    spent, best = 0.0, float("inf")
    while spent < _ENOUGH:
        began = time.perf_counter()
        embedder.embed(thumbnails)
        took = time.perf_counter() - began
        spent, best = spent + took, min(best, took)
    return BATCH / best
