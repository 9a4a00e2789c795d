"""What a kind of stream is made of, as data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Join: TypeAlias = Literal["bytes", "copy", "flv"]
Alter: TypeAlias = Callable[[bytes], bytes]
"""Changes the bytes of a file that is made otherwise."""

FRAMES = 48


@dataclass(frozen=True, slots=True)
class Part:
    """Pictures encoded in one go: ``encode`` are ffmpeg's output options.

    They carry the numbers ``first``, ``first + 1``, ...; ``rate`` is pictures per second.
    """

    encode: str
    first: int = 0
    frames: int = FRAMES
    size: tuple[int, int] = (96, 64)
    rate: str = "25"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of stream; its ``name`` is that of the file; the suffix chooses the container.

    ``parts`` are encoded one by one and joined: byte by byte; ``copy``, by ffmpeg without encoding;
    ``flv``, as FLV tags that go on in time. Then the file is read again and written by ``remux``,
    arguments for ffmpeg instead of ``-i FILE``; then ``alter`` changes its bytes. ``shown`` are the
    numbers of the pictures that come out, in order; None where no decoder shows any.
    ``intermediate`` is the suffix of what comes before ``remux``.
    """

    name: str
    parts: tuple[Part, ...]
    shown: Sequence[int] | None
    join: Join = "bytes"
    remux: str = ""
    intermediate: str = ""
    alter: Alter | None = None
    has_clean_times: bool = True
    """Whether media time is what the timestamps say, without a jump, a gap or a guess."""
    read_by: int | None = None
    """The matrix (ITU-T H.273) in place of one that cannot be converted."""

    def __str__(self) -> str:
        return self.name


def kind(
    name: str,
    encode: str,
    *,
    frames: int = FRAMES,
    size: tuple[int, int] = (96, 64),
    rate: str = "25",
    shown: Sequence[int] | None = None,
    garbled: bool = False,
    remux: str = "",
    intermediate: str = "",
    alter: Alter | None = None,
    clean: bool = True,
    read_by: int | None = None,
) -> Kind:
    """A stream that is encoded in one go; all pictures come out unless told otherwise."""
    return Kind(
        name,
        (Part(encode, 0, frames, size, rate),),
        None if garbled else range(frames) if shown is None else shown,
        remux=remux,
        intermediate=intermediate,
        alter=alter,
        has_clean_times=clean,
        read_by=read_by,
    )


def joined(
    name: str,
    *parts: Part,
    join: Join = "bytes",
    remux: str = "",
    intermediate: str = "",
) -> Kind:
    """A stream of several; the numbers of one part follow those of the one before it."""
    numbered = []
    first = 0
    for part in parts:
        numbered.append(Part(part.encode, first, part.frames, part.size, part.rate))
        first += part.frames
    return Kind(
        name,
        tuple(numbered),
        range(first),
        join,
        remux=remux,
        intermediate=intermediate,
        has_clean_times=False,
    )
