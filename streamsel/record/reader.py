"""Reads the record of a run: frames, decisions and stored pictures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import numpy as np

from streamsel.frame import Candidate, FrameKey, PrefilterState
from streamsel.record.candidate_rows import COLUMNS, candidate_of, unsigned
from streamsel.record.opening import DATABASE, connect_to_read
from streamsel.record.rows import Rows
from streamsel.record.scenes import change_of, scene_of
from streamsel.record.values import (
    Change,
    Counts,
    Feed,
    FeedPlan,
    GoneScope,
    KeptFrame,
    RecordedDecision,
    Run,
    RunPlan,
    StoredPicture,
)
from streamsel.scene import NEW_SCENE, SceneState

UNOPENED = "unopened"
"""Name of the statistic with the inputs that could not be opened."""

SELECTED = "scopes"
"""Name of the statistic with the active scopes of a service."""


class Record:
    """Reads a run's folder, also during the run. A context manager; otherwise close it.

    Every method raises :class:`RecordError` if the database is damaged. One thread at a time.
    """

    def __init__(self, rows: Rows) -> None:
        """Read the tables of an open database; use :meth:`open` instead."""
        self._rows = rows

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the record of a run for reading.

        Raises :class:`RecordError` if the folder holds no run, a run of a newer version, or a
        damaged database.
        """
        return cls(Rows(folder, connect_to_read(folder / DATABASE)))

    def __enter__(self) -> Self:
        """Return the record."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the database."""
        self.close()

    def close(self) -> None:
        """Close the database; further calls do nothing."""
        self._rows.database.close()

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self._rows.folder

    def run(self) -> Run:
        """Return the plan and the progress of the run."""
        row = self._rows.one(
            "SELECT version, config, identity, embedder, embedder_digest, method, count, seed, "
            "status, started, finished FROM runs"
        )
        version, config, identity, embedder, digest, method, count, seed, *rest = row
        plan = RunPlan(
            version=version,
            config=json.loads(config),
            identity=json.loads(identity),
            embedder=embedder,
            embedder_digest=digest,
            method=method,
            count=count,
            seed=seed,
            feeds=tuple(
                FeedPlan(feed.name, feed.source, feed.display_name) for feed in self.feeds()
            ),
        )
        return Run(plan, *rest)

    def feeds(self) -> list[Feed]:
        """Return every feed of the run, in reading order."""
        return [
            Feed(name, source, recorded, frames, error, tuple(json.loads(warnings)), status, shown)
            for name, source, recorded, frames, error, warnings, status, shown in self._rows.all(
                "SELECT name, source, "
                "(SELECT ifnull(max(idx) + 1, 0) FROM frames WHERE frames.feed = feeds.id), "
                "frames, error, warnings, status, display_name FROM feeds ORDER BY id"
            )
        ]

    def recorded(self, feed: str) -> int:
        """Return how many frames of a feed are recorded, which is the index of the next one."""
        row = self._rows.one(
            "SELECT ifnull(max(idx) + 1, 0) FROM frames WHERE feed = ?", self._rows.feed_id(feed)
        )
        return int(row[0])

    def prefilter_state(self, feed: str, memory: int) -> tuple[PrefilterState, list[int]]:
        """Return the state that a prefilter needs to continue a feed.

        This is the state after its last recorded frame, and the digests of the last ``memory``
        frames that were not refused, in stream order.
        """
        number = self._rows.feed_id(feed)
        reference, previous, rows_digest, still_since, passed, scene, chroma = self._rows.one(
            "SELECT reference, previous, rows_digest, still_since, passed, scene, "
            "reference_chroma FROM feeds WHERE id = ?",
            number,
        )
        digests = self._rows.all(
            "SELECT digest FROM frames JOIN embeddings ON frame = seq "
            "WHERE feed = ? ORDER BY idx DESC LIMIT ?",
            number,
            memory,
        )
        state = PrefilterState(
            _grid(reference, 32, 32),
            _grid(previous, 32, 32),
            unsigned(rows_digest),
            still_since,
            passed,
            scene_of(scene),
            _grid(chroma, 2, 32, 32),
        )
        return state, [unsigned(digest) for (digest,) in digests][::-1]

    def scene(self, feed: str, source: str | None = None) -> SceneState:
        """Return what is remembered of a feed's scene; of a live one, up to 10 seconds old.

        Nothing if it was recorded from another ``source`` than this one.
        """
        stored = "SELECT scene FROM feeds WHERE id = ?1 AND source = ifnull(?2, source)"
        for (scene,) in self._rows.all(stored, self._rows.feed_id(feed), source):
            return scene_of(scene)
        return NEW_SCENE

    def candidates(self) -> Generator[Candidate, None, None]:
        """Yield every recorded frame in stream order, for a selector to judge again.

        Pictures are empty, and luma grids blank. About 20 microseconds each.
        """
        for row in self._rows.all(
            f"SELECT {COLUMNS} FROM frames LEFT JOIN embeddings ON frame = seq ORDER BY seq"
        ):
            yield candidate_of(self._rows, row)

    def kept(self) -> Iterator[KeptFrame]:
        """Yield the kept frames, ordered by feed and index."""
        for row in self._rows.all(
            "SELECT kept.feed, kept.idx, ifnull(display_name, name), source, original, "
            "pts, time_base_num, time_base_den, media_time, "
            "ifnull(wall_time, recorded), sharpness, events.distance, other_feed, other_idx, "
            "events.reason, path, kept.width, kept.height, bytes, sha256 FROM kept "
            "JOIN frames ON frames.feed = kept.feed AND frames.idx = kept.idx "
            "JOIN events ON events.id = event JOIN feeds ON feeds.id = kept.feed "
            "WHERE live ORDER BY kept.feed, kept.idx"
        ):
            feed, index, display_name, source, original, pts, num, den, media_time = row[:9]
            wall_time, sharpness, distance, near_feed, near_index, reason = row[9:15]
            path, width, height, size, sha256 = row[15:]
            key = self._rows.key(feed, index)
            yield KeptFrame(
                key=key,
                display_name=display_name,
                source=source,
                original=original,
                pts=pts,
                time_base=Fraction(num, den),
                media_time=media_time,
                wall_time=wall_time,
                sharpness=sharpness,
                distance=distance,
                nearest=self._rows.optional_key(near_feed, near_index),
                reason=reason,
                picture=path and StoredPicture(key, path, width, height, size, sha256.hex()),
            )

    def embedding(self, key: FrameKey) -> np.ndarray[tuple[int], np.dtype[np.float32]] | None:
        """Return the (D,) embedding of a frame; None if it was refused or is not recorded."""
        for (vector,) in self._rows.all(
            "SELECT vector FROM frames JOIN embeddings ON frame = seq WHERE feed = ? AND idx = ?",
            self._rows.feed_id(key.feed),
            key.index,
        ):
            return np.frombuffer(vector, "<f4")  # (D,)
        return None

    def decisions(self, key: FrameKey | None = None) -> Generator[RecordedDecision, None, None]:
        """Yield the decision on every recorded frame (or on one), in stream order."""
        only = (None, None) if key is None else (self._rows.feed_id(key.feed), key.index)
        for feed, index, media_time, outcome, reason, distance, *rest in self._rows.all(
            "SELECT feed, idx, media_time, outcome, reason, distance, nearest_feed, nearest_idx, "
            "threshold, sharpness, change_share, fixed FROM frames "
            "WHERE ?1 IS NULL OR (feed = ?1 AND idx = ?2) ORDER BY seq",
            *only,
        ):
            near_feed, near_index, threshold, sharpness, share, fixed = rest
            yield RecordedDecision(
                self._rows.key(feed, index),
                media_time,
                outcome,
                reason,
                distance,
                self._rows.optional_key(near_feed, near_index),
                threshold,
                sharpness,
                change_of(share, fixed),
            )

    def changes(self, key: FrameKey | None = None) -> Iterator[Change]:
        """Yield every change of the kept set (or of one frame), in order."""
        only = (None, None) if key is None else (self._rows.feed_id(key.feed), key.index)
        for row in self._rows.all(
            "SELECT frames.feed, frames.idx, kind, events.feed, events.idx, other_feed, "
            "other_idx, events.distance, events.threshold, events.reason "
            "FROM events LEFT JOIN frames ON seq = cause "
            "WHERE ?1 IS NULL OR (events.feed = ?1 AND events.idx = ?2) ORDER BY id",
            *only,
        ):
            cause_feed, cause_index, kind, feed, index, other_feed, other_index = row[:7]
            yield Change(
                self._rows.optional_key(cause_feed, cause_index),
                kind,
                self._rows.key(feed, index),
                self._rows.optional_key(other_feed, other_index),
                *row[7:],
            )

    def path(self, key: FrameKey) -> str | None:
        """Return the path of a frame's picture, relative to the folder; None if it has none."""
        for (path,) in self._rows.all(
            "SELECT path FROM kept WHERE live AND feed = ? AND idx = ?",
            self._rows.feed_id(key.feed),
            key.index,
        ):
            return None if path is None else str(path)
        return None

    def key_of(self, path: str) -> FrameKey | None:
        """Return the frame of the picture at a path, relative to the folder, or None."""
        for feed, index in self._rows.all(
            "SELECT feed, idx FROM kept WHERE live AND path = ?", path
        ):
            return self._rows.key(feed, index)
        return None

    def pictures(self) -> list[tuple[FrameKey, str | None, int | None]]:
        """Return every kept frame with its file's path and size, None if it has none."""
        return [
            (self._rows.key(feed, index), path, size)
            for feed, index, path, size in self._rows.all(
                "SELECT feed, idx, path, bytes FROM kept WHERE live ORDER BY feed, idx"
            )
        ]

    def ever_kept(self) -> set[FrameKey]:
        """Return the frames that were ever kept: those that may have files in the folder."""
        rows = self._rows.all("SELECT feed, idx FROM kept")
        return {self._rows.key(feed, index) for feed, index in rows}

    def counts(self) -> Counts:
        """Return the number of frames by outcome and reason, and of changes of the kept set."""
        outcomes = self._rows.all("SELECT outcome, reason, count(*) FROM frames GROUP BY 1, 2")
        changes = self._rows.all("SELECT kind, count(*) FROM events GROUP BY 1")
        kinds: Counter[str] = Counter()
        for kind, count in changes:
            kinds[kind] = count
        return Counts(
            outcomes={(outcome, reason): count for outcome, reason, count in outcomes},
            admitted=kinds["kept"],
            evicted=kinds["evicted"],
        )

    def statistics(self) -> dict[str, object]:
        """Return the statistics by name, as JSON values."""
        return {
            name: json.loads(value)
            for name, value in self._rows.all("SELECT name, value FROM statistics ORDER BY name")
        }

    def unopened(self) -> dict[str, str]:
        """Return why inputs could not be opened, by input, credentials masked."""
        found = self.statistics().get(UNOPENED)
        return dict(found) if isinstance(found, dict) else {}

    def selections(self) -> dict[str, bytes]:
        """Return the latest state of each selector of a service, by scope."""
        rows = self._rows.all("SELECT scope, state FROM selections ORDER BY scope")
        return {scope: bytes(state) for scope, state in rows}

    def gone(self) -> list[GoneScope]:
        """Return the stored frames of scopes that are no longer active, by name.

        Empty for a file run, and for a service that never recorded its active scopes.
        """
        selected = self.statistics().get(SELECTED)
        if not isinstance(selected, list):
            return []
        found: dict[str, list[tuple[str, int, int]]] = {}
        for scope, feed, frames, size in self._rows.all(
            "SELECT scope, feed, count(*), ifnull(sum(bytes), 0) FROM kept "
            "WHERE live AND scope IS NOT NULL GROUP BY scope, feed ORDER BY scope, feed"
        ):
            if scope not in selected:
                found.setdefault(scope, []).append((self._rows.name(feed), frames, size))
        return [
            GoneScope(
                scope,
                tuple(feed for feed, _, _ in parts),
                sum(frames for _, frames, _ in parts),
                sum(size for _, _, size in parts),
            )
            for scope, parts in found.items()
        ]


def _grid(pixels: bytes | None, *shape: int) -> np.ndarray[Any, np.dtype[np.uint8]] | None:
    return None if pixels is None else np.frombuffer(pixels, np.uint8).reshape(shape)
