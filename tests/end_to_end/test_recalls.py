"""Frames that were kept, evicted and recalled still have their picture: a line without threads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from streamsel.decisions import Kept, SelectionUpdate
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
from streamsel.record.reader import Record
from streamsel.runtime.judge import Judge
from streamsel.runtime.updates import encoded, merge
from streamsel.selection.budget import Budget
from streamsel.selection.online import OnlineSelector
from streamsel.sinks.service_folder import LiveDiskSink
from streamsel.testing import ManualClock
from tests.sinks.live_streams import BEGIN, opened

COUNT, DIM, FRAMES, SECONDS = 300, 5, 1500, 600.0
FEEDS = ("gate", "yard")
SIDE = 16


def scene(seed: int) -> Vectors:
    """Ten minutes in which everything becomes ever less alike: what is kept goes again and again.

    (FRAMES, DIM) unit vectors.
    """
    spread = 0.0001 * 30000 ** np.linspace(0.0, 1.0, FRAMES)
    noise = np.random.default_rng(seed).normal(size=(FRAMES, DIM))
    rows = np.eye(DIM)[0] + spread[:, None] * noise
    vectors: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return vectors


class Lookup:
    """An embedder that knows the vector of each picture by the number it shows."""

    name, digest, view, dim = "lookup", "none", View(2), DIM

    def __init__(self, vectors: Sequence[Vectors]) -> None:
        self._vectors = np.concatenate(vectors)

    def embed(self, thumbnails: Sequence[Thumbnail]) -> Vectors:
        numbers = [int(shown[0, 0, 0]) + 256 * int(shown[0, 0, 1]) for shown in thumbnails]
        rows: Vectors = self._vectors[numbers]
        return rows


def shown(key: FrameKey) -> int:
    return FEEDS.index(key.feed) * FRAMES + key.index


def image_of(key: FrameKey) -> bytes:
    """What a picture of this frame is stored as."""
    return shown(key).to_bytes(2, "little") * (SIDE * SIDE // 2)


def encode(picture: Picture) -> EncodedPicture:
    assert picture.image is not None
    return EncodedPicture(bytes(picture.image.to_ndarray()), SIDE, SIDE)


def prefiltered(key: FrameKey) -> PrefilteredFrame:
    pixels = np.frombuffer(image_of(key), np.uint8).reshape(SIDE, SIDE)
    seconds = key.index * SECONDS / FRAMES
    frame = Frame(
        key, key.index, Fraction(1, 1000), seconds, SIDE, SIDE,
        Picture(av.VideoFrame.from_ndarray(pixels, "gray")),
        wall_time=BEGIN + seconds, received=seconds,
    )  # fmt: skip
    number = shown(key)
    thumbnail = np.full((2, 2, 3), (number % 256, number // 256, 0), np.uint8)
    return PrefilteredFrame(frame, np.zeros((32, 32), np.uint8), number, 0.5, None, thumbnail)


@dataclass
class Story:
    """What a sink was told, and what its folder must hold because of it."""

    folder: Path
    ever: set[FrameKey] = field(default_factory=set)
    recalls: int = 0
    kept: dict[str, set[FrameKey]] = field(default_factory=lambda: {feed: set() for feed in FEEDS})

    def tell(self, update: SelectionUpdate) -> None:
        for event in update.events:
            if isinstance(event, Kept):
                self.recalls += event.reason == "recalled" and event.frame.key in self.ever
                self.ever.add(event.frame.key)
                self.kept[update.scope].add(event.frame.key)
            else:
                self.kept[update.scope].remove(event.frame.key)

    def check(self, sink: LiveDiskSink) -> None:
        assert sink.lost() == []
        files = [path for path in (self.folder / "frames").rglob("*") if path.is_file()]
        assert sink.stored_bytes == sum(path.stat().st_size for path in files)
        kept = sum(len(keys) for keys in self.kept.values())
        assert kept <= len(files) <= kept + len(FEEDS) * COUNT


def turns(judge: Judge) -> Iterator[list[SelectionUpdate]]:
    """Let the feeds take turns; some turns are of one frame, some of many."""
    sizes = np.random.default_rng(7).integers(1, 16, FRAMES)
    starts = np.minimum(np.cumsum(sizes) - sizes, FRAMES)
    for start, stop in pairwise(starts):
        seen = [
            prefiltered(FrameKey(feed, index)) for index in range(start, stop) for feed in FEEDS
        ]
        if seen:
            yield [encoded(one, encode) for one in judge.judge(seen)]


def judging(clock: ManualClock) -> tuple[Judge, dict[str, OnlineSelector]]:
    lookup = Lookup([scene(seed) for seed in range(len(FEEDS))])
    judge = Judge(ComputedEmbeddings(lookup), [], clock)
    selectors = {feed: OnlineSelector(Budget(count=COUNT), DIM) for feed in FEEDS}
    for feed, selector in selectors.items():
        judge.open_scope(feed, selector)
        judge.assign(feed, feed)
    return judge, selectors


@pytest.mark.parametrize("merged", [1, 5])
def test_a_frame_that_was_kept_before_is_never_lost_when_it_is_recalled(
    tmp_path: Path, merged: int
) -> None:
    """Ten minutes of two feeds; also where a sink is late, so that what waits for it is merged."""
    clock, story = ManualClock(), Story(tmp_path)
    judge, selectors = judging(clock)
    sink = opened(tmp_path, clock, durability="batched" if merged > 1 else "strict")
    waiting: dict[str, list[SelectionUpdate]] = {feed: [] for feed in FEEDS}
    for turn, updates in enumerate(turns(judge)):
        clock.advance(1.0)
        for update in updates:
            story.tell(update)
            waiting[update.scope].append(update)
            if len(waiting[update.scope]) >= merged:
                sink.apply(reduce(merge, waiting[update.scope]))
                waiting[update.scope].clear()
        if not any(waiting.values()) and turn % 5 == 4:
            clock.advance(1.0)
            sink.tick()
            story.check(sink)
    for update in judge.finish():
        sink.apply(reduce(merge, [*waiting[update.scope], update]))
    assert story.recalls >= 50
    assert sink.lost() == []
    sink.close()
    with Record.open(tmp_path) as record:
        stored = {one.key: one for one in record.kept()}
    assert set(stored) == {key for selector in selectors.values() for key in selector.kept}
    for key, one in stored.items():
        assert one.picture is not None
        content = (tmp_path / one.picture.path).read_bytes()
        assert content == image_of(key)
        assert one.picture.sha256 == sha256(content).hexdigest()
    # What was set aside has gone with the selectors that could have recalled it.
    assert len([*(tmp_path / "frames").rglob("*.jpg")]) == len(stored)


def test_what_was_set_aside_is_swept_after_a_kill_and_nothing_else(tmp_path: Path) -> None:
    clock, story = ManualClock(), Story(tmp_path)
    judge, _ = judging(clock)
    sink = opened(tmp_path, clock)
    for updates in turns(judge):
        for update in updates:
            story.tell(update)
            sink.apply(update)
        if story.recalls > 5:
            break
    kept = {key for keys in story.kept.values() for key in keys}
    pictures = [*(tmp_path / "frames").rglob("*.jpg")]
    assert len(pictures) > len(kept)
    # The folder as a kill would leave it: the sink is not closed, its lock is released.
    sink._record.close()
    sink._folder.release()
    again = opened(tmp_path, clock)
    assert again.lost() == []
    left = [*(tmp_path / "frames").rglob("*.jpg")]
    assert len(left) == len(kept)
    assert again.stored_bytes == sum(path.stat().st_size for path in left)
    again.close()
