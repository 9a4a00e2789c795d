"""What is counted, for whom, and how many series that makes."""

from __future__ import annotations

import math
import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import pytest

from streamsel.decisions import FeedState, SelectionUpdate, SourceCounters
from streamsel.frame import Vectors
from streamsel.metrics.labels import FAULTS, SINK_REASONS, STAGES
from tests.conftest import leave_out
from tests.metrics.scenario import (
    SECRET,
    FixedSelector,
    busy_metrics,
    evicted,
    fresh_metrics,
    names,
    samples,
    status,
    unit_vectors,
    value,
    verdict,
)


def test_promtool_finds_nothing_to_complain_of() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        leave_out("promtool is not installed (apt-get install prometheus)")
    for metrics in (fresh_metrics(), busy_metrics(("gate", 'odd "name\\'))):
        checked = subprocess.run(
            [str(promtool), "check", "metrics"],
            input=metrics.exposition(),
            capture_output=True,
            check=False,
        )
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_a_feed_adds_at_most_fifty_series() -> None:
    one, two = samples(busy_metrics(("gate",))), samples(busy_metrics(("gate", "yard")))
    assert 0 < len(two) - len(one) <= 50
    own = {("feed", "gate"), ("scope", "gate")}
    assert len([1 for _, labels in one if own & labels]) == len(two) - len(one)


def test_what_no_feed_labels_is_bounded_whatever_is_told() -> None:
    metrics = busy_metrics()
    before = set(samples(metrics))
    for number in range(100):
        metrics.stage_finished(f"stage {number}", 0.1)
        metrics.queue_measured(f"queue {number}", 1)
        metrics.sink_failed(f"sink {number}", f"reason {number}")
    assert set(samples(metrics)) - before <= {
        ("streamsel_sink_errors_total", frozenset({("sink", "other"), ("reason", reason)}))
        for reason in SINK_REASONS
    }


def test_verdicts_and_events_are_counted_by_feed() -> None:
    metrics = fresh_metrics()
    metrics.feed_changed(status("gate"))
    metrics.feed_changed(status("yard"))
    verdicts = (
        verdict("gate", 1, "kept", "novel", 0.7),
        verdict("gate", 2, "covered", "covered", 0.1),
        verdict("gate", 3, "refused", "frozen"),
        verdict("yard", 1, "kept", "novel", 0.9),
    )
    changes = (evicted("gate", 1), evicted("yard", 1, "lost"))
    metrics.judged(SelectionUpdate("pair", verdicts, changes), now=10.2)
    assert value(metrics, "frames_embedded_total", feed="gate") == 2
    assert value(metrics, "frames_kept_total", feed="gate") == 1
    assert value(metrics, "frames_covered_total", feed="gate") == 1
    assert value(metrics, "frames_refused_total", feed="gate", reason="frozen") == 1
    assert value(metrics, "frames_evicted_total", feed="gate") == 1
    assert value(metrics, "frames_evicted_total", feed="yard") == 1
    assert value(metrics, "frames_kept_total", feed="yard") == 1
    assert value(metrics, "frame_latency_seconds_sum") == pytest.approx(4 * 0.2)
    assert value(metrics, "novelty_distance_count") == 3
    assert value(metrics, "last_frame_timestamp_seconds", feed="gate") == 1_764_000_003
    counts = metrics.counts()
    assert counts["gate"] == {
        **dict.fromkeys(
            ("received", "decoded", "decode_errors", "reconnects", "interruptions", "dropped"), 0
        ),
        "burst": 0,
        **{"embedded": 2, "kept": 1, "evicted": 1, "covered": 1, "refused": 1},
    }


def test_a_frame_refused_for_its_burst_is_covered_and_counted_apart() -> None:
    metrics = fresh_metrics()
    metrics.feed_changed(status("gate"))
    verdicts = (
        verdict("gate", 1, "covered", "burst", 0.4),
        verdict("gate", 2, "covered", "covered", 0.1),
    )
    metrics.judged(SelectionUpdate("gate", verdicts), now=10.2)
    assert value(metrics, "frames_covered_total", feed="gate") == 2
    assert value(metrics, "frames_burst_total", feed="gate") == 1


def test_counts_are_the_sums_of_what_is_exposed() -> None:
    metrics = busy_metrics(("gate", "yard"))
    exposed = samples(metrics)
    for feed, counts in metrics.counts().items():
        assert counts["dropped"] > 0
        for name, counted in counts.items():
            series = {f"streamsel_{of}{name}_total" for of in ("", "feed_", "frames_")}
            found = [
                number
                for (sample, labels), number in exposed.items()
                if sample in series and ("feed", feed) in labels
            ]
            assert found
            assert counted == sum(found), (feed, name)


def test_counters_begin_at_zero_so_that_the_first_increase_shows() -> None:
    metrics = fresh_metrics()
    metrics.feed_changed(status("gate", "connecting", 0, None))
    assert value(metrics, "frames_received_total", feed="gate") == 0
    assert value(metrics, "frames_dropped_total", feed="gate", reason="overload") == 0
    assert value(metrics, "feed_reconnects_total", feed="gate") == 0
    assert value(metrics, "sink_errors_total", sink="disk", reason="disk-full") == 0
    assert value(metrics, "last_frame_timestamp_seconds", feed="gate") is None


def test_tallies_only_go_up_also_where_a_feed_gets_a_new_source() -> None:
    metrics = fresh_metrics()
    metrics.feed_changed(status("gate"))
    seen = []
    for received, damaged in [(10, 0), (25, 3), (25, 3), (4, 0), (9, 1)]:
        metrics.tallied("gate", SourceCounters(received, received, damaged))
        seen.append(value(metrics, "frames_received_total", feed="gate"))
    assert seen == [10, 25, 25, 29, 34]
    assert value(metrics, "decode_errors_total", feed="gate") == 4


def test_reconnects_leave_out_the_first_opening() -> None:
    metrics = fresh_metrics()
    seen = []
    for sessions in (0, 1, 1, 4, 0, 1, 2):  # at the second 0 it got a new source
        metrics.feed_changed(status("gate", sessions=sessions))
        seen.append(value(metrics, "feed_reconnects_total", feed="gate"))
    assert seen == [0, 0, 0, 3, 3, 4, 5]


Told: TypeAlias = list[tuple[FeedState, int]]


def test_a_dead_camera_is_one_interruption_and_one_that_flaps_is_many() -> None:
    metrics = fresh_metrics()
    seen = []
    slow: Told = [("connecting", 0), ("connecting", 1), ("up", 1)]  # it never came before
    dead: Told = [("connecting", 1), ("connecting", 2), ("down", 3), ("down", 9), ("up", 9)]
    flapping: Told = [("up", 10), ("up", 10), ("up", 13)]  # too quick to be seen down
    switched: Told = [("disabled", 13), ("connecting", 13), ("up", 14)]
    for state, sessions in (*slow, *dead, *flapping, *switched):
        metrics.feed_changed(status("gate", state, sessions))
        seen.append(value(metrics, "feed_interruptions_total", feed="gate"))
    assert seen == [0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 3, 3, 3, 3]


@pytest.mark.parametrize(
    ("state", "up", "enabled"),
    [
        *[("up", 1, 1), ("useless", 1, 1), ("connecting", 0, 1), ("down", 0, 1)],
        *[("disabled", 0, 0), ("ended", 0, 0)],
    ],
)
def test_how_a_feed_is(state: FeedState, up: int, enabled: int) -> None:
    metrics = fresh_metrics()
    metrics.feed_changed(status("gate", state))
    assert value(metrics, "feed_up", feed="gate") == up
    assert value(metrics, "feed_enabled", feed="gate") == enabled


def test_what_is_wrong_with_a_useless_feed_is_told_until_it_is_not() -> None:
    metrics = fresh_metrics()
    seen = []
    for now in (
        status("gate"),
        status("gate", "useless", fault="refused"),
        status("gate", "useless", fault="covered"),
        status("gate", "down"),
    ):
        metrics.feed_changed(now)
        told = [value(metrics, "feed_useless", feed="gate", fault=fault) for fault in FAULTS]
        seen.append(dict(zip(FAULTS, told, strict=True)))
    none = dict.fromkeys(("refused", "covered", "moved", "unfocused"), 0)
    assert seen == [none, none | {"refused": 1}, none | {"covered": 1}, none]
    assert value(metrics, "feed_interruptions_total", feed="gate") == 1


def test_a_removed_feed_takes_its_series_with_it_and_nothing_late_brings_them_back() -> None:
    metrics = busy_metrics(("gate", "yard"))
    metrics.feed_removed("gate")
    metrics.tallied("gate", SourceCounters(500, 500, 5))
    metrics.dropped("gate", "overload", 5)
    late = SelectionUpdate("gate", (verdict("gate", 9, "kept", "novel"),), (evicted("gate", 9),))
    metrics.judged(late, now=11.0)
    assert names(metrics) == {"yard"}
    metrics.feed_changed(status("gate", "connecting", 0))
    assert value(metrics, "frames_kept_total", feed="gate") == 0


def test_a_group_has_its_coreset_under_its_own_name_until_it_goes() -> None:
    metrics = fresh_metrics()
    metrics.feed_changed(status("east"))
    metrics.measured("yard", FixedSelector(unit_vectors(5), capacity=9))
    assert value(metrics, "coreset_size", scope="yard") == 5
    assert value(metrics, "coreset_capacity", scope="yard") == 9
    assert value(metrics, "coreset_spacing", scope="yard") == 0.5
    assert value(metrics, "coverage_radius", scope="yard") == 0.75
    assert names(metrics, "scope") == {"yard", "east"}
    metrics.feed_removed("yard")
    assert (names(metrics), names(metrics, "scope")) == ({"east"}, {"east"})


def test_feeds_are_told_to_belong_to_their_scopes() -> None:
    metrics = fresh_metrics()
    metrics.feed_changed(status("east", scope="yard"))
    metrics.feed_changed(status("gate"))
    assert value(metrics, "feed_scope_info", feed="east", scope="yard") == 1
    assert value(metrics, "feed_scope_info", feed="gate", scope="gate") == 1
    metrics.feed_removed("east")
    metrics.feed_changed(status("east", scope="street"))
    assert value(metrics, "feed_scope_info", feed="east", scope="yard") is None
    assert value(metrics, "feed_scope_info", feed="east", scope="street") == 1


def test_latency_is_told_of_each_feed() -> None:
    metrics = fresh_metrics()
    metrics.feed_changed(status("gate"))
    metrics.feed_changed(status("yard"))
    late = (verdict("gate", 1, "covered", "covered"), verdict("gate", 2, "refused", "black"))
    metrics.judged(SelectionUpdate("gate", late, ()), now=12.5)
    assert value(metrics, "feed_latency_seconds_sum", feed="gate") == pytest.approx(5.0)
    assert value(metrics, "feed_latency_seconds_count", feed="gate") == 2
    assert value(metrics, "feed_latency_seconds_count", feed="yard") == 0


def test_a_reload_that_failed_is_told_and_since_when_the_last_one_is_in_use() -> None:
    metrics = fresh_metrics()
    told = []
    for taken_at in (1000.0, None, 1500.0):
        metrics.record_reload(taken_at)
        told.append(
            (
                value(metrics, "config_last_reload_successful"),
                value(metrics, "config_last_reload_success_timestamp_seconds"),
            )
        )
    assert told == [(1, 1000), (0, 1000), (1, 1500)]


def test_the_broker_is_connected_or_not_where_there_is_one() -> None:
    metrics = fresh_metrics()
    assert value(metrics, "broker_connected", sink="mqtt") is None
    for connected in (False, True):
        metrics.set_outbox(3, connected=connected)
        assert value(metrics, "broker_connected", sink="mqtt") == connected


def test_no_secret_is_ever_exposed() -> None:
    assert SECRET.encode() not in busy_metrics().exposition()


def test_a_feed_that_goes_while_it_is_looked_at_stays_gone() -> None:
    metrics = fresh_metrics()
    metrics.feed_changed(status("gate"))

    class Going(FixedSelector):
        def vectors(self) -> Vectors:
            metrics.feed_removed("gate")
            return super().vectors()

    metrics.measured("gate", Going(unit_vectors(5)))
    assert names(metrics) == set()


def test_looks_and_scrapes_go_on_while_feeds_come_and_go() -> None:
    metrics = fresh_metrics()
    selector, ended = FixedSelector(unit_vectors(30)), threading.Event()

    def look() -> None:
        while not ended.is_set():
            metrics.measured("gate", selector)

    with ThreadPoolExecutor(1) as judge:
        looking = judge.submit(look)
        for _ in range(15):
            metrics.feed_changed(status("gate"))
            metrics.exposition()
            metrics.feed_removed("gate")
        ended.set()
        looking.result()
    metrics.feed_removed("gate")
    assert names(metrics) == set()


def test_every_stage_and_queue_has_its_series() -> None:
    metrics = busy_metrics()
    for stage in (*STAGES, "disk", "mqtt", "other"):
        assert value(metrics, "stage_duration_seconds_count", stage=stage) == 1
    for queue in ("inbox", "disk", "mqtt", "other"):
        assert value(metrics, "queue_depth", queue=queue) == 5
    assert value(metrics, "sink_errors_total", sink="disk", reason="disk-full") == 1
    assert value(metrics, "sink_errors_total", sink="mqtt", reason="failed") == 1
    assert value(metrics, "sink_errors_total", sink="other", reason="other") == 1
    assert value(metrics, "store_bytes") == 123_456
    assert value(metrics, "store_limit_bytes") == 1_000_000
    metrics.set_store_bytes(123_456, None)
    assert value(metrics, "store_limit_bytes") == math.inf
    assert value(metrics, "outbox_messages") == 7
    assert value(metrics, "batch_size_sum") == 3
