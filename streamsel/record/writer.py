"""Writes the record of a file run in transactions: always a prefix of the stream."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from streamsel.decisions import FeedReport, Verdict
from streamsel.errors import RecordError
from streamsel.frame import ChromaGrid, FrameKey, LumaGrid, PrefilterState
from streamsel.record.beginning import begin
from streamsel.record.files import disk_errors
from streamsel.record.opening import DATABASE, connect_to_write
from streamsel.record.progress_rows import ProgressRows
from streamsel.record.reader import UNOPENED, Record
from streamsel.record.rewinding import losing, rewind
from streamsel.record.rows import Rows
from streamsel.record.scenes import packed_scene
from streamsel.record.transactions import Transactions
from streamsel.record.values import RunPlan, StoredPicture
from streamsel.record.verdict_rows import VerdictRows, signed


@dataclass(frozen=True, slots=True)
class Appended:
    """The result of :meth:`RecordWriter.append`: the new verdicts, the files no longer claimed."""

    verdicts: tuple[Verdict, ...]
    freed: tuple[str, ...]


class RecordWriter:
    """Writes the record of a file run. One writer per folder; the caller holds the folder's lock.

    Every method raises :class:`DiskFullError` or :class:`SinkError`, and has then changed nothing,
    so that the call may be repeated.

    Attributes:
        reader: Reads what is written.
        progress: Writes the status and the statistics of the run.
    """

    def __init__(self, folder: Path, database: sqlite3.Connection) -> None:
        """Continue in an open database; use :meth:`create` or :meth:`resume` instead."""
        self._rows = Rows(folder, database)
        self._transactions = Transactions(self._rows)
        self._verdicts = VerdictRows(self._rows)
        self.reader = Record(self._rows)
        self.progress = ProgressRows(self._transactions)
        self._next_index: dict[str, int] = {}
        self._seq = self._event = 0
        self._settled: int | None = None
        self._take_stock()

    def close(self) -> None:
        """Close the database; further calls do nothing."""
        self._transactions.close()

    @classmethod
    def create(cls, folder: Path, plan: RunPlan, started: float, *, strict: bool) -> Self:
        """Create a record in a folder without one; after a crash it is complete or absent."""
        begin(folder, plan, started)
        return cls.resume(folder, strict=strict)

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
                raise RecordError(f"{self._rows.folder}: feed {key.feed!r} is not part of this run")
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
        with self._transactions.begin() as database:
            self._verdicts.renew_frames(database, renewed)
            if settled != self._settled:
                database.execute("UPDATE runs SET settled = ?", (settled,))
            self._verdicts.insert_frames(database, fresh, self._seq + 1)
            self._verdicts.insert_embeddings(
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
                    freed += self._verdicts.insert_event(database, event_id, seq, event)
            states = {verdict.frame.key.feed: verdict.candidate.prefiltered for verdict in fresh}
            database.executemany(
                "UPDATE feeds SET reference = ?, previous = ?, rows_digest = ?, still_since = ?, "
                "passed = ?, scene = ?, reference_chroma = ? WHERE id = ?",
                [
                    (*_state_row(seen.state), self._rows.feed_id(feed))
                    for feed, seen in states.items()
                ],
            )
        self._next_index, self._event, self._settled = expected, event_id, settled
        self._seq += len(fresh)
        return Appended(tuple(verdict for _, verdict in rows), tuple(freed))

    def kept_at_the_end(self, settled: int) -> list[FrameKey]:
        """Return the frames with a picture that are kept only by verdicts after ``settled``."""
        with disk_errors(self._rows.path):
            rows = losing(self._rows.database, settled)
        return [self._rows.key(feed, index) for feed, index in rows]

    def reopen(self, plan: RunPlan, settled: int | None) -> None:
        """Continue with more feeds: those of ``plan`` that are not recorded yet, in its order.

        Verdicts after ``settled`` (``frames.seq``) were caused by the end of the run and are
        undone; None: all stay. The frames of :meth:`kept_at_the_end` must have been unclaimed
        before.
        """
        with self._transactions.begin() as database:
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
        self._rows.learn_feeds()
        self._take_stock()

    def claim(self, pictures: Sequence[StoredPicture]) -> None:
        """Record that these files are complete and on disk."""
        with self._transactions.begin() as database:
            self._verdicts.claim(database, pictures)

    def disclaim(self, keys: Sequence[FrameKey]) -> None:
        """Record that the files of these frames are gone."""
        with self._transactions.begin() as database:
            self._verdicts.disclaim(database, keys)

    def end_feed(self, report: FeedReport) -> None:
        """Record the end of a feed."""
        with self._transactions.begin() as database:
            database.execute(
                "UPDATE feeds SET frames = ?, error = ?, warnings = ? WHERE id = ?",
                (
                    report.frames,
                    report.error,
                    json.dumps(report.warnings),
                    self._rows.feed_id(report.feed),
                ),
            )

    def fail_feed(self, feed: str, error: str) -> None:
        """Record a further error of a feed; a recorded error stays."""
        with self._transactions.begin() as database:
            database.execute(
                "UPDATE feeds SET error = ifnull(error, ?) WHERE id = ?",
                (error, self._rows.feed_id(feed)),
            )

    def set_unopened(self, errors: Mapping[str, str]) -> None:
        """Record why inputs could not be opened, by input."""
        self.progress.set_statistics({UNOPENED: dict(errors)})

    def _take_stock(self) -> None:
        """Read the progress of the record."""
        self._next_index = {feed.name: feed.recorded for feed in self.reader.feeds()}
        self._seq = int(self._rows.one("SELECT ifnull(max(seq), 0) FROM frames")[0])
        self._event = int(self._rows.one("SELECT ifnull(max(id), 0) FROM events")[0])
        self._settled = self._rows.one("SELECT settled FROM runs")[0]

    def _taken_back(self, key: FrameKey) -> int | None:
        """Return the position of a recorded frame with an undone verdict; None if it stands."""
        if self._settled is None:
            return None
        row = self._rows.one(
            "SELECT seq FROM frames WHERE feed = ? AND idx = ?", *self._rows.key_row(key)
        )
        return int(row[0]) if row[0] > self._settled else None


def _state_row(state: PrefilterState) -> tuple[Any, ...]:
    return (
        _pixels(state.reference),
        _pixels(state.previous),
        signed(state.rows_digest),
        state.still_since,
        state.passed,
        packed_scene(state.scene),
        _pixels(state.reference_chroma),
    )


def _pixels(grid: LumaGrid | ChromaGrid | None) -> bytes | None:
    return None if grid is None else grid.tobytes()
