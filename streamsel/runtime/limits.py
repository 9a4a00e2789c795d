"""Limits of the live pipeline: queue lengths, timeouts, memory."""

from __future__ import annotations

from dataclasses import dataclass

from streamsel.runtime.picture_budget import DEFAULT_PICTURE_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveLimits:
    """How much may wait, and for how long.

    ``batch`` frames at most are embedded together; a smaller batch waits ``patience`` seconds for
    more. ``feed_queue`` frames of a feed may wait. A session that ended is followed by another
    after ``retry_first`` seconds, doubled with each failure in a row up to ``retry_most``; one
    whose password was refused three times, after ``retry_refused`` seconds. ``most_waiting``
    updates with ``most_waiting_bytes`` of pictures may wait for a sink, and ``picture_bytes`` be
    held on the line. ``reserve`` numbers of a feed are reserved at a time. ``shutdown``: seconds
    that ending may take, whatever hangs.
    """

    batch: int = 32
    patience: float = 0.02
    feed_queue: int = 4
    retry_first: float = 0.25
    retry_most: float = 2.0
    retry_refused: float = 300.0
    most_waiting: int = 512
    most_waiting_bytes: int = 64 << 20
    picture_bytes: int = DEFAULT_PICTURE_BYTES
    reserve: int = 100_000
    shutdown: float = 6.0
