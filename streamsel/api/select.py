"""``streamsel.select``: the selection of frames as a function."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Literal

from streamsel.api.progress import ProgressDisplay, open_progress
from streamsel.api.results import Selection
from streamsel.choices import Decode, ImageFormat, Method
from streamsel.config import definitions
from streamsel.config.annotated import Definition
from streamsel.config.options import (
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
from streamsel.wiring.inputs import tell_passed_over
from streamsel.wiring.selection import SelectionRun, build_selection


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
    progress: bool | Literal["auto"] = "auto",
) -> Selection:
    """Keep the ``count`` most diverse frames of videos, folders, globs or URLs.

    Arguments have the meaning of the ``streamsel select`` options of the same name; times are
    seconds. ``size`` is text as for the command, or the (width, height) to fit into, in pixels.
    ``embeddings`` are files of precomputed vectors. An input that cannot be read does not stop the
    others; ``selection.summary.errors`` names it. ``progress`` is shown in notebooks, below the
    cell; with True elsewhere too, on stderr.

    Raises :class:`StreamselError`: :class:`ConfigurationError` for invalid arguments,
    :class:`SourceError` if no input can be read, :class:`SinkError` if the frames cannot be stored.
    """
    require_types(select, locals())
    if output is None and (resume or overwrite):
        raise ConfigurationError("resume and overwrite need an output folder")
    Definition.of(definitions.Jobs).require("jobs", jobs)
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
        with open_progress(progress) as display:
            selection = select_inputs(
                _names(inputs),
                options,
                folder,
                resume=resume,
                overwrite=overwrite,
                jobs=jobs,
                progress=display,
                temporary=output is None,
            )
        if not selection.complete:
            raise KeyboardInterrupt
        return selection
    except BaseException:
        if output is None:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def select_inputs(
    inputs: Sequence[str],
    options: RunOptions,
    folder: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    jobs: int = 1,
    progress: ProgressDisplay | None = None,
    verbose: bool = False,
    temporary: bool = False,
) -> Selection:
    """Run a selection into a folder, for :func:`select` and the command line.

    ``verbose``: names every skipped file, and reports the estimated disk space even if there is
    plenty. After an interruption the result is that of the frames read, not ``complete``. Raises
    as :func:`select` does.
    """
    run = build_selection(
        inputs,
        options,
        folder,
        resume=resume,
        overwrite=overwrite,
        observers=[] if progress is None else [progress],
        jobs=jobs,
    )
    if progress is not None:
        _announce(run, progress, verbose=verbose)
        progress.start_from(sum(1 for _ in run.sink.record.kept()))
    complete = execute(run.pipeline, [run.sink])
    selection = Selection(folder, temporary=temporary)
    if progress is not None:
        # Also for pictures that could not be written or decoded again, which end no reading.
        for reason in selection.summary.errors.values():
            progress.complain(f"error: {reason}")
    if complete:
        store_statistics(selection.summary)
    return selection


def _announce(run: SelectionRun, progress: ProgressDisplay, *, verbose: bool) -> None:
    """Say which inputs are not read, and whether the disk has room for the pictures."""
    for error in run.errors:
        progress.complain(f"error: {error}")
    for line in tell_passed_over(run.passed_over, verbose=verbose):
        progress.say(line)
    if run.room is None:
        return
    if run.room.is_short:
        progress.complain(f"warning: {run.room}")
    elif run.room.is_worth_saying or verbose:
        progress.say(str(run.room))


def _picture_size(size: str | tuple[int, int] | None) -> PictureSize | None:
    if size is None:
        return None
    return PictureSize.read(size) if isinstance(size, str) else PictureSize(*size)


def _names(paths: str | PathLike[str] | Sequence[str | PathLike[str]]) -> tuple[str, ...]:
    """Return one path or several as a tuple of text."""
    several = [paths] if isinstance(paths, str) or not isinstance(paths, Sequence) else paths
    return tuple(str(path) for path in several)
