"""What the user typed, turned into inputs: files, folders, globs and URLs, each a named feed."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from urllib.parse import unquote, urlsplit

from streamsel.errors import SourceError
from streamsel.sources.masking import mask

VIDEO_SUFFIXES = {
    *(".3g2", ".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".gif", ".h264", ".h265"),
    *(".hevc", ".ivf", ".m1v", ".m2t", ".m2ts", ".m2v", ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov"),
    *(".mp4", ".mpe", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".obu", ".ogg", ".ogm", ".ogv"),
    *(".qt", ".rm", ".rmvb", ".ts", ".vob", ".webm", ".wmv", ".wtv", ".y4m"),
}
IMAGE_SUFFIXES = {
    *(".avif", ".bmp", ".dpx", ".exr", ".hdr", ".heic", ".heif", ".j2k", ".jp2", ".jpe", ".jpeg"),
    *(".jpg", ".jxl", ".pam", ".pbm", ".pcx", ".pgm", ".png", ".pnm", ".ppm", ".qoi", ".sgi"),
    *(".tga", ".tif", ".tiff", ".webp"),
}
NAME_LENGTH = 100
RUN_MARK = "streamsel.db"
"""A folder that holds this is the result of a run."""


@dataclass(frozen=True, slots=True)
class Input:
    """One feed to be: a video (file or URL), or a sequence of image files.

    ``location`` is what gets opened, with credentials and therefore not in the repr; ``address``
    is the same, masked. ``images`` is None for a video.
    """

    feed: str
    address: str
    location: str = field(repr=False)
    images: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Expansion:
    """The inputs that were found, and why others were not: one does not stop the rest."""

    inputs: tuple[Input, ...]
    errors: tuple[SourceError, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """An input that has no unique name yet."""

    name: str
    location: str
    images: tuple[str, ...] | None = None


def expand(arguments: Sequence[str], *, leave_out: Collection[Path] = ()) -> Expansion:
    """Find every input behind what the user typed, in the order typed.

    A file is one feed. A folder holds a feed for each video in it, recursively in natural order,
    and one for the images of each of its folders. A glob is expanded here. Images that are named
    one by one (as a shell expands ``frames/*.png``) form one feed per folder. Names are unique,
    and the same for the same arguments. What lies in ``leave_out`` (a run's own output) is not
    looked at when a folder is searched. Only regular files are inputs. Reads no file.
    """
    search = _Search(frozenset(os.path.realpath(folder) for folder in leave_out))
    for argument in arguments:
        try:
            search.argument(argument)
        except SourceError as error:
            search.errors.append(error)
    return Expansion(tuple(_name(_join_images(search.found))), tuple(search.errors))


def slug(name: str) -> str:
    """A feed name that is safe as the name of a folder: ``[A-Za-z0-9._-]``, at most 100 long.

    >>> slug("Gate 3, north.cam"), slug("../.."), slug("-x")
    ('Gate-3-north.cam', 'feed', 'x')
    """
    cleaned = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:NAME_LENGTH].strip("-.")
    return cleaned or "feed"


def natural_order(path: str) -> tuple[object, ...]:
    """Sort key in which ``image10`` follows ``image9``, and a folder's files stay together.

    >>> sorted(["b/1", "a10", "a9", "A1"], key=natural_order)
    ['A1', 'a9', 'a10', 'b/1']
    """
    parts = path.replace(os.sep, "/").split("/")
    split = [re.split(r"(\d+)", part.casefold()) for part in parts]
    numbered = tuple(
        tuple((int(piece), "") if i % 2 else (-1, piece) for i, piece in enumerate(pieces))
        for pieces in split
    )
    return (numbered, path)


def is_url(location: str) -> bool:
    """Whether a location is a URL rather than a path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", location) is not None


@dataclass(frozen=True, slots=True)
class _Search:
    """Collects what is found and what is wrong, path by path."""

    excluded: frozenset[str]
    found: list[_Found] = field(default_factory=list)
    errors: list[SourceError] = field(default_factory=list)

    def argument(self, argument: str) -> None:
        """Add the inputs behind one argument. Raises :class:`SourceError`."""
        shown = mask(argument)
        if not argument or "\0" in argument:
            raise SourceError(f"{shown!r}: not a path; give a file, a folder or an http(s) URL")
        if not _is_text(argument):
            raise SourceError(f"{shown}: the name is not valid UTF-8; rename the file")
        if argument.startswith("file://"):
            argument = unquote(urlsplit(argument).path)
        path = os.path.expanduser(argument)
        if is_url(argument):
            self.found.append(_find_url(argument))
        elif glob.has_magic(path) and not os.path.lexists(path):
            self._pattern(path)
        else:
            self._path(path)

    def _pattern(self, pattern: str) -> None:
        before = len(self.found)
        for match in sorted(glob.glob(pattern, recursive=True), key=natural_order):
            if not _is_text(match):
                continue
            if os.path.isdir(match):
                if os.path.realpath(match) not in self.excluded:
                    self._folder(match)
            elif os.path.isfile(match) and _suffix(match) in VIDEO_SUFFIXES | IMAGE_SUFFIXES:
                self._path(match)
        if len(self.found) == before:
            raise SourceError(f"{mask(pattern)}: no video or image matches; check the pattern")

    def _path(self, path: str) -> None:
        shown = mask(path)
        try:
            mode = os.stat(path).st_mode
        except FileNotFoundError:
            raise SourceError(f"{shown}: does not exist; check the path") from None
        except OSError as error:
            raise SourceError(f"{shown}: cannot be looked at ({error.strerror})") from None
        if stat.S_ISDIR(mode):
            if not self._folder(path):
                raise SourceError(f"{shown}: holds no video and no image; check the folder")
        elif not stat.S_ISREG(mode):
            raise SourceError(f"{shown}: is a pipe or a device; save it to a regular file")
        else:
            images = (path,) if _suffix(path) in IMAGE_SUFFIXES else None
            self.found.append(_Found(Path(path).stem, path, images))

    def _folder(self, folder: str) -> bool:
        """Add what the folder holds; return whether there was anything."""
        videos: list[str] = []
        images: dict[str, list[str]] = {}
        for path in self._files(folder):
            if _suffix(path) in VIDEO_SUFFIXES:
                videos.append(path)
            elif _suffix(path) in IMAGE_SUFFIXES:
                images.setdefault(os.path.dirname(path), []).append(path)
        for path in sorted([*videos, *images], key=natural_order):
            if path in images:
                members = tuple(sorted(images[path], key=natural_order))
                self.found.append(_Found(_folder_name(path), path, members))
            else:
                self.found.append(_Found(Path(path).stem, path))
        return bool(videos or images)

    def _files(self, folder: str) -> Iterator[str]:
        """Yield the regular files below a folder, but hidden ones and results of earlier runs."""
        refused: list[OSError] = []
        for parent, children, names in os.walk(folder, onerror=refused.append):
            children[:] = [
                child
                for child in children
                if not child.startswith(".")
                and os.path.realpath(os.path.join(parent, child)) not in self.excluded
                and not os.path.exists(os.path.join(parent, child, RUN_MARK))
            ]
            for name in names:
                path = os.path.join(parent, name)
                if not name.startswith(".") and _is_text(path) and os.path.isfile(path):
                    yield path
        for error in refused:
            where = mask(str(error.filename))
            self.errors.append(SourceError(f"{where}: cannot be listed ({error.strerror})"))


def _find_url(url: str) -> _Found:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise SourceError(f"{mask(url)}: not a valid URL; check it") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise SourceError(
            f"{mask(url)}: {parts.scheme}:// is not read here; give a file, a folder or an"
            " http(s) URL"
        )
    if not host:
        raise SourceError(f"{mask(url)}: the URL names no host; check it")
    return _Found(Path(unquote(parts.path)).stem or host, url)


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def _is_text(path: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in path)


def _folder_name(path: str) -> str:
    return Path(os.path.realpath(path)).name


def _join_images(found: Sequence[_Found]) -> Iterator[_Found]:
    """Make one feed of neighbouring images of one folder that were found one by one."""

    def run(item: _Found) -> str | None:
        single = item.images == (item.location,)
        return os.path.dirname(os.path.abspath(item.location)) if single else None

    for folder, neighbours in groupby(found, key=run):
        items = list(neighbours)
        if folder is None or len(items) == 1:
            yield from items
            continue
        members = tuple(dict.fromkeys(item.location for item in items))
        yield _Found(_folder_name(folder), folder, members)


def _name(found: Iterator[_Found]) -> Iterator[Input]:
    """Give each input its unique feed name; names that differ in case alone count as equal."""
    taken: set[str] = set()
    for item in found:
        base = name = slug(item.name)
        number = 1
        while name.casefold() in taken:
            number += 1
            suffix = f"-{number}"
            name = base[: NAME_LENGTH - len(suffix)] + suffix
        taken.add(name.casefold())
        yield Input(name, mask(item.location), item.location, item.images)
