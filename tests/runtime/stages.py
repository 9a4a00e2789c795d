"""Small stages with known behaviour, to test the runtime without media or a network."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from fractions import Fraction

import numpy as np

from streamsel.decisions import FeedReport, Kept, SelectionUpdate, Verdict
from streamsel.errors import SourceError
from streamsel.frame import (
    Candidate,
    Frame,
    FrameKey,
    Picture,
    PrefilteredFrame,
    PrefilterState,
    Thumbnail,
    Vectors,
    View,
)


def frame(feed: str, index: int) -> Frame:
    return Frame(
        key=FrameKey(feed, index),
        pts=index,
        time_base=Fraction(1, 25),
        media_time=index / 25,
        width=8,
        height=8,
        picture=Picture(None),
    )


class CountingSource:
    """Yields ``length`` frames, or fails after ``fails_after`` of them."""

    def __init__(self, feed: str, length: int, fails_after: int | None = None) -> None:
        self.feed = feed
        self.address = f"{feed}.mp4"
        self.expected_frames = length
        self.expected_seconds = length / 25
        self.closed = False
        self.fetched: list[int] = []
        self.fetch_error: SourceError | None = None
        self.fingerprint = ""
        self._stopped = False
        self._length = length
        self._fails_after = fails_after

    def frames(self, start: int = 0) -> Generator[Frame, None, None]:
        try:
            for index in range(start, self._length):
                if index == self._fails_after:
                    raise SourceError(f"feed {self.feed!r}: lost")
                yield frame(self.feed, index)
        finally:
            self.closed = True

    def fetch(self, indices: Collection[int]) -> Iterator[Frame]:
        if self.fetch_error is not None:
            raise self.fetch_error
        for index in sorted(indices):
            if self._stopped:
                return
            self.fetched.append(index)
            yield frame(self.feed, index)

    def stop(self) -> None:
        self._stopped = True

    def warnings(self) -> Sequence[str]:
        return ()


class OpenPrefilter:
    """Lets everything pass but every ``refuse_every``-th frame."""

    def __init__(self, refuse_every: int = 0) -> None:
        self._refuse_every = refuse_every

    def check(self, frame: Frame) -> PrefilteredFrame:
        refused = bool(self._refuse_every) and frame.key.index % self._refuse_every == 0
        return PrefilteredFrame(
            frame=frame,
            luma_grid=np.zeros((32, 32), np.uint8),
            digest=frame.key.index,
            sharpness=0.5,
            refusal="black" if refused else None,
            thumbnail=None if refused else np.full((4, 4, 3), frame.key.index % 251, np.uint8),
        )

    @property
    def memory(self) -> int:
        return 0

    def resume(self, state: PrefilterState, digests: Sequence[int]) -> None:
        """It remembers nothing."""


class AngleEmbedder:
    """A thumbnail's first value becomes an angle in the plane."""

    name = "angle"
    digest = "0" * 16
    view = View(4)
    dim = 2

    def __init__(self) -> None:
        self.batches: list[int] = []

    def embed(self, thumbnails: Sequence[Thumbnail]) -> Vectors:
        self.batches.append(len(thumbnails))
        angles = np.array([thumbnail[0, 0, 0] for thumbnail in thumbnails], np.float64)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


class KeepEveryTenth:
    """Keeps every tenth embedded frame and withholds its verdicts until ``lag`` have gathered."""

    def __init__(self, lag: int = 1) -> None:
        self._lag = lag
        self._waiting: list[Candidate] = []
        self._kept: list[FrameKey] = []

    @property
    def kept(self) -> tuple[FrameKey, ...]:
        return tuple(self._kept)

    def judge(self, candidates: Sequence[Candidate]) -> list[Verdict]:
        self._waiting.extend(candidates)
        ready = len(self._waiting) // self._lag * self._lag
        due, self._waiting = self._waiting[:ready], self._waiting[ready:]
        return [self._verdict(candidate) for candidate in due]

    @property
    def warnings(self) -> Mapping[str, str]:
        return {}

    def finish(self) -> list[Verdict]:
        due, self._waiting = self._waiting, []
        return [self._verdict(candidate) for candidate in due]

    def _verdict(self, candidate: Candidate) -> Verdict:
        key = candidate.frame.key
        if candidate.embedding is None:
            return Verdict(
                candidate, "refused", str(candidate.prefiltered.refusal), None, None, None
            )
        if key.index % 10:
            return Verdict(candidate, "covered", "covered", 0.1, None, 0.2)
        self._kept.append(key)
        event = Kept(candidate.frame, None, None, 0.0, "novel")
        return Verdict(candidate, "kept", "novel", None, None, 0.0, (event,))


class ListSink:
    """Remembers what it was given; wants ``wants`` decoded again; fails after ``fails_after``."""

    def __init__(
        self,
        wants: Sequence[FrameKey] = (),
        fails_after: int | None = None,
        error: type = Exception,
    ) -> None:
        self.name = "list"
        self.verdicts: list[Verdict] = []
        self.reports: list[FeedReport] = []
        self.supplied: list[FrameKey] = []
        self.has_ended = self.is_closed = False
        self.on_supply: Callable[[FrameKey], None] = lambda key: None
        self._wants = list(wants)
        self._fails_after = fails_after
        self._error = error

    def apply(self, update: SelectionUpdate) -> None:
        self.verdicts.extend(update.verdicts)
        if self._fails_after is not None and len(self.verdicts) >= self._fails_after:
            raise self._error("no room")

    def feed_ended(self, report: FeedReport) -> None:
        self.reports.append(report)

    def run_ended(self) -> None:
        self.has_ended = True

    def missing(self) -> Sequence[FrameKey]:
        return self._wants

    def supply(self, frame: Frame) -> None:
        self.supplied.append(frame.key)
        self.on_supply(frame.key)

    def close(self) -> None:
        self.is_closed = True
