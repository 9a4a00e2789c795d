"""What a source yields of a stream, in a form that can be compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from streamsel.frame import Frame
from streamsel.runtime.ordered_map import ThreadedMap
from streamsel.sources.file import FileSource
from tests.conformance.truth import digest_of


@dataclass(frozen=True, slots=True)
class Seen:
    """A frame that came out: its name, its times, a hash of its planes."""

    index: int
    media_time: float
    pts: int | None
    time_base: Fraction
    digest: str
    rotation: int

    def __repr__(self) -> str:
        return f"{self.index}@{self.media_time:.3f}s/{self.pts}:{self.digest[:6]}"


def source(stream: Path, workers: int = 1, **options: Any) -> FileSource:
    """A source with so many decoders at once."""
    return FileSource("walk", str(stream), ahead=ThreadedMap(workers), **options)


def read(stream: Path, workers: int = 1, start: int = 0, **options: Any) -> list[Seen]:
    """All frames of a stream from an index on."""
    return seen(source(stream, workers, **options).frames(start))


def seen(frames: Iterable[Frame]) -> list[Seen]:
    """What is compared of frames, before any conversion of their pictures."""
    return [
        Seen(
            frame.key.index,
            frame.media_time,
            frame.pts,
            frame.time_base,
            digest_of(image_of(frame)),
            frame.picture.rotation,
        )
        for frame in frames
    ]


def image_of(frame: Frame) -> av.VideoFrame:
    """The picture of a frame as the decoder, or a filter, left it."""
    image = frame.picture.image
    assert image is not None
    return image
