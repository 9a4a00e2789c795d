"""A system clock that is set late: said, and put right."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import TypeVar

import pytest

from streamsel.clock import GuardedClock
from streamsel.errors import SinkError
from streamsel.runtime.service_run import LivePipeline
from streamsel.service import days
from streamsel.service.days import put_days_right, warn_of_wrong_clock
from streamsel.sinks.service_folder import LiveDiskSink
from tests.stand_ins import as_a


class EndedError(Exception):
    """The test has seen enough."""


class Store:
    """Answers each round: a number of pictures, or an error."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.given: list[object] = []

    def put_right(self, correction: object) -> object:
        self.given.append(correction)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


T = TypeVar("T")


class Line:
    async def run_in_first_sink(self, call: Callable[[], T]) -> T:
        return call()


def rounds(monkeypatch: pytest.MonkeyPatch, corrections: list[object], store: Store | None) -> None:
    """Let as many rounds pass as there are corrections."""
    clock = SimpleNamespace(correction=None)
    left = list(corrections)

    async def sleep(seconds: float) -> None:
        assert seconds == 5.0
        if not left:
            raise EndedError
        clock.correction = left.pop(0)

    monkeypatch.setattr(days, "asyncio", SimpleNamespace(sleep=sleep))
    with pytest.raises(EndedError):
        asyncio.run(
            put_days_right(
                as_a(GuardedClock, clock),
                None if store is None else as_a(LiveDiskSink, store),
                as_a(LivePipeline, Line()),
            )
        )


SET = SimpleNamespace(seconds=3600.0)


def test_nothing_is_done_before_the_clock_is_set(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    store = Store()
    rounds(monkeypatch, [None, None], store)
    assert (store.given, caplog.messages) == ([], [])


def test_dates_are_corrected_from_the_round_after_and_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    store = Store(3, 0, 1)
    rounds(monkeypatch, [None, SET, SET, SET, SET], store)
    assert store.given == [SET] * 3
    assert caplog.messages == [
        "the system clock is set, 3600 s later than assumed",
        "the dates of 3 pictures are corrected",
        "the dates of 1 pictures are corrected",
    ]


def test_a_disk_that_fails_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(SinkError("made up"), 2)
    rounds(monkeypatch, [SET] * 3, store)
    assert len(store.given) == 2
    assert caplog.messages == ["the dates of pictures are not corrected yet: made up"]


def test_without_pictures_it_is_only_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    rounds(monkeypatch, [SET] * 3, None)
    assert caplog.messages == ["the system clock is set, 3600 s later than assumed"]


@pytest.mark.parametrize("is_wrong", [False, True])
def test_a_clock_that_is_not_set_is_doubted_once(
    caplog: pytest.LogCaptureFixture, is_wrong: bool
) -> None:
    clock = SimpleNamespace(is_wrong=is_wrong, floor=1_800_000_000.0)
    warn_of_wrong_clock(as_a(GuardedClock, clock))
    assert len(caplog.messages) == is_wrong
    assert ("2027-01-15 08:00 UTC" in caplog.text) == is_wrong
