"""How alike two pictures are."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

LEAST = 40.0
LEAST_ABOVE_NEIGHBOURS = 6.0


def psnr(first: Pixels, second: Pixels) -> float:
    """The peak signal-to-noise ratio of two pictures of one shape, in dB; infinite if equal."""
    error = float(np.mean((first.astype(np.float32) - second.astype(np.float32)) ** 2))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def assert_is(picture: Pixels, others: Sequence[Pixels], index: int, least: float = LEAST) -> None:
    """Fail unless a picture is like the one of its index, and clearly less like its neighbours."""
    assert picture.shape == others[index].shape
    likeness = psnr(picture, others[index])
    assert likeness >= least, f"picture {index}: {likeness:.1f} dB"
    for place in (index - 1, index + 1):
        if 0 <= place < len(others) and others[place].shape == picture.shape:
            neighbour = psnr(picture, others[place])
            assert likeness >= neighbour + LEAST_ABOVE_NEIGHBOURS, f"picture {index}: as {place}"
