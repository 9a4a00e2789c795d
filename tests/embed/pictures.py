"""Thumbnails that differ, made from nothing."""

from __future__ import annotations

import numpy as np

from streamsel.frame import Thumbnail


def thumbnails(count: int, seed: int = 0) -> list[Thumbnail]:
    """Coarse coloured patches with a little noise, like scenes seen from far away."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        patches = rng.uniform(0, 255, (4, 4, 3)).repeat(16, 0).repeat(16, 1)
        noisy = patches + rng.normal(0, 6, patches.shape)
        found.append(np.clip(noisy, 0, 255).astype(np.uint8))
    return found
