"""Reads the kept frames of a running service: the newest frames and their files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from streamsel.frame import FrameKey, SceneChange
from streamsel.record.opening import DATABASE, connect_to_read
from streamsel.record.rows import Rows
from streamsel.record.scenes import change_of
from streamsel.record.values import StoredPicture


@dataclass(frozen=True, slots=True)
class FrameView:
    """A kept frame with a stored picture, as shown to users.

    Times are UTC epoch seconds and seconds of media time; ``distance`` is that to ``nearest`` at
    admission. ``change`` is what changed in front of its camera; None if it was not measured.
    """

    key: FrameKey
    wall_time: float
    media_time: float
    picture: StoredPicture
    distance: float | None
    nearest: FrameKey | None
    reason: str
    pinned: bool
    change: SceneChange | None = None


class Gallery:
    """Queries of the web pages on a service's record.

    Finds feeds that are added while it is open. Every method raises :class:`RecordError` if the
    database is damaged. One thread at a time.
    """

    def __init__(self, rows: Rows) -> None:
        """Read the tables of an open database; use :meth:`open` instead."""
        self._rows = rows

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator[Self]:
        """Open the record of a service for reading, for a ``with`` statement.

        Raises :class:`RecordError` as :meth:`Record.open` does.
        """
        with closing(connect_to_read(folder / DATABASE)) as database:
            yield cls(Rows(folder, database))

    def newest(
        self, feed: str | None, limit: int, before: tuple[float, str, int] | None
    ) -> list[FrameView]:
        """Return the newest ``limit`` frames (of one feed), newest first.

        ``before`` is the wall time, feed and index of a frame: only frames after it in this order
        are returned.
        """
        return self._shown(
            "(?1 IS NULL OR feeds.name = ?1) "
            "AND (?2 IS NULL OR (wall_time, feeds.name, kept.idx) < (?2, ?3, ?4)) "
            "ORDER BY wall_time DESC, feeds.name DESC, kept.idx DESC LIMIT ?5",
            feed,
            *(before or (None, None, None)),
            limit,
        )

    def find(self, keys: Sequence[FrameKey]) -> list[FrameView]:
        """Return those of the frames that are kept with a picture, in the order of the keys."""
        return [
            frame
            for key in keys
            for frame in self._shown("feeds.name = ?1 AND kept.idx = ?2", key.feed, key.index)
        ]

    def _shown(self, condition: str, *values: object) -> list[FrameView]:
        rows = self._rows.all(
            "SELECT feeds.name, kept.idx, wall_time, media_time, path, kept.width, kept.height, "
            "bytes, sha256, events.distance, near.name, other_idx, events.reason, pinned, "
            "change_share, fixed FROM kept JOIN feeds ON feeds.id = kept.feed "
            "JOIN frames ON frames.feed = kept.feed AND frames.idx = kept.idx "
            "JOIN events ON events.id = event LEFT JOIN feeds AS near ON near.id = other_feed "
            f"WHERE live AND path IS NOT NULL AND {condition}",
            *values,
        )
        return [
            FrameView(
                key=(key := FrameKey(name, index)),
                wall_time=wall_time,
                media_time=media_time,
                picture=StoredPicture(key, path, width, height, size, digest.hex()),
                distance=distance,
                nearest=None if near is None else FrameKey(near, near_index),
                reason=reason,
                pinned=bool(pinned),
                change=change_of(share, fixed),
            )
            for (
                name, index, wall_time, media_time, path, width, height, size, digest,
                distance, near, near_index, reason, pinned, share, fixed
            ) in rows
        ]  # fmt: skip

    def claims(self, path: str) -> bool:
        """Whether a path, relative to the folder, is the picture of a kept frame."""
        found = self._rows.all("SELECT 1 FROM kept WHERE live AND path = ?", path)
        return next(found, None) is not None
