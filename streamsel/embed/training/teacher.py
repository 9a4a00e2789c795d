"""The teacher: a network that already knows natural images, read from a tflite file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from streamsel.errors import ConfigurationError

Teacher: TypeAlias = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]
"""Maps (N, 224, 224, 3) RGB views to (N, D) float32 vectors, each on its own."""


def load_teacher(path: Path) -> Teacher:
    """Open a tflite network with one image in and one vector out, e.g. MobileNetV1 1.0 at 224.

    Its quantised output is scaled to real numbers. It runs on one thread, one view at a time, so a
    target does not depend on batching; about 25 ms a view. Raises :class:`ConfigurationError`
    where ai-edge-litert is not installed or the file cannot be read.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise ConfigurationError(
            'reading the teacher needs ai-edge-litert: pip install "streamsel[training]"'
        ) from error
    if not path.is_file():
        raise ConfigurationError(f"{path}: no such teacher file")
    try:
        network = Interpreter(str(path), num_threads=1)
    except ValueError as error:
        raise ConfigurationError(f"{path}: not a tflite network: {error}") from error
    network.allocate_tensors()
    given, result = network.get_input_details()[0], network.get_output_details()[0]
    scale, zero = result["quantization"]

    def teach(views: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        vectors = np.empty((len(views), int(np.prod(result["shape"]))), np.float32)
        for row, view in zip(vectors, views, strict=True):
            network.set_tensor(given["index"], view[None])
            network.invoke()
            row[:] = network.get_tensor(result["index"]).reshape(-1)
        return (vectors - np.float32(zero)) * np.float32(scale or 1.0)

    return teach
