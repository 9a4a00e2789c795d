"""Writes verdicts, their events and the claims of pictures as rows of an open record."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from streamsel.decisions import Event, Kept, Verdict
from streamsel.frame import FrameKey, Vector
from streamsel.record.rows import Rows
from streamsel.record.scenes import change_row
from streamsel.record.values import StoredPicture

_UNCLAIMED = "path = NULL, width = NULL, height = NULL, bytes = NULL, sha256 = NULL"


class VerdictRows:
    """The tables ``frames``, ``embeddings``, ``events`` and ``kept``.

    Every method is called within a transaction of the caller, on its connection.
    """

    def __init__(self, rows: Rows) -> None:
        """Name feeds and frames as ``rows`` does."""
        self._rows = rows

    def insert_frames(
        self, database: sqlite3.Connection, verdicts: Sequence[Verdict], first: int
    ) -> None:
        """Insert the rows of judged frames, numbered from ``first``."""
        rows = [self._frame_row(seq, verdict) for seq, verdict in enumerate(verdicts, first)]
        database.executemany(f"INSERT INTO frames VALUES ({', '.join('?' * 23)})", rows)

    def renew_frames(
        self, database: sqlite3.Connection, verdicts: Sequence[tuple[int, Verdict]]
    ) -> None:
        """Give recorded frames, by row number, another verdict."""
        database.executemany(
            "UPDATE frames SET outcome = ?, reason = ?, distance = ?, nearest_feed = ?, "
            "nearest_idx = ?, threshold = ? WHERE seq = ?",
            [(*self._verdict_row(verdict), seq) for seq, verdict in verdicts],
        )

    def insert_embeddings(
        self, database: sqlite3.Connection, vectors: Mapping[int, Vector]
    ) -> None:
        """Insert embeddings by row number."""
        database.executemany(
            "INSERT INTO embeddings VALUES (?, ?)",
            [(seq, vector.astype("<f4").tobytes()) for seq, vector in vectors.items()],
        )

    def insert_event(
        self, database: sqlite3.Connection, number: int, cause: int | None, event: Event
    ) -> list[str]:
        """Record one event; return the path of its frame's file if that is no longer claimed."""
        key = self._rows.key_row(event.frame.key)
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
                *self._rows.key_row(other),
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
        database.execute(f"UPDATE kept SET live = 0, {_UNCLAIMED} WHERE feed = ? AND idx = ?", key)
        return freed

    def claim(self, database: sqlite3.Connection, pictures: Sequence[StoredPicture]) -> None:
        """Record that these files are complete and on disk."""
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
                    *self._rows.key_row(picture.key),
                )
                for picture in pictures
            ],
        )

    def disclaim(self, database: sqlite3.Connection, keys: Sequence[FrameKey]) -> None:
        """Record that the files of these frames are gone."""
        database.executemany(
            f"UPDATE kept SET {_UNCLAIMED} WHERE feed = ? AND idx = ?",
            [self._rows.key_row(key) for key in keys],
        )

    def _frame_row(self, seq: int, verdict: Verdict) -> tuple[Any, ...]:
        frame, seen = verdict.frame, verdict.candidate.prefiltered
        return (
            seq,
            *self._rows.key_row(frame.key),
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
            signed(seen.digest),
            frame.recorded,
            frame.original,
            *change_row(seen.change),
        )

    def _verdict_row(self, verdict: Verdict) -> tuple[Any, ...]:
        nearest = self._rows.key_row(verdict.nearest)
        return (verdict.outcome, verdict.reason, verdict.distance, *nearest, verdict.threshold)


def signed(value: int) -> int:
    """Return 64 bits as SQLite stores them."""
    return value - (1 << 64) if value >= 1 << 63 else value
