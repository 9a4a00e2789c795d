"""Embedders by name: the built-in one, and what other packages add by entry points.

Importing this module loads no network and not torch either.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from typing import TypeAlias

from streamsel.errors import ConfigurationError, EmbedderError
from streamsel.interfaces import Embedder

GROUP = "streamsel.embedders"

Factory: TypeAlias = Callable[..., Embedder]
"""Called with ``weights`` (a path or None) and ``device``; what an entry point loads to."""

_BUILTIN = "builtin"

# What loading somebody else's module raises when it is broken, or misses a library or a file.
_BROKEN = (
    *(ArithmeticError, AttributeError, ImportError, LookupError, NameError, OSError),
    *(RuntimeError, SyntaxError, TypeError, ValueError),
)


@dataclass(frozen=True, slots=True)
class EmbedderInfo:
    """What can be known of an embedder. Figures are 0 where only loading it would tell.

    ``note`` says what it is, or why it is not ``available``.
    """

    name: str
    dim: int
    input_size: int
    megabytes: float
    parameters: int
    available: bool
    note: str


def embedders() -> list[EmbedderInfo]:
    """List every embedder, the built-in one first; a broken one is listed as not available."""
    return [_builtin_info(), *(_plugin_info(point) for point in _plugins())]


def create(name: str, *, weights: str | None = None, device: str = "auto") -> Embedder:
    """Load an embedder by name.

    Raises :class:`ConfigurationError` for a name nobody provides, :class:`EmbedderError` when it
    cannot be loaded.
    """
    if name == _BUILTIN:
        from streamsel.embed.builtin import BuiltinEmbedder

        return BuiltinEmbedder(weights, device)
    points = {point.name: point for point in _plugins()}
    if name not in points:
        known = [_BUILTIN, *points]
        close = get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else "."
        raise ConfigurationError(f"there is no embedder {name!r}{hint} Known: {', '.join(known)}")
    try:
        factory: Factory = points[name].load()
    except _BROKEN as error:
        raise EmbedderError(f"embedder {name!r} cannot be loaded: {error}") from error
    try:
        return factory(weights=weights, device=device)
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise EmbedderError(f"embedder {name!r} cannot be loaded: {error}") from error


def _plugins() -> list[EntryPoint]:
    return sorted(entry_points(group=GROUP), key=lambda point: point.name)


def _builtin_info() -> EmbedderInfo:
    weights = files("streamsel.embed") / "weights" / "builtin.safetensors"
    content = weights.read_bytes()
    return EmbedderInfo(
        name=_BUILTIN,
        dim=256,
        input_size=64,
        megabytes=round(len(content) / 1e6, 2),
        parameters=_parameters(content),
        available=True,
        note="small convolutional network, comes with the package",
    )


def _parameters(content: bytes) -> int:
    """Count parameters from the header of a safetensors file, without loading torch."""
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return sum(
        math.prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__"
    )


def _plugin_info(point: EntryPoint) -> EmbedderInfo:
    try:
        point.load()
    except _BROKEN as error:
        return EmbedderInfo(point.name, 0, 0, 0.0, 0, False, f"cannot be loaded: {error}")
    return EmbedderInfo(point.name, 0, 0, 0.0, 0, True, f"from {point.value}")
