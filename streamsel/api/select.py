"""``streamsel.select``: the selection of frames as a function."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Literal

from streamsel.api.results import Selection
from streamsel.choices import Decode, ImageFormat, Method
from streamsel.config.options import (
    MOST_JOBS,
    EmbedOptions,
    ReadOptions,
    RunOptions,
    SelectOptions,
    WriteOptions,
)
from streamsel.config.types import require_types
from streamsel.errors import ConfigurationError
from streamsel.pixels.size import PictureSize
from streamsel.report.summary import store_statistics
from streamsel.runtime.execute import execute
from streamsel.wiring.selection import build_selection


def select(
    inputs: str | PathLike[str] | Sequence[str | PathLike[str]],
    *,
    count: int | None = None,
    share: float | None = None,
    method: Method = "online",
    min_distance: float = 0.0,
    near_duplicate: float | Literal["auto"] = "auto",
    per_input: bool = False,
    seed: int = 0,
    start: float | None = None,
    end: float | None = None,
    fps: float | None = None,
    vf: str | None = None,
    decode: Decode = "all",
    hwaccel: str | None = None,
    mask: str | Sequence[str] = (),
    size: str | tuple[int, int] | None = None,
    keep_pixels: bool = False,
    keep_hdr: bool = False,
    format: ImageFormat = "jpg",
    quality: int | None = None,
    embedder: str = "builtin",
    weights: str | None = None,
    device: str = "auto",
    embeddings: str | PathLike[str] | Sequence[str | PathLike[str]] = (),
    output: str | PathLike[str] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    jobs: int = 1,
) -> Selection:
    """Keep the ``count`` most diverse frames of videos, folders, globs or URLs.

    Arguments have the meaning of the ``streamsel select`` options of the same name; times are
    seconds. ``size`` is text as for the command, or the (width, height) to fit into, in pixels.
    ``embeddings`` are files of precomputed vectors. An input that cannot be read does not stop the
    others; ``selection.summary.errors`` names it.

    Raises :class:`StreamselError`: :class:`ConfigurationError` for invalid arguments,
    :class:`SourceError` if no input can be read, :class:`SinkError` if the frames cannot be stored.
    """
    require_types(select, locals())
    if output is None and (resume or overwrite):
        raise ConfigurationError("resume and overwrite need an output folder")
    if not 1 <= jobs <= MOST_JOBS:
        raise ConfigurationError(f"jobs is {jobs}; it must lie in 1..{MOST_JOBS}")
    options = RunOptions(
        read=ReadOptions(
            start=start,
            end=end,
            fps=fps,
            filters=vf,
            decode=decode,
            hwaccel=hwaccel,
            mask=_names(mask),
        ),
        embed=EmbedOptions(
            embedder=embedder, weights=weights, device=device, embeddings=_names(embeddings)
        ),
        select=SelectOptions(
            method=method,
            count=count,
            share=share,
            min_distance=min_distance,
            near_duplicate=near_duplicate,
            per_input=per_input,
            seed=seed,
        ),
        write=WriteOptions(
            format=format,
            quality=quality,
            size=_picture_size(size),
            keep_pixels=keep_pixels,
            keep_hdr=keep_hdr,
        ),
    )
    folder = Path(tempfile.mkdtemp(prefix="streamsel-")) if output is None else Path(output)
    try:
        run = build_selection(
            _names(inputs),
            options,
            folder,
            resume=resume,
            overwrite=overwrite,
            jobs=jobs,
        )
        if not execute(run.pipeline, [run.sink]):
            raise KeyboardInterrupt
        selection = Selection(folder, temporary=output is None)
        store_statistics(selection.summary)
        return selection
    except BaseException:
        if output is None:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _picture_size(size: str | tuple[int, int] | None) -> PictureSize | None:
    if size is None:
        return None
    return PictureSize.read(size) if isinstance(size, str) else PictureSize(*size)


def _names(paths: str | PathLike[str] | Sequence[str | PathLike[str]]) -> tuple[str, ...]:
    """Return one path or several as a tuple of text."""
    several = [paths] if isinstance(paths, str) or not isinstance(paths, Sequence) else paths
    return tuple(str(path) for path in several)
