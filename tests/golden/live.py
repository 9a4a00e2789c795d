"""A service without threads, for the golden records: its judge, its selectors, its folder.

With :mod:`tests.golden.run` it is all that the records import of the package: the classes named
here, and the attributes in the two tables and the two functions at the end, are what a renaming
touches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from itertools import accumulate
from operator import attrgetter
from pathlib import Path
from typing import Any, Self

import numpy as np

from streamsel.decisions import Event, Kept, Verdict
from streamsel.decisions import SelectionUpdate as Update
from streamsel.embed.computed import ComputedEmbeddings
from streamsel.frame import (
    EncodedPicture,
    Frame,
    FrameKey,
    Picture,
    PrefilteredFrame,
    Thumbnail,
    Vectors,
    View,
)
from streamsel.interfaces.selectors import LiveSelector
from streamsel.record.values import FeedPlan, RunPlan
from streamsel.runtime.judge import Judge
from streamsel.runtime.updates import encoded
from streamsel.selection.budget import Budget
from streamsel.selection.online import OnlineSelector
from streamsel.sinks.service_folder import LiveDiskSink, StoreOptions
from streamsel.testing import ManualClock
from tests.golden.records import Row
from tests.golden.run import change, key

DIM = 8
SECONDS = 0.25
"""Between two frames of a feed."""

_FIGURES: Mapping[str, Callable[[Any], Any]] = {
    name: attrgetter(name)
    for name in ("size", "capacity", "redundancy", "coverage_bound", "spacing", "floor")
}
"""What is written down of a selector, and how it is asked."""
_DOES: Mapping[str, Callable[[Any], Callable[..., list[Event]]]] = {
    name: attrgetter(name) for name in ("resize", "forget")
}
"""What may be done to a selector that answers with changes, and how."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a scope, in the words of a configuration."""

    count: int | None = None
    period: float | None = None
    share: float | None = None
    near_duplicate: Any = "auto"
    min_distance: float = 0.0
    look_ahead: int = 1
    window: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Feed:
    """A made feed of a scope: its vectors, and which of its frames are refused as black."""

    name: str
    scope: str
    vectors: Vectors
    black_every: int = 0


class _Lookup:
    """An embedder that finds a frame's vector by the number in its thumbnail."""

    name, digest, view, dim = "made", "00ff", View(2), DIM

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    def embed(self, thumbnails: Sequence[Thumbnail]) -> Vectors:
        numbers = [int(shown[0, 0, 0]) + 256 * int(shown[0, 0, 1]) for shown in thumbnails]
        rows: Vectors = self._vectors[numbers]
        return rows


class Service:
    """Judges frames of feeds turn by turn and stores the results in a folder.

    A folder that one has closed is continued. ``rows`` are what was written down of each scope.
    """

    def __init__(
        self, folder: Path, scopes: Mapping[str, Asked], feeds: Sequence[Feed], at: float
    ) -> None:
        self._feeds = {feed.name: feed for feed in feeds}
        self._firsts = dict(
            zip(
                self._feeds,
                accumulate([0, *(len(feed.vectors) for feed in feeds[:-1])]),
                strict=True,
            )
        )
        self._clock = ManualClock(1_700_001_000.0)
        self._begun = self._clock.wall()
        self._clock.advance(at)
        self.rows: dict[str, list[Row]] = {scope: [] for scope in scopes}
        plan = RunPlan(
            version="0",
            config={},
            identity={},
            embedder=_Lookup.name,
            embedder_digest=_Lookup.digest,
            method="live",
            count=None,
            seed=0,
            feeds=[FeedPlan(feed.name, f"rtsp://{feed.name}") for feed in feeds],
        )
        self._store = LiveDiskSink(folder, plan, "png", self._clock, StoreOptions(history=100))
        self._store.select_into(tuple(scopes))
        lookup = _Lookup(np.concatenate([feed.vectors for feed in feeds]))
        self._judge = Judge(ComputedEmbeddings(lookup), [], self._clock)
        self._selectors = {scope: self._selector(scope, asked) for scope, asked in scopes.items()}
        for scope, selector in self._selectors.items():
            self._judge.open_scope(scope, selector)
        for feed in feeds:
            self._judge.assign(feed.name, feed.scope)

    def _selector(self, scope: str, asked: Asked) -> OnlineSelector:
        """A selector that goes on where the record ends, as the service makes it."""
        selector = OnlineSelector(
            Budget(count=asked.count, period=asked.period, share=asked.share),
            DIM,
            floor=asked.near_duplicate,
            min_distance=asked.min_distance,
            look_ahead=asked.look_ahead,
            window=asked.window,
        )
        state, kept = self._store.selection(scope), self._store.kept_candidates(scope)
        if state or kept:
            selector.restore(state or b"", kept)
        for pinned in self._store.pinned(scope):
            selector.pin(pinned)
        return selector

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()

    def turn(self, first: int, stop: int) -> None:
        """Judge these frames of every feed, the feeds taking turns."""
        self._clock.advance((stop - first) * SECONDS)
        seen = [self._sighting(feed, index) for index in range(first, stop) for feed in self._feeds]
        self._take(self._judge.judge(seen))
        self._store.tick()

    def do(self, scope: str, what: str, *values: Any) -> None:
        """Change the kept set of a scope by hand: ``resize``, or ``forget`` keys for a reason."""
        self._take(self._judge.change(scope, lambda selector: _DOES[what](selector)(*values)))

    def lose(self, scope: str, place: int) -> None:
        """Give up the frame that is kept at this place, for its picture could not be stored."""
        self._take(self._judge.forget([self._selectors[scope].kept[place]]))

    def thin(self, frames: int) -> None:
        """Evict so many frames, each of the closest pair of all, for the bytes they take."""
        self._take(self._judge.thin(frames))

    def pin(self, scope: str, place: int, *, pinned: bool) -> None:
        """Pin the frame that is kept at this place, or unpin the one that is pinned there."""
        selector = self._selectors[scope]
        one = (selector.kept if pinned else selector.pinned)[place]

        def put(selector: LiveSelector) -> Sequence[Event]:
            assert selector.pin(one) if pinned else selector.unpin(one)
            return ()

        self._take(self._judge.change(scope, put))
        self._store.set_pinned(one, pinned)

    def measure(self) -> None:
        """Write down the figures of every selector, what it keeps, and its state."""
        for scope, selector in self._selectors.items():
            rows = self.rows[scope]
            for name, ask in _FIGURES.items():
                rows.append({"kind": "figure", "name": name, "value": ask(selector)})
            for name in ("kept", "pinned", "recallable"):
                keys = sorted(getattr(selector, name))
                told = ", ".join(f"{one.feed} {one.index}" for one in keys)
                rows.append({"kind": "figure", "name": name, "value": told})
            digest = sha256(selector.state()).hexdigest()
            rows.append({"kind": "digest", "name": "state", "sha256": digest})

    def finish(self) -> None:
        """Judge what waits for more, as at the end of a service."""
        self.measure()
        self._take(self._judge.finish())

    def _take(self, updates: Iterable[Update]) -> None:
        for update in updates:
            self.rows[update.scope] += _rows_of(update)
            self._store.apply(encoded(update, _encode))

    def _sighting(self, name: str, index: int) -> PrefilteredFrame:
        feed, number = self._feeds[name], self._firsts[name] + index
        refused = feed.black_every and index % feed.black_every == feed.black_every - 1
        frame = Frame(
            key=FrameKey(name, index),
            pts=index,
            time_base=Fraction(1, 4),
            media_time=index * SECONDS,
            width=4,
            height=4,
            picture=Picture(None, encoded=_encoded(number)),
            wall_time=self._begun + index * SECONDS,
            received=self._clock.monotonic(),
        )
        thumbnail = np.full((2, 2, 3), (number % 256, number // 256, 0), np.uint8)
        return PrefilteredFrame(
            frame=frame,
            luma_grid=np.zeros((32, 32), np.uint8),
            digest=number,
            sharpness=0.25 + number % 7 / 16,
            refusal="black" if refused else None,
            thumbnail=None if refused else thumbnail,
        )


def _encode(picture: Picture) -> EncodedPicture:
    assert picture.encoded is not None
    return picture.encoded


def _encoded(number: int) -> EncodedPicture:
    """What stands for a picture: as many bytes as any, and its own."""
    return EncodedPicture(number.to_bytes(2, "big") * 8, 4, 4)


def _rows_of(update: Update) -> Iterator[Row]:
    for verdict in update.verdicts:
        yield _verdict(verdict)
        for event in verdict.events:
            yield _change(event, verdict.frame.key)
    for event in update.changes:
        yield _change(event, None)


def _verdict(verdict: Verdict) -> Row:
    return {
        "kind": "verdict",
        "frame": _key(verdict.frame.key),
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "distance": verdict.distance,
        "nearest": _key(verdict.nearest),
        "threshold": verdict.threshold,
    }


def _change(event: Event, cause: FrameKey | None) -> Row:
    frame, by = _key(event.frame.key), _key(cause)
    if isinstance(event, Kept):
        near, threshold = _key(event.nearest), event.threshold
        return change("kept", frame, near, event.distance, threshold, event.reason, by)
    return change("evicted", frame, _key(event.by), event.distance, None, event.reason, by)


def _key(one: FrameKey | None) -> str | None:
    return None if one is None else key(one.feed, one.index)
