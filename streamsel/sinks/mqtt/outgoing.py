"""The publisher's side of the outbox: the next messages, deliveries, rejections."""

from __future__ import annotations

import os
import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from streamsel.clock import Clock
from streamsel.errors import DiskChangedError, DiskFullError, DiskGoneError, SinkError
from streamsel.record.anchor import Anchor
from streamsel.record.database import transaction
from streamsel.sinks.mqtt.counts import DeliveryCounter
from streamsel.sinks.mqtt.log_throttle import LogThrottle
from streamsel.sinks.mqtt.payloads import Message, QueuedMessage
from streamsel.sinks.mqtt.quarantine import MOST_BYTES, held, set_aside
from streamsel.sinks.mqtt.store import (
    LOG,
    PAYLOADS,
    QUARANTINE,
    connect,
    outbox_errors,
)


class Outgoing:
    """Reads messages of an outbox that is open elsewhere. Safe from any thread; calls block.

    Deletions need not be durable: after a power cut a message is sent again, with the same id.
    """

    def __init__(self, folder: Path, counter: DeliveryCounter, clock: Clock) -> None:
        """Open the outbox in a folder. Raises :class:`SinkError`."""
        self._folder = folder
        self._counter = counter
        self._clock = clock
        self._throttle = LogThrottle(clock)
        self._lock = threading.Lock()
        self._done: set[int] = set()  # to be deleted as soon as the disk has room
        self._skipped: set[int] = set()  # to be moved to quarantine by the next process
        with outbox_errors(folder):
            self._anchor = Anchor(folder)
            self._database = connect(folder, durable=False)

    @property
    def quarantine(self) -> Path:
        """The folder with the payloads of messages in quarantine."""
        return self._folder / QUARANTINE

    def close(self) -> None:
        """Release the outbox; unsettled messages stay in it."""
        if self._done:
            self._delete_done()
        with self._lock:
            self._anchor.close(self._database)

    def next(self, after: int) -> QueuedMessage | None:
        """Return the first message after position ``after``, or None.

        Messages with damaged payloads are moved to quarantine on the way. Returns None while the
        disk is gone.
        """
        while self._is_here():
            with self._lock, outbox_errors(self._folder):
                row = self._database.execute(
                    "SELECT seq, created, key, id, topic, content_type, payload, crc "
                    "FROM messages WHERE seq > ? ORDER BY seq LIMIT 1",
                    (after,),
                ).fetchone()
            if row is None:
                return None
            after, created, key, name, topic, content_type, small, crc = row
            if after in self._done or after in self._skipped:
                continue
            payload = self._read(after) if small is None else small
            queued = QueuedMessage(
                after, created, Message(key, name, topic, content_type, payload or b"")
            )
            if payload is not None and zlib.crc32(payload) == crc:
                return queued
            if self._waits(after) and self._is_here():
                self.refuse(queued, "damaged")
        return None

    def _is_here(self) -> bool:
        try:
            self._anchor.require()
        except (DiskGoneError, DiskChangedError):
            return False
        return True

    def settle(self, queued_messages: Sequence[QueuedMessage]) -> None:
        """Delete acknowledged messages; on a full disk, in memory only."""
        self._counter.count_delivered(len(queued_messages))
        self._take_out(queued_messages)

    def refuse(self, queued: QueuedMessage, reason: str) -> None:
        """Move a message to quarantine; it will not be sent again."""
        self._counter.count_refused(reason)
        try:
            with outbox_errors(self._folder):
                self._set_aside(queued, reason)
        except SinkError as error:
            self._skipped.add(queued.seq)
            if self._throttle.due("skipped"):
                LOG.warning("%s; message %s is skipped for now", error, queued.message.key)

    def expire(self, queued: QueuedMessage) -> None:
        """Delete an expired message."""
        self._counter.count_refused("expired")
        self._take_out([queued])

    def announced(self) -> set[str]:
        """Return the feeds that may have retained topics at the broker."""
        with self._lock, outbox_errors(self._folder):
            return {row[0] for row in self._database.execute("SELECT feed FROM announced")}

    def announce(self, feed: str) -> None:
        """Record that a feed will get retained topics at the broker."""
        self._note("INSERT OR IGNORE INTO announced VALUES (?)", feed)

    def withdraw(self, feed: str) -> None:
        """Record that the retained topics of a feed were cleared."""
        self._note("DELETE FROM announced WHERE feed = ?", feed)

    def _note(self, change: str, feed: str) -> None:
        """Record a change of a feed; skipped on a full disk, without waiting."""
        try:
            with self._changing() as database:
                database.execute(change, (feed,))
        except DiskFullError as error:
            LOG.debug("feed %s: not noted: %s", feed, error)

    def _take_out(self, queued_messages: Sequence[QueuedMessage]) -> None:
        self._done.update(queued.seq for queued in queued_messages)
        deleted = self._delete_done()
        for queued in queued_messages:
            self._payload(queued.seq).unlink(missing_ok=True)
        if not deleted and not self._delete_done() and self._throttle.due("full"):
            LOG.warning(
                "%s: the disk is full; delivered messages are deleted once there is room, and "
                "sent again should the service end before",
                self._folder,
            )

    def _delete_done(self) -> bool:
        """Delete the rows of delivered messages; return False if the disk is too full."""
        gone: list[tuple[int, int]] = []
        try:
            with self._changing() as database:
                for seq in self._done:
                    gone += database.execute(
                        "DELETE FROM messages WHERE seq = ? RETURNING seq, bytes", (seq,)
                    ).fetchall()
        except DiskFullError as error:
            LOG.debug("%s", error)
            return False
        self._counter.add_pending(-len(gone), -sum(size for _, size in gone))
        self._done.clear()
        return True

    def _set_aside(self, queued: QueuedMessage, reason: str) -> None:
        place = self._payload(queued.seq)
        worth_keeping = place.exists() and len(queued.message.payload) <= MOST_BYTES
        name = place.name if worth_keeping else None
        with self._changing() as database:
            gone = database.execute(
                "DELETE FROM messages WHERE seq = ? RETURNING bytes", (queued.seq,)
            ).fetchall()
            if not gone:  # the sink has replaced it
                return
            surplus = set_aside(database, queued.message, reason, self._clock.wall(), name)
            now_held = held(database)
        self._counter.add_pending(-1, -gone[0][0])
        self._counter.set_quarantined(now_held)
        if name is not None:
            os.replace(place, self._folder / QUARANTINE / name)
        place.unlink(missing_ok=True)
        for file in surplus:
            (self._folder / QUARANTINE / file).unlink(missing_ok=True)

    def _payload(self, seq: int) -> Path:
        return self._folder / PAYLOADS / str(seq)

    def _read(self, seq: int) -> bytes | None:
        try:
            return self._payload(seq).read_bytes()
        except OSError as error:
            LOG.debug("payload %d: %s", seq, error.strerror)
            return None

    def _waits(self, seq: int) -> bool:
        """Whether a message still waits: the sink may just have replaced it."""
        with self._lock, outbox_errors(self._folder):
            found = self._database.execute("SELECT 1 FROM messages WHERE seq = ?", (seq,))
            return found.fetchone() is not None

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """A transaction, rolled back on an error."""
        with self._lock, outbox_errors(self._folder), transaction(self._database) as database:
            yield database
