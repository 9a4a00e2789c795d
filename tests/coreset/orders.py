"""Streams of unit vectors in every order that should be hard for an online selector."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from streamsel.coreset.coreset import Coreset
from streamsel.coreset.distance import distances
from streamsel.coreset.values import CenterAdded, Decision, Origin
from streamsel.frame import Vectors

EXAMPLES = settings(deadline=None, max_examples=60)
KINDS = ("random", "drift", "growing", "duplicates", "clusters", "equidistant", "doubling", "tour")


def unit(rows: np.ndarray) -> Vectors:
    rows = rows.astype(np.float64)
    vectors: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return vectors


def order(kind: str, number: int, dim: int, seed: int) -> Vectors:
    random = np.random.default_rng(seed)
    noise = random.normal(size=(number, dim))
    if kind == "drift":
        return unit(1.0 + 0.3 * noise.cumsum(axis=0))
    if kind == "growing":
        return unit(np.eye(dim)[0] + np.linspace(0.0, 2.0, number)[:, None] * noise)
    if kind == "duplicates":
        return unit(noise[: number // 4 + 1])[random.integers(0, number // 4 + 1, number)]
    if kind == "clusters":
        return unit(unit(noise[:6])[random.integers(0, min(6, number), number)] + 0.05 * noise)
    if kind == "equidistant":
        return unit(np.eye(dim)[random.integers(0, dim, number)])
    if kind == "doubling":
        # Each step is larger than the last, so the closest pair is always the oldest.
        angle = 1e-4 * 1.3 ** (np.arange(number) % 40)
        return unit(np.eye(dim)[0] + np.tan(np.minimum(angle, 1.5))[:, None] * np.eye(dim)[1])
    if kind == "tour":
        turn = np.arange(number) * 0.21
        return unit(np.outer(np.cos(turn), np.eye(dim)[0]) + np.outer(np.sin(turn), np.eye(dim)[1]))
    return unit(noise)


@st.composite
def streams(draw: st.DrawFn, most: int = 160) -> Vectors:
    return order(
        draw(st.sampled_from(KINDS)),
        draw(st.integers(1, most)),
        draw(st.integers(2, 12)),
        draw(st.integers(0, 2**32 - 1)),
    )


def offer_all(
    coreset: Coreset[int],
    vectors: Vectors,
    block: int,
    first: int = 0,
    origins: Sequence[Origin] | None = None,
    **more: Sequence[float],
) -> list[Decision[int]]:
    """Offer ``vectors`` in blocks, with their positions as keys."""
    decisions: list[Decision[int]] = []
    for start in range(0, len(vectors), block):
        part = slice(start, start + block)
        keys = range(first + start, first + start + len(vectors[part]))
        extra = {name: values[part] for name, values in more.items()}
        places = None if origins is None else origins[part]
        decisions += coreset.offer_block(keys, vectors[part], origins=places, **extra)
    return decisions


def replayed(decisions: Sequence[Decision[int]], capacity: int) -> set[int]:
    """The set that the changes lead to; every step of the way must make sense."""
    live: set[int] = set()
    for decision in decisions:
        for change in decision.changes:
            if isinstance(change, CenterAdded):
                assert change.key not in live
                assert change.nearest is None or change.nearest in live
                live.add(change.key)
            else:
                assert change.by is None or change.by in live
                live.remove(change.key)
            assert len(live) <= capacity + 1
        assert len(live) <= capacity
    return live


def radius(vectors: Vectors, chosen: Vectors) -> float:
    """Distance of the farthest of ``vectors`` from the nearest of ``chosen``."""
    return max(float(distances(chosen, vector).min()) for vector in vectors)


def farthest_first_radius(vectors: Vectors, count: int) -> float:
    """The radius of Gonzalez' coreset, from its definition."""
    near = distances(vectors, vectors[0])
    for _ in range(count - 1):
        near = np.minimum(near, distances(vectors, vectors[int(near.argmax())]))
    return float(near.max())
