"""What a service would tell its metrics."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

import numpy as np

from streamsel.decisions import (
    DROP_REASONS,
    Evicted,
    FaultKind,
    FeedState,
    FeedStatus,
    Kept,
    Outcome,
    SelectionUpdate,
    SourceCounters,
    Verdict,
)
from streamsel.evaluation.diversity import pairwise
from streamsel.frame import Candidate, Frame, FrameKey, Picture, Vectors
from streamsel.metrics.observer import Metrics
from streamsel.selection.budget import Budget
from streamsel.selection.online import OnlineSelector
from streamsel.testing import ManualClock
from tests.coreset.candidates import candidate

SECRET = "canary-7f3a"

_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class FixedSelector(OnlineSelector):
    """A selector with a given coreset."""

    def __init__(self, vectors: Vectors, capacity: int = 10) -> None:
        super().__init__(Budget(count=capacity), vectors.shape[1])
        self.given = vectors

    @property
    def coverage_bound(self) -> float:
        return 0.75

    @property
    def spacing(self) -> float:
        return 0.5

    @property
    def size(self) -> int:
        return len(self.given)

    def vectors(self) -> Vectors:
        return self.given.copy()


def unit_vectors(count: int, dim: int = 16, seed: int = 1) -> Vectors:
    drawn = np.random.default_rng(seed).normal(size=(count, dim))
    unit: Vectors = (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)
    return unit


def status(
    feed: str = "gate",
    state: FeedState = "up",
    sessions: int = 1,
    last_frame: float | None = 1_764_000_000.0,
    scope: str = "",
    fault: FaultKind | None = None,
) -> FeedStatus:
    address = f"rtsp://viewer:{SECRET}@10.0.0.4/main"
    reason = f"no answer from {address}"
    return FeedStatus(feed, address, state, reason, 0.0, sessions, last_frame, scope, fault)


def frame(feed: str, index: int, received: float | None = 10.0) -> Frame:
    key = FrameKey(feed, index)
    return Frame(
        key,
        index,
        Fraction(1, 25),
        index / 25,
        64,
        48,
        Picture(None),
        wall_time=1_764_000_000.0 + index,
        received=received,
    )


def verdict(
    feed: str, index: int, outcome: Outcome, reason: str, distance: float | None = None
) -> Verdict:
    """A verdict with the event that goes with it."""
    vector = None if outcome == "refused" else np.full(4, 0.5, np.float32)
    made = candidate(index, vector, reason if outcome == "refused" else None, feed=feed)
    shown = frame(feed, index)
    made = Candidate(replace(made.prefiltered, frame=shown), vector)
    events = (Kept(shown, distance, None, 0.1, reason),) if outcome == "kept" else ()
    return Verdict(made, outcome, reason, distance, None, 0.1, events)


def evicted(feed: str, index: int, reason: str = "over-budget") -> Evicted:
    return Evicted(frame(feed, index), None, None, reason)


def fresh_metrics(clock: ManualClock | None = None) -> Metrics:
    return Metrics(
        embedder="builtin",
        sinks=("disk", "mqtt"),
        pairwise=pairwise,
        clock=clock or ManualClock(),
    )


def busy_metrics(feeds: tuple[str, ...] = ("gate",)) -> Metrics:
    """Metrics in which every one has been told something, with all its labels."""
    metrics = fresh_metrics()
    for feed in feeds:
        metrics.feed_changed(status(feed, sessions=1))
        metrics.feed_changed(status(feed, sessions=3))
        metrics.tallied(feed, SourceCounters(received=100, decoded=90, damaged=2))
        for reason in DROP_REASONS:
            metrics.dropped(feed, reason, 4)
        verdicts = (
            verdict(feed, 1, "kept", "novel", 0.6),
            verdict(feed, 2, "covered", "near-duplicate", 0.05),
            verdict(feed, 3, "refused", "black"),
            verdict(feed, 4, "refused", SECRET),
        )
        metrics.judged(SelectionUpdate(feed, verdicts, (evicted(feed, 1),)), now=10.03)
        metrics.measured(feed, FixedSelector(unit_vectors(20)))
    metrics.batched(3)
    for stage in ("embed", "judge", "encode", "disk", "mqtt", SECRET):
        metrics.stage_finished(stage, 0.004)
    for queue in ("inbox", "disk", "mqtt", SECRET):
        metrics.queue_measured(queue, 5)
    metrics.sink_failed("disk", "DiskFullError")
    metrics.sink_failed("mqtt", "SinkError")
    metrics.sink_failed(SECRET, SECRET)
    metrics.set_store_bytes(123_456, 1_000_000)
    metrics.set_outbox(7, connected=True)
    metrics.record_reload(1_764_000_000.0)
    return metrics


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every exposed series and its value."""
    exposed = metrics.exposition().decode()
    return {
        (name, frozenset(_LABEL.findall(labels))): float(value)
        for name, labels, value in _SAMPLE.findall(exposed)
    }


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    """One exposed value; None where there is no such series."""
    return samples(metrics).get((f"streamsel_{name}", frozenset(labels.items())))


def names(metrics: Metrics, label: str = "feed") -> set[str]:
    """Every value of a label."""
    return {text for _, labels in samples(metrics) for name, text in labels if name == label}
