"""Writing the record of a service: judgements whole, numbers reserved, old verdicts forgotten."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction

import numpy as np

from streamsel.event import Event, FeedStatus, Judgement, Kept, Verdict
from streamsel.frame import Candidate, Frame, FrameKey, Picture, Sighting, Sketch, Vector
from streamsel.sinks.run import StoredPicture
from streamsel.sinks.writer import RecordWriter

_BLANK: Sketch = np.zeros((32, 32), np.uint8)
_BLANK.flags.writeable = False
_FORGOTTEN_AT_ONCE = 5_000


class LiveRecordWriter(RecordWriter):
    """Continues the record of a service; otherwise as :class:`RecordWriter`."""

    def commit(
        self, judgements: Sequence[Judgement], pictures: Sequence[StoredPicture]
    ) -> list[str]:
        """Record judgements and the pictures of frames they keep, in one transaction.

        Returns the paths of files that are no longer claimed. Verdicts that are recorded already
        are passed over with their events, so a judgement may be given again.
        """
        freed: list[str] = []
        seq, number, expected = self._seq, self._event, dict(self._next_index)
        with self._transaction() as database:
            for judgement in judgements:
                verdicts = [*_fresh(judgement.verdicts, expected)]
                verdicts += self._recalled(database, judgement, verdicts)
                self._insert_frames(database, verdicts, seq + 1)
                self._insert_embeddings(database, _kept_vectors(verdicts, judgement, seq + 1))
                events: list[tuple[int | None, Event]] = [
                    (at, event)
                    for at, verdict in enumerate(verdicts, seq + 1)
                    for event in verdict.events
                ]
                events += [(None, event) for event in judgement.changes]
                for cause, event in events:
                    number += 1
                    freed += self._insert_event(database, number, cause, event)
                self._note(database, judgement, verdicts)
                seq += len(verdicts)
            self._claim(database, pictures)
        self._seq, self._event, self._next_index = seq, number, expected
        return freed

    def let_go(self, keys: Sequence[FrameKey]) -> list[str]:
        """Claim the pictures of these frames no more; return their paths.

        What is recorded about them otherwise stays, for :meth:`commit` to tell.
        """
        paths = [
            str(path)
            for key in keys
            if key.feed in self._ids
            for (path,) in self._rows(
                "SELECT path FROM kept WHERE feed = ? AND idx = ?", *self._key_row(key)
            )
            if path is not None
        ]
        self.disclaim([key for key in keys if key.feed in self._ids])
        return paths

    def next_index(self, feed: str) -> int:
        """The first number of a feed that no frame can have been given."""
        row = self._row("SELECT reserved FROM feeds WHERE id = ?", self._ids[feed])
        return max(int(row[0]), self._next_index[feed])

    def reserve(self, feed: str, upto: int) -> None:
        """Record that numbers below ``upto`` may have been given."""
        with self._transaction() as database:
            database.execute(
                "UPDATE feeds SET reserved = max(reserved, ?) WHERE id = ?",
                (upto, self._ids[feed]),
            )

    def last_times(self, feed: str) -> tuple[float, float] | None:
        """Media and wall time of a feed's newest recorded frame, None where there is none."""
        row = self._row("SELECT last_media, last_wall FROM feeds WHERE id = ?", self._ids[feed])
        media_time, wall_time = row
        return None if media_time is None or wall_time is None else (media_time, wall_time)

    def selection(self, scope: str) -> bytes | None:
        """What the selector of a scope said of itself last."""
        for (state,) in self._rows("SELECT state FROM selections WHERE scope = ?", scope):
            return bytes(state)
        return None

    def kept_candidates(self, scope: str) -> list[Candidate]:
        """The frames that a scope keeps, with their embeddings, in the order they were kept."""
        return [
            Candidate(
                Sighting(
                    Frame(
                        key=FrameKey(self._names[feed], index),
                        pts=pts,
                        time_base=Fraction(num, den),
                        media_time=media_time,
                        width=width,
                        height=height,
                        picture=Picture(None),
                        wall_time=wall_time,
                    ),
                    _BLANK,
                    0,
                    sharpness,
                    None,
                    None,
                ),
                np.frombuffer(vector, "<f4"),  # (D,)
            )
            for (
                feed, index, pts, num, den, media_time, width, height, wall_time, sharpness, vector
            ) in self._rows(
                "SELECT kept.feed, kept.idx, pts, time_base_num, time_base_den, media_time, "
                "frames.width, frames.height, wall_time, sharpness, vector FROM kept "
                "JOIN frames ON frames.feed = kept.feed AND frames.idx = kept.idx "
                "JOIN embeddings ON frame = seq WHERE live AND scope = ? ORDER BY event",
                scope,
            )
        ]  # fmt: skip

    def pinned(self, scope: str) -> list[FrameKey]:
        """The frames of a scope that are pinned, in order of their key."""
        rows = self._rows("SELECT feed, idx FROM kept WHERE live AND pinned AND scope = ?", scope)
        return sorted(FrameKey(self._names[feed], index) for feed, index in rows)

    def set_pinned(self, key: FrameKey, pinned: bool) -> None:
        """Record that a frame is pinned, or no longer."""
        with self._transaction() as database:
            database.execute(
                "UPDATE kept SET pinned = ? WHERE feed = ? AND idx = ?",
                (pinned, *self._key_row(key)),
            )

    def set_feed_status(self, status: FeedStatus) -> None:
        """Record how a feed is."""
        with self._transaction() as database:
            database.execute(
                "UPDATE feeds SET status = ? WHERE name = ?",
                (json.dumps(asdict(status)), status.feed),
            )

    def stored_bytes(self) -> int:
        """The size of all pictures that are claimed."""
        return int(self._row("SELECT ifnull(sum(bytes), 0) FROM kept WHERE live")[0])

    def forget(self, history: int) -> None:
        """Forget the oldest verdicts beyond ``history``, some thousands at most.

        Frames that are kept stay, with what is told of their keeping.
        """
        oldest = int(
            self._row(
                "SELECT ifnull(min(seq), 0) FROM frames WHERE NOT EXISTS (SELECT 1 FROM kept "
                "WHERE kept.feed = frames.feed AND kept.idx = frames.idx AND live)"
            )[0]
        )
        last = min(self._seq - history, oldest + _FORGOTTEN_AT_ONCE)
        if last < oldest or not oldest:
            return
        with self._transaction() as database:
            for statement in _FORGET:
                database.execute(statement, {"last": last})

    def _recalled(
        self, database: sqlite3.Connection, judgement: Judgement, verdicts: Sequence[Verdict]
    ) -> list[Verdict]:
        """Return a verdict for each frame that is kept and has no row, or none any more."""
        judged = {verdict.frame.key for verdict in verdicts}
        recalled = []
        for event in judgement.events:
            key = event.frame.key
            if not isinstance(event, Kept) or key in judged or self._has_row(database, key):
                continue
            judged.add(key)
            sighting = Sighting(event.frame, _BLANK, 0, 0.0, None, None)
            candidate = Candidate(sighting, event.embedding)
            recalled.append(
                Verdict(
                    candidate, "kept", event.reason, event.distance, event.nearest, event.threshold
                )
            )
        return recalled

    def _has_row(self, database: sqlite3.Connection, key: FrameKey) -> bool:
        found = database.execute(
            "SELECT 1 FROM frames JOIN embeddings ON frame = seq WHERE feed = ? AND idx = ?",
            self._key_row(key),
        )
        return found.fetchone() is not None

    def _note(
        self, database: sqlite3.Connection, judgement: Judgement, verdicts: Sequence[Verdict]
    ) -> None:
        """Record what the judgement says beside its events: scope, state, times."""
        kept = [event.frame.key for event in judgement.events if isinstance(event, Kept)]
        database.executemany(
            "UPDATE kept SET scope = ? WHERE feed = ? AND idx = ?",
            [(judgement.scope, *self._key_row(key)) for key in kept],
        )
        if judgement.state is not None:
            database.execute(
                "INSERT OR REPLACE INTO selections VALUES (?, ?)",
                (judgement.scope, judgement.state),
            )
        newest = {verdict.frame.key.feed: verdict.frame for verdict in verdicts}
        database.executemany(
            "UPDATE feeds SET last_media = ?, last_wall = ? WHERE id = ?",
            [
                (frame.media_time, frame.wall_time, self._ids[feed])
                for feed, frame in newest.items()
            ],
        )


def _fresh(verdicts: Sequence[Verdict], expected: dict[str, int]) -> Sequence[Verdict]:
    """The verdicts that are not recorded yet; ``expected`` is moved on past them."""
    fresh = []
    for verdict in verdicts:
        key = verdict.frame.key
        if key.index >= expected.get(key.feed, 0):
            expected[key.feed] = key.index + 1
            fresh.append(verdict)
    return fresh


def _kept_vectors(
    verdicts: Sequence[Verdict], judgement: Judgement, first: int
) -> dict[int, Vector]:
    """The embeddings of the frames that were kept, by the number of their row."""
    told = {
        event.frame.key: event.embedding for event in judgement.events if isinstance(event, Kept)
    }
    vectors = {}
    for seq, verdict in enumerate(verdicts, first):
        if verdict.frame.key in told:
            own = told[verdict.frame.key]
            vector = verdict.candidate.embedding if own is None else own
            if vector is not None:
                vectors[seq] = vector
    return vectors


_LIVE = "SELECT seq FROM frames JOIN kept USING (feed, idx) WHERE live AND seq <= :last"
_FORGET = (
    # Frames that were kept once and are older than what is remembered, wherever their row is.
    "DELETE FROM kept WHERE NOT live AND EXISTS (SELECT 1 FROM frames "
    "WHERE frames.feed = kept.feed AND frames.idx = kept.idx AND seq <= :last)",
    f"UPDATE events SET cause = NULL WHERE cause <= :last AND cause NOT IN ({_LIVE})",
    "DELETE FROM events WHERE cause IS NULL AND id NOT IN (SELECT event FROM kept) "
    "AND id < (SELECT ifnull(min(id), 0) FROM events WHERE cause > :last)",
    f"DELETE FROM embeddings WHERE frame <= :last AND frame NOT IN ({_LIVE})",
    f"DELETE FROM frames WHERE seq <= :last AND seq NOT IN ({_LIVE})",
)
