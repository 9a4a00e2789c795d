"""Teacher networks: pretrained models read from tflite files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from streamsel.errors import ConfigurationError

_Rgb: TypeAlias = npt.NDArray[np.uint8]
LAYER_MARK = "@"


@dataclass(frozen=True, slots=True, eq=False)
class Teacher:
    """Several networks; each embeds every view separately.

    ``widths`` are the lengths of their vectors; ``digest`` names the files and layers.
    """

    networks: tuple[Callable[[_Rgb], npt.NDArray[np.float32]], ...]
    widths: tuple[int, ...]
    digest: str

    def __call__(self, views: _Rgb) -> npt.NDArray[np.float32]:
        """Embed (N, H, W, 3) RGB views: (N, sum of widths), the networks' vectors side by side.

        The vectors are not normalised.
        """
        return np.stack([np.concatenate([look(v) for look in self.networks]) for v in views])


def load_teacher(sources: Sequence[str]) -> Teacher:
    """Open tflite networks with one square image input, e.g. MobileNetV1 1.0 at 224.

    A source is ``FILE``, with the network's output as vector, or ``FILE@LAYER``, with the output of
    the pooled layer that has LAYER in its name; so a classifier can be a teacher. Quantised values
    are scaled to real numbers. Each network runs on one thread, one view at a time, so a target
    does not depend on batching. Cost: about 25 ms a view for MobileNetV1 1.0. Raises
    :class:`ConfigurationError` if ai-edge-litert is not installed, or a file or layer is missing
    or unsuitable.
    """
    try:
        import ai_edge_litert.interpreter as litert
    except ImportError as error:
        raise ConfigurationError(
            'reading a teacher needs ai-edge-litert: pip install "streamsel[training]"'
        ) from error
    digest = hashlib.sha256()
    opened = []
    for source in sources:
        name, _, layer = source.partition(LAYER_MARK)
        path = Path(name)
        if not path.is_file():
            raise ConfigurationError(f"{path}: no such teacher file")
        opened.append(_open(litert.Interpreter, path, layer))
        digest.update(hashlib.sha256(path.read_bytes()).digest() + layer.encode())
    networks, widths = zip(*opened, strict=True)
    return Teacher(networks, widths, digest.hexdigest()[:8])


def _open(
    interpreter: Any, path: Path, layer: str
) -> tuple[Callable[[_Rgb], npt.NDArray[np.float32]], int]:
    """Return a network as a function of one view, and the length of its vectors."""
    try:
        network = interpreter(
            str(path), num_threads=1, experimental_preserve_all_tensors=bool(layer)
        )
    except ValueError as error:
        raise ConfigurationError(f"{path}: not a tflite network: {error}") from error
    network.allocate_tensors()
    given = network.get_input_details()[0]
    side = int(given["shape"][1])
    result = _pooled(network, layer) if layer else network.get_output_details()[0]
    if result is None:
        raise ConfigurationError(f"{path}: has no pooled layer with {layer!r} in its name")
    scale, zero = result["quantization"]

    def look(view: _Rgb) -> npt.NDArray[np.float32]:
        network.set_tensor(given["index"], _squashed(view, side)[None])
        network.invoke()
        raw = network.get_tensor(result["index"]).reshape(-1).astype(np.float32)
        return np.asarray((raw - np.float32(zero)) * np.float32(scale or 1.0), np.float32)

    return look, int(np.prod(result["shape"]))


def _pooled(network: Any, layer: str) -> Any:
    """Return the first tensor of shape (1, 1, 1, D) with ``layer`` in its name, or None."""
    for tensor in network.get_tensor_details():
        shape = tuple(tensor["shape"])
        if layer in tensor["name"] and len(shape) == 4 and shape[:3] == (1, 1, 1):
            return tensor
    return None


def _squashed(view: _Rgb, side: int) -> _Rgb:
    if view.shape[:2] == (side, side):
        return view
    return np.asarray(Image.fromarray(view).resize((side, side), Image.Resampling.BICUBIC))
