"""A made stream with made decisions: the same for every process that asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TypedDict, Unpack, get_args

import av
import numpy as np

from streamsel.choices import Durability
from streamsel.decisions import Event, Evicted, Kept, Outcome, SelectionUpdate, Verdict
from streamsel.frame import (
    Candidate,
    Frame,
    FrameKey,
    Picture,
    PrefilteredFrame,
    PrefilterState,
    Vector,
)
from streamsel.record.values import FeedPlan, RunPlan
from streamsel.sinks.pictures import Encoder
from streamsel.sinks.run_folder import DiskOptions, DiskSink
from streamsel.testing import ManualClock

DURABILITIES: dict[str, Durability] = {word: word for word in get_args(Durability)}
FEEDS = ("walk", "yard")
WIDTH, HEIGHT = 64, 48


def plan(**changes: object) -> RunPlan:
    values: dict[str, object] = {
        "version": "0",
        "config": {"count": 4},
        "identity": {"read": {"fps": None}},
        "embedder": "made",
        "embedder_digest": "00ff",
        "method": "online",
        "count": 4,
        "seed": 0,
        "feeds": [FeedPlan(name, f"{name}.mp4") for name in FEEDS],
    }
    made: Callable[..., RunPlan] = RunPlan
    return made(**values | changes)


class DiskChoices(TypedDict, total=False):
    """What a test asks of the folder; the rest is as ever."""

    resume: bool
    overwrite: bool
    durability: Durability
    hold_bytes: int


def opened(
    folder: Path, encoder: Encoder | None = None, **options: Unpack[DiskChoices]
) -> DiskSink:
    return DiskSink(
        folder,
        plan(),
        encoder or Encoder("png"),
        ManualClock(),
        DiskOptions(**options),
    )


def picture(index: int) -> Picture:
    """Noise, so that its file is as large as its pixels: about 10 KB as PNG."""
    pixels = np.random.default_rng(index).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    return Picture(av.VideoFrame.from_ndarray(pixels, format="rgb24"))


def frame(feed: str, index: int, seen: bool = True) -> Frame:
    return Frame(
        key=FrameKey(feed, index),
        pts=index * 512,
        time_base=Fraction(1, 12_800),
        media_time=index / 25,
        width=WIDTH,
        height=HEIGHT,
        picture=picture(index) if seen else Picture(None),
    )


def verdicts(count: int = 60, capacity: int = 4, seen: bool = True) -> Iterator[Verdict]:
    """Every third frame is kept, every fifth refused; the oldest but one is evicted.

    Every seventh frame kept has lost its picture on the way.
    """
    live: list[Frame] = []
    for feed in FEEDS:
        state = PrefilterState()
        for index in range(count):
            this = frame(feed, index, seen and index % 7 != 3)
            refusal = "black" if index % 5 == 4 else None
            outcome: Outcome = "refused" if refusal else "kept" if index % 3 == 0 else "covered"
            nearest = live[-1].key if live else None
            events: list[Event] = []
            if outcome == "kept":
                events.append(Kept(this, 0.25 if nearest else None, nearest, 0.1, "novel"))
                live.append(this)
            if len(live) > capacity:
                events.append(Evicted(live.pop(-2), live[-1].key, 0.2, "closest-pair"))
            luma_grid = np.full((32, 32), index % 256, np.uint8)
            state = PrefilterState(
                luma_grid,
                luma_grid,
                index + 1,
                index / 25,
                index + 1,
                reference_chroma=np.full((2, 32, 32), 255 - index % 256, np.uint8),
            )
            yield Verdict(
                candidate=Candidate(
                    PrefilteredFrame(this, luma_grid, (1 << 63) + index, 0.5, refusal, None, state),
                    None if refusal else embedding(index),
                ),
                outcome=outcome,
                reason=refusal or ("novel" if outcome == "kept" else "covered"),
                distance=None if nearest is None or refusal else 0.25,
                nearest=None if refusal else nearest,
                threshold=0.1,
                events=tuple(events),
            )


def embedding(index: int) -> Vector:
    vector = np.zeros(8, np.float32)
    vector[index % 8] = 1.0
    return vector


def batches(items: Sequence[Verdict], size: int) -> Iterator[Sequence[Verdict]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def kept_keys(items: Sequence[Verdict]) -> list[FrameKey]:
    """The frames that are kept at the end, in order."""
    live: set[FrameKey] = set()
    for verdict in items:
        for event in verdict.events:
            if isinstance(event, Kept):
                live.add(event.frame.key)
            else:
                live.discard(event.frame.key)
    return sorted(live)


def turn(judged: Sequence[Verdict]) -> SelectionUpdate:
    """What a file run passes to its sinks after a turn of the judge."""
    return SelectionUpdate("", tuple(judged))


def end(sink: DiskSink) -> None:
    """End a run that was not interrupted."""
    sink.run_ended()
    sink.close()


def supply(sink: DiskSink) -> None:
    for key in sink.missing():
        sink.supply(frame(key.feed, key.index))
