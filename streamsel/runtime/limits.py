"""Limits of the live pipeline: queue lengths, timeouts, memory."""

from __future__ import annotations

from dataclasses import dataclass

from streamsel.runtime.picture_budget import DEFAULT_PICTURE_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveLimits:
    """Limits of the live pipeline: queue lengths, timeouts, memory.

    At most ``batch`` frames are embedded together; a smaller batch waits ``patience`` seconds for
    more. ``feed_queue`` frames may wait per feed. After a session ends, the next one starts after
    ``retry_first`` seconds, doubled with each failure in a row up to ``retry_most``; after three
    rejected logins, after ``retry_refused`` seconds. At most ``most_waiting`` updates with
    ``most_waiting_bytes`` of pictures may wait for a sink, and ``picture_bytes`` of pictures be
    held in the pipeline. ``reserve`` frame numbers of a feed are reserved at a time. ``shutdown``
    is the maximum duration of a shutdown in seconds, whatever hangs.
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
