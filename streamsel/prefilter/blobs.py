"""Connected groups of marked cells."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_MARGIN = 8


def largest_blob(marked: npt.NDArray[np.bool_]) -> int:
    """Return how many cells the largest group has that are connected by sides or corners.

    ``marked`` is (H, W). The cells are the bits of one whole number, with empty columns between the
    rows; a group is grown from one of its cells by shifts. Cost: a few microseconds for each group,
    and for each cell of its length.

    >>> largest_blob(np.array([[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 1]], bool))
    2
    """
    height, width = marked.shape
    stride = -(-width // 8) * 8 + _MARGIN
    padded = np.zeros((height, stride), np.bool_)
    padded[:, :width] = marked
    left = int.from_bytes(np.packbits(padded).tobytes(), "big")
    most = 0
    while left.bit_count() > most:
        blob, grown = 0, left & -left
        while grown != blob:
            blob = grown
            wide = blob | blob << 1 | blob >> 1
            grown = (wide | wide << stride | wide >> stride) & left
        most = max(most, blob.bit_count())
        left &= ~blob
    return most
