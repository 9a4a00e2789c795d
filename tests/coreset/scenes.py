"""Streams whose frames weigh differently, of feeds that come to count as fixed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from streamsel.coreset.coreset import Coreset
from streamsel.coreset.distance import distances
from streamsel.coreset.values import LEAST_WEIGHT, Center, Decision, Origin
from streamsel.frame import Vectors


@dataclass(frozen=True)
class Scenes:
    """Vectors with times and origins; feeds count as fixed from a block boundary on."""

    vectors: Vectors
    times: list[float]
    origins: list[Origin]
    fixed_at: dict[int, int]

    @classmethod
    def drawn(cls, vectors: Vectors, seed: int, feeds: int = 2) -> Scenes:
        """Draw weights, some of them equal, pauses, and when each feed is decided."""
        random = np.random.default_rng(seed)
        number = len(vectors)
        weights = random.choice([LEAST_WEIGHT, 0.5, 1.0, 0.0], number)
        weights = np.where(weights == 0.0, random.uniform(LEAST_WEIGHT, 1.0, number), weights)
        feed = random.integers(0, feeds, number)
        return cls(
            vectors,
            random.exponential(1.0, number).cumsum().tolist(),
            [Origin(int(one), float(w)) for one, w in zip(feed, weights, strict=True)],
            {one: int(random.integers(0, 2 * number + 1)) for one in range(feeds)},
        )

    def offer(
        self, coreset: Coreset[int], block: int, rows: range | None = None
    ) -> Iterator[tuple[list[Decision[int]], bool]]:
        """Offer in blocks; yield decisions, and whether a feed came to count as fixed before."""
        rows = range(len(self.vectors)) if rows is None else rows
        for start in range(rows.start, rows.stop, block):
            part = range(start, min(start + block, rows.stop))
            now = [feed for feed, at in self.fixed_at.items() if start - block < at <= start]
            for feed in now:
                coreset.reweigh(feed)
            origins = [self.origin(row, start) for row in part]
            decisions = coreset.offer_block(
                part, self.vectors[part.start : part.stop],
                times=self.times[part.start : part.stop], origins=origins,
            )  # fmt: skip
            yield decisions, bool(now)

    def origin(self, row: int, start: int) -> Origin:
        """The origin of a frame in the block that begins at ``start``."""
        origin = self.origins[row]
        return replace(origin, fixed=self.fixed_at[origin.feed] <= start)


def weight_of(center: Center[int]) -> float:
    return center.origin.weight if center.origin.fixed else 1.0


def weighted_pairs(centers: Sequence[Center[int]]) -> list[float]:
    """The weighted distances of all pairs, from their definition."""
    return [
        float(distances(one.vector[None], other.vector)[0]) * max(weight_of(one), weight_of(other))
        for place, one in enumerate(centers)
        for other in centers[:place]
    ]


def plain_pairs(centers: Sequence[Center[int]]) -> float:
    """The distance of the closest pair."""
    pairs = [
        float(distances(one.vector[None], other.vector)[0])
        for place, one in enumerate(centers)
        for other in centers[:place]
    ]
    return min(pairs, default=math.inf)
