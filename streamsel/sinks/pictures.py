"""The files of a service's pictures: written whole, removed when nothing claims them any more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

from streamsel.errors import DiskFullError, SinkError
from streamsel.frame import EncodedPicture, Frame
from streamsel.record.files import disk_errors, make_folder, sync_files, write_file
from streamsel.record.folder import BALLAST, picture_path, remove_picture
from streamsel.record.values import StoredPicture

_BALLAST_BYTES = 512 << 10


class PictureFiles:
    """The pictures below a service's folder. What claims them is for the record to say."""

    def __init__(self, folder: Path, suffix: str) -> None:
        self._folder = folder
        self._suffix = suffix
        self._unclaimed: set[str] = set()

    def path(self, frame: Frame) -> str:
        """Where the picture of a frame is or would be, relative to the folder."""
        return picture_path(frame, self._suffix)

    def write(self, pictured: Sequence[tuple[Frame, EncodedPicture]]) -> list[StoredPicture]:
        """Write the pictures of frames; return when all are on the disk.

        Raises :class:`DiskFullError` or :class:`SinkError`, some of them written.
        """
        pictures = [self._write(frame, encoded) for frame, encoded in pictured]
        with disk_errors(self._folder):
            sync_files([self._folder / stored.path for stored in pictures])
        return pictures

    def give_up(self, paths: Iterable[str]) -> None:
        """Let :meth:`clear_away` remove these."""
        self._unclaimed.update(paths)

    def spare(self, paths: Iterable[str]) -> None:
        """Let these stay: they were claimed again."""
        self._unclaimed.difference_update(paths)

    def clear_away(self) -> None:
        """Remove the files that were given up; those that cannot be, another time.

        Raises :class:`SinkError` where any cannot; the others are gone then, too.
        """
        failures = []
        for path in sorted(self._unclaimed):
            try:
                with disk_errors(self._folder / path):
                    remove_picture(self._folder, path)
                self._unclaimed.discard(path)
            except SinkError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def hold_ballast(self) -> None:
        """Hold some bytes of the disk in reserve; where there is no room, another time."""
        place = self._folder / BALLAST
        if place.exists():
            return
        try:
            with disk_errors(place):
                write_file(place, bytes(_BALLAST_BYTES), sync=False)
        except DiskFullError:
            return

    def drop_ballast(self) -> None:
        """Give back what is held in reserve."""
        with disk_errors(self._folder):
            (self._folder / BALLAST).unlink(missing_ok=True)

    def _write(self, frame: Frame, encoded: EncodedPicture) -> StoredPicture:
        path = self.path(frame)
        place = self._folder / path
        with disk_errors(place):
            make_folder(place.parent)
            write_file(place, encoded.content, sync=False)
        return StoredPicture(
            frame.key,
            path,
            encoded.width,
            encoded.height,
            len(encoded.content),
            sha256(encoded.content).hexdigest(),
        )
