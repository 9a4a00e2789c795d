"""The sink's side of the outbox: stores messages for delivery at least once."""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from streamsel.clock import Clock
from streamsel.errors import DiskGoneError, SinkError
from streamsel.record.database import transaction
from streamsel.record.files import sync_files, sync_path
from streamsel.record.folder import make_and_lock
from streamsel.sinks.mqtt.counts import DeliveryCounter
from streamsel.sinks.mqtt.options import MqttOptions
from streamsel.sinks.mqtt.payloads import (
    MOST_PACKET_BYTES,
    Message,
    packet_bytes,
    publish_properties,
)
from streamsel.sinks.mqtt.quarantine import held, set_aside
from streamsel.sinks.mqtt.store import (
    DATABASE,
    LOG,
    PAYLOADS,
    QUARANTINE,
    open_to_fill,
    outbox_errors,
)
from streamsel.wakeup import Wakeup

SMALL_BYTES = 4_096
"""Payloads up to this size are stored in their row, larger ones in files."""


class Outbox:
    """Messages waiting on disk, in the order of insertion. One thread at a time.

    With ``strict`` durability an inserted message survives a power cut; with ``batched`` only after
    :meth:`sync`, and a checksum detects messages torn by a power cut. If the process is killed at
    any moment, the outbox stays consistent.
    """

    def __init__(
        self,
        folder: Path,
        options: MqttOptions,
        counter: DeliveryCounter,
        wakeup: Wakeup,
        clock: Clock,
    ) -> None:
        """Lock the folder and open the outbox in it; create it if missing.

        Payload files without a row, left by a killed process, are deleted. Raises
        :class:`FolderInUseError` and :class:`SinkError`.
        """
        self._folder = folder
        self._options = options
        self._counter = counter
        self._wakeup = wakeup
        self._clock = clock
        self._strict = options.durability == "strict"
        self._unsynced: list[Path] = []
        self._closed = False
        self._is_gone = False
        self._lock = make_and_lock(folder)
        try:
            self._database = open_to_fill(folder, durable=self._strict)
            try:
                self._next = self._take_stock()
            except BaseException:
                self._database.close()
                raise
        except BaseException:
            self._lock.release()
            raise

    def put(self, messages: Sequence[Message]) -> None:
        """Insert messages, all or none; each replaces a waiting message with the same key.

        Messages larger than MQTT allows go to quarantine. Raises :class:`SinkError` if the messages
        would exceed the bounds (unless the outbox is empty) or the disk fails; nothing has changed
        then.
        """
        fitting: list[Message] = []
        oversize: list[Message] = []
        for message in messages:
            size = packet_bytes(message, publish_properties(message, expiry=1))
            (fitting if size <= MOST_PACKET_BYTES else oversize).append(message)
        self._require_room(fitting, share=1.0)
        self._store(fitting, oversize)

    def offer(self, message: Message) -> bool:
        """Insert a dispensable message; return False if it was dropped and counted.

        Such messages use at most half of the bounds, unless the outbox is empty.
        """
        try:
            self._require_room([message], share=0.5)
            self._store([message], [])
        except SinkError as error:
            LOG.info("%s: not taken: %s", message.key, error)
            self._counter.count_dropped()
            return False
        return True

    def require_folder(self) -> None:
        """Check that the folder is still the one that was opened; log when it is back.

        Raises :class:`DiskGoneError` and :class:`DiskChangedError`.
        """
        try:
            self._lock.anchor.require()
        except DiskGoneError:
            self._is_gone = True
            raise
        if self._is_gone:
            self._is_gone = False
            self._wakeup.ring()

    def sync(self) -> None:
        """Flush inserted messages to disk; does nothing with ``strict``."""
        if self._unsynced:
            with outbox_errors(self._folder):
                for path in self._unsynced:
                    with contextlib.suppress(FileNotFoundError):  # delivered already
                        sync_path(path)
                sync_path(self._folder / PAYLOADS)
                with contextlib.suppress(FileNotFoundError):  # a rollback journal is synced
                    sync_path(self._folder / f"{DATABASE}-wal")
            self._unsynced.clear()

    def close(self) -> None:
        """Flush to disk and release the folder; further calls do nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            self.sync()
        finally:
            self._lock.anchor.close(self._database)
            self._lock.release()

    def _require_room(self, messages: Sequence[Message], share: float) -> None:
        now = self._counter.counts()
        wanted_bytes = sum(len(message.payload) for message in messages)
        fits = (
            now.pending + len(messages) <= self._options.max_messages * share
            and now.pending_bytes + wanted_bytes <= self._options.max_bytes * share
        )
        if now.pending and not fits:
            raise SinkError(
                f"{self._folder}: the outbox is full: {now.pending:,} messages of "
                f"{now.pending_bytes:,} bytes wait for {self._options.address}, which "
                "is away or too slow"
            )

    def _store(self, messages: Sequence[Message], oversize: Sequence[Message]) -> None:
        files: list[Path] = []
        self.require_folder()
        with outbox_errors(self._folder):
            try:
                rows = [
                    self._row(self._next + place, message, files)
                    for place, message in enumerate(messages)
                ]
                if self._strict:
                    sync_files(files)
                replaced = self._insert(rows, oversize)
            except BaseException:
                for path in files:
                    path.unlink(missing_ok=True)
                raise
        self._next += len(rows)
        if not self._strict:
            self._unsynced += files or [self._folder / DATABASE]
        self._counter.add_pending(
            len(messages) - len(replaced),
            sum(len(message.payload) for message in messages) - sum(size for _, size in replaced),
        )
        for seq, _ in replaced:
            (self._folder / PAYLOADS / str(seq)).unlink(missing_ok=True)
        for message in oversize:
            self._counter.count_refused("too-large")
            LOG.warning(
                "message %s is larger than MQTT allows (%d bytes); set aside in %s",
                message.key,
                len(message.payload),
                self._folder / QUARANTINE,
            )
        self._wakeup.ring()

    def _row(self, seq: int, message: Message, files: list[Path]) -> tuple[Any, ...]:
        """Write the payload to a file unless it is small; return the row."""
        payload: bytes | None = message.payload
        if len(message.payload) > SMALL_BYTES:
            files.append(self._folder / PAYLOADS / str(seq))
            files[-1].write_bytes(message.payload)
            payload = None
        return (
            seq,
            message.key,
            message.id,
            message.topic,
            message.content_type,
            self._clock.wall(),
            len(message.payload),
            zlib.crc32(message.payload),
            payload,
        )

    def _insert(
        self, rows: Sequence[tuple[Any, ...]], oversize: Sequence[Message]
    ) -> list[tuple[int, int]]:
        """Insert rows in one transaction; return position and size of the rows they replace."""
        replaced: list[tuple[int, int]] = []
        removed: list[str] = []
        with transaction(self._database) as database:
            for row in rows:
                replaced += database.execute(
                    "DELETE FROM messages WHERE key = ? RETURNING seq, bytes", (row[1],)
                ).fetchall()
                database.execute("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            for message in oversize:
                removed += set_aside(database, message, "too-large", self._clock.wall(), None)
            self.require_folder()  # payloads and their rows must be in the same folder
        if oversize:
            self._counter.set_quarantined(held(self._database))
        for name in removed:
            (self._folder / QUARANTINE / name).unlink(missing_ok=True)
        return replaced

    def _take_stock(self) -> int:
        """Count waiting messages, delete orphaned files; return the next free position."""
        with outbox_errors(self._folder):
            database = self._database
            pending, size = database.execute(
                "SELECT count(*), ifnull(sum(bytes), 0) FROM messages"
            ).fetchone()
            self._counter.add_pending(pending, size)
            self._counter.set_quarantined(held(database))
            for place, query in (
                (PAYLOADS, "SELECT seq FROM messages WHERE payload IS NULL"),
                (QUARANTINE, "SELECT file FROM quarantine WHERE file IS NOT NULL"),
            ):
                known = {str(row[0]) for row in database.execute(query)}
                for entry in os.scandir(self._folder / place):
                    if entry.name not in known:
                        os.unlink(entry.path)
            last = database.execute(
                "SELECT ifnull(max(seq), 0) FROM sqlite_sequence WHERE name = 'messages'"
            ).fetchone()[0]
        return int(last) + 1
