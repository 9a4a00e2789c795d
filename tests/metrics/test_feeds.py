"""Series of a feed: from when on they are there, and what counts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from streamsel.decisions import FeedState, FeedStatus, Outcome, SourceCounters
from streamsel.metrics.feeds import FeedMetrics
from tests.sinks.live_streams import evicted, frame, kept, verdict


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> FeedMetrics:
    made = FeedMetrics(registry)
    tell(made, "connecting", 0)
    return made


def tell(
    metrics: FeedMetrics, state: FeedState, sessions: int, last_frame: float | None = None
) -> None:
    metrics.tell(FeedStatus("gate", "rtsp://gate", state, "", 5.0, sessions, last_frame, "yard"))


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"streamsel_{name}", {"feed": "gate", **labels})


def test_every_series_is_there_from_the_first_report_to_the_last(
    metrics: FeedMetrics, registry: CollectorRegistry
) -> None:
    metrics.drop("gate", "overload", 0)
    assert value(registry, "feed_up") == 0
    assert value(registry, "frames_kept_total") == 0
    metrics.remove("gate")
    assert value(registry, "feed_up") is None
    assert value(registry, "frames_kept_total") is None
    metrics.remove("gate")


def test_feeds_that_are_not_there_get_no_series(
    metrics: FeedMetrics, registry: CollectorRegistry
) -> None:
    metrics.tally("hall", SourceCounters(9, 9, 9))
    metrics.judge(verdict(frame(1, "hall")), 5.0)
    metrics.change(kept(frame(1, "hall")))
    metrics.drop("hall", "overload", 1)
    assert list(metrics.counts()) == ["gate"]


@pytest.mark.parametrize(
    ("told", "interruptions", "reconnects"),
    [
        ([("up", 1), ("up", 1)], 0, 0),
        ([("up", 1), ("connecting", 1)], 1, 0),
        ([("up", 1), ("connecting", 1), ("down", 1)], 1, 0),
        ([("up", 1), ("connecting", 1), ("up", 2)], 1, 1),
        ([("up", 1), ("up", 2)], 1, 1),
        ([("useless", 1), ("down", 1)], 1, 0),
        ([("up", 1), ("useless", 1)], 0, 0),
        ([("up", 1), ("disabled", 1), ("connecting", 1)], 0, 0),
        ([("up", 1), ("ended", 1)], 0, 0),
        ([("connecting", 1), ("connecting", 3), ("down", 3)], 0, 2),
        ([("up", 2), ("connecting", 0), ("up", 1)], 1, 2),
    ],
)
def test_interruptions_and_reconnects_are_counted(
    told: list[tuple[FeedState, int]], interruptions: int, reconnects: int, metrics: FeedMetrics
) -> None:
    for state, sessions in told:
        tell(metrics, state, sessions)
    counts = metrics.counts()["gate"]
    assert (counts["interruptions"], counts["reconnects"]) == (interruptions, reconnects)


@pytest.mark.parametrize(
    ("state", "up", "enabled"),
    [("up", 1, 1), ("useless", 1, 1), ("down", 0, 1), ("disabled", 0, 0), ("ended", 0, 0)],
)
def test_a_state_is_told_in_numbers(
    metrics: FeedMetrics, registry: CollectorRegistry, state: FeedState, up: int, enabled: int
) -> None:
    tell(metrics, state, 1, last_frame=7.5)
    assert (value(registry, "feed_up"), value(registry, "feed_enabled")) == (up, enabled)
    assert value(registry, "last_frame_timestamp_seconds") == 7.5


def test_counters_of_a_source_go_on_over_a_new_one(metrics: FeedMetrics) -> None:
    for tally in (SourceCounters(10, 8, 1), SourceCounters(15, 8, 1), SourceCounters(3, 9, 2)):
        metrics.tally("gate", tally)
    counts = metrics.counts()["gate"]
    assert (counts["received"], counts["decoded"], counts["decode_errors"]) == (18, 17, 3)


def test_a_source_that_starts_again_is_noticed_by_any_of_its_counters(metrics: FeedMetrics) -> None:
    before = SourceCounters(10, 10, 10)
    for name in ("received", "decoded", "damaged"):
        metrics.tally("gate", before)
        metrics.tally("gate", replace(before, **{name: 9}))
    counts = metrics.counts()["gate"]
    assert counts["received"] > 30


def test_frames_are_counted_by_outcome(metrics: FeedMetrics, registry: CollectorRegistry) -> None:
    outcomes: list[Outcome] = ["kept", "covered", "refused", "refused"]
    for index, outcome in enumerate(outcomes):
        metrics.judge(verdict(frame(index), outcome), 5.0)
    metrics.change(kept(frame(0)))
    metrics.change(evicted(frame(0).key))
    metrics.drop("gate", "overload", 3)
    counts = metrics.counts()["gate"]
    assert (counts["embedded"], counts["covered"], counts["refused"]) == (2, 1, 2)
    assert (counts["kept"], counts["evicted"], counts["dropped"]) == (1, 1, 3)
    assert value(registry, "frames_refused_total", reason="black") == 2
    assert value(registry, "last_frame_timestamp_seconds") == frame(3).wall_time
