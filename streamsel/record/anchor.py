"""Detects that a folder was unmounted or replaced since it was opened."""

from __future__ import annotations

import ctypes
import os
import sqlite3
from pathlib import Path

from streamsel.errors import DiskChangedError, DiskGoneError


class Anchor:
    """A folder as it was opened, known by its device and its number there.

    A disk that is unmounted lazily, or pulled out, stays there for what is open of it, while paths
    lead to what lies below its mount point: a file that is written then lands on another disk,
    and the record elsewhere.
    """

    def __init__(self, folder: Path) -> None:
        """Take the folder as it is now. Raises ``OSError``."""
        self._folder = folder.absolute()
        self._mount = _mount_point(self._folder)
        found = os.stat(self._folder)
        self._opened = (found.st_dev, found.st_ino)

    def require(self) -> None:
        """Let what follows be written into the folder that was opened. Cost: one look at it.

        Raises :class:`DiskGoneError` while another folder, or none, is under its name, and
        :class:`DiskChangedError` where another disk is mounted there now.
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
                "start again to go on with what is there"
            )
        raise DiskGoneError(
            f"{self._folder}: the disk that was opened is gone ({why}); nothing is stored until "
            "it is mounted again"
        )

    def close(self, database: sqlite3.Connection) -> None:
        """Close a database of the folder, or leave it open where another disk is there now.

        SQLite clears its log away by name when it closes, and takes one file for another where
        both have the same number on their devices, as copies of a disk have: what the copy's log
        holds would be lost.
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
        """Whether a disk is mounted where that of the folder was, and is another."""
        place = self._folder
        try:
            while not place.exists():
                place = place.parent
            return os.path.ismount(self._mount) and os.stat(place).st_dev != self._opened[0]
        except OSError:
            return False


def _mount_point(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if os.path.ismount(place))
