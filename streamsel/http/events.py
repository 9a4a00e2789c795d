"""Server-sent events: pushes changes of the service to the pages."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from aiohttp import web

from streamsel.clock import Clock
from streamsel.decisions import Evicted, Kept, SelectionUpdate
from streamsel.http.control import ServiceControl
from streamsel.http.history import STEP_SECONDS, History, Measurement
from streamsel.http.wire import feed_to_json, frame_to_json
from streamsel.interfaces.observers import LiveObserver
from streamsel.interfaces.selectors import LiveSelector
from streamsel.json_text import json_text
from streamsel.metrics.observer import Metrics

MOST_LISTENERS = 32

_STORE = "disk"
_LOOK_SECONDS = 1.0
_REMEMBERED = 2000
_MOST_WAITING = 500
_MOST_JUDGEMENTS = 256
_FORGETS_SECONDS = 60.0


class Listener:
    """Pending events of one page. If there are too many, the page must reload."""

    def __init__(self, missed: Sequence[str]) -> None:
        self._waiting = deque(missed)
        self._arrived = asyncio.Event()
        self._arrived.set()

    def tell(self, text: str, reset: str) -> None:
        """Add an event, or replace all pending ones by ``reset``."""
        if len(self._waiting) >= _MOST_WAITING:
            self._waiting = deque([reset])
        else:
            self._waiting.append(text)
        self._arrived.set()

    async def next(self) -> str:
        """Wait for events and return all pending ones."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        text = "".join(self._waiting)
        self._waiting.clear()
        return text


class EventBroker(LiveObserver):
    """Numbers events, stores the newest, and pushes them to listeners.

    Create it inside the running event loop; :meth:`serve` runs as a task. A frame is reported as
    kept once its picture is stored. Nothing is queried once nobody has listened for a minute; a
    page that reconnects later must reload.
    """

    def __init__(self, clock: Clock) -> None:
        self.history = History()
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._run = secrets.token_hex(4)
        self._number = 0
        self._told: deque[tuple[int, str]] = deque(maxlen=_REMEMBERED)
        self._listeners: set[Listener] = set()
        self._listened = -_FORGETS_SECONDS
        self._judgements: deque[SelectionUpdate] = deque()
        self._due: dict[str, float] = {}
        self._feeds: dict[str, dict[str, object]] = {}

    @contextmanager
    def listen(self, last_id: str) -> Iterator[Listener]:
        """Subscribe to the events after the given id, including missed ones.

        Raises 503 if there are too many listeners.
        """
        if len(self._listeners) >= MOST_LISTENERS:
            raise web.HTTPServiceUnavailable(reason="too many pages are open; close one")
        listener = Listener(self._missed(last_id))
        self._listeners.add(listener)
        self._listened = self._clock.monotonic()
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            self._listened = self._clock.monotonic()

    async def serve(self, control: ServiceControl, metrics: Metrics) -> None:
        """Poll, for ever, for changes that cause no event of their own."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            if not self._is_heard():
                self._forget()
                continue
            while self._judgements:
                await self._tell_judgement(self._judgements.popleft(), control)
            self._tell_feeds(control, metrics)

    def delivered(self, sink: str, update: SelectionUpdate) -> None:
        """A sink has applied an update."""
        if sink == _STORE and update.events and self._is_heard():
            self._judgements.append(update)
            if len(self._judgements) > _MOST_JUDGEMENTS:
                self._forget()
                self._tell("reset", {})

    def measured(self, scope: str, selector: LiveSelector) -> None:
        """Measure a selector, in the judge's thread."""
        now = self._clock.monotonic()
        if selector.size and now >= self._due.get(scope, now):
            self._due[scope] = now + STEP_SECONDS
            measurement = Measurement(
                self._clock.wall(), selector.spacing, selector.coverage_bound, selector.size
            )
            self._loop.call_soon_threadsafe(self._take, scope, measurement)

    def announce_pin(self, name: str, pinned: bool) -> None:
        """Announce that a frame was pinned or unpinned."""
        if self._is_heard():
            self._tell("pinned", {"id": name, "pinned": pinned})

    def _is_heard(self) -> bool:
        """Whether somebody listens, or did within the last minute and may reconnect."""
        gone = self._clock.monotonic() - self._listened
        return bool(self._listeners) or gone < _FORGETS_SECONDS

    def _forget(self) -> None:
        """Discard stored events; listeners cannot resume."""
        self._judgements.clear()
        self._told.clear()
        self._feeds.clear()

    def _missed(self, last_id: str) -> list[str]:
        if not last_id:
            # Not an event: gives a page that reconnects before its first event an id to resume
            # from.
            return [f"id: {self._run}.{self._number}\n\n"]
        run, _, number = last_id.partition(".")
        if run == self._run and number.isascii() and number.isdigit() and len(number) < 18:
            heard = int(number)
            oldest = self._told[0][0] if self._told else self._number + 1
            if oldest - 1 <= heard <= self._number:
                return [text for place, text in self._told if place > heard]
        return [self._reset()]

    def _reset(self) -> str:
        return f"id: {self._run}.{self._number}\nevent: reset\ndata: {{}}\n\n"

    def _tell(self, name: str, data: Mapping[str, object]) -> None:
        self._number += 1
        value = json_text(data, compact=True)
        text = f"id: {self._run}.{self._number}\nevent: {name}\ndata: {value}\n\n"
        self._told.append((self._number, text))
        for listener in self._listeners:
            listener.tell(text, self._reset())

    def _take(self, scope: str, measurement: Measurement) -> None:
        self.history.add(scope, measurement)
        if self._is_heard():
            self._tell("measured", measurement.to_json(scope))

    async def _tell_judgement(self, update: SelectionUpdate, control: ServiceControl) -> None:
        kept: dict[str, None] = {}
        for event in update.events:
            name = str(event.frame.key)
            if isinstance(event, Kept):
                kept[name] = None
            elif name in kept:
                del kept[name]
            else:
                self._tell("evicted", _eviction(event))
        keys = [event.frame.key for event in update.events if str(event.frame.key) in kept]
        for frame in await control.find(list(dict.fromkeys(keys))):
            self._tell("kept", frame_to_json(frame))

    def _tell_feeds(self, control: ServiceControl, metrics: Metrics) -> None:
        counts = metrics.counts()
        views = control.feeds()
        now = {
            each.status.feed: feed_to_json(each, counts.get(each.status.feed, {})) for each in views
        }
        for name, feed in now.items():
            if self._feeds.get(name) != feed:
                self._tell("feed", feed)
        for name in self._feeds.keys() - now.keys():
            self._tell("feed", {"feed": name, "state": "removed"})
        self._feeds = now
        self.history.keep_only({each.scope for each in views})


def _eviction(event: Evicted) -> dict[str, object]:
    return {
        "id": str(event.frame.key),
        "feed": event.frame.key.feed,
        "reason": event.reason,
        "by": None if event.by is None else str(event.by),
        "distance": event.distance,
    }
