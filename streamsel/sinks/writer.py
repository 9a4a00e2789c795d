"""Writing a run's record: every change a transaction, so it is always a prefix of the stream."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from streamsel.errors import RecordError
from streamsel.event import Event, FeedReport, Kept, Verdict
from streamsel.frame import FrameKey, ScreenState, Vector
from streamsel.sinks.files import disk_errors, sync_path
from streamsel.sinks.record import DATABASE, Record
from streamsel.sinks.run import FeedPlan, RunPlan, Status, StoredPicture
from streamsel.sinks.schema import connect_to_write
from streamsel.sinks.tables import APPLICATION_ID, INDEXES, SCHEMA_VERSION, TABLES

UNBORN_DATABASE = f".{DATABASE}.part"


@dataclass(frozen=True, slots=True)
class Appended:
    """What :meth:`RecordWriter.append` did: the verdicts that were new, the files let go of."""

    verdicts: tuple[Verdict, ...]
    freed: tuple[str, ...]


class RecordWriter(Record):
    """Continues the record of a run. One writer per folder; the caller holds the folder's lock.

    Every method raises :class:`DiskFullError` or :class:`SinkError`, and has then changed
    nothing, so that it may be called again.
    """

    def __init__(self, folder: Path, database: sqlite3.Connection) -> None:
        """Continue in an open database; use :meth:`create` or :meth:`resume` instead."""
        super().__init__(folder, database)
        self._path = folder / DATABASE
        self._ids = {name: number for number, name in self._names.items()}
        self._next_index = {feed.name: feed.recorded for feed in self.feeds()}
        self._seq = int(self._row("SELECT ifnull(max(seq), 0) FROM frames")[0])
        self._event = int(self._row("SELECT ifnull(max(id), 0) FROM events")[0])

    @classmethod
    def create(cls, folder: Path, plan: RunPlan, started: float, *, strict: bool) -> Self:
        """Begin a record in a folder without one; a crash leaves a whole record or none."""
        unborn = folder / UNBORN_DATABASE
        with disk_errors(folder / DATABASE):
            try:
                _lay_out(unborn, plan, started)
                os.replace(unborn, folder / DATABASE)
            except BaseException:
                remove_unborn(folder)
                raise
            sync_path(folder)
        return cls(folder, connect_to_write(folder / DATABASE, strict=strict))

    @classmethod
    def resume(cls, folder: Path, *, strict: bool) -> Self:
        """Continue the record in a folder. Raises :class:`RecordError` where that cannot be."""
        return cls(folder, connect_to_write(folder / DATABASE, strict=strict))

    def append(self, verdicts: Sequence[Verdict]) -> Appended:
        """Record verdicts with all they changed, in one transaction.

        Verdicts of frames that are recorded already are passed over with their events, so that a
        stream may be given again from any earlier point.
        """
        fresh, expected = [], dict(self._next_index)
        for verdict in verdicts:
            key = verdict.frame.key
            if key.feed not in expected:
                raise RecordError(f"{self._folder}: feed {key.feed!r} is not part of this run")
            if key.index >= expected[key.feed]:
                expected[key.feed] = key.index + 1
                fresh.append(verdict)
        if not fresh:
            return Appended((), ())
        freed: list[str] = []
        seq, event_id = self._seq, self._event
        with self._transaction() as database:
            self._insert_frames(database, fresh, seq + 1)
            self._insert_embeddings(
                database,
                {
                    at: verdict.candidate.embedding
                    for at, verdict in enumerate(fresh, seq + 1)
                    if verdict.candidate.embedding is not None
                },
            )
            for verdict in fresh:
                seq += 1
                for event in verdict.events:
                    event_id += 1
                    freed += self._insert_event(database, event_id, seq, event)
            states = {verdict.frame.key.feed: verdict.candidate.sighting for verdict in fresh}
            database.executemany(
                "UPDATE feeds SET reference = ?, previous = ?, rows_digest = ?, still_since = ?, "
                "passed = ? WHERE id = ?",
                [(*_state_row(seen.state), self._ids[feed]) for feed, seen in states.items()],
            )
        self._next_index, self._seq, self._event = expected, seq, event_id
        return Appended(tuple(fresh), tuple(freed))

    def claim(self, pictures: Sequence[StoredPicture]) -> None:
        """Record that these files are whole and on the disk."""
        with self._transaction() as database:
            self._claim(database, pictures)

    def disclaim(self, keys: Sequence[FrameKey]) -> None:
        """Record that the files of these frames are gone."""
        with self._transaction() as database:
            database.executemany(
                "UPDATE kept SET path = NULL, width = NULL, height = NULL, bytes = NULL, "
                "sha256 = NULL WHERE feed = ? AND idx = ?",
                [(self._ids[key.feed], key.index) for key in keys],
            )

    def pictures(self) -> list[tuple[FrameKey, str | None, int | None]]:
        """Return every frame kept now with its file's path and bytes, None where it has none."""
        return [
            (FrameKey(self._names[feed], index), path, size)
            for feed, index, path, size in self._rows(
                "SELECT feed, idx, path, bytes FROM kept WHERE live ORDER BY feed, idx"
            )
        ]

    def ever_kept(self) -> set[FrameKey]:
        """Return the frames that were ever kept: those whose files may lie in the folder."""
        rows = self._rows("SELECT feed, idx FROM kept")
        return {FrameKey(self._names[feed], index) for feed, index in rows}

    def add_feed(self, plan: FeedPlan) -> None:
        """Add a feed to the run; one that it has already stays as it is."""
        if plan.name in self._ids:
            return
        with self._transaction() as database:
            number = database.execute(
                "INSERT INTO feeds (name, source) VALUES (?, ?)", (plan.name, plan.source)
            ).lastrowid
        if number is not None:
            self._names[number] = plan.name
            self._ids[plan.name] = number
            self._next_index[plan.name] = 0

    def end_feed(self, report: FeedReport) -> None:
        """Record how a feed ended."""
        with self._transaction() as database:
            database.execute(
                "UPDATE feeds SET frames = ?, error = ?, warnings = ? WHERE id = ?",
                (
                    report.frames,
                    report.error,
                    json.dumps(report.warnings),
                    self._ids[report.feed],
                ),
            )

    def set_status(self, status: Status, finished: float | None) -> None:
        """Record how far the run is. ``finished`` is UTC epoch seconds, None while it runs."""
        with self._transaction() as database:
            database.execute("UPDATE runs SET status = ?, finished = ?", (status, finished))

    def set_statistics(self, values: dict[str, object]) -> None:
        """Record statistics by name, JSON values, in place of earlier ones of that name."""
        with self._transaction() as database:
            database.executemany(
                "INSERT OR REPLACE INTO statistics VALUES (?, ?)",
                [(name, json.dumps(value)) for name, value in values.items()],
            )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with disk_errors(self._path):
            try:
                self._database.execute("BEGIN IMMEDIATE")
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    def _claim(self, database: sqlite3.Connection, pictures: Sequence[StoredPicture]) -> None:
        database.executemany(
            "UPDATE kept SET path = ?, width = ?, height = ?, bytes = ?, sha256 = ? "
            "WHERE feed = ? AND idx = ?",
            [
                (
                    picture.path,
                    picture.width,
                    picture.height,
                    picture.bytes,
                    bytes.fromhex(picture.sha256),
                    *self._key_row(picture.key),
                )
                for picture in pictures
            ],
        )

    def _insert_frames(
        self, database: sqlite3.Connection, verdicts: Sequence[Verdict], first: int
    ) -> None:
        rows = [self._frame_row(seq, verdict) for seq, verdict in enumerate(verdicts, first)]
        database.executemany(f"INSERT INTO frames VALUES ({', '.join('?' * 19)})", rows)

    def _insert_embeddings(
        self, database: sqlite3.Connection, vectors: Mapping[int, Vector]
    ) -> None:
        database.executemany(
            "INSERT INTO embeddings VALUES (?, ?)",
            [(seq, vector.astype("<f4", copy=False).tobytes()) for seq, vector in vectors.items()],
        )

    def _frame_row(self, seq: int, verdict: Verdict) -> tuple[Any, ...]:
        frame, seen = verdict.frame, verdict.candidate.sighting
        return (
            seq,
            *self._key_row(frame.key),
            frame.pts,
            frame.time_base.numerator,
            frame.time_base.denominator,
            frame.media_time,
            frame.wall_time,
            frame.width,
            frame.height,
            frame.corrupt,
            verdict.outcome,
            verdict.reason,
            verdict.distance,
            *self._key_row(verdict.nearest),
            verdict.threshold,
            seen.sharpness,
            _signed(seen.digest),
        )

    def _insert_event(
        self, database: sqlite3.Connection, number: int, cause: int | None, event: Event
    ) -> list[str]:
        """Record one event; return the path that its frame's file had, where it lets go of one."""
        key = self._key_row(event.frame.key)
        if isinstance(event, Kept):
            kind, other, threshold = "kept", event.nearest, event.threshold
        else:
            kind, other, threshold = "evicted", event.by, None
        database.execute(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number,
                cause,
                kind,
                *key,
                *self._key_row(other),
                event.distance,
                threshold,
                event.reason,
            ),
        )
        if isinstance(event, Kept):
            database.execute(
                "INSERT INTO kept (feed, idx, event, live) VALUES (?, ?, ?, 1) "
                "ON CONFLICT DO UPDATE SET event = excluded.event, live = 1",
                (*key, number),
            )
            return []
        paths = database.execute("SELECT path FROM kept WHERE feed = ? AND idx = ?", key)
        freed = [path for (path,) in paths if path is not None]
        database.execute(
            "UPDATE kept SET live = 0, path = NULL, width = NULL, height = NULL, bytes = NULL, "
            "sha256 = NULL WHERE feed = ? AND idx = ?",
            key,
        )
        return freed

    def _key_row(self, key: FrameKey | None) -> tuple[int | None, int | None]:
        if key is None:
            return None, None
        return self._ids.get(key.feed) or self._id(key.feed), key.index


def remove_unborn(folder: Path) -> None:
    """Remove what a crash left of a record that had not yet begun."""
    for name in unborn_names():
        (folder / name).unlink(missing_ok=True)


def unborn_names() -> set[str]:
    """Names in a run's folder that hold nothing yet."""
    return {UNBORN_DATABASE, f"{UNBORN_DATABASE}-journal"}


def _lay_out(path: Path, plan: RunPlan, started: float) -> None:
    path.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript(
            f"BEGIN; PRAGMA application_id = {APPLICATION_ID}; "
            f"PRAGMA user_version = {SCHEMA_VERSION}; {TABLES} {INDEXES}"
        )
        database.execute(
            "INSERT INTO runs (version, config, identity, embedder, embedder_digest, method, "
            "count, seed, status, started) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'running', ?)",
            (
                plan.version,
                json.dumps(plan.config),
                json.dumps(plan.identity),
                plan.embedder,
                plan.embedder_digest,
                plan.method,
                plan.count,
                plan.seed,
                started,
            ),
        )
        database.executemany(
            "INSERT INTO feeds (name, source) VALUES (?, ?)",
            [(feed.name, feed.source) for feed in plan.feeds],
        )
        database.execute("COMMIT")


def _state_row(state: ScreenState) -> tuple[bytes | None, bytes | None, int, float, int]:
    return (
        None if state.reference is None else state.reference.tobytes(),
        None if state.previous is None else state.previous.tobytes(),
        _signed(state.rows_digest),
        state.still_since,
        state.passed,
    )


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value
