"""Twelve clips by every method and four live feeds: verdicts and events are what they were."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.golden import book, feeds, selections
from tests.golden.records import COLUMNS, Row, Value, bit_differences, differences, to_bits


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("golden")


def told(name: str, found: Iterator[tuple[str, list[Row]]]) -> list[str]:
    """Compare all records of a page, which are to be those that are committed."""
    was, seen, faults = book.read(name), [], []
    for record, rows in found:
        seen.append(record)
        faults += [f"{record}: {one}" for one in differences(was[record], rows)]
    assert seen == list(was)
    return faults


@pytest.mark.parametrize("name", selections.names())
def test_a_clip_is_selected_from_as_it_was(name: str, drawn: Path, tmp_path: Path) -> None:
    assert told(name, selections.selections(name, drawn, tmp_path)) == []


def test_live_feeds_are_judged_as_they_were_before_and_after_a_restart(tmp_path: Path) -> None:
    parts = {part: feeds.replay(tmp_path / "kept", part) for part in feeds.PARTS}
    for scope in feeds.SCOPES:
        rows = ((part, found[scope]) for part, found in parts.items())
        assert told(f"feed-{scope}", rows) == []


def test_what_is_written_down_has_every_reason_that_a_decision_can_have() -> None:
    """Else a record would stay equal where one of them is broken."""
    found: set[tuple[str, str]] = set()
    for name in book.pages():
        for rows in book.read(name).values():
            for row in rows:
                kind = str(row[0])
                if "reason" in COLUMNS[kind]:
                    named = dict(zip(COLUMNS[kind], row[1:], strict=True))
                    found.add((str(named.get("outcome", kind)), str(named["reason"])))
    assert {reason for kind, reason in found if kind == "refused"} >= {
        *("black", "uniform", "blurred", "exact-duplicate", "unchanged", "frozen"),
    }
    assert {reason for kind, reason in found if kind == "covered"} >= {
        *("covered", "near-duplicate", "between", "not-drawn"),
    }
    assert {reason for kind, reason in found if kind == "kept"} >= {
        *("novel", "recalled", "drawn", "evenly-spaced"),
    }
    assert {reason for kind, reason in found if kind == "evicted"} >= {
        *("closest-pair", "near-duplicate", "resized", "over-budget", "lost", "expired", "redrawn"),
    }


ROW: Row = {
    "kind": "verdict",
    "frame": "gate 3",
    "outcome": "covered",
    "reason": "covered",
    "distance": 0.25,
    "nearest": "gate 1",
    "threshold": None,
}


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({"distance": 0.2504}, True),
        ({"distance": 0.26}, False),
        ({"distance": None}, False),
        ({"nearest": "gate 2"}, False),
        ({"reason": "near-duplicate"}, False),
        ({"threshold": 0.0}, False),
    ],
)
def test_words_are_compared_exactly_and_floats_nearly(change: Row, is_same: bool) -> None:
    was: list[list[Value]] = [["verdict", "gate 3", "covered", "covered", 0.25, "gate 1", None]]
    assert (list(differences(was, [{**ROW, **change}])) == []) is is_same


def test_a_missing_row_is_a_difference() -> None:
    assert list(differences([], [ROW])) == ["had 0 lines, has 1"]


def test_bits_tell_two_floats_apart_that_are_next_to_each_other() -> None:
    was = to_bits({"one": [ROW]})
    now = to_bits({"one": [{**ROW, "distance": 0.25000000000000006}]})
    assert list(bit_differences(was, was)) == []
    assert len(list(bit_differences(was, now))) == 1
