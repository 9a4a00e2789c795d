"""Searches a folder for videos and images."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from streamsel.errors import InputError
from streamsel.redaction import redact

VIDEO_SUFFIXES = {
    *(".264", ".265", ".266", ".360", ".3g2", ".3gp", ".amv", ".asf", ".avc", ".avi", ".bik"),
    *(".dav", ".dif", ".divx", ".dv", ".dvr-ms", ".evc", ".evo", ".f4v", ".flv", ".gif", ".gxf"),
    *(".h261", ".h264", ".h265", ".h266", ".h26l", ".hevc", ".insv", ".ismv", ".ivf", ".lrv"),
    *(".m1v", ".m2p", ".m2t", ".m2ts", ".m2v", ".m4v", ".mj2", ".mjpeg", ".mjpg", ".mk3d", ".mkv"),
    *(".mlv", ".mod", ".mov", ".mp4", ".mp4v", ".mpe", ".mpeg", ".mpegts", ".mpg", ".mpv", ".mts"),
    *(".mxf", ".nsv", ".nut", ".obu", ".ogg", ".ogm", ".ogv", ".psp", ".qt", ".r3d", ".rm"),
    *(".rmvb", ".roq", ".smk", ".swf", ".tod", ".tp", ".trp", ".ts", ".vc1", ".vob", ".vro"),
    *(".vvc", ".webm", ".wmv", ".wtv", ".y4m"),
}
IMAGE_SUFFIXES = {
    *(".avif", ".bmp", ".dpx", ".exr", ".hdr", ".heic", ".heif", ".j2k", ".jp2", ".jpe", ".jpeg"),
    *(".jpg", ".jxl", ".pam", ".pbm", ".pcx", ".pgm", ".png", ".pnm", ".ppm", ".qoi", ".sgi"),
    *(".tga", ".tif", ".tiff", ".webp"),
}
SUFFIXES = VIDEO_SUFFIXES | IMAGE_SUFFIXES
RUN_MARK = "streamsel.db"
"""A folder that contains this file is the output of a run."""


def suffix_of(path: str) -> str:
    """Return the extension of a file name in lower case, with its dot; may be empty."""
    return os.path.splitext(path)[1].lower()


def is_text(path: str) -> bool:
    """Whether a name is valid UTF-8, so that it can be stored and printed."""
    return not any("\ud800" <= character <= "\udfff" for character in path)


@dataclass(slots=True)
class Walk:
    """Searches a folder recursively; visits each folder once, even if several links lead to it.

    Folders are visited before links to folders, both in the order of ``key``. Hidden files and
    folders, outputs of runs, and the folders in ``excluded`` (real paths) are omitted. After
    :meth:`files`, ``errors`` lists the unreadable folders and inputs, and ``passed_over`` the files
    that are no inputs by their extension, or no regular files.
    """

    folder: str
    excluded: frozenset[str]
    key: Callable[[str], tuple[object, ...]]
    errors: list[InputError] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)

    def files(self) -> Iterator[str]:
        """Yield the paths of all videos and images."""
        seen: set[tuple[int, int]] = set()
        waiting, links = [self.folder], list[str]()
        while waiting or links:
            parent = waiting.pop() if waiting else links.pop(0)
            try:
                found = os.stat(parent)
                if (found.st_dev, found.st_ino) in seen:
                    continue
                seen.add((found.st_dev, found.st_ino))
                with os.scandir(parent) as listed:
                    entries = sorted(listed, key=lambda entry: self.key(entry.name))
            except OSError as error:
                self._refuse(parent, f"cannot be listed ({error.strerror})")
                continue
            below = list[str]()
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                is_link = entry.is_symlink()
                if not (os.path.isdir(entry.path) if is_link else entry.is_dir()):
                    yield from self._file(entry)
                elif self._is_searched(entry.path):
                    (links if is_link else below).append(entry.path)
            waiting += reversed(below)

    def _is_searched(self, folder: str) -> bool:
        """Whether to search a folder: no output of a run, and not excluded."""
        is_result = os.path.exists(os.path.join(folder, RUN_MARK))
        return not is_result and os.path.realpath(folder) not in self.excluded

    def _file(self, entry: os.DirEntry[str]) -> Iterator[str]:
        if suffix_of(entry.name) not in SUFFIXES:
            self.passed_over.append(entry.path)
        elif not is_text(entry.path):
            self._refuse(entry.path, "the name is not valid UTF-8; rename it")
        elif os.path.isfile(entry.path):
            yield entry.path
        elif entry.is_symlink() and not os.path.exists(entry.path):
            self._refuse(entry.path, "is a broken link; repair or remove it")
        else:
            self.passed_over.append(entry.path)  # a pipe or a device

    def _refuse(self, path: str, why: str) -> None:
        self.errors.append(InputError(redact(path), f"{redact(path)}: {why}"))
