"""A disk that is pulled out while it is written to, in a mount namespace of its own."""

from __future__ import annotations

import ctypes
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.conftest import leave_out

_CLONE_NEWNS = 0x00020000
_LIBC = ctypes.CDLL(None, use_errno=True)


class RemovableDisk:
    """A disk of so many megabytes at ``place``; use as a context manager.

    The thread that enters, and what it starts, sees it; nobody else does. Threads that it starts
    must have ended when it leaves. Needs root.
    """

    def __init__(self, folder: Path, megabytes: int = 32) -> None:
        self._size = f"size={megabytes}m"
        self._device = folder / "device"
        self.place = folder / "disk"
        for made in (self._device, self.place):
            made.mkdir()

    def __enter__(self) -> Self:
        self._folder = Path.cwd()
        self._home = os.open("/proc/thread-self/ns/mnt", os.O_RDONLY)
        if os.geteuid() != 0 or _LIBC.unshare(_CLONE_NEWNS):
            os.close(self._home)
            leave_out("a disk that can be pulled out needs root and mount namespaces")
        _run("mount", "--make-rprivate", "/")
        _run("mount", "-t", "tmpfs", "-o", self._size, "tmpfs", self._device)
        self.attach()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.unmount()
        if _LIBC.setns(self._home, _CLONE_NEWNS):
            raise OSError(ctypes.get_errno(), "cannot leave a mount namespace")
        os.close(self._home)
        os.chdir(self._folder)

    def unmount(self) -> None:
        """Take it away for good."""
        for place in (self.place, self._device):
            subprocess.run(["umount", "--lazy", place], capture_output=True)

    def attach(self) -> None:
        """Mount it again: the same disk with what is on it."""
        _run("mount", "--bind", self._device, self.place)

    def detach(self) -> None:
        """Take it away from under whoever uses it."""
        _run("umount", "--lazy", self.place)

    def replace(self, *, copied: bool) -> None:
        """Mount another disk in its place: an empty one, or a copy of what it holds."""
        _run("mount", "-t", "tmpfs", "-o", self._size, "tmpfs", self.place)
        if copied:
            _run("cp", "--archive", f"{self._device}/.", self.place)


def _run(*command: object) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
