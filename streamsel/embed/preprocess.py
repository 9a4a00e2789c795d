"""Preprocessing: thumbnails to normalised batches of one size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from streamsel.errors import EmbedderError
from streamsel.frame import Thumbnail

BATCH = 32


def check(thumbnails: Sequence[Thumbnail], side: int) -> None:
    """Raise :class:`EmbedderError` for a thumbnail that is not (S, S, 3) uint8."""
    for thumbnail in thumbnails:
        if thumbnail.shape != (side, side, 3) or thumbnail.dtype != np.uint8:
            raise EmbedderError(
                f"a thumbnail is {thumbnail.shape} {thumbnail.dtype}; "
                f"this network wants ({side}, {side}, 3) uint8"
            )


def batches(thumbnails: Sequence[Thumbnail], size: int) -> Iterator[Sequence[Thumbnail]]:
    """Yield the thumbnails in order, ``size`` at a time; the last batch may be shorter."""
    for begin in range(0, len(thumbnails), size):
        yield thumbnails[begin : begin + size]


def fill(staging: npt.NDArray[np.uint8], thumbnails: Sequence[Thumbnail]) -> None:
    """Copy thumbnails into the first rows of (B, S, S, 3) and set the others to black.

    Kernels choose their order of summation by the shape of a batch. With padding to one shape, a
    picture's vector does not depend on the number of others in the batch.
    """
    for row, thumbnail in enumerate(thumbnails):
        staging[row] = thumbnail
    staging[len(thumbnails) :] = 0


class Prepared(nn.Module):
    """A network with input (N, 3, S, S) uint8 RGB, which it normalises on its own device."""

    scale: Tensor
    shift: Tensor

    def __init__(self, network: nn.Module, mean: Sequence[float], std: Sequence[float]) -> None:
        """``mean`` and ``std`` are those of RGB in 0..1."""
        super().__init__()
        scale = [1 / (255 * deviation) for deviation in std]
        shift = [-middle / deviation for middle, deviation in zip(mean, std, strict=True)]
        self.network = network
        self.register_buffer("scale", torch.tensor(scale).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("shift", torch.tensor(shift).view(1, 3, 1, 1), persistent=False)
        self._as_it_is = scale == [1.0] * 3 and shift == [0.0] * 3

    def forward(self, pixels: Tensor) -> Tensor:
        """(N, 3, S, S) uint8 to the network's (N, D) output."""
        x = pixels.float()
        if not self._as_it_is:
            x = torch.addcmul(self.shift, x, self.scale)
        vectors: Tensor = self.network(x)
        return vectors
