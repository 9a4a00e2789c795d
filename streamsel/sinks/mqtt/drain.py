"""Drains the outbox into a connection: in order, a window at a time, removed once acknowledged."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter

from streamsel.clock import Clock
from streamsel.errors import SinkError
from streamsel.sinks.mqtt.connection import BrokerConnection
from streamsel.sinks.mqtt.log_throttle import LogThrottle
from streamsel.sinks.mqtt.outgoing import Outgoing
from streamsel.sinks.mqtt.payloads import QueuedMessage, packet_bytes, publish_properties
from streamsel.wakeup import await_set

LOG = logging.getLogger("streamsel.mqtt")

_WINDOW_BYTES = 16 << 20
_BUSY = "quota-exceeded"
"""The only refusal that is temporary: everything is sent again after a pause."""
_PATIENCE = 120.0
"""Seconds without any acknowledgement after which a connection is dropped."""
_MOST_DISCONNECTS = 5
"""Number of disconnects that a single message in flight may cause before quarantine."""


class Drain:
    """Sends the messages of an outbox, over one connection after another.

    Messages in flight when a connection was lost are sent one by one over the next one. So a
    message that makes the broker disconnect is found and does not block the rest.
    """

    def __init__(self, outgoing: Outgoing, clock: Clock, expiry: float | None) -> None:
        self.news = asyncio.Event()
        self._outgoing = outgoing
        self._clock = clock
        self._expiry = expiry
        self._flights: dict[asyncio.Future[str | None], QueuedMessage] = {}
        self._after = 0
        self._suspect_until = 0
        self._disconnects: Counter[int] = Counter()
        self._throttle = LogThrottle(clock)

    async def run(self, connection: BrokerConnection, stopping: asyncio.Event) -> None:
        """Send waiting and new messages, until stopped and empty.

        Raises :class:`SinkError` if the connection is lost or the broker stops responding.
        """
        self._after = 0
        self._flights.clear()
        try:
            while True:
                self.news.clear()  # first, so that messages arriving meanwhile are noticed
                await self._land()
                await self._fill(connection)
                if not self._flights and stopping.is_set():
                    return
                await self._wait()
        finally:
            self._suspect()

    async def _fill(self, connection: BrokerConnection) -> None:
        """Send until the window is full or nothing waits."""
        while room := self._room(connection):
            queued_messages = await asyncio.to_thread(self._next, room)
            for queued in queued_messages:
                self._after = queued.seq
                await self._send(queued, connection)
            if len(queued_messages) < room:
                return

    def _next(self, most: int) -> list[QueuedMessage]:
        """Read waiting messages, up to a number or one that fills the window; in a thread."""
        queued_messages: list[QueuedMessage] = []
        room_bytes = _WINDOW_BYTES - self._bytes_in_flight
        while len(queued_messages) < most and (not queued_messages or room_bytes > 0):
            queued = self._outgoing.next(
                queued_messages[-1].seq if queued_messages else self._after
            )
            if queued is None:
                break
            queued_messages.append(queued)
            room_bytes -= len(queued.message.payload)
        return queued_messages

    async def _send(self, queued: QueuedMessage, connection: BrokerConnection) -> None:
        left = self._time_left(queued)
        if left is not None and left <= 0:
            await asyncio.to_thread(self._outgoing.expire, queued)
            return
        message = queued.message
        properties = publish_properties(message, left)
        if packet_bytes(message, properties) > connection.most_packet_bytes:
            await self._refuse(queued, "too-large")
        elif self._disconnects[queued.seq] >= _MOST_DISCONNECTS:
            await self._refuse(queued, "disconnects")
        else:
            retain = message.is_retained
            sent = connection.publish(message.topic, message.payload, properties, retain=retain)
            sent.add_done_callback(lambda _: self.news.set())
            self._flights[sent] = queued

    def _room(self, connection: BrokerConnection) -> int:
        """Return how many more messages may be in flight."""
        suspicious = self._after <= self._suspect_until
        window = 1 if suspicious else connection.window
        has_room = not self._flights or self._bytes_in_flight < _WINDOW_BYTES
        return max(0, window - len(self._flights)) if has_room else 0

    @property
    def _bytes_in_flight(self) -> int:
        return sum(len(queued.message.payload) for queued in self._flights.values())

    async def _wait(self) -> None:
        """Wait for an acknowledgement or a new message."""
        if not await await_set(self.news, _PATIENCE if self._flights else None):
            raise SinkError(f"no acknowledgement for {_PATIENCE:.0f} s")

    async def _land(self) -> None:
        """Delete acknowledged messages, quarantine refused ones."""
        delivered, busy = [], False
        for sent in [sent for sent in self._flights if sent.done()]:
            queued, reason = self._flights.pop(sent), sent.result()
            if reason is None:
                delivered.append(queued)
                self._disconnects.pop(queued.seq, None)
            elif reason == _BUSY:
                busy = True
            else:
                await self._refuse(queued, reason)
        if delivered:
            await asyncio.to_thread(self._outgoing.settle, delivered)
        if busy:
            raise SinkError(f"the broker takes nothing more for now ({_BUSY})")

    async def _refuse(self, queued: QueuedMessage, reason: str) -> None:
        self._disconnects.pop(queued.seq, None)
        await asyncio.to_thread(self._outgoing.refuse, queued, reason)
        if self._throttle.due(reason):
            LOG.warning(
                "message %s to %s (%d bytes) was not accepted: %s; set aside in %s. More of the "
                "same are counted",
                queued.message.key,
                queued.message.topic,
                len(queued.message.payload),
                reason,
                self._outgoing.quarantine,
            )

    def _suspect(self) -> None:
        """Remember the messages in flight when the connection was lost."""
        places = [queued.seq for sent, queued in self._flights.items() if not sent.done()]
        if places:
            self._suspect_until = max(places)
        if len(places) == 1:
            self._disconnects[places[0]] += 1

    def _time_left(self, queued: QueuedMessage) -> int | None:
        if self._expiry is None:
            return None
        return math.ceil(queued.created + self._expiry - self._clock.wall())
