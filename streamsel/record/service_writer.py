"""Writes the record of a service: updates, reserved frame numbers, expiry of old verdicts."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Self

import numpy as np

from streamsel.clock import Correction
from streamsel.decisions import Event, FeedStatus, Kept, SelectionUpdate, Verdict
from streamsel.frame import Candidate, FrameKey, LumaGrid, PrefilteredFrame, Vector
from streamsel.record.candidate_rows import COLUMNS, candidate_of
from streamsel.record.expiry import Expiry
from streamsel.record.opening import DATABASE, connect_to_write
from streamsel.record.progress_rows import ProgressRows
from streamsel.record.reader import Record
from streamsel.record.rows import Rows
from streamsel.record.scenes import due_scenes, packed_scene
from streamsel.record.transactions import Transactions
from streamsel.record.values import FeedPlan, StoredPicture
from streamsel.record.verdict_rows import VerdictRows
from streamsel.scene import SceneState

_BLANK: LumaGrid = np.zeros((32, 32), np.uint8)
_BLANK.flags.writeable = False


class LiveRecordWriter:
    """Writes the record of a service. One writer per folder; the caller holds the folder's lock.

    Every method raises :class:`DiskFullError` or :class:`SinkError`, and has then changed nothing,
    so that the call may be repeated.

    Attributes:
        reader: Reads what is written.
        progress: Writes the status and the statistics of the service.
    """

    def __init__(self, folder: Path, database: sqlite3.Connection) -> None:
        """Continue in an open database; use :meth:`resume` instead."""
        self._rows = Rows(folder, database)
        self._transactions = Transactions(self._rows)
        self._verdicts = VerdictRows(self._rows)
        self.reader = Record(self._rows)
        self.progress = ProgressRows(self._transactions)
        self._next_index = {feed.name: feed.recorded for feed in self.reader.feeds()}
        self._seq = int(self._rows.one("SELECT ifnull(max(seq), 0) FROM frames")[0])
        self._event = int(self._rows.one("SELECT ifnull(max(id), 0) FROM events")[0])
        held_bytes = "SELECT ifnull(sum(bytes), 0) FROM kept WHERE live"
        self._stored_bytes = int(self._rows.one(held_bytes)[0])
        self._expiry = Expiry(self._rows, self._transactions)
        self._scenes: dict[str, SceneState] = {}

    @classmethod
    def resume(cls, folder: Path) -> Self:
        """Continue the record in a folder, always durable.

        Raises :class:`RecordError` if that is not possible.
        """
        return cls(folder, connect_to_write(folder / DATABASE, strict=True))

    def close(self) -> None:
        """Close the database; further calls do nothing."""
        self._transactions.close()

    def add_feed(self, plan: FeedPlan) -> None:
        """Add a feed, or rename it; a recorded feed keeps its source."""
        with self._transactions.begin() as database:
            database.execute(
                "INSERT INTO feeds (name, source, display_name) VALUES (?1, ?2, ?3) "
                "ON CONFLICT (name) DO UPDATE SET display_name = ?3 WHERE display_name IS NOT ?3",
                (plan.name, plan.source, plan.display_name),
            )
        self._rows.learn_feeds()
        self._next_index.setdefault(plan.name, 0)

    def commit(
        self, updates: Sequence[SelectionUpdate], pictures: Sequence[StoredPicture]
    ) -> list[str]:
        """Record updates, and the pictures of frames that they keep, in one transaction.

        Returns the paths of files that are no longer claimed. Skips what is already recorded, so an
        update may be repeated.
        """
        freed: list[str] = []
        seq, number, expected = self._seq, self._event, dict(self._next_index)
        touched = {event.frame.key for update in updates for event in update.events}
        with self._transactions.begin() as database:
            before = self._held_bytes(touched)
            for update in updates:
                verdicts = self._fresh(database, update.verdicts, expected)
                rows = [*verdicts, *self._recalled(database, update, verdicts)]
                self._verdicts.insert_frames(database, rows, seq + 1)
                self._verdicts.insert_embeddings(database, _kept_vectors(rows, update, seq + 1))
                events: list[tuple[int | None, Event]] = [
                    (at, event)
                    for at, verdict in enumerate(verdicts, seq + 1)
                    for event in verdict.events
                ]
                seq += len(rows)
                for cause, event in [*events, *((None, change) for change in update.changes)]:
                    if cause is not None or self._is_news(event):
                        number += 1
                        freed += self._verdicts.insert_event(database, number, cause, event)
                        self._mark(database, update.scope, seq, event)
                self._note(database, update, verdicts)
            scenes = due_scenes(
                self._scenes, (verdict for update in updates for verdict in update.verdicts)
            )
            database.executemany(
                "UPDATE feeds SET scene = ? WHERE id = ?",
                [(packed_scene(scene), self._rows.feed_id(feed)) for feed, scene in scenes.items()],
            )
            self._verdicts.claim(database, pictures)
            after = self._held_bytes(touched)
        self._seq, self._event, self._next_index = seq, number, expected
        self._stored_bytes += after - before
        self._scenes |= scenes
        return freed

    def bytes_of(self, scopes: Collection[str]) -> int:
        """Return the size of the pictures kept by these scopes."""
        return sum(
            int(size)
            for scope in scopes
            for (size,) in self._rows.all(
                "SELECT ifnull(sum(bytes), 0) FROM kept WHERE live AND scope = ?", scope
            )
        )

    def stored(self, key: FrameKey) -> StoredPicture | None:
        """Return the claimed picture of a frame, or None."""
        claimed = (
            "SELECT path, width, height, bytes, sha256 FROM kept "
            "WHERE feed = ? AND idx = ? AND live AND path IS NOT NULL"
        )
        for path, width, height, size, digest in self._rows.all(claimed, *self._rows.key_row(key)):
            return StoredPicture(key, path, width, height, size, digest.hex())
        return None

    def let_go(self, keys: Sequence[FrameKey]) -> list[str]:
        """Unclaim the pictures of these frames; return their paths.

        Everything else recorded about them stays, until :meth:`commit` changes it.
        """
        paths = [path for key in keys if (path := self.reader.path(key)) is not None]
        if paths:
            self.disclaim(keys)
        return paths

    def disclaim(self, keys: Sequence[FrameKey]) -> None:
        """Record that the files of these frames are gone."""
        held_bytes = self._held_bytes(keys)
        with self._transactions.begin() as database:
            self._verdicts.disclaim(database, keys)
        self._stored_bytes -= held_bytes

    def next_index(self, feed: str) -> int:
        """Return the first frame number of a feed that cannot have been used."""
        row = self._rows.one("SELECT reserved FROM feeds WHERE id = ?", self._rows.feed_id(feed))
        return max(int(row[0]), self._next_index[feed])

    def fold(self) -> None:
        """Checkpoint SQLite's log into the database and release its space."""
        self._transactions.fold()

    def reserve(self, numbers: Mapping[str, int]) -> None:
        """Record for each feed the limit below which its frame numbers may be used."""
        with self._transactions.begin() as database:
            database.executemany(
                "UPDATE feeds SET reserved = max(reserved, ?) WHERE id = ?",
                [(upto, self._rows.feed_id(feed)) for feed, upto in numbers.items()],
            )

    def last_times(self, feed: str) -> tuple[float, float] | None:
        """Return media and wall time of a feed's newest recorded frame; None if there is none."""
        row = self._rows.one(
            "SELECT last_media, last_wall FROM feeds WHERE id = ?", self._rows.feed_id(feed)
        )
        media_time, wall_time = row
        return None if media_time is None or wall_time is None else (media_time, wall_time)

    def last_size(self, feed: str) -> tuple[int, int] | None:
        """Return width and height of a feed's newest recorded frame; None if there is none."""
        newest = "SELECT width, height FROM frames WHERE feed = ? ORDER BY idx DESC LIMIT 1"
        for width, height in self._rows.all(newest, self._rows.feed_id(feed)):
            return int(width), int(height)
        return None

    def kept_candidates(self, scope: str) -> list[Candidate]:
        """Return the kept frames of a scope with their embeddings, in the order of keeping."""
        kept = self._rows.all(
            f"SELECT {COLUMNS} FROM kept "
            "JOIN frames ON frames.feed = kept.feed AND frames.idx = kept.idx "
            "JOIN embeddings ON frame = seq WHERE live AND scope = ? ORDER BY event",
            scope,
        )
        return [candidate_of(self._rows, row) for row in kept]

    def pinned(self, scope: str) -> list[FrameKey]:
        """Return the pinned frames of a scope, ordered by key."""
        rows = self._rows.all(
            "SELECT feed, idx FROM kept WHERE live AND pinned AND scope = ?", scope
        )
        return sorted(self._rows.key(feed, index) for feed, index in rows)

    def newest_time(self) -> float:
        """Return the newest wall time of a recorded frame of any feed; 0 if there is none."""
        return float(self._rows.one("SELECT ifnull(max(last_wall), 0) FROM feeds")[0])

    def redate(self, correction: Correction) -> None:
        """Correct the times recorded while the system clock was wrong."""
        with self._transactions.begin() as database:
            for table, column in (("frames", "wall_time"), ("feeds", "last_wall")):
                database.execute(
                    f"UPDATE {table} SET {column} = {column} + ? WHERE {column} > ? "
                    f"AND {column} <= ?",
                    (correction.seconds, correction.after, correction.until),
                )

    def dated_pictures(self) -> list[tuple[str, float]]:
        """Return the path and time of receipt of each kept frame's picture."""
        found = (
            "SELECT path, wall_time FROM kept JOIN frames USING (feed, idx) "
            "WHERE live AND path IS NOT NULL AND wall_time IS NOT NULL"
        )
        return [(path, wall_time) for path, wall_time in self._rows.all(found)]

    def rename(self, paths: Mapping[str, str]) -> None:
        """Record the new names of files."""
        with self._transactions.begin() as database:
            database.executemany(
                "UPDATE kept SET path = ? WHERE path = ?",
                [(renamed, path) for path, renamed in paths.items()],
            )

    def erase(self, keys: Iterable[FrameKey]) -> None:
        """Delete everything recorded of those of these frames that are no longer kept."""
        self._expiry.erase(keys)

    def set_pinned(self, key: FrameKey, pinned: bool) -> None:
        """Record that a frame is pinned, or unpinned."""
        with self._transactions.begin() as database:
            database.execute(
                "UPDATE kept SET pinned = ? WHERE feed = ? AND idx = ?",
                (pinned, *self._rows.key_row(key)),
            )

    def set_feed_statuses(self, statuses: Iterable[FeedStatus]) -> None:
        """Record the statuses of feeds."""
        with self._transactions.begin() as database:
            database.executemany(
                "UPDATE feeds SET status = ? WHERE name = ?",
                [(json.dumps(asdict(status)), status.feed) for status in statuses],
            )

    @property
    def stored_bytes(self) -> int:
        """Return the size of all claimed pictures."""
        return self._stored_bytes

    def forget(self, history: int) -> None:
        """Delete verdicts on frames that are not kept, except the newest ``history`` verdicts."""
        self._expiry.forget(self._seq - history)

    def _fresh(
        self, database: sqlite3.Connection, verdicts: Sequence[Verdict], expected: dict[str, int]
    ) -> list[Verdict]:
        """Return the verdicts that are not recorded yet; advances ``expected`` past them."""
        fresh = []
        for verdict in verdicts:
            key = verdict.frame.key
            expected.setdefault(key.feed, 0)
            # After a feed has moved to another scope, a verdict on an earlier frame may still
            # arrive.
            if key.index >= expected[key.feed] or self._row_of(database, key) is None:
                expected[key.feed] = max(expected[key.feed], key.index + 1)
                fresh.append(verdict)
        return fresh

    def _is_news(self, event: Event) -> bool:
        """Whether an event changes the recorded kept set."""
        key = event.frame.key
        rows = self._rows.all(
            "SELECT live FROM kept WHERE feed = ? AND idx = ?", *self._rows.key_row(key)
        )
        is_live = any(live for (live,) in rows)
        return is_live != isinstance(event, Kept)

    def _held_bytes(self, keys: Iterable[FrameKey]) -> int:
        """Return the size of the claimed pictures of these frames."""
        held = "SELECT ifnull(sum(bytes), 0) FROM kept WHERE feed = ? AND idx = ? AND live"
        return sum(int(self._rows.one(held, *self._rows.key_row(key))[0]) for key in keys)

    def _recalled(
        self, database: sqlite3.Connection, update: SelectionUpdate, verdicts: Sequence[Verdict]
    ) -> list[Verdict]:
        """Return a verdict for each kept frame without a row.

        A frame that was covered has a row; its embedding is added to it.
        """
        judged = {verdict.frame.key for verdict in verdicts}
        recalled = []
        for event in update.events:
            key = event.frame.key
            if not isinstance(event, Kept) or key in judged:
                continue
            judged.add(key)
            if (row := self._row_of(database, key)) is not None:
                if event.embedding is not None:
                    database.execute(
                        "INSERT OR IGNORE INTO embeddings VALUES (?, ?)",
                        (row, event.embedding.astype("<f4", copy=False).tobytes()),
                    )
                continue
            prefiltered = PrefilteredFrame(event.frame, _BLANK, 0, 0.0, None, None)
            candidate = Candidate(prefiltered, event.embedding)
            recalled.append(
                Verdict(
                    candidate, "kept", event.reason, event.distance, event.nearest, event.threshold
                )
            )
        return recalled

    def _row_of(self, database: sqlite3.Connection, key: FrameKey) -> int | None:
        found = database.execute(
            "SELECT seq FROM frames WHERE feed = ? AND idx = ?", self._rows.key_row(key)
        ).fetchone()
        return None if found is None else int(found[0])

    def _mark(self, database: sqlite3.Connection, scope: str, seq: int, event: Event) -> None:
        """Record the scope of a kept frame, or the time of its eviction."""
        is_kept = isinstance(event, Kept)
        change = "scope = ?" if is_kept else "pinned = 0, gone = ?"
        database.execute(
            f"UPDATE kept SET {change} WHERE feed = ? AND idx = ?",
            (scope if is_kept else seq, *self._rows.key_row(event.frame.key)),
        )

    def _note(
        self, database: sqlite3.Connection, update: SelectionUpdate, verdicts: Sequence[Verdict]
    ) -> None:
        """Record the other content of the update: state and times."""
        if update.state == b"":
            database.execute("DELETE FROM selections WHERE scope = ?", (update.scope,))
        elif update.state is not None:
            database.execute(
                "INSERT OR REPLACE INTO selections VALUES (?, ?)",
                (update.scope, update.state),
            )
        newest = {verdict.frame.key.feed: verdict.frame for verdict in verdicts}
        database.executemany(
            "UPDATE feeds SET last_media = ?1, last_wall = ?2 "
            "WHERE id = ?3 AND ifnull(last_media, ?1) <= ?1",
            [
                (frame.media_time, frame.wall_time, self._rows.feed_id(feed))
                for feed, frame in newest.items()
            ],
        )


def _kept_vectors(
    verdicts: Sequence[Verdict], update: SelectionUpdate, first: int
) -> dict[int, Vector]:
    """Return the embeddings of the kept frames, by row number."""
    told = {event.frame.key: event.embedding for event in update.events if isinstance(event, Kept)}
    vectors = {}
    for seq, verdict in enumerate(verdicts, first):
        if verdict.frame.key in told:
            own = told[verdict.frame.key]
            vector = verdict.candidate.embedding if own is None else own
            if vector is not None:
                vectors[seq] = vector
    return vectors
