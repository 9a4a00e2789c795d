"""Measures how much a faster way of decoding costs in diversity and coverage."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from streamsel.choices import Calibration, NearDuplicate
from streamsel.coreset.assign import assign
from streamsel.evaluation.comparison import chosen_by, finite, our_selectors
from streamsel.evaluation.diversity import coverage_of, pairwise
from streamsel.frame import Candidate, Vectors


@dataclass(frozen=True, slots=True)
class Spent:
    """Time of a reading in seconds: wall time, and CPU time of all cores."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        """Return the sum of both."""
        return Spent(self.seconds + other.seconds, self.cpu_seconds + other.cpu_seconds)


@dataclass(frozen=True, slots=True)
class FrameCover:
    """How well ``count`` kept frames cover all frames; distances are L2, 0..2.

    ``min`` is the distance of the closest pair, ``radius`` the largest distance of any frame from
    its nearest kept one, ``radius_p99`` the 99th percentile. ``radius_ratio`` is the radius
    relative to that of the reference, ``missed`` the share of frames farther away than the
    reference radius. NaN without a pair, infinite if nothing was kept.
    """

    count: int
    min: float
    radius: float
    radius_p99: float
    radius_ratio: float
    missed: float

    def as_json(self) -> dict[str, str | int | float | None]:
        """Return the figures, with None for NaN and infinity."""
        return finite(asdict(self))


@dataclass(frozen=True, slots=True)
class DecodeRow:
    """One way of decoding: its cost, and the value of selections from its frames.

    ``frames`` is the number of frames decoded, ``share`` their share of all frames. ``speed`` is
    relative to decoding in full.
    """

    decode: str
    frames: int
    share: float
    spent: Spent
    speed: float
    online: FrameCover
    two_pass: FrameCover

    def as_json(self) -> dict[str, object]:
        """Return the row as JSON values, under its published names."""
        return {
            "decode": self.decode,
            "frames": self.frames,
            "share": self.share,
            **finite(asdict(self.spent)),
            "speed": self.speed if math.isfinite(self.speed) else None,
            "online": self.online.as_json(),
            "two-pass": self.two_pass.as_json(),
        }


def cover(seen: Vectors, kept: Vectors, within: float | None = None) -> FrameCover:
    """Measure ``kept`` (C, D) against ``seen`` (N, D), of which there is at least one.

    ``within`` is the reference radius; None: its own, so the ratio is 1 and nothing is missed.
    O(N C D) time, O(N) additional memory.

    >>> found = cover(np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32)[:2], within=1.0)
    >>> round(found.radius, 4), round(found.missed, 4)
    (1.4142, 0.3333)
    """
    distances = assign(seen, kept).distances if len(kept) else np.full(len(seen), np.inf)
    found = coverage_of(distances) if len(kept) else None
    radius, p99 = (found.radius, found.p99) if found else (math.inf, math.inf)
    bound = radius if within is None else within
    return FrameCover(
        count=len(kept),
        min=pairwise(kept).min,
        radius=radius,
        radius_p99=p99,
        radius_ratio=_ratio(radius, bound),
        missed=float(np.mean(distances > bound)),
    )


class DecodeCosts:
    """Compares ways of decoding with decoding in full.

    Holds the embeddings and keys of all frames. Each way costs two selections of its frames, online
    and two-pass.
    """

    def __init__(
        self,
        everything: Sequence[Candidate],
        count: int,
        *,
        near_duplicate: NearDuplicate = "auto",
        calibration: Calibration = "held-back",
        streams: Collection[str] | None = None,
        look_ahead: int = 32,
    ) -> None:
        """``everything`` are all frames, at least one with an embedding.

        ``count`` frames are selected from the frames of each way; ``streams`` are the feeds that
        may tell the near-duplicate distance, None: all.
        """
        seen = [one for one in everything if one.embedding is not None]
        self._vectors = np.stack([one.embedding for one in seen if one.embedding is not None])
        self._places = {one.frame.key: place for place, one in enumerate(seen)}
        self._frames = len(everything)
        self._count = count
        self._near_duplicate = near_duplicate
        self._calibration: Calibration = calibration
        self._streams = streams
        self._look_ahead = look_ahead
        self._reference: DecodeRow | None = None

    def row(
        self,
        decode: str,
        candidates: Sequence[Candidate],
        spent: Spent,
        *,
        restored: bool = False,
    ) -> DecodeRow:
        """Measure a way by its ``candidates``; the first one measured is the reference.

        ``restored``: kept frames are decoded again in full, and measured so.
        """
        reference = self._reference
        covers = {}
        for method, kept in self._kept(candidates, restored=restored).items():
            covers[method] = cover(self._vectors, kept, _radius(reference, method))
        row = DecodeRow(
            decode=decode,
            frames=len(candidates),
            share=len(candidates) / self._frames,
            spent=spent,
            speed=_ratio(
                spent.seconds if reference is None else reference.spent.seconds, spent.seconds
            ),
            online=covers["online"],
            two_pass=covers["two-pass"],
        )
        self._reference = reference or row
        return row

    def _kept(self, candidates: Sequence[Candidate], *, restored: bool) -> dict[str, Vectors]:
        """Return the frames kept by our methods, (C, D) each."""
        dim = self._vectors.shape[1]
        vectors = {one.frame.key: one.embedding for one in candidates if one.embedding is not None}
        if restored:
            places = self._places
            vectors |= {key: self._vectors[places[key]] for key in vectors if key in places}
        selectors = our_selectors(
            self._count,
            len(vectors),
            dim,
            near_duplicate=self._near_duplicate,
            calibration=self._calibration,
            streams=self._streams,
            look_ahead=self._look_ahead,
        )
        kept = {}
        for method, selector in selectors.items():
            keys, _ = chosen_by(selector, candidates)
            rows = [vectors[key] for key in keys]
            kept[method] = np.stack(rows) if rows else np.empty((0, dim), np.float32)
        return kept


def _radius(reference: DecodeRow | None, method: str) -> float | None:
    if reference is None:
        return None
    return reference.online.radius if method == "online" else reference.two_pass.radius


def _ratio(value: float, base: float) -> float:
    """Return ``value / base``; 1 if they are equal, even if both are 0."""
    if value == base:
        return 1.0
    return value / base if base > 0 else math.inf
