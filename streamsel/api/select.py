"""``streamsel.select``: the selection of frames as a function."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from os import PathLike
from pathlib import Path

from streamsel.api.arguments import as_written, texts
from streamsel.api.progress import ProgressDisplay, open_progress
from streamsel.api.results import Selection
from streamsel.choices import (
    Calibration,
    ChangeWeight,
    Decode,
    Durability,
    ImageFormat,
    Method,
    NearDuplicate,
    ShowProgress,
)
from streamsel.config import definitions
from streamsel.config.annotated import Definition
from streamsel.config.options import RunOptions, run_options
from streamsel.config.types import require_types
from streamsel.errors import ConfigurationError
from streamsel.report.summary import store_statistics
from streamsel.runtime.execute import execute
from streamsel.wiring.handover import hand_over, open_sinks
from streamsel.wiring.inputs import tell_passed_over
from streamsel.wiring.selection import SelectionRun, build_selection


def select(
    inputs: str | PathLike[str] | Sequence[str | PathLike[str]],
    *,
    count: int | None = None,
    share: float | None = None,
    method: Method = "online",
    min_distance: float = 0.0,
    window: float | None = None,
    burst: str = "auto",
    per_input: bool = False,
    near_duplicate: NearDuplicate = "auto",
    calibration: Calibration = "held-back",
    look_ahead: int = 32,
    seed: int = 0,
    start: float | None = None,
    end: float | None = None,
    fps: float | None = None,
    mask: str | Sequence[str] = (),
    vf: str | None = None,
    decode: Decode = "all",
    hwaccel: str | None = None,
    jobs: int = 1,
    keep_exact_duplicates: bool = False,
    keep_unchanged: bool = False,
    unchanged_level: float = 1.0,
    keep_corrupt: bool = False,
    keep_black: bool = False,
    black_level: int = 32,
    keep_uniform: bool = False,
    keep_frozen: bool = False,
    frozen_after: float = 2.0,
    min_sharpness: float = 0.01,
    change_weight: ChangeWeight = "auto",
    embedder: str = "builtin",
    weights: str | PathLike[str] | None = None,
    device: str = "auto",
    embeddings: str | PathLike[str] | Sequence[str | PathLike[str]] = (),
    format: ImageFormat = "jpg",
    quality: int | None = None,
    size: str | tuple[int, int] | None = None,
    keep_pixels: bool = False,
    keep_hdr: bool = False,
    durability: Durability = "strict",
    output: str | PathLike[str] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    sink: str | Sequence[str] = (),
    progress: ShowProgress = "auto",
) -> Selection:
    """Keep the ``count`` most diverse frames of videos, folders, globs or URLs.

    Arguments have the meaning and the bounds of the ``streamsel select`` options of the same name;
    times are seconds. ``size`` is text as for the command, or the (width, height) to fit into, in
    pixels. ``embeddings`` are files of precomputed vectors. An input that cannot be read does not
    stop the others; ``selection.summary.errors`` names it. ``progress`` is shown in notebooks,
    below the cell; with True elsewhere too, on stderr.

    Raises :class:`StreamselError`: :class:`ConfigurationError` for invalid arguments,
    :class:`SourceError` if no input can be read, :class:`SinkError` if the frames cannot be stored.
    """
    given = dict(locals())
    require_types(select, given)
    if output is None and (resume or overwrite):
        raise ConfigurationError("resume and overwrite need an output folder")
    Definition.of(definitions.Jobs).require("jobs", jobs)
    options = run_options(as_written(given))
    folder = Path(tempfile.mkdtemp(prefix="streamsel-")) if output is None else Path(output)
    try:
        with open_progress(progress) as display:
            selection = select_inputs(
                texts(inputs),
                options,
                folder,
                resume=resume,
                overwrite=overwrite,
                jobs=jobs,
                sink=texts(sink),
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
    sink: Sequence[str] = (),
    progress: ProgressDisplay | None = None,
    verbose: bool = False,
    temporary: bool = False,
) -> Selection:
    """Run a selection into a folder, for :func:`select` and the command line.

    Each ``sink`` receives the kept frames at the end, unless the run was interrupted.
    ``verbose``: names every skipped file, and reports the estimated disk space even if there is
    plenty. After an interruption the result is that of the frames read, not ``complete``. Raises
    as :func:`select` does.
    """
    with ExitStack() as at_the_end:
        # First of all, for they may refuse their options: no folder is made for that.
        sinks = open_sinks(sink)
        for one in sinks:
            at_the_end.callback(one.close)
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
            progress.start_from(sum(1 for _ in run.sink.record.reader.kept()))
        complete = execute(run.pipeline, [run.sink])
        selection = Selection(folder, temporary=temporary)
        if progress is not None:
            # Also for pictures that could not be written or decoded again, which end no reading.
            for reason in selection.summary.errors.values():
                progress.complain(f"error: {reason}")
            for warnings in selection.summary.warnings.values():
                for warning in warnings:
                    progress.complain(f"warning: {warning}")
        if complete:
            store_statistics(selection.summary)
            hand_over(folder, sinks, resumable=not temporary)
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
