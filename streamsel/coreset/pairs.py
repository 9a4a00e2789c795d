"""Pairs of centers that are close, and which of the two is evicted."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from streamsel.coreset.centers import CenterTable
from streamsel.coreset.values import K


def closest_pair(table: CenterTable[K], safety: float) -> tuple[int, int, float]:
    """Choose the eviction from the closest pair of centers: victim, survivor, weighted distance.

    Pairs of two pinned centers are skipped; there must be another pair. Of equally close pairs,
    the one with the center that arrived first is used. See :func:`victim`.
    """
    one = table.most_redundant(np.flatnonzero(~table.pinned[: table.size]))
    gone, survivor = victim(table, one, int(table.neighbor[one]), safety)
    return gone, survivor, float(table.gap[one])


def near_duplicates(table: CenterTable[K], floor: float) -> Iterator[tuple[int, int]]:
    """Yield the closest pair by plain distance, until none is within ``floor``.

    The caller removes one of each pair before taking the next. Pairs of two pinned centers are
    skipped. O(N^2 dim) for N centers, and a scan for each pair.
    """
    points = [table.points[slot] for slot in table.order()]
    plain = table.unweighted()
    while plain.redundancy() <= floor:
        one = plain.most_redundant(np.flatnonzero(~plain.pinned[: plain.size]))
        slots = [one, int(plain.neighbor[one])]
        pair = [points[plain.sequence[slot]] for slot in slots]
        yield table.points.index(pair[0]), table.points.index(pair[1])
        left = [point in table.points for point in pair]
        plain.remove([slot for slot, stays in zip(slots, left, strict=True) if not stays])


def victim(table: CenterTable[K], one: int, other: int, safety: float) -> tuple[int, int]:
    """Choose which of a pair, of which at least one is not pinned, goes: victim, survivor.

    A pinned center never goes. If the reach of the center that stays would exceed ``safety``
    times the plain distance of the two, the choice that keeps it smaller wins. Otherwise the
    lighter one goes; then the one with the nearer second-nearest neighbour; then the later one.
    Cost: two scans.
    """
    if table.pinned[other] or (not table.pinned[one] and _goes(table, one, other, safety)):
        return one, other
    return other, one


def _goes(table: CenterTable[K], one: int, other: int, safety: float) -> bool:
    """Whether ``one`` rather than ``other`` is the victim; see :func:`victim`."""
    distance = table.distance(one, table.points[other])
    without_one = max(table.reach[other], distance + table.reach[one])
    without_other = max(table.reach[one], distance + table.reach[other])
    if max(without_one, without_other) > safety * distance and without_one != without_other:
        return bool(without_one < without_other)
    if table.weight[one] != table.weight[other]:
        return bool(table.weight[one] < table.weight[other])
    second = _second_nearest(table, [one, other])
    later = bool(table.sequence[one] > table.sequence[other])
    return second[0] < second[1] or (second[0] == second[1] and later)


def _second_nearest(table: CenterTable[K], pair: list[int]) -> tuple[float, float]:
    """Return, for each center of ``pair``, the weighted distance to the nearest third one."""
    if table.size <= 2:
        return math.inf, math.inf
    vectors = table.vectors[pair]  # (2, D)
    products = table.products(vectors)  # (2, size)
    products[:, pair] = -np.inf
    weights = table.weight[pair]
    near, away = table.nearest(vectors, products, weights)
    away = table.weigh(away, near, weights)
    return float(away[0]), float(away[1])
