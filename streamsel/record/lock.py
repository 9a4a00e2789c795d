"""Locks a folder for one writer, on local disks and network shares."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import socket
from pathlib import Path

from streamsel.errors import FolderLockedError, SinkError
from streamsel.record.anchor import Anchor
from streamsel.record.files import disk_errors

LOCK_FILE = ".streamsel.lock"
"""Names the writer of a folder on file systems without locks."""

_LOG = logging.getLogger("streamsel.sinks")
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}


class FolderLock:
    """Locks a folder for one writing process; the system releases it when the process dies.

    On file systems without locks, a file names the machine and process that writes. It is ignored
    if the process ran on this machine and is dead; the file of another machine must be deleted by
    hand. ``anchor`` checks that the folder is still the locked one.
    """

    def __init__(self, folder: Path) -> None:
        """Lock the folder. Raises :class:`FolderLockedError` if another process holds the lock."""
        self._folder = folder
        self._has_file = False
        with disk_errors(folder):
            self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            self.anchor = Anchor(folder)
        try:
            self._take()
        except BaseException:
            os.close(self._descriptor)
            raise
        self._held = True

    def release(self) -> None:
        """Release the lock; further calls do nothing."""
        if self._held:
            self._held = False
            if self._has_file:
                (self._folder / LOCK_FILE).unlink(missing_ok=True)
            os.close(self._descriptor)

    def _take(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _in_use(self._folder, "another process") from error
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise SinkError(f"{self._folder}: cannot be locked: {error.strerror}") from error
            self._take_file(error)
            return
        # A machine without locks on this folder may be writing to it.
        if holder := _holder(self._folder / LOCK_FILE):
            raise _in_use(self._folder, holder)

    def _take_file(self, why: OSError) -> None:
        place = self._folder / LOCK_FILE
        with disk_errors(place):
            for _ in range(2):
                try:
                    descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
                except FileExistsError:
                    if holder := _holder(place):
                        raise _in_use(self._folder, holder) from None
                    place.unlink(missing_ok=True)
                    continue
                try:
                    os.write(descriptor, _this_process().encode())
                    _require_record_locks(self._folder, descriptor)
                except BaseException:
                    place.unlink(missing_ok=True)
                    raise
                finally:
                    os.close(descriptor)
                self._has_file = True
                _LOG.info(
                    "%s: the file system supports no locks (%s); %s names the writing process",
                    self._folder,
                    why.strerror,
                    LOCK_FILE,
                )
                return
        raise _in_use(self._folder, "another process")


def _require_record_locks(folder: Path, descriptor: int) -> None:
    """Raise :class:`SinkError` if SQLite could not lock its database here."""
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise SinkError(
            f"{folder}: the file system refuses every lock ({error.strerror}), and the record needs"
            " them. Mount it with locks (NFS: start the lock service, or mount with nolock; SMB:"
            " without nobrl), or choose a folder on another disk and copy it when the run is over"
        ) from error


def _in_use(folder: Path, holder: str) -> FolderLockedError:
    return FolderLockedError(
        f"{folder}: {holder} is writing into it; wait for it or choose another"
    )


def _this_process() -> str:
    return f"{socket.gethostname()} {os.getpid()} {_started(os.getpid())}\n"


def _holder(place: Path) -> str | None:
    """Return the holder of a lock file in words; None if it has ended."""
    try:
        text = place.read_text(errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"somebody ({LOCK_FILE} cannot be read: {error.strerror})"
    host, pid, started, *_ = [*text.split(), "", "", ""]
    if host == socket.gethostname() and pid.isdigit():
        return f"process {pid}" if started and started == _started(int(pid)) else None
    who = f"process {pid} on {host}" if host else "another process"
    return f"{who} (remove {place} if that has ended)"


def _started(pid: int) -> str:
    """Return the start time of a process in ticks since boot; empty if it does not exist."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return status.rpartition(")")[2].split()[19]
