"""TorchScript and ``torch.export`` files: ``torchscript:model.pt?size=224``.

The content of the file, not its name, distinguishes TorchScript from a ``torch.export`` archive.
Opening a file executes code in it; open only files that you trust.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable
from textwrap import shorten

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.export.passes import move_to_device_pass

from streamsel.embed.backbones.query import FileQuery, parse_file
from streamsel.embed.backbones.shapes import in_batches, pick
from streamsel.embed.device import choose_device
from streamsel.embed.torch_embedder import Preparation, TorchEmbedder
from streamsel.errors import EmbedderError
from streamsel.interfaces.embedding import Embedder

# Errors of torch for an unreadable file.
_UNREADABLE = (AttributeError, KeyError, OSError, RuntimeError, TypeError, ValueError)


class ExportedNetwork(nn.Module):
    """An exported network reduced to its vectors, (N, 3, S, S) to (N, D).

    ``batch`` is its fixed or maximum number of pictures per batch; None if it takes any number.
    """

    def __init__(self, query: FileQuery, network: nn.Module, batch: int | None) -> None:
        super().__init__()
        self.network = network
        self._query, self._batch = query, batch

    def forward(self, pixels: Tensor) -> object:
        """Return the vectors of pictures; output that is not (N, D) is returned unchanged."""
        return in_batches(self._look, pixels, self._batch)

    def _look(self, pixels: Tensor) -> object:
        return pick(self._query.asked, self.network(pixels), self._query.output)


def open_exported(rest: str, weights: str | None, device: str) -> Embedder:
    """Open ``FILE?name=value&...``; see :mod:`streamsel.embed.backbones.query`.

    The input is (N, 3, S, S) float32 with a fixed or variable N; one of the outputs is (N, D) or
    (N, D, 1, 1). TorchScript does not store S, so the name must give it as ``size``. Raises
    :class:`ConfigurationError` for a wrong name, :class:`EmbedderError` for a file or network that
    cannot be used.
    """
    query = parse_file("torchscript", rest, weights)
    place = choose_device(device)
    inside = _content(query)
    try:
        if "constants.pkl" in inside:
            network, side = _open_script(query)
        elif "archive_format" in inside:
            network, side = _open_program(query, place)
        else:
            raise EmbedderError(
                f"embedder {query.asked!r}: {query.path} holds no network (weights alone?); "
                "write one with torch.export.save or torch.jit.save"
            )
    except _UNREADABLE as error:
        reason = shorten(str(error).partition("\n")[0], 200)
        raise EmbedderError(
            f"embedder {query.asked!r}: torch cannot open {query.path}: {reason}"
        ) from error
    return TorchEmbedder(
        query.asked,
        network,
        Preparation(query.view(side), query.mean, query.std),
        query.digest([query.path]),
        place,
    )


def _content(query: FileQuery) -> set[str]:
    """Return the names of the archive's members, without their common top folder."""
    try:
        with zipfile.ZipFile(query.path) as archive:
            return {name.partition("/")[2] for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile) as error:
        raise EmbedderError(
            f"embedder {query.asked!r}: {query.path} is neither TorchScript nor a torch.export "
            f"archive: {error}"
        ) from error


def _open_script(query: FileQuery) -> tuple[nn.Module, None]:
    with warnings.catch_warnings():
        # The warning is for authors of such files; here they are only read.
        warnings.filterwarnings("ignore", "`torch.jit.load` is deprecated", DeprecationWarning)
        load: Callable[..., nn.Module] = torch.jit.load
        network = load(query.path, map_location="cpu")
    return ExportedNetwork(query, network, None).eval(), None


def _open_program(query: FileQuery, place: torch.device) -> tuple[nn.Module, int | None]:
    """Return the network, and the side of its pictures in pixels if it is fixed, else None."""
    with query.path.open("rb") as file:  # for a path without .pt2 torch warns
        program = torch.export.load(file)
    inputs = program.graph_signature.user_inputs
    nodes = {node.name: node for node in program.graph.nodes}
    if len(inputs) != 1:
        raise query.unfit(f"it has {len(inputs)} inputs, not one for pictures")
    pixels = nodes[str(inputs[0])].meta["val"]
    if pixels.dtype != torch.float32 or pixels.ndim != 4 or pixels.shape[1] != 3:
        shape = f"{str(pixels.dtype).removeprefix('torch.')} {tuple(pixels.shape)}"
        raise query.unfit(f"its input is {shape}, not float32 (N, 3, S, S)")
    fixed = [side for side in pixels.shape[2:] if isinstance(side, int)]
    if len(set(fixed)) > 1:
        raise query.unfit(f"its pictures are {fixed[1]} x {fixed[0]} px, not square")
    if place.type != "cpu":
        # The program stores the device of each intermediate tensor.
        program = move_to_device_pass(program, place)
    network = ExportedNetwork(query, program.module(), _most(program, pixels.shape[0]))
    return network, fixed[0] if fixed else None


def _most(program: ExportedProgram, batch: int | torch.SymInt) -> int | None:
    """Return the fixed or maximum number of pictures per batch; None if there is no limit."""
    if isinstance(batch, int):
        return batch
    bounds = program.range_constraints.get(batch.node.expr)
    return int(bounds.upper) if bounds is not None and bounds.upper.is_Integer else None
