"""ONNX files, run by onnxruntime: ``onnx:model.onnx?size=224``."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from streamsel.embed.backbones.libraries import import_library
from streamsel.embed.backbones.query import FileQuery, Rgb, parse_file
from streamsel.embed.backbones.shapes import flat, in_batches
from streamsel.embed.device import gpu_expected
from streamsel.embed.torch_embedder import Preparation, TorchEmbedder
from streamsel.errors import ConfigurationError, EmbedderError
from streamsel.interfaces.embedding import Embedder

_TYPES: Mapping[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
}
_NO_MESSAGES = 4

# The path of an external tensor: a protobuf entry with this key, followed by its length.
_LOCATION = re.compile(rb"\n\x08location\x12([\x80-\xff]?[\x01-\x7f])")

_RAW: tuple[Rgb, Rgb] = ((0.0,) * 3, (1 / 255,) * 3)


@dataclass(frozen=True, slots=True)
class _Input:
    """A network's input. ``batch`` and ``side`` (pixels) are None if they are not fixed."""

    name: str
    kind: type[np.generic]
    batch: int | None
    side: int | None
    channels_last: bool


class OnnxNetwork(nn.Module):
    """A session of onnxruntime as a torch network: (N, 3, S, S) float32 on the CPU to (N, D)."""

    def __init__(self, asked: str, session: Any, wanted: _Input, output: str) -> None:
        super().__init__()
        self._asked, self._session = asked, session
        self._wanted, self._output = wanted, output

    def forward(self, pixels: Tensor) -> object:
        """Run the session in its layout and type; raises :class:`EmbedderError` if it fails."""
        return in_batches(self._look, pixels, self._wanted.batch)

    def _look(self, pixels: Tensor) -> object:
        if self._wanted.channels_last:
            pixels = pixels.permute(0, 2, 3, 1)  # (N, S, S, 3)
        given: npt.NDArray[Any] = np.ascontiguousarray(pixels.numpy(), self._wanted.kind)
        try:
            (found,) = self._session.run([self._output], {self._wanted.name: given})
        except _failures() as error:
            raise EmbedderError(f"embedder {self._asked!r} failed: {_reason(error)}") from error
        return flat(torch.from_numpy(found))


def open_onnx(rest: str, weights: str | None, device: str) -> Embedder:
    """Open ``FILE?name=value&...``; see :mod:`streamsel.embed.backbones.query`.

    The network has one image input, (N, 3, S, S) or (N, S, S, 3), float32, float16 or uint8 (0 to
    255, not normalised here). Its vectors are the first output of two dimensions, else the first
    of four, (N, D, 1, 1). By default, pictures are whole frames normalised as for ImageNet. On a
    CPU one thread computes, so vectors do not depend on the number of threads. A GPU is used if
    the installed onnxruntime supports it. Raises :class:`ConfigurationError` for a wrong name or
    device, :class:`EmbedderError` for a file, network or GPU that cannot be used.
    """
    query = parse_file("onnx", rest, weights)
    library = import_library(query.asked, "onnxruntime", "onnx")
    providers = _providers(query.asked, device, library.get_available_providers())
    session = _open(query, library, providers, insists=device != "auto")
    wanted = _input(query, session.get_inputs())
    if wanted.kind is np.uint8 and query.normalised:
        raise ConfigurationError(
            f"embedder {query.asked!r}: the network takes uint8, so it normalises by itself; "
            "leave mean and std out"
        )
    mean, std = _RAW if wanted.kind is np.uint8 else (query.mean, query.std)
    output = _output(query, session.get_outputs())
    return TorchEmbedder(
        query.asked,
        OnnxNetwork(query.asked, session, wanted, output).eval(),
        Preparation(query.view(wanted.side), mean, std),
        query.digest([query.path, *external_files(query.path)]),
        torch.device("cpu"),  # batches are prepared here; the session has its own device
    )


def external_files(path: Path) -> list[Path]:
    """Return the external tensor files of an ONNX file, sorted. Reads the whole ONNX file."""
    content = path.read_bytes()
    found = set()
    for match in _LOCATION.finditer(content):
        low, *high = match.group(1)
        length = (low & 0x7F) + (high[0] << 7 if high else 0)
        name = content[match.end() : match.end() + length].decode(errors="replace")
        if (path.parent / name).is_file():
            found.add(path.parent / name)
    return sorted(found)


def _providers(asked: str, device: str, there: list[str]) -> list[Any]:
    """Return the execution providers in order of preference."""
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
        raise ConfigurationError(f"device is {device!r}; it must be auto, cpu, cuda or cuda:N")
    processor = "CPUExecutionProvider"
    # Without a GPU, onnxruntime itself would print an error.
    if device == "cpu" or (device == "auto" and not gpu_expected()):
        return [processor]
    if "CUDAExecutionProvider" not in there:
        if device == "auto":
            return [processor]
        raise EmbedderError(
            f"embedder {asked!r}: this onnxruntime computes on the CPU alone; "
            "pip install onnxruntime-gpu in its place, or use --device auto or cpu"
        )
    options: Mapping[str, object] = {
        "device_id": int(device.partition(":")[2] or 0),
        # The default chooses by timing, so it varies from run to run.
        "cudnn_conv_algo_search": "HEURISTIC",
        "use_tf32": 0,
    }
    return [("CUDAExecutionProvider", options), processor]


def _open(query: FileQuery, library: ModuleType, providers: list[Any], *, insists: bool) -> Any:
    """Open a session. onnxruntime falls back to the CPU; ``insists`` makes that an error."""
    options = library.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = _NO_MESSAGES
    try:
        session = library.InferenceSession(str(query.path), options, providers=providers)
    except _failures() as error:
        raise EmbedderError(
            f"embedder {query.asked!r}: onnxruntime cannot open {query.path}: {_reason(error)}"
        ) from error
    if insists and len(session.get_providers()) < len(providers):
        raise EmbedderError(
            f"embedder {query.asked!r}: onnxruntime finds no CUDA device that it can use; "
            "use --device cpu"
        )
    return session


def _input(query: FileQuery, inputs: list[Any]) -> _Input:
    if len(inputs) != 1:
        names = ", ".join(each.name for each in inputs)
        raise query.unfit(f"it has {len(inputs)} inputs ({names}), not one for pictures")
    (given,) = inputs
    shape = [each if isinstance(each, int) else None for each in given.shape]
    told = f"its input is {given.type} {given.shape}"
    if given.type not in _TYPES or len(shape) != 4:
        raise query.unfit(f"{told}, not float or uint8 (N, 3, S, S) or (N, S, S, 3)")
    batch, *rest = shape
    channels_last = rest[0] != 3 and rest[2] == 3
    height, width = rest[:2] if channels_last else rest[1:]
    channels = rest[2] if channels_last else rest[0]
    if channels not in (3, None) or (height and width and height != width):
        raise query.unfit(f"{told}, not a square picture of 3 channels")
    return _Input(given.name, _TYPES[given.type], batch, height or width, channels_last)


def _output(query: FileQuery, outputs: list[Any]) -> str:
    """Return the name of the requested output, else of the first one that can hold vectors."""
    ranks: dict[str, int] = {each.name: len(each.shape or ()) for each in outputs}
    if query.output is not None:
        if query.output not in ranks:
            raise ConfigurationError(
                f"embedder {query.asked!r}: there is no output {query.output!r}. "
                f"Known: {', '.join(ranks)}"
            )
        return query.output
    for rank in (2, 4):
        for name in ranks:
            if ranks[name] == rank:
                return name
    return next(iter(ranks))


def _failures() -> tuple[type[Exception], ...]:
    """Return the exception types of onnxruntime, which have no common base class."""
    state = importlib.import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    found = [each for each in vars(state).values() if isinstance(each, type)]
    return (RuntimeError, *(each for each in found if issubclass(each, Exception)))


def _reason(error: Exception) -> str:
    """Return onnxruntime's message without error codes and the repeated path."""
    text = str(error).rpartition(" : ")[2].rpartition(" failed:")[2] or type(error).__name__
    return shorten(text, 200)
