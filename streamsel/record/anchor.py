"""Detects that a folder was unmounted or replaced since it was opened."""

from __future__ import annotations

import ctypes
import os
import sqlite3
from pathlib import Path

from streamsel.errors import DiskChangedError, DiskGoneError


class Anchor:
    """A folder as it was opened, identified by device and inode.

    A disk that is unmounted lazily or pulled out stays reachable through open files, while paths
    lead to the directory below its mount point: a newly written file lands on another disk than the
    record.
    """

    def __init__(self, folder: Path) -> None:
        """Remember the folder as it is now. Raises ``OSError``."""
        self._folder = folder.absolute()
        self._mount = _mount_point(self._folder)
        found = os.stat(self._folder)
        self._opened = (found.st_dev, found.st_ino)

    def require(self) -> None:
        """Check that the path still leads to the opened folder. Cost: one ``stat``.

        Raises :class:`DiskGoneError` while the path leads to another folder or to none, and
        :class:`DiskChangedError` if another disk is mounted there.
        """
        try:
            found = os.stat(self._folder)
        except OSError as error:
            why = error.strerror or str(error)
        else:
            if (found.st_dev, found.st_ino) == self._opened:
                return
            why = "another folder is in its place"
        if self._is_elsewhere():
            raise DiskChangedError(
                f"{self._folder}: another disk than the one that was opened is mounted there; "
                "restart to use the disk that is there now"
            )
        raise DiskGoneError(
            f"{self._folder}: the disk that was opened is gone ({why}); nothing is stored until "
            "it is mounted again"
        )

    def close(self, database: sqlite3.Connection) -> None:
        """Close a database of the folder; leave it open if another disk is mounted there now.

        SQLite deletes its log by name when it closes, and takes one file for another if both have
        the same inode number, as copies of a disk have: the content of the copy's log would be
        lost.
        """
        try:
            self.require()
        except DiskChangedError:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(database))
        except DiskGoneError:
            database.close()
        else:
            database.close()

    def _is_elsewhere(self) -> bool:
        """Whether another disk is mounted at the folder's path."""
        place = self._folder
        try:
            while not place.exists():
                place = place.parent
            return os.path.ismount(self._mount) and os.stat(place).st_dev != self._opened[0]
        except OSError:
            return False


def _mount_point(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if os.path.ismount(place))
