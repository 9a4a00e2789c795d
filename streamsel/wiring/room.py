"""Estimates the disk space of a run and checks it before the start."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from streamsel.config.options import RunOptions
from streamsel.errors import SourceError

if TYPE_CHECKING:
    from streamsel.sources.inputs import Input

_MOST_OPENED = 8
_FRAME_BYTES = 250
_PIXEL_BYTES = {"jpg": 0.3, "webp": 0.2, "png": 1.5, "avif": 0.2}
_WORTH_SAYING = 500 << 20


@dataclass(frozen=True, slots=True)
class Room:
    """The estimated disk space of a run, and the free space, in bytes."""

    folder: Path
    pictures: int
    frames: int
    needed: int
    free: int

    @property
    def is_short(self) -> bool:
        """Whether the free space may be too little."""
        return self.needed > self.free

    @property
    def is_worth_saying(self) -> bool:
        """Whether the estimate is worth a message."""
        return self.is_short or self.needed > _WORTH_SAYING

    def __str__(self) -> str:
        """Return the estimate, and the advice if space is short."""
        told = (
            f"{self.folder}: needs about {_told(self.needed)} for {self.pictures:,} pictures and a "
            f"record of {self.frames:,} frames; {_told(self.free)} are free"
        )
        advice = "; make room, keep fewer (-n), or smaller ones (--size)"
        return told + advice if self.is_short else told


def _told(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"


def estimate_room(
    folder: Path, options: RunOptions, inputs: Sequence[Input], dim: int
) -> Room | None:
    """Estimate the bytes a run writes, within a factor of about two; None if unknown."""
    from streamsel.record.files import free_bytes

    seen = [found for one in inputs[:_MOST_OPENED] if (found := _look(one)) is not None]
    if not seen:
        return None
    looked_bytes = sum(found.size for found in seen)
    all_bytes = sum(map(_size, inputs))
    share = max(1.0, all_bytes / looked_bytes) if looked_bytes else 1.0
    frames = round(share * sum(found.frames for found in seen))
    wanted = options.select.target(frames) * (len(inputs) if options.select.per_input else 1)
    pictures = min(wanted, frames)
    pixels = fmean(found.pixels for found in seen)
    each = pixels * _PIXEL_BYTES.get(options.write.format, 1.0)
    needed = round(pictures * each) + frames * (_FRAME_BYTES + 4 * dim)
    return Room(folder, pictures, frames, needed, free_bytes(folder))


@dataclass(frozen=True, slots=True)
class _Seen:
    size: int
    frames: int
    pixels: int


def _look(one: Input) -> _Seen | None:
    """Return the content of one input; None if unknown or unreadable."""
    from streamsel.sources.decode.video_reader import VideoReader
    from streamsel.sources.inputs import is_url

    if one.images is not None or is_url(one.location):
        return None
    try:
        with VideoReader(one.address, one.location) as session:
            frames, seconds, rate = session.declared_frames, session.declared_seconds, session.rate
            pixels = session.pixels
    except SourceError:
        return None
    if frames is None and seconds is not None and rate is not None:
        frames = round(seconds * rate)
    return None if frames is None else _Seen(_size(one), frames, pixels)


def _size(one: Input) -> int:
    """Return the size of a video's file in bytes; 0 if unknown."""
    try:
        return os.stat(one.location).st_size if one.images is None else 0
    except (OSError, ValueError):
        return 0
