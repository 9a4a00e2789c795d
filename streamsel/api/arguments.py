"""Arguments of functions as the options that the command line has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any

from streamsel.pixels.size import PictureSize


def as_written(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments in the types of options: paths as text, lists as tuples, a size parsed.

    Raises :class:`ConfigurationError` for text that is not a size.
    """
    made = dict(given)
    for name in ("mask", "embeddings", "sink"):
        if name in made:
            made[name] = texts(made[name])
    if made.get("weights") is not None:
        made["weights"] = str(made["weights"])
    if made.get("size") is not None:
        made["size"] = picture_size(made["size"])
    return made


def picture_size(size: str | tuple[int, int]) -> PictureSize:
    """Return a size, given as text or as the (width, height) to fit into."""
    return PictureSize.read(size) if isinstance(size, str) else PictureSize(*size)


def texts(paths: str | PathLike[str] | Sequence[str | PathLike[str]]) -> tuple[str, ...]:
    """Return one path or several as a tuple of text."""
    several = [paths] if isinstance(paths, str) or not isinstance(paths, Sequence) else paths
    return tuple(str(path) for path in several)
