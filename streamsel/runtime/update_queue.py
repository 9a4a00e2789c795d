"""A bounded queue of selection updates for one sink, in order, merged per scope."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

from streamsel.decisions import SelectionUpdate
from streamsel.runtime.updates import merge, picture_bytes, without_pictures


@dataclass(slots=True)
class QueuedUpdate:
    """A queued update, with the numbers of its oldest and newest parts."""

    update: SelectionUpdate
    number: int
    renewed: int
    held_bytes: int


class UpdateQueue:
    """A queue of updates, oldest first.

    Once ``most_waiting`` updates wait, a new one is merged into the newest of its scope, which
    keeps its place: so every update is delivered in its turn, at any input rate. At most
    ``most_waiting`` updates wait, or one per scope if that is more, with ``most_bytes`` of
    pictures; the oldest pictures beyond that are dropped. A call costs at most one merge of two
    updates, except when pictures are dropped.
    """

    def __init__(self, most_waiting: int, most_bytes: int) -> None:
        self._most_waiting = most_waiting
        self._most_bytes = most_bytes
        self._waiting: deque[QueuedUpdate] = deque()
        self._newest: dict[str, QueuedUpdate] = {}
        self._held_bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def oldest(self) -> int | None:
        """The lowest queued number; None if empty."""
        return self._waiting[0].number if self._waiting else None

    @property
    def is_half_full(self) -> bool:
        """Whether the queue is half full. Safe from any thread."""
        return 2 * len(self) >= self._most_waiting or 2 * self._held_bytes >= self._most_bytes

    def put(self, update: SelectionUpdate, number: int) -> Counter[str]:
        """Add an update; return how many frames of each feed lose their verdict by merging."""
        dropped: Counter[str] = Counter()
        held_bytes = picture_bytes(update)
        last = self._newest.get(update.scope)
        if last is None or len(self) < self._most_waiting:
            queued = QueuedUpdate(update, number, number, held_bytes)
            self._waiting.append(queued)
            self._newest[update.scope] = queued
            self._held_bytes += held_bytes
        else:
            merged = merge(last.update, update)
            dropped = _left_out(last.update, update, merged)
            last.renewed = number
            self._replace(last, merged)
        if self._held_bytes > self._most_bytes:
            self._bound_pictures()
        return dropped

    def take(self, most: int) -> list[QueuedUpdate]:
        """Remove and return up to this many updates, oldest first."""
        taken = [self._waiting.popleft() for _ in range(min(most, len(self)))]
        for queued in taken:
            self._held_bytes -= queued.held_bytes
            if self._newest[queued.update.scope] is queued:
                del self._newest[queued.update.scope]
        return taken

    def _replace(self, queued: QueuedUpdate, update: SelectionUpdate) -> None:
        self._held_bytes -= queued.held_bytes
        queued.update, queued.held_bytes = update, picture_bytes(update)
        self._held_bytes += queued.held_bytes

    def _bound_pictures(self) -> None:
        """Drop pictures of the updates changed longest ago, oldest first."""
        for queued in sorted(self._waiting, key=lambda queued: queued.renewed):
            excess = self._held_bytes - self._most_bytes
            if excess <= 0:
                return
            if queued.held_bytes:
                room = max(0, queued.held_bytes - excess)
                self._replace(queued, without_pictures(queued.update, room))


def _left_out(
    first: SelectionUpdate, second: SelectionUpdate, merged: SelectionUpdate
) -> Counter[str]:
    """Return how many frames of each feed have no verdict after two updates are merged."""
    frames = Counter(verdict.frame.key.feed for verdict in (*first.verdicts, *second.verdicts))
    frames.subtract(verdict.frame.key.feed for verdict in merged.verdicts)
    return +frames
