"""Runs batches through a network: code shared by CPU and GPU, and the CPU version."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from streamsel.embed.device import one_thread
from streamsel.embed.preprocess import BATCH, Prepared, batches, fill
from streamsel.frame import Thumbnail, Vectors

N = TypeVar("N", bound=nn.Module)

# A batch holds about as many pixels as 32 thumbnails of the built-in network: beyond, a CPU gains
# nothing by larger ones, and a single frame of a live feed would wait for rows that are padding.
_BATCH_PIXELS = 32 * 64 * 64


class Slot(Protocol):
    """Buffers for one batch on its way through a network."""

    @property
    def batch(self) -> int:
        """Maximum number of thumbnails."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    def start(self, thumbnails: Sequence[Thumbnail]) -> None:
        """Start a batch; an earlier batch that was not finished is discarded."""

    def finish(self, into: Vectors) -> None:
        """Wait for the batch started last; write the first rows of its vectors, (N, D)."""


def take_turns(slots: Sequence[Slot], thumbnails: Sequence[Thumbnail], into: Vectors) -> None:
    """Run all thumbnails through the slots, with as many batches in progress as slots.

    Writes (N, D). With more than one slot, the next batch is filled while earlier ones compute.
    """
    waiting: deque[tuple[Slot, Vectors]] = deque()
    size, place = slots[0].batch, 0
    for turn, batch in enumerate(batches(thumbnails, size)):
        if len(waiting) == len(slots):
            slot, rows = waiting.popleft()
            slot.finish(rows)
        slot = slots[turn % len(slots)]
        slot.start(batch)
        waiting.append((slot, into[place : place + len(batch)]))
        place += len(batch)
    for slot, rows in waiting:
        slot.finish(rows)


def lay_out(network: N) -> N:
    """Store kernels channels last, in place, as CPUs read them fastest; return the network."""
    for kernel in network.parameters():
        if kernel.ndim == 4:
            kernel.data = kernel.data.contiguous(memory_format=torch.channels_last)
    return network


def checked(vectors: object, rows: int) -> Tensor:
    """Return the output of a network if it is (N, D) of floats, else raise ValueError."""
    if not isinstance(vectors, Tensor) or not vectors.is_floating_point():
        raise ValueError(f"the network gives {_kind(vectors)}, not one (N, D) tensor of floats")
    if vectors.ndim != 2 or vectors.shape[0] != rows or not vectors.shape[1]:
        raise ValueError(
            f"the network gives {tuple(vectors.shape)} for {rows} pictures, not ({rows}, D); "
            "export it with its pooling and without its classifier"
        )
    return vectors


def _kind(given: object) -> str:
    return f"a tensor of {given.dtype}" if isinstance(given, Tensor) else type(given).__name__


class CpuSlot:
    """Computes in the calling thread, with a fixed number of rows."""

    def __init__(self, network: Prepared, side: int) -> None:
        self.batch = max(1, min(BATCH, _BATCH_PIXELS // side**2))
        self._network = network
        self._staging = np.zeros((self.batch, side, side, 3), np.uint8)
        self._vectors = torch.empty(0)
        self.start(())
        self.dim = self._vectors.shape[1]

    def start(self, thumbnails: Sequence[Thumbnail]) -> None:
        """Compute a batch."""
        fill(self._staging, thumbnails)
        pixels = torch.from_numpy(self._staging).permute(0, 3, 1, 2)  # channels last in memory
        with one_thread(), torch.inference_mode():
            self._vectors = checked(self._network(pixels), self.batch).float()

    def finish(self, into: Vectors) -> None:
        """Write the first rows of its vectors."""
        into[:] = self._vectors.numpy()[: len(into)]
