"""The MQTT sink: writes selection updates to the outbox."""

from __future__ import annotations

from collections import Counter, defaultdict

from streamsel.clock import Clock
from streamsel.decisions import FeedStatus, Kept, SelectionUpdate
from streamsel.sinks.mqtt.counts import DeliveryCounter, OutboxCounts
from streamsel.sinks.mqtt.outbox import Outbox
from streamsel.sinks.mqtt.payloads import Writer, last_payload, stats_payload, status_payload
from streamsel.sinks.mqtt.retained import RetainedState

_STATS_EVERY = 60.0
_SYNC_EVERY = 0.5


class MqttSink:
    """Publishes every change of the kept set, through an outbox on disk.

    An update is in the outbox as a whole or not at all, and every message in the outbox reaches the
    broker at least once. If the outbox is full, ``apply`` raises, and the caller merges pending
    updates: a frame kept and then evicted cancels out. One thread at a time.
    """

    def __init__(
        self,
        outbox: Outbox,
        retained: RetainedState,
        counter: DeliveryCounter,
        writer: Writer,
        clock: Clock,
    ) -> None:
        self._outbox = outbox
        self._retained = retained
        self._counter = counter
        self._writer = writer
        self._clock = clock
        self._feeds: defaultdict[str, Counter[str]] = defaultdict(_nothing)
        self._states: dict[str, str] = {}
        self._synced = self._told = clock.monotonic()

    @property
    def name(self) -> str:
        """Name in messages and metrics."""
        return "mqtt"

    @property
    def counts(self) -> OutboxCounts:
        """Return the counts so far. Safe from any thread."""
        return self._counter.counts()

    def apply(self, update: SelectionUpdate) -> None:
        """Put the messages of an update into the outbox. Raises :class:`SinkError`.

        A kept frame with a lost picture is published without one.
        """
        messages = list(self._writer.messages(update))
        if messages:
            self._outbox.put(messages)
        for verdict in update.verdicts:
            if verdict.outcome != "kept":
                self._feeds[verdict.frame.key.feed][verdict.outcome] += 1
        for event in update.events:
            kind = "kept" if isinstance(event, Kept) else "evicted"
            self._feeds[event.frame.key.feed][kind] += 1
            if isinstance(event, Kept):
                self._retained.post_kept(event.frame.key.feed, last_payload(event))

    def feed_changed(self, status: FeedStatus) -> None:
        """Update the retained status of a feed; report a new state as an event."""
        self._retained.post_status(status.feed, status_payload(status))
        if self._states.get(status.feed) != status.state:
            self._states[status.feed] = status.state
            self._outbox.offer(self._writer.feed_event(status))

    def tick(self) -> None:
        """Flush the outbox to disk; publish the statistics every minute.

        Raises :class:`SinkError`.
        """
        self._outbox.require_folder()
        now = self._clock.monotonic()
        if now - self._told >= _STATS_EVERY:
            self._told = now
            wall = self._clock.wall()
            self._retained.post_stats(stats_payload(wall, self._feeds, self._counter.counts()))
        if now - self._synced >= _SYNC_EVERY:
            self._outbox.sync()
            self._synced = now

    def close(self) -> None:
        """Flush the outbox and release its folder; further calls do nothing.

        A running publisher continues to send the rest.
        """
        self._outbox.close()


def _nothing() -> Counter[str]:
    return Counter(kept=0, evicted=0, covered=0, refused=0)
