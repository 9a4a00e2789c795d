"""Feeds that children read in the tests; all of it is pickled by name."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from streamsel.errors import SourceError
from streamsel.frame import Frame, FrameKey, Picture, PrefilteredFrame, PrefilterState


@dataclass(frozen=True)
class Scripted:
    """Yields so many prefiltered frames and then ends in the requested way."""

    feed: str
    frames: int
    ending: str = "well"

    def __call__(self) -> Scripted:
        if self.ending == "unopened":
            raise SourceError(f"feed '{self.feed}': cannot be opened")
        return self

    def prefiltered_frames(self) -> Iterator[PrefilteredFrame]:
        for index in range(self.frames):
            yield prefiltered(self.feed, index)
        if self.ending == "lost":
            raise SourceError(f"feed '{self.feed}': was lost")
        if self.ending == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.ending == "silent":
            threading.Event().wait()
        if self.ending == "defect":
            sys.exit(3)
        while self.ending == "never":
            yield prefiltered(self.feed, self.frames)

    def warnings(self) -> tuple[str, ...]:
        print("what is printed in a child does not come between its answers")
        return (f"feed '{self.feed}': torch is {'' if 'torch' in sys.modules else 'not '}there",)

    def seek_index(self) -> object:
        return (self.feed, self.frames)


def prefiltered(feed: str, index: int) -> PrefilteredFrame:
    frame = Frame(FrameKey(feed, index), index, Fraction(1, 25), index / 25, 64, 64, Picture(None))
    thumbnail = np.full((64, 64, 3), index % 256, np.uint8)
    luma_grid = np.zeros((32, 32), np.uint8)
    return PrefilteredFrame(frame, luma_grid, index + 1, 1.0, None, thumbnail, PrefilterState())
