"""Writes the record of a file run in transactions: always a prefix of the stream."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from streamsel.decisions import Event, FeedReport, Kept, Verdict
from streamsel.errors import RecordError
from streamsel.frame import FrameKey, PrefilterState, Vector
from streamsel.record.anchor import Anchor
from streamsel.record.beginning import begin
from streamsel.record.database import transaction
from streamsel.record.files import disk_errors
from streamsel.record.opening import DATABASE, connect_to_write
from streamsel.record.reader import UNOPENED, Record
from streamsel.record.rewinding import losing, rewind
from streamsel.record.values import FeedPlan, RunPlan, Status, StoredPicture


@dataclass(frozen=True, slots=True)
class Appended:
    """The result of :meth:`RecordWriter.append`: the new verdicts, the files no longer claimed."""

    verdicts: tuple[Verdict, ...]
    freed: tuple[str, ...]


class RecordWriter(Record):
    """Writes the record of a run. One writer per folder; the caller holds the folder's lock.

    Every method raises :class:`DiskFullError` or :class:`SinkError`, and has then changed nothing,
    so that the call may be repeated.
    """

    def __init__(self, folder: Path, database: sqlite3.Connection) -> None:
        """Continue in an open database; use :meth:`create` or :meth:`resume` instead."""
        super().__init__(folder, database)
        self._path = folder / DATABASE
        self._anchor = Anchor(folder)
        self._ids: dict[str, int] = {}
        self._next_index: dict[str, int] = {}
        self._seq = self._event = 0
        self._settled: int | None = None
        self._take_stock()

    def close(self) -> None:
        """Close the database; further calls do nothing."""
        self._anchor.close(self._database)

    @classmethod
    def create(cls, folder: Path, plan: RunPlan, started: float, *, strict: bool) -> Self:
        """Create a record in a folder without one; after a crash it is complete or absent."""
        begin(folder, plan, started)
        return cls(folder, connect_to_write(folder / DATABASE, strict=strict))

    @classmethod
    def resume(cls, folder: Path, *, strict: bool) -> Self:
        """Continue the record in a folder. Raises :class:`RecordError` if that is not possible."""
        return cls(folder, connect_to_write(folder / DATABASE, strict=strict))

    def append(self, verdicts: Sequence[Verdict]) -> Appended:
        """Record verdicts with all their changes, in one transaction.

        Skips verdicts of recorded frames with their events, so that a stream may be repeated from
        any earlier point. After :meth:`reopen` the undone verdicts are recorded anew.
        """
        renewed, fresh, expected = [], [], dict(self._next_index)
        for verdict in verdicts:
            key = verdict.frame.key
            if key.feed not in expected:
                raise RecordError(f"{self._folder}: feed {key.feed!r} is not part of this run")
            if key.index >= expected[key.feed]:
                expected[key.feed] = key.index + 1
                fresh.append(verdict)
            elif (seq := self._taken_back(key)) is not None:
                renewed.append((seq, verdict))
        if not renewed and not fresh:
            return Appended((), ())
        rows = [*renewed, *enumerate(fresh, self._seq + 1)]
        settled = renewed[-1][0] if renewed and renewed[-1][0] < self._seq else None
        freed: list[str] = []
        event_id = self._event
        with self._transaction() as database:
            self._renew_frames(database, renewed, settled)
            self._insert_frames(database, fresh, self._seq + 1)
            self._insert_embeddings(
                database,
                {
                    seq: verdict.candidate.embedding
                    for seq, verdict in rows[len(renewed) :]
                    if verdict.candidate.embedding is not None
                },
            )
            for seq, verdict in rows:
                for event in verdict.events:
                    event_id += 1
                    freed += self._insert_event(database, event_id, seq, event)
            states = {verdict.frame.key.feed: verdict.candidate.prefiltered for verdict in fresh}
            database.executemany(
                "UPDATE feeds SET reference = ?, previous = ?, rows_digest = ?, still_since = ?, "
                "passed = ? WHERE id = ?",
                [(*_state_row(seen.state), self._ids[feed]) for feed, seen in states.items()],
            )
        self._next_index, self._event, self._settled = expected, event_id, settled
        self._seq += len(fresh)
        return Appended(tuple(verdict for _, verdict in rows), tuple(freed))

    def kept_at_the_end(self, settled: int) -> list[FrameKey]:
        """Return the frames with a picture that are kept only by verdicts after ``settled``."""
        with disk_errors(self._path):
            rows = losing(self._database, settled)
        return [FrameKey(self._names[feed], index) for feed, index in rows]

    def reopen(self, plan: RunPlan, settled: int | None) -> None:
        """Continue with more feeds: those of ``plan`` that are not recorded yet, in its order.

        Verdicts after ``settled`` (``frames.seq``) were caused by the end of the run and are
        undone; None: all stay. The frames of :meth:`kept_at_the_end` must have been unclaimed
        before.
        """
        with self._transaction() as database:
            if settled is not None:
                rewind(database, settled)
            database.execute(
                "UPDATE runs SET config = ?, identity = ?, status = 'running', finished = NULL",
                (json.dumps(plan.config), json.dumps(plan.identity)),
            )
            database.executemany(
                "INSERT INTO feeds (name, source, display_name) VALUES (?, ?, ?) "
                "ON CONFLICT DO NOTHING",
                [(feed.name, feed.source, feed.display_name) for feed in plan.feeds],
            )
        self._learn_names()
        self._take_stock()

    def claim(self, pictures: Sequence[StoredPicture]) -> None:
        """Record that these files are complete and on disk."""
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
        """Return every kept frame with its file's path and size, None if it has none."""
        return [
            (FrameKey(self._names[feed], index), path, size)
            for feed, index, path, size in self._rows(
                "SELECT feed, idx, path, bytes FROM kept WHERE live ORDER BY feed, idx"
            )
        ]

    def ever_kept(self) -> set[FrameKey]:
        """Return the frames that were ever kept: those that may have files in the folder."""
        rows = self._rows("SELECT feed, idx FROM kept")
        return {FrameKey(self._names[feed], index) for feed, index in rows}

    def add_feed(self, plan: FeedPlan) -> None:
        """Add a feed to the run; a recorded feed keeps its source."""
        if plan.name in self._ids:
            with self._transaction() as database:
                database.execute(
                    "UPDATE feeds SET display_name = ?1 WHERE name = ?2 AND display_name IS NOT ?1",
                    (plan.display_name, plan.name),
                )
            return
        with self._transaction() as database:
            number = database.execute(
                "INSERT INTO feeds (name, source, display_name) VALUES (?, ?, ?)",
                (plan.name, plan.source, plan.display_name),
            ).lastrowid
        if number is not None:
            self._names[number] = plan.name
            self._ids[plan.name] = number
            self._next_index[plan.name] = 0

    def end_feed(self, report: FeedReport) -> None:
        """Record the end of a feed."""
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

    def fail_feed(self, feed: str, error: str) -> None:
        """Record a further error of a feed; a recorded error stays."""
        with self._transaction() as database:
            database.execute(
                "UPDATE feeds SET error = ifnull(error, ?) WHERE id = ?", (error, self._ids[feed])
            )

    def set_status(self, status: Status, finished: float | None) -> None:
        """Record the progress of the run. ``finished`` is UTC epoch seconds, None while it runs."""
        with self._transaction() as database:
            database.execute("UPDATE runs SET status = ?, finished = ?", (status, finished))

    def set_statistics(self, values: dict[str, object]) -> None:
        """Record statistics by name, as JSON values, replacing earlier ones."""
        with self._transaction() as database:
            database.executemany(
                "INSERT OR REPLACE INTO statistics VALUES (?, ?)",
                [(name, json.dumps(value)) for name, value in values.items()],
            )

    def _take_stock(self) -> None:
        """Read the progress of the record."""
        self._ids = {name: number for number, name in self._names.items()}
        self._next_index = {feed.name: feed.recorded for feed in self.feeds()}
        self._seq = int(self._row("SELECT ifnull(max(seq), 0) FROM frames")[0])
        self._event = int(self._row("SELECT ifnull(max(id), 0) FROM events")[0])
        self._settled = self._row("SELECT settled FROM runs")[0]

    def set_unopened(self, errors: Mapping[str, str]) -> None:
        """Record why inputs could not be opened, by input."""
        self.set_statistics({UNOPENED: dict(errors)})

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        # SQLite writes to its open file, wherever the folder's path leads by now. Pictures are
        # written by path, so both must be in the same folder before pictures are claimed.
        with disk_errors(self._path), transaction(self._database) as database:
            yield database
            self._anchor.require()

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
        database.executemany(f"INSERT INTO frames VALUES ({', '.join('?' * 21)})", rows)

    def _taken_back(self, key: FrameKey) -> int | None:
        """Return the position of a recorded frame with an undone verdict; None if it stands."""
        if self._settled is None:
            return None
        row = self._row("SELECT seq FROM frames WHERE feed = ? AND idx = ?", *self._key_row(key))
        return int(row[0]) if row[0] > self._settled else None

    def _renew_frames(
        self,
        database: sqlite3.Connection,
        verdicts: Sequence[tuple[int, Verdict]],
        settled: int | None,
    ) -> None:
        database.executemany(
            "UPDATE frames SET outcome = ?, reason = ?, distance = ?, nearest_feed = ?, "
            "nearest_idx = ?, threshold = ? WHERE seq = ?",
            [(*self._verdict_row(verdict), seq) for seq, verdict in verdicts],
        )
        if settled != self._settled:
            database.execute("UPDATE runs SET settled = ?", (settled,))

    def _insert_embeddings(
        self, database: sqlite3.Connection, vectors: Mapping[int, Vector]
    ) -> None:
        database.executemany(
            "INSERT INTO embeddings VALUES (?, ?)",
            [(seq, vector.astype("<f4").tobytes()) for seq, vector in vectors.items()],
        )

    def _frame_row(self, seq: int, verdict: Verdict) -> tuple[Any, ...]:
        frame, seen = verdict.frame, verdict.candidate.prefiltered
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
            *self._verdict_row(verdict),
            seen.sharpness,
            _signed(seen.digest),
            frame.recorded,
            frame.original,
        )

    def _verdict_row(self, verdict: Verdict) -> tuple[Any, ...]:
        nearest = self._key_row(verdict.nearest)
        return (verdict.outcome, verdict.reason, verdict.distance, *nearest, verdict.threshold)

    def _insert_event(
        self, database: sqlite3.Connection, number: int, cause: int | None, event: Event
    ) -> list[str]:
        """Record one event; return the path of its frame's file if that is no longer claimed."""
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


def _state_row(state: PrefilterState) -> tuple[bytes | None, bytes | None, int, float, int]:
    return (
        None if state.reference is None else state.reference.tobytes(),
        None if state.previous is None else state.previous.tobytes(),
        _signed(state.rows_digest),
        state.still_since,
        state.passed,
    )


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value
