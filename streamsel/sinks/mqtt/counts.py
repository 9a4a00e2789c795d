"""Counters of MQTT messages: written by two threads, read by any."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OutboxCounts:
    """Message counts at one moment.

    ``pending`` messages of ``pending_bytes`` wait for the broker; ``quarantined`` are in quarantine
    on disk. Since the start: ``delivered`` were acknowledged; ``refused`` were not, by reason (a
    term of the MQTT standard such as ``not-authorized``; ``too-large``, ``disconnects``,
    ``damaged`` or ``expired``); ``dropped`` reports on feeds were discarded because the outbox was
    too full; ``commands_refused`` were invalid.
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
    """Message counters; safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connected = False
        self._counts: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()

    def counts(self) -> OutboxCounts:
        """Return a consistent snapshot of all counts."""
        with self._lock:
            return OutboxCounts(
                connected=self._connected, refused=dict(self._refused), **self._counts
            )

    def add_pending(self, messages: int, payload_bytes: int) -> None:
        """Add to the pending messages and bytes; may be negative."""
        with self._lock:
            self._counts["pending"] += messages
            self._counts["pending_bytes"] += payload_bytes

    def count_delivered(self, messages: int) -> None:
        """Count acknowledged messages."""
        with self._lock:
            self._counts["delivered"] += messages

    def count_refused(self, reason: str) -> None:
        """Count a message that was refused for good."""
        with self._lock:
            self._refused[reason] += 1

    def set_quarantined(self, held: int) -> None:
        """Set the number of messages in quarantine."""
        with self._lock:
            self._counts["quarantined"] = held

    def count_dropped(self) -> None:
        """Count a discarded report on a feed."""
        with self._lock:
            self._counts["dropped"] += 1

    def count_refused_command(self) -> None:
        """Count an invalid command."""
        with self._lock:
            self._counts["commands_refused"] += 1

    def set_connected(self, connected: bool) -> None:
        """Set whether the broker is connected."""
        with self._lock:
            self._connected = connected
