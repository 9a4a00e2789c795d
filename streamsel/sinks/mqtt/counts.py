"""Counters of MQTT messages: written by two threads, read by any."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OutboxCounts:
    """Where messages are, at one moment.

    ``pending`` messages of ``pending_bytes`` wait for the broker; ``quarantined`` are set aside
    on disk now. Since the start: ``delivered`` were acknowledged, ``refused`` were not, by reason
    (a word of the MQTT standard such as ``not-authorized``; ``too-large``, ``disconnects``,
    ``damaged`` or ``expired``), ``dropped`` reports on feeds were not taken because too much
    waited, ``commands_refused`` made no sense.
    """

    connected: bool = False
    pending: int = 0
    pending_bytes: int = 0
    quarantined: int = 0
    delivered: int = 0
    dropped: int = 0
    commands_refused: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)


class DeliveryCounter:
    """Counts; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connected = False
        self._counts: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()

    def counts(self) -> OutboxCounts:
        """Return all counts, of one moment."""
        with self._lock:
            return OutboxCounts(
                connected=self._connected, refused=dict(self._refused), **self._counts
            )

    def waiting(self, messages: int, payload_bytes: int) -> None:
        """So many messages and bytes more wait; negative: fewer."""
        with self._lock:
            self._counts["pending"] += messages
            self._counts["pending_bytes"] += payload_bytes

    def delivered(self, messages: int) -> None:
        """So many messages were acknowledged."""
        with self._lock:
            self._counts["delivered"] += messages

    def refused(self, reason: str) -> None:
        """A message was not accepted and will not be sent again."""
        with self._lock:
            self._refused[reason] += 1

    def quarantined(self, held: int) -> None:
        """So many messages are set aside now."""
        with self._lock:
            self._counts["quarantined"] = held

    def dropped(self) -> None:
        """A report on a feed was not taken."""
        with self._lock:
            self._counts["dropped"] += 1

    def command_refused(self) -> None:
        """A command made no sense."""
        with self._lock:
            self._counts["commands_refused"] += 1

    def connected(self, connected: bool) -> None:
        """The broker can be reached, or no longer."""
        with self._lock:
            self._connected = connected
