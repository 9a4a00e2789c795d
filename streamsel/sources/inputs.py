"""Expands the user's inputs (files, folders, globs, URLs) into named feeds."""

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

from streamsel.errors import InputError, SourceError
from streamsel.plugins import plugins
from streamsel.redaction import redact
from streamsel.sources.live.plugin_address import plugin_of
from streamsel.sources.naming import folders_above, name_all
from streamsel.sources.walk import (
    IMAGE_SUFFIXES,
    SUFFIXES,
    VIDEO_SUFFIXES,
    Walk,
    is_text,
    suffix_of,
)

STANDARD_INPUT = "-"
"""The argument for a video on standard input."""


@dataclass(frozen=True, slots=True)
class Input:
    """The input of one feed: a video (file or URL), or a sequence of image files.

    ``location`` is the path or URL to open; it may contain credentials, so the repr omits it.
    ``address`` is the same, masked. ``images`` is None for a video.
    """

    feed: str
    address: str
    location: str = field(repr=False)
    images: tuple[str, ...] | None = None
    display_name: str | None = None


@dataclass(frozen=True, slots=True)
class Expansion:
    """The inputs found, and the errors of those that cannot be used.

    ``passed_over`` are the files in searched folders that are no inputs by their extension.
    """

    inputs: tuple[Input, ...]
    errors: tuple[InputError, ...]
    passed_over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """An input without a unique name yet."""

    name: str
    location: str
    images: tuple[str, ...] | None = None
    shown: str | None = None


def expand(
    arguments: Sequence[str],
    *,
    leave_out: Collection[Path] = (),
    standard_input: str | None = None,
) -> Expansion:
    """Find the inputs for the user's arguments, in their order.

    A file is one feed. A folder contains a feed for each video in it, recursively in natural order,
    and one for the images of each of its folders. Globs are expanded. Consecutive single images of
    one folder (as a shell expands ``frames/*.png``) form one feed. Feed names are unique, and the
    same for the same arguments; see :func:`name_all`. The folders in ``leave_out`` (a run's own
    output) are not searched. Only regular files are inputs; ``standard_input`` is the file with the
    content of standard input, for ``-``. Reads no file; an error does not stop the search.
    """
    excluded = frozenset(os.path.realpath(folder) for folder in leave_out)
    search = _Search(excluded, standard_input)
    for argument in arguments:
        try:
            search.add_argument(argument)
        except SourceError as error:
            search.errors.append(InputError(redact(argument), str(error)))
    inputs = tuple(_name(list(_join_images(search.found))))
    return Expansion(inputs, tuple(search.errors), tuple(map(redact, search.passed_over)))


def natural_order(path: str) -> tuple[object, ...]:
    """Return a sort key by which ``image10`` follows ``image9``, and a folder's files are adjacent.

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
    """Collects the inputs and errors of all arguments."""

    excluded: frozenset[str]
    standard_input: str | None
    found: list[_Found] = field(default_factory=list)
    errors: list[InputError] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)

    def add_argument(self, argument: str) -> None:
        """Add the inputs of one argument. Raises :class:`SourceError`."""
        shown = redact(argument)
        if argument == STANDARD_INPUT:
            self._add_standard_input()
            return
        if not argument or "\0" in argument:
            raise SourceError(f"{shown!r}: not a path; give a file, a folder or an http(s) URL")
        if not is_text(argument):
            raise SourceError(f"{shown}: the name is not valid UTF-8; rename the file")
        if argument.startswith("file://"):
            argument = unquote(urlsplit(argument).path)
        path = os.path.expanduser(argument)
        if is_url(argument):
            self.found.append(_find_url(argument))
        elif glob.has_magic(path) and not os.path.lexists(path):
            self._add_pattern(path)
        else:
            self._add_path(path)

    def _add_standard_input(self) -> None:
        if self.standard_input is None:
            raise SourceError("-: standard input is not supported here; save it to a file")
        self.found.append(_Found("stdin", self.standard_input, shown="standard input"))

    def _add_pattern(self, pattern: str) -> None:
        before = len(self.found)
        for match in sorted(glob.glob(pattern, recursive=True), key=natural_order):
            if not is_text(match):
                if suffix_of(match) in SUFFIXES:
                    message = f"{redact(match)}: the name is not valid UTF-8; rename it"
                    self.errors.append(InputError(redact(match), message))
                continue
            if os.path.isdir(match):
                if os.path.realpath(match) not in self.excluded:
                    self._add_folder(match)
            elif os.path.isfile(match) and suffix_of(match) in SUFFIXES:
                self._add_path(match)
        if len(self.found) == before:
            raise SourceError(f"{redact(pattern)}: no video or image matches; check the pattern")

    def _add_path(self, path: str) -> None:
        shown = redact(path)
        try:
            mode = os.stat(path).st_mode
        except FileNotFoundError:
            raise SourceError(f"{shown}: {_why_missing(path)}") from None
        except OSError as error:
            raise SourceError(f"{shown}: cannot be read ({error.strerror})") from None
        if stat.S_ISDIR(mode):
            if not self._add_folder(path):
                raise SourceError(f"{shown}: contains no video and no image; check the folder")
        elif not stat.S_ISREG(mode):
            raise SourceError(f"{shown}: is a pipe or a device; save it to a regular file")
        else:
            images = (path,) if suffix_of(path) in IMAGE_SUFFIXES else None
            self.found.append(_Found(Path(path).stem, path, images))

    def _add_folder(self, folder: str) -> bool:
        """Add the inputs in a folder; return whether there was any, even an unreadable one."""
        videos: list[str] = []
        images: dict[str, list[str]] = {}
        walk = Walk(folder, self.excluded, natural_order)
        for path in walk.files():
            if suffix_of(path) in VIDEO_SUFFIXES:
                videos.append(path)
            else:
                images.setdefault(os.path.dirname(path), []).append(path)
        for path in sorted([*videos, *images], key=natural_order):
            if path in images:
                members = tuple(sorted(images[path], key=natural_order))
                self.found.append(_Found(_folder_name(path), path, members))
            else:
                self.found.append(_Found(Path(path).stem, path))
        self.errors.extend(walk.errors)
        self.passed_over.extend(walk.passed_over)
        return bool(videos or images or walk.errors)


def _why_missing(path: str) -> str:
    """Say why there is no such file: it may be the address of a live feed of a plug-in."""
    name = plugin_of(path)
    if name is not None and any(plugin.name == name for plugin in plugins("source")):
        feed = f"{name}={redact(path)}"
        return f"is a live feed of a plug-in; read it with: streamsel watch --feed {feed}"
    return "does not exist; check the path"


def _find_url(url: str) -> _Found:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        raise SourceError(f"{redact(url)}: not a valid URL; check it") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise SourceError(
            f"{redact(url)}: {parts.scheme}:// is not supported here; give a file, a folder or an"
            " http(s) URL"
        )
    if not host:
        raise SourceError(f"{redact(url)}: the URL has no host; check it")
    # Of the masked address: a secret must not become part of a name.
    name = Path(unquote(urlsplit(redact(url)).path)).stem
    return _Found(host if not name or "*" in name else name, url)


def _folder_name(path: str) -> str:
    return Path(os.path.realpath(path)).name


def _join_images(found: Sequence[_Found]) -> Iterator[_Found]:
    """Join consecutive single images of one folder into one feed."""

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


def _name(found: Sequence[_Found]) -> Iterator[Input]:
    """Give each input its unique name."""
    names = name_all(
        [(item.name, () if item.shown else folders_above(item.location)) for item in found]
    )
    for item, named in zip(found, names, strict=True):
        address = item.shown or redact(item.location)
        display_name = item.shown or named.display_name
        yield Input(named.name, address, item.location, item.images, display_name)
