"""Builds sources from the user's inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from streamsel.config.options import ReadOptions
from streamsel.errors import InputError, SourceError, UnreadableError
from streamsel.interfaces.concurrency import OrderedMap
from streamsel.interfaces.sources import Source

if TYPE_CHECKING:
    from streamsel.sources.inputs import Input
    from streamsel.sources.masks import Size

_NAMED_KINDS = 5


@dataclass(frozen=True, slots=True)
class OpenedInputs:
    """The readable feeds with their inputs, and why other inputs are unreadable.

    ``read`` are the options of reading; masks in pixels depend on the picture size. ``passed_over``
    are files in searched folders that are not inputs by their names.
    """

    sources: tuple[Source, ...]
    errors: tuple[InputError, ...]
    inputs: tuple[Input, ...]
    read: ReadOptions
    passed_over: tuple[str, ...] = ()


def tell_passed_over(paths: Sequence[str], *, verbose: bool) -> list[str]:
    """Return a line with the number of skipped files, by suffix, or all their names if verbose.

    >>> tell_passed_over(["a/notes.txt", "a/b.txt", "a/README"], verbose=False)
    ['skipped 3 files that are no video and no image by their names: 2 .txt, 1 without suffix']
    """
    if not paths:
        return []
    kinds = Counter(PurePath(path).suffix.lower() or "without suffix" for path in paths)
    told = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common(_NAMED_KINDS))
    rest = len(kinds) - _NAMED_KINDS
    more = f" and {rest} more kinds" if rest > 0 else ""
    what = "1 file that is" if len(paths) == 1 else f"{len(paths):,} files that are"
    names = "their names" if len(paths) > 1 else "its name"
    line = f"skipped {what} no video and no image by {names}: {told}{more}"
    return [line, *(f"  {path}" for path in paths)] if verbose else [line]


def open_sources(
    inputs: Sequence[str],
    read: ReadOptions,
    *,
    leave_out: Sequence[Path] = (),
    threads: int | None = None,
    on_gpu: bool = False,
    standard_input: str | None = None,
) -> OpenedInputs:
    """Open the sources of the user's inputs; nothing is decoded yet.

    ``standard_input`` is the path of the file that holds the input ``-``. ``threads`` decode one
    video; None: one per core. ``on_gpu``: pictures decoded by a GPU are processed in its memory.

    Raises :class:`ConfigurationError` for an invalid filter chain, and :class:`UnreadableError` if
    no input is left.
    """
    from streamsel.sources.inputs import expand

    found = expand(inputs, leave_out=leave_out, standard_input=standard_input)
    if not found.inputs:
        raise UnreadableError("; ".join(str(error) for error in found.errors) or "no inputs")
    read = _with_sizes(read, found.inputs)
    sources = [open_source(one, read, threads=threads, on_gpu=on_gpu) for one in found.inputs]
    return OpenedInputs(tuple(sources), found.errors, found.inputs, read, found.passed_over)


def _with_sizes(read: ReadOptions, inputs: Sequence[Input]) -> ReadOptions:
    """Bind masks in pixels to the picture size of the first readable input.

    So a mask is never applied to pictures of another size, in any input.
    """
    from streamsel.sources.masks import agreed_size, read_masks

    masks = read_masks(read.mask)
    if all(mask.size is not None or not mask.is_in_pixels for mask in masks):
        return read
    size = agreed_size(masks) or _first_size(inputs)
    return read if size is None else replace(read, mask=tuple(str(m.sized(size)) for m in masks))


def _first_size(inputs: Sequence[Input]) -> Size | None:
    """Return the size of the first upright picture; None if no input can be read."""
    from streamsel.sources.decode.orientation import Orientation
    from streamsel.sources.masks import Size

    for one in inputs:
        try:
            with closing(open_source(one, ReadOptions(), threads=1).frames()) as frames:
                picture = next(frames).picture
        except (SourceError, StopIteration):
            continue
        if (image := picture.image) is not None:
            return Size(*Orientation(picture.rotation).upright(image.width, image.height))
    return None


def open_source(
    one: Input, read: ReadOptions, *, threads: int | None = None, on_gpu: bool = False
) -> Source:
    """Return the source of one feed; nothing is decoded yet."""
    from streamsel.sources.file import FileSource
    from streamsel.sources.images import ImageSource

    asked = asdict(read)
    decoding = {name: asked.pop(name) for name in ("decode", "hwaccel")}
    if one.images is not None:
        return ImageSource(one.feed, one.images, **asked)
    ahead = decoding_threads(threads)
    return FileSource(
        one.feed,
        one.location,
        **asked,
        **decoding,
        on_gpu=on_gpu,
        ahead=ahead,
        shown=one.address,
    )


def decoding_threads(threads: int | None) -> OrderedMap | None:
    """Return the map that decodes ahead with this many threads; None for no threads."""
    from streamsel.runtime.ordered_map import ThreadedMap, usable_cores

    workers = threads or usable_cores()
    return ThreadedMap(workers) if workers > 1 else None


def streams_of(sources: Sequence[Source]) -> frozenset[str]:
    """Return the feeds with frames that follow each other in time: all but image files."""
    from streamsel.sources.images import ImageSource

    return frozenset(one.feed for one in sources if not isinstance(one, ImageSource))


def is_readable(source: Source) -> bool:
    """Whether a frame of the source can be decoded; opens it."""
    try:
        with closing(source.frames()) as frames:
            next(frames, None)
    except SourceError:
        return False
    return True


def require_readable(sources: Sequence[Source]) -> None:
    """Raise the first source's error if none of them can be read."""
    if any(is_readable(source) for source in sources):
        return
    with closing(sources[0].frames()) as frames:
        next(frames, None)
