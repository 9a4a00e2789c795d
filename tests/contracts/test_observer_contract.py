"""What every observer does: it takes each event, and never fails or changes what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import IPython.display
import pytest

from streamsel.api.notebook_progress import NotebookProgress
from streamsel.api.terminal_progress import TerminalProgress
from streamsel.decisions import DROP_REASONS, FeedReport, SelectionUpdate, SourceCounters
from streamsel.http.events import EventBroker
from streamsel.interfaces.observers import LiveObserver, Observer
from streamsel.runtime.drop_log import DropLog
from streamsel.testing import ManualClock
from tests.contracts.implementations import implementations, subclasses
from tests.metrics.scenario import (
    FixedSelector,
    evicted,
    fresh_metrics,
    status,
    unit_vectors,
    verdict,
)
from tests.sinks.streams import verdicts


class Handle:
    """What IPython gives to renew what it has displayed."""

    def update(self, bundle: dict[str, str], *, raw: bool) -> None:
        assert raw


OBSERVERS: dict[str, Callable[[], NotebookProgress | TerminalProgress]] = {
    "NotebookProgress": lambda: NotebookProgress(ManualClock()),
    "TerminalProgress": TerminalProgress,
}
ELSEWHERE = {
    "_Labelled": "passes each event on under another name of its feed",
    "_Stopwatch": "times the feeds of a comparison",
}

LIVE_OBSERVERS: dict[str, Callable[[], LiveObserver]] = {
    "DropLog": lambda: DropLog(ManualClock()),
    "EventBroker": lambda: EventBroker(ManualClock()),
    "Metrics": fresh_metrics,
}


@pytest.fixture(params=OBSERVERS)
def observer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Observer]:
    monkeypatch.setattr(IPython.display, "display", lambda *_, **__: Handle())
    with OBSERVERS[request.param]() as display:
        yield display


def test_every_observer_is_here() -> None:
    assert implementations(Observer) == OBSERVERS.keys() | ELSEWHERE.keys()
    assert subclasses(LiveObserver) == LIVE_OBSERVERS.keys()


@pytest.mark.parametrize("expected", [None, 0, 60])
def test_it_takes_every_event_of_a_run(observer: Observer, expected: int | None) -> None:
    made = list(verdicts())
    for feed in ("walk", "[bold]yard", "<b>&"):
        observer.feed_opened(feed, expected, 0)
        observer.seen([])
        observer.judged([])
        for begin in range(0, len(made), 20):
            some = made[begin : begin + 20]
            observer.seen([one.candidate.prefiltered for one in some])
            observer.judged(some)
        observer.feed_ended(FeedReport(feed, 60, "lost: [/]" if expected else None, ("odd [x",)))
        observer.judged(made[:3])


@pytest.mark.parametrize("name", LIVE_OBSERVERS)
def test_it_takes_every_event_of_a_service(name: str) -> None:
    async def scenario() -> None:
        observer = LIVE_OBSERVERS[name]()
        for feed in ("gate", "yard", "gate"):
            tell(observer, feed)
            await asyncio.to_thread(observer.measured, feed, FixedSelector(unit_vectors(5)))
            await asyncio.sleep(0)
            observer.feed_removed(feed)
            observer.feed_removed(feed)

    asyncio.run(scenario())


def tell(observer: LiveObserver, feed: str) -> None:
    """All that may be told of a feed, also what nobody knows."""
    for state in ("connecting", "up", "useless", "down", "disabled", "ended"):
        observer.feed_changed(status(feed, state))
    observer.tallied(feed, SourceCounters(100, 90, 2))
    for reason in DROP_REASONS:
        observer.dropped(feed, reason, 3)
    decided = (verdict(feed, 1, "kept", "novel", 0.6), verdict(feed, 2, "refused", "anything"))
    update = SelectionUpdate(feed, decided, (evicted(feed, 1),))
    observer.judged(update, now=10.0)
    observer.judged(SelectionUpdate(feed, ()), now=11.0)
    observer.batched(2)
    for word in ("embed", "judge", "disk", "whatever"):
        observer.stage_finished(word, 0.004)
        observer.queue_measured(word, 5)
        observer.delivered(word, update)
        observer.sink_failed(word, "it broke")
