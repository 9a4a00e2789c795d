"""What a service decides, made up: the same bytes for every process that asks for a frame."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np

from streamsel.choices import Durability
from streamsel.clock import Clock
from streamsel.decisions import Event, Evicted, Kept, Outcome, SelectionUpdate, Verdict
from streamsel.frame import (
    Candidate,
    EncodedPicture,
    Frame,
    FrameKey,
    Picture,
    PrefilteredFrame,
    Vector,
)
from streamsel.record.values import FeedPlan
from streamsel.sinks.service_folder import LiveDiskSink, StoreOptions
from streamsel.testing import ManualClock
from tests.sinks import streams

BEGIN = 1_800_000_000.0
FRAME_SECONDS = 7.0
DIM = 8


class StoreChoices(TypedDict, total=False):
    """What a test asks of the folder; the rest is as ever."""

    durability: Durability
    max_bytes: int | None
    history: int


def opened(
    folder: Path, clock: Clock | None = None, **options: Unpack[StoreChoices]
) -> LiveDiskSink:
    plan = streams.plan(
        method="live", count=None, feeds=[FeedPlan("gate", "rtsp://gate"), FeedPlan("yard", "yard")]
    )
    return LiveDiskSink(folder, plan, "jpg", clock or ManualClock(), StoreOptions(**options))


def content(key: FrameKey, size_bytes: int) -> bytes:
    """What is stored of a frame: noise of its own."""
    return random.Random(str(key)).randbytes(size_bytes)


def frame(index: int, feed: str = "gate", size_bytes: int | None = 1_000) -> Frame:
    """A frame, seven seconds after the one before; a size of None: its picture was lost."""
    key = FrameKey(feed, index)
    encoded = None if size_bytes is None else EncodedPicture(content(key, size_bytes), 64, 48)
    return Frame(
        key=key,
        pts=index,
        time_base=Fraction(1, 10),
        media_time=index * FRAME_SECONDS,
        width=64,
        height=48,
        picture=Picture(None, encoded=encoded),
        wall_time=BEGIN + index * FRAME_SECONDS,
        received=float(index),
    )


def vector(key: FrameKey) -> Vector:
    made = np.random.default_rng(key.index).normal(size=DIM).astype(np.float32)
    return made / np.linalg.norm(made)


def verdict(this: Frame, outcome: Outcome = "covered", events: Sequence[Event] = ()) -> Verdict:
    """A verdict on a frame; one that was kept says so by itself."""
    refusal = "black" if outcome == "refused" else None
    prefiltered = PrefilteredFrame(this, np.zeros((32, 32), np.uint8), 1, 0.5, refusal, None)
    if outcome == "kept":
        events = (kept(this), *events)
    return Verdict(
        candidate=Candidate(prefiltered, None if refusal else vector(this.key)),
        outcome=outcome,
        reason={"kept": "novel", "covered": "covered", "refused": "black"}[outcome],
        distance=None if refusal else 0.25,
        nearest=None if refusal else FrameKey(this.key.feed, 0),
        threshold=None if refusal else 0.1,
        events=tuple(events),
    )


def kept(this: Frame, reason: str = "novel") -> Kept:
    return Kept(this, 0.25, FrameKey(this.key.feed, 0), 0.1, reason, vector(this.key))


def evicted(key: FrameKey, by: FrameKey | None = None, reason: str = "closest-pair") -> Evicted:
    return Evicted(frame(key.index, key.feed, None), by, None if by is None else 0.2, reason)


def judged(
    *verdicts: Verdict,
    scope: str = "gate",
    changes: Iterable[Event] = (),
    state: bytes | None = b"state",
) -> SelectionUpdate:
    return SelectionUpdate(scope, verdicts, tuple(changes), state)


def keeping(index: int, *gone: int, size_bytes: int | None = 1_000) -> SelectionUpdate:
    """A turn that keeps one frame of the gate and evicts others."""
    this = frame(index, size_bytes=size_bytes)
    events = [evicted(FrameKey("gate", other), this.key) for other in gone]
    return judged(verdict(this, "kept", events))


def files(folder: Path) -> dict[str, str]:
    """Every file below ``frames``, with the hash of what is in it."""
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in (folder / "frames").rglob("*")
        if path.is_file()
    }
