"""Thumbnails to tensors, in batches of one fixed size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from streamsel.errors import EmbedderError
from streamsel.frame import Thumbnail

BATCH = 32


def batches(thumbnails: Sequence[Thumbnail], size: int) -> Iterator[tuple[Tensor, int]]:
    """Yield (32, 3, S, S) uint8 tensors, channels last in memory, with how many rows are real.

    Kernels choose their order of summation by the shape of a batch. Padded to one shape, a
    picture's vector does not depend on how many others came with it. Raises
    :class:`EmbedderError` for a thumbnail that is not (S, S, 3) uint8.
    """
    for begin in range(0, len(thumbnails), BATCH):
        rows = thumbnails[begin : begin + BATCH]
        stacked = np.zeros((BATCH, size, size, 3), np.uint8)
        for row, thumbnail in enumerate(rows):
            if thumbnail.shape != (size, size, 3) or thumbnail.dtype != np.uint8:
                raise EmbedderError(
                    f"a thumbnail is {thumbnail.shape} {thumbnail.dtype}; "
                    f"this network wants ({size}, {size}, 3) uint8"
                )
            stacked[row] = thumbnail
        yield torch.from_numpy(stacked).permute(0, 3, 1, 2), len(rows)
