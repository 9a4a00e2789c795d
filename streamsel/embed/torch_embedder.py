"""Wraps any torch network as an embedder, on a CPU or a GPU."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import shorten

import numpy as np
import torch
from torch import nn

from streamsel.embed.cuda import open_cuda_slots
from streamsel.embed.fold import fold_batch_norms
from streamsel.embed.forward import CpuSlot, Slot, lay_out, take_turns
from streamsel.embed.preprocess import Prepared, check
from streamsel.errors import EmbedderError
from streamsel.frame import Thumbnail, Vectors, View

_SHORTEST = 1e-12

# Errors of a network for input that it cannot process.
_FAILED = (AssertionError, IndexError, RuntimeError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Preparation:
    """Normalisation of a network's input: ``mean`` and ``std`` of RGB in 0..1."""

    view: View
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class TorchEmbedder:
    """Wraps a network; scales its vectors to unit length.

    On a CPU vectors are the same to the bit for any batching, position in a batch and number of
    threads: every pass has a fixed number of rows and runs in the calling thread. Only kernels
    selected by the processor's instruction set make a difference. A GPU computes in half precision,
    so its vectors are close to those of a CPU, not equal. Thread-safe; calls wait for each other.
    """

    def __init__(
        self,
        name: str,
        network: nn.Module,
        preparation: Preparation,
        digest: str,
        device: torch.device,
    ) -> None:
        """Take over a network: (N, 3, S, S) normalised float32 to (N, D).

        It must be in inference mode (``eval()``) and on the CPU; it is changed (batch norms
        folded), moved to the device and run once. Raises :class:`EmbedderError` if it fails on
        pictures of that size, or does not return (N, D).
        """
        self._name, self._digest, self._view = name, digest, preparation.view
        self._lock = threading.Lock()
        self._parameters = sum(each.numel() for each in network.parameters())
        stored = [*network.parameters(), *network.buffers()]
        self._weights_bytes = sum(each.numel() * each.element_size() for each in stored)
        side = self._view.side
        try:
            fold_batch_norms(network, side)
            prepared = Prepared(network, preparation.mean, preparation.std)
            self._slots: Sequence[Slot] = open_slots(prepared, side, device)
        except _FAILED as error:
            raise EmbedderError(self._failed(error)) from error
        self._dim = self._slots[0].dim

    @property
    def name(self) -> str:
        """The name that selects this embedder."""
        return self._name

    @property
    def digest(self) -> str:
        """Hex hash of the weights."""
        return self._digest

    @property
    def view(self) -> View:
        """How to make its thumbnails."""
        return self._view

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._dim

    @property
    def parameters(self) -> int:
        """Number of learned parameters; 0 if another library holds them."""
        return self._parameters

    @property
    def weights_bytes(self) -> int:
        """Size of the weights as loaded, in bytes."""
        return self._weights_bytes

    def embed(self, thumbnails: Sequence[Thumbnail]) -> Vectors:
        """Embed any number of (S, S, 3) uint8 RGB thumbnails: (N, D) unit float32, read-only.

        Raises :class:`EmbedderError` for a thumbnail of another size or type, and for a network
        that fails or returns numbers that are not finite.
        """
        check(thumbnails, self._view.side)
        found = np.empty((len(thumbnails), self._dim), np.float32)  # (N, D)
        try:
            with self._lock:
                take_turns(self._slots, thumbnails, found)
        except _FAILED as error:
            raise EmbedderError(self._failed(error)) from error
        if not np.isfinite(found).all():
            raise EmbedderError(
                f"embedder {self._name!r} gave numbers that are not finite; "
                "are its weights whole? A GPU without bfloat16 may overflow: try --device cpu"
            )
        _scale_to_unit(found)
        found.flags.writeable = False
        return found

    def _failed(self, error: BaseException) -> str:
        reason = shorten(str(error).splitlines()[0] if str(error) else type(error).__name__, 200)
        side = self._view.side
        return f"embedder {self._name!r} fails on pictures of {side} x {side} px: {reason}"


def _scale_to_unit(vectors: Vectors) -> None:
    """Scale (N, D) vectors in place; those without a direction all get the same one."""
    lengths = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))  # (N,)
    vectors /= np.maximum(lengths, _SHORTEST)[:, None].astype(np.float32)
    vectors[lengths < _SHORTEST] = 1 / np.sqrt(vectors.shape[1])


def open_slots(network: Prepared, side: int, device: torch.device) -> list[Slot]:
    """Move a network to a device and allocate its slots for pictures of ``side`` px.

    Runs the network once. Raises :class:`ValueError` if it does not return (N, D).
    """
    if device.type == "cuda":
        return list(open_cuda_slots(network, side, device))
    return [CpuSlot(lay_out(network), side)]
