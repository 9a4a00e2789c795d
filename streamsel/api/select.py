"""``streamsel.select`` and its result."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

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
from streamsel.errors import ConfigurationError, FolderInUseError, SinkError
from streamsel.frame import FrameKey
from streamsel.pixels.size import PictureSize
from streamsel.report.summary import Summary, store_statistics, summarise
from streamsel.runtime.execute import execute
from streamsel.wiring.selection import build_selection


@dataclass(frozen=True, slots=True)
class SelectedFrame:
    """A kept frame and its picture on disk.

    ``media_time`` is seconds from the feed's first frame; ``index`` is the frame's exact position.
    ``distance`` is the distance to ``nearest``, the nearest kept frame at admission; both are None
    for the first frame. ``display_name`` is the feed's name for people, ``original`` the file name
    of an image. ``wall_time`` is the recording time stored in the file, in UTC epoch seconds.
    ``width`` and ``height`` are pixels.
    """

    id: str
    feed: str
    display_name: str
    source: str
    original: str | None
    index: int
    pts: int | None
    time_base: Fraction
    media_time: float
    wall_time: float | None
    width: int
    height: int
    path: Path
    sha256: str
    distance: float | None
    nearest: FrameKey | None
    reason: str
    sharpness: float

    def image(self) -> npt.NDArray[np.uint8]:
        """Read the picture: (H, W, 3) RGB."""
        from PIL import Image

        with Image.open(self.path) as image:
            return np.asarray(image.convert("RGB"))


class Selection:
    """The result of a selection: the kept frames and their diversity.

    The pictures lie in ``folder``. Without an output folder this is a temporary folder, deleted
    with this object; copy it elsewhere with :meth:`write`.
    """

    def __init__(self, folder: str | PathLike[str], *, temporary: bool = False) -> None:
        """Read the result of a run; a ``temporary`` folder is deleted with this object.

        Raises :class:`RecordError` if the folder holds no run.
        """
        require_types(Selection.__init__, {"folder": folder, "temporary": temporary})
        self.folder = Path(folder)
        if temporary:
            weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self.summary: Summary = summarise(self.folder)

    @property
    def frames(self) -> tuple[SelectedFrame, ...]:
        """The kept frames, ordered by feed and index. Each access reads the record."""
        from streamsel.record.reader import Record

        with Record.open(self.folder) as record:
            return tuple(
                SelectedFrame(
                    id=str(kept.key),
                    feed=kept.key.feed,
                    display_name=kept.display_name,
                    source=kept.source,
                    original=kept.original,
                    index=kept.key.index,
                    pts=kept.pts,
                    time_base=kept.time_base,
                    media_time=kept.media_time,
                    wall_time=kept.wall_time,
                    width=kept.picture.width,
                    height=kept.picture.height,
                    path=self.folder / kept.picture.path,
                    sha256=kept.picture.sha256,
                    distance=kept.distance,
                    nearest=kept.nearest,
                    reason=kept.reason,
                    sharpness=kept.sharpness,
                )
                for kept in record.kept()
                if kept.picture is not None
            )

    @property
    def diversity(self) -> dict[str, float | int | None]:
        """Pair distances of the kept frames, and how well they cover all frames seen."""
        return self.summary.diversity

    def write(self, folder: str | PathLike[str]) -> Path:
        """Copy the run's folder to a new or empty folder and return its path.

        Raises :class:`FolderInUseError` if the target is not empty, :class:`SinkError` if it cannot
        be written.
        """
        require_types(Selection.write, {"folder": folder})
        target = Path(folder)
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise FolderInUseError(f"{target}: exists already; name a new or an empty folder")
        try:
            shutil.copytree(self.folder, target, dirs_exist_ok=True)
        except OSError as error:
            raise SinkError(f"{target}: cannot be written: {error.strerror or error}") from error
        return target


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
