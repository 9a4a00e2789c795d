"""The built-in embedder: needs no download, no account, no GPU."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from textwrap import shorten

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from streamsel.embed.network import DIM, INPUT_SIZE, Network
from streamsel.embed.preprocess import batches
from streamsel.errors import ConfigurationError, EmbedderError
from streamsel.frame import Thumbnail, Vectors

_SHORTEST = 1e-12


class BuiltinEmbedder:
    """The network of :mod:`streamsel.embed.network` with the weights that came with the package.

    On a CPU vectors are the same to the bit for any batching, any position in a batch and any
    number of threads: every pass runs on exactly 32 rows, in the calling thread. Only the kernels
    that a processor's instruction set selects make a difference. Safe from several threads, which
    wait for each other.
    """

    name = "builtin"
    input_size = INPUT_SIZE
    dim = DIM

    def __init__(self, weights: str | None = None, device: str = "auto") -> None:
        """Load the network. ``weights`` is a safetensors file; None: those of the package.

        Raises :class:`EmbedderError` for weights that are missing or of another network, or a
        device that is not there; :class:`ConfigurationError` for a device nobody knows.
        """
        content, origin = _read(weights)
        self.digest = hashlib.sha256(content).hexdigest()[:16]
        self._device = choose_device(device)
        network = Network()
        try:
            network.load_state_dict(load(content))
        except (SafetensorError, RuntimeError) as error:
            reason = shorten(str(error).splitlines()[-1], 160)
            raise EmbedderError(
                f"{origin}: these are not weights of the built-in network: {reason}"
            ) from error
        network.fuse().lay_out().to(self._device)
        self._lock = threading.Lock()
        self._network = network

    def embed(self, thumbnails: Sequence[Thumbnail]) -> Vectors:
        """Embed any number of (64, 64, 3) uint8 RGB thumbnails: (N, 256) unit, read-only.

        Raises :class:`EmbedderError` for a thumbnail of another size or kind.
        """
        found = np.empty((len(thumbnails), DIM), np.float32)  # (N, D)
        place = 0
        with self._lock, one_thread(), torch.inference_mode():
            for pixels, rows in batches(thumbnails, INPUT_SIZE):
                found[place : place + rows] = self._forward(pixels)[:rows]
                place += rows
        lengths = np.sqrt(np.einsum("nd,nd->n", found, found, dtype=np.float64))  # (N,)
        found /= np.maximum(lengths, _SHORTEST)[:, None].astype(np.float32)
        found.flags.writeable = False
        return found

    def _forward(self, pixels: Tensor) -> Vectors:
        vectors: Vectors = self._network(pixels.to(self._device).float()).cpu().numpy()
        return vectors


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute in the calling thread alone: its kernels split sums among threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def choose_device(wanted: str) -> torch.device:
    """Turn ``auto``, ``cpu``, ``cuda`` or ``cuda:N`` into a device that is there.

    ``auto`` is the first GPU, or the CPU where there is none. Raises :class:`ConfigurationError`
    for another name, :class:`EmbedderError` for a GPU that is not there.
    """
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", wanted):
        raise ConfigurationError(f"device is {wanted!r}; it must be auto, cpu, cuda or cuda:N")
    device = torch.device(wanted)
    if device.type == "cuda":
        present = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= present:
            raise EmbedderError(
                f"device {wanted} is not there ({present} CUDA devices are); "
                "use --device auto or cpu"
            )
    return device


def _read(weights: str | None) -> tuple[bytes, str]:
    """The bytes of a weights file, and what to call it in a message."""
    own = files("streamsel.embed") / "weights" / "builtin.safetensors"
    origin = weights or "the package's own weights"
    try:
        return (own if weights is None else Path(weights)).read_bytes(), origin
    except OSError as error:
        raise EmbedderError(f"{origin}: cannot be read: {error.strerror}") from error
