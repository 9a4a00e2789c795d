"""A folder of kept frames, locked for one writer: its pictures and its manifest."""

from __future__ import annotations

from pathlib import Path

from streamsel.errors import SinkError
from streamsel.record.files import disk_errors, write_file
from streamsel.record.folder import MANIFEST, make_and_lock
from streamsel.record.manifest import manifest_lines
from streamsel.record.reader import Record
from streamsel.sinks.pictures import PictureFiles


class LockedFolder:
    """What the folders of a file run and of a service have in common besides their record.

    ``path`` is the folder's path, ``pictures`` are its picture files.
    """

    def __init__(self, path: Path, suffix: str) -> None:
        """Create the folder if missing, and lock it; ``suffix`` is that of its pictures.

        Raises :class:`FolderInUseError` and :class:`SinkError`.
        """
        self._lock = make_and_lock(path)
        self.path = path
        self.pictures = PictureFiles(path, suffix)

    def require(self) -> None:
        """Check that the path still leads to the locked folder; see :class:`Anchor`."""
        self._lock.anchor.require()

    def write_manifest(self, record: Record) -> None:
        """Write the manifest, whole or not at all. Raises :class:`SinkError`."""
        self.require()
        with disk_errors(self.path / MANIFEST):
            write_file(self.path / MANIFEST, _manifest(record), sync=True)

    def has_manifest(self, record: Record) -> bool:
        """Whether the manifest is there and agrees with the record."""
        try:
            with disk_errors(self.path / MANIFEST):
                return (self.path / MANIFEST).read_bytes() == _manifest(record)
        except SinkError:
            return False

    def release(self) -> None:
        """Release the lock; further calls do nothing."""
        self._lock.release()


def _manifest(record: Record) -> bytes:
    return "".join(manifest_lines(record)).encode()
