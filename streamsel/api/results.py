"""The result of a selection: its kept frames, their pictures and embeddings."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np
import numpy.typing as npt

from streamsel.api.contact_sheet import contact_sheet
from streamsel.api.picture_file import read_picture
from streamsel.config.types import require_types
from streamsel.errors import FolderInUseError, RecordError, SinkError
from streamsel.frame import FrameKey, Vector
from streamsel.record.reader import Record
from streamsel.record.values import KeptFrame, StoredPicture
from streamsel.report.summary import Summary, summarise

if TYPE_CHECKING:
    from PIL.Image import Image


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
    _embedding: Vector | None = field(default=None, compare=False, repr=False)
    _folder: RunFolder | None = field(default=None, compare=False, repr=False)

    @property
    def embedding(self) -> Vector:
        """The frame's embedding, (D,) float32 of unit norm, read-only.

        Raises :class:`RecordError` if the record does not have it.
        """
        if self._embedding is None:
            raise RecordError(
                f"{self.id}: the record has no embedding of this frame; select again to compute it"
            )
        return self._embedding

    def image(self) -> npt.NDArray[np.uint8]:
        """Read the picture: (H, W, 3) RGB. Raises as :meth:`pil` does."""
        return np.asarray(self.pil())

    def pil(self) -> Image:
        """Read the picture as a ``PIL.Image.Image`` in mode RGB.

        Raises :class:`RecordError` if the file is gone or damaged, and :class:`ConfigurationError`
        if Pillow is not installed.
        """
        return read_picture(self.path)


class RunFolder:
    """The folder of a run. A ``temporary`` one is deleted with this object."""

    def __init__(self, path: Path, *, temporary: bool) -> None:
        self.path = path
        if temporary:
            weakref.finalize(self, shutil.rmtree, path, ignore_errors=True)


class Selection:
    """The result of a selection: the kept frames and their diversity.

    It has a length, can be iterated and indexed, and shows itself as a contact sheet in a notebook.
    The pictures lie in ``folder``. Without an output folder this is a temporary folder, deleted
    with the last of this object and its frames; copy it elsewhere with :meth:`write`.
    """

    def __init__(self, folder: str | PathLike[str], *, temporary: bool = False) -> None:
        """Read the result of a run; a ``temporary`` folder is deleted with this object.

        Raises :class:`RecordError` if the folder holds no run.
        """
        require_types(Selection.__init__, {"folder": folder, "temporary": temporary})
        self.folder = Path(folder)
        self._folder = RunFolder(self.folder, temporary=temporary)
        self.summary: Summary = summarise(self.folder)

    @cached_property
    def frames(self) -> tuple[SelectedFrame, ...]:
        """The kept frames, ordered by feed and index. Read from the record at the first access."""
        with Record.open(self.folder) as record:
            return tuple(
                self._selected(kept, kept.picture, record.embedding(kept.key))
                for kept in record.kept()
                if kept.picture is not None
            )

    def _selected(
        self, kept: KeptFrame, picture: StoredPicture, embedding: Vector | None
    ) -> SelectedFrame:
        return SelectedFrame(
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
            width=picture.width,
            height=picture.height,
            path=self.folder / picture.path,
            sha256=picture.sha256,
            distance=kept.distance,
            nearest=kept.nearest,
            reason=kept.reason,
            sharpness=kept.sharpness,
            _embedding=embedding,
            _folder=self._folder,
        )

    @property
    def diversity(self) -> dict[str, float | int | None]:
        """Pair distances of the kept frames, and how well they cover all frames seen."""
        return self.summary.diversity

    @property
    def complete(self) -> bool:
        """Whether the run reached its end; one that was interrupted can be resumed."""
        return self.summary.status == "complete"

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

    def __len__(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[SelectedFrame]:
        return iter(self.frames)

    @overload
    def __getitem__(self, place: int) -> SelectedFrame: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[SelectedFrame, ...]: ...
    def __getitem__(self, place: int | slice) -> SelectedFrame | tuple[SelectedFrame, ...]:
        return self.frames[place]

    def __repr__(self) -> str:
        return (
            f"<Selection of {len(self):,} out of {self.summary.frames:,} frames "
            f"in {str(self.folder)!r}>"
        )

    def _repr_html_(self) -> str:
        """Return a contact sheet for notebooks."""
        return contact_sheet(repr(self).strip("<>"), self.frames)
