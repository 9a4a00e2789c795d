"""Small live stages with known behaviour: feeds, an embedder, a selector, sinks, an observer."""

from __future__ import annotations

import json
import threading
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from streamsel import testing
from streamsel.clock import Clock
from streamsel.decisions import (
    DropReason,
    Event,
    Evicted,
    Fault,
    FeedStatus,
    Kept,
    SelectionUpdate,
    SourceCounters,
    Verdict,
)
from streamsel.errors import ConfigurationError
from streamsel.frame import (
    Candidate,
    EncodedPicture,
    Frame,
    FrameKey,
    Picture,
    PrefilteredFrame,
    Vectors,
)
from streamsel.interfaces.observers import LiveObserver
from streamsel.interfaces.selectors import LiveSelector
from streamsel.runtime.feed_reader import LiveFeed
from streamsel.testing import RecordingSink, Script, Step
from tests.runtime.stages import OpenPrefilter


def picture(size_bytes: int = 100) -> Picture:
    """A picture that is an image file already."""
    return Picture(None, encoded=EncodedPicture(b"x" * size_bytes, 8, 8))


def live_frame(
    feed: str,
    index: int,
    media_time: float = 0.0,
    clock: Clock | None = None,
    size_bytes: int = 100,
) -> Frame:
    return Frame(
        key=FrameKey(feed, index),
        pts=index,
        time_base=Fraction(1, 25),
        media_time=media_time,
        width=8,
        height=8,
        picture=picture(size_bytes),
        wall_time=None if clock is None else clock.wall(),
        received=None if clock is None else clock.monotonic(),
    )


HUNDRED_BYTES = EncodedPicture(b"x" * 100, 8, 8)


def prefiltered(feed: str, index: int, refused: bool = False) -> PrefilteredFrame:
    return OpenPrefilter(refuse_every=1 if refused else 0).check(live_frame(feed, index))


class ScriptedSource(testing.ScriptedSource):
    """Plays a script, with pictures of 100 bytes."""

    def __init__(self, feed: str, *sessions: Script, clock: Clock | None = None) -> None:
        super().__init__(feed, *sessions, clock=clock, picture=lambda _: HUNDRED_BYTES)


def steady(period: float) -> Script:
    """A frame every so many seconds, for ever."""

    def steps() -> Iterator[Step]:
        while True:
            yield period

    return steps


def steps(*script: Step) -> Script:
    return script


class ContentWatch:
    """Finds no fault with any view."""

    def check(self, prefiltered: PrefilteredFrame) -> Fault | None:
        return None


def feed_of(source: ScriptedSource, **changes: Any) -> LiveFeed:
    """A feed of one source, which judges for itself and has numbers in reserve."""
    feed = LiveFeed(
        name=source.feed,
        address=source.address,
        open_source=lambda: source,
        open_prefilter=OpenPrefilter,
        open_watch=ContentWatch,
        scope=source.feed,
        reserved=1000,
    )
    return replace(feed, **changes)


class NewestSelector:
    """Keeps every ``every``-th embedded frame, of those the newest ``capacity``."""

    def __init__(self, every: int = 5, capacity: int = 8) -> None:
        self.every = every
        self.capacity = capacity
        self.members: dict[FrameKey, Frame] = {}
        self.judged: list[FrameKey] = []
        self.pinned: tuple[FrameKey, ...] = ()
        self.coverage_bound = 0.0
        self.spacing = 0.0
        self.is_state_due = False

    @property
    def kept(self) -> tuple[FrameKey, ...]:
        return tuple(sorted(self.members))

    @property
    def size(self) -> int:
        return len(self.members)

    @property
    def recallable(self) -> frozenset[FrameKey]:
        return frozenset()

    @property
    def redundancy(self) -> float | None:
        return 1.0 / len(self.members) if self.members else None

    def judge(self, candidates: Sequence[Candidate]) -> list[Verdict]:
        return [self._verdict(candidate) for candidate in candidates]

    def _verdict(self, candidate: Candidate) -> Verdict:
        frame = candidate.frame
        self.judged.append(frame.key)
        if candidate.embedding is None:
            return Verdict(
                candidate, "refused", str(candidate.prefiltered.refusal), None, None, None
            )
        if frame.key.index % self.every:
            return Verdict(candidate, "covered", "covered", 0.1, None, 0.2)
        self.members[frame.key] = frame
        events = (Kept(frame, None, None, 0.0, "novel"), *self._trim("closest-pair"))
        return Verdict(candidate, "kept", "novel", None, None, 0.0, events)

    def _trim(self, reason: str) -> list[Event]:
        excess = max(0, len(self.members) - self.capacity)
        return self.forget(list(self.members)[:excess], reason)

    @property
    def warnings(self) -> Mapping[str, str]:
        return {}

    def finish(self) -> list[Verdict]:
        return []

    def resize(self, count: int) -> list[Event]:
        if count < 1:
            raise ConfigurationError(f"count is {count}; it must be at least 1")
        self.capacity = count
        return self._trim("resized")

    def evict_redundant(self, reason: str) -> list[Event]:
        return self.forget(list(self.members)[:1], reason)

    def forget(self, keys: Collection[FrameKey], reason: str) -> list[Event]:
        found = [self.members.pop(key) for key in keys if key in self.members]
        return [Evicted(frame, None, None, reason) for frame in found]

    def pin(self, key: FrameKey) -> bool:
        return key in self.members

    def unpin(self, key: FrameKey) -> bool:
        return key in self.members

    def vectors(self) -> Vectors:
        return np.zeros((len(self.members), 2), np.float32)

    def state(self) -> bytes:
        return json.dumps([str(key) for key in self.kept]).encode()

    def restore(self, state: bytes, kept: Sequence[Candidate]) -> None:
        self.members = {candidate.frame.key: candidate.frame for candidate in kept}


class StoringSink(RecordingSink):
    """Records as a disk does: pictures that it lacks are lost.

    While ``hanging`` is cleared it does not return. What exceeds ``budget_bytes`` is its excess.
    """

    def __init__(self, name: str = "disk", budget_bytes: int | None = None) -> None:
        super().__init__(name)
        self.hanging = threading.Event()
        self.hanging.set()
        self.most_bytes = 0
        self._sizes: dict[FrameKey, int] = {}
        self._budget_bytes = budget_bytes

    def apply(self, update: SelectionUpdate) -> None:
        self.hanging.wait()
        super().apply(update)
        for event in update.events:
            key, picture = event.frame.key, event.frame.picture
            if isinstance(event, Evicted):
                del self._sizes[key]
                continue
            assert picture.image is None
            self._sizes[key] = picture.held_bytes
            if picture.encoded is None:
                self.lose(key)
        self.most_bytes = max(self.most_bytes, self.stored_bytes)
        if self._budget_bytes is not None:
            self.excess_bytes = max(0, self.stored_bytes - self._budget_bytes)

    @property
    def stored_bytes(self) -> int:
        return sum(self._sizes.values())

    def close(self) -> None:
        self.hanging.wait()
        super().close()


class Watcher(LiveObserver):
    """An observer that counts."""

    def __init__(self) -> None:
        self.judged_frames: Counter[str] = Counter()
        self.dropped_frames: Counter[tuple[str, str]] = Counter()
        self.statuses: list[FeedStatus] = []
        self.removed: list[str] = []
        self.tallies: dict[str, SourceCounters] = {}
        self.failures: Counter[str] = Counter()
        self.stages: set[str] = set()
        self.queues: dict[str, int] = {}
        self.measured_scopes: Counter[str] = Counter()
        self.batches: list[int] = []
        self.delivered_frames: defaultdict[str, set[FrameKey]] = defaultdict(set)

    def feed_changed(self, status: FeedStatus) -> None:
        self.statuses.append(status)

    def feed_removed(self, feed: str) -> None:
        self.removed.append(feed)

    def tallied(self, feed: str, tally: SourceCounters) -> None:
        self.tallies[feed] = tally

    def dropped(self, feed: str, reason: DropReason, frames: int) -> None:
        assert frames > 0
        self.dropped_frames[feed, reason] += frames

    def judged(self, update: SelectionUpdate, now: float) -> None:
        self.judged_frames.update(verdict.frame.key.feed for verdict in update.verdicts)

    def batched(self, frames: int) -> None:
        self.batches.append(frames)

    def stage_finished(self, stage: str, seconds: float) -> None:
        self.stages.add(stage)

    def queue_measured(self, queue: str, items: int) -> None:
        self.queues[queue] = items

    def measured(self, scope: str, selector: LiveSelector) -> None:
        assert threading.current_thread().name == "streamsel-judge"
        self.measured_scopes[scope] += 1

    def delivered(self, sink: str, update: SelectionUpdate) -> None:
        self.delivered_frames[sink].update(
            event.frame.key for event in update.events if isinstance(event, Kept)
        )

    def sink_failed(self, sink: str, reason: str) -> None:
        self.failures[sink] += 1

    def states_of(self, feed: str) -> list[str]:
        return [status.state for status in self.statuses if status.feed == feed]
