from __future__ import annotations

import math

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from streamsel.coreset.block import Block
from streamsel.coreset.centers import CenterTable
from streamsel.coreset.coreset import Coreset
from streamsel.coreset.distance import distances
from streamsel.coreset.values import Point
from tests.coreset.orders import EXAMPLES, streams
from tests.coreset.test_centers import insert


def check(block: Block[int], table: CenterTable[int]) -> None:
    for row in np.flatnonzero(block.pending).tolist():
        if not table.size:
            assert block.distance[row] == math.inf
            continue
        exact = distances(table.vectors[: table.size], block.points[row].vector)
        best = min(range(table.size), key=lambda slot: (exact[slot], table.sequence[slot]))
        assert (block.slot[row], block.distance[row]) == (best, exact[best])
        located = np.abs(block.take(row).products - table.vectors[: table.size] @ (
            block.points[row].vector)).max()  # fmt: skip
        assert located < 1e-6
        block.pending[row] = True


@EXAMPLES
@given(streams(most=40), st.integers(0, 2**32 - 1))
@example(np.eye(11, dtype=np.float32)[[10, 7, 4, 6, 1, 4, 8]], 1078)
def test_the_block_follows_the_table(vectors: np.ndarray, seed: int) -> None:
    """Also where a center goes and the same frame comes back, into any slot."""
    random = np.random.default_rng(seed)
    centers = np.unique(vectors, axis=0)
    table: CenterTable[int] = CenterTable(len(centers), centers.shape[1])
    outside = [*range(len(centers))]
    for number in [outside.pop() for _ in range(len(centers) // 2)]:
        insert(table, number, centers[number])
    if table.size and random.random() < 0.5:
        outside.append(table.points[0].key)
        table.remove([0])  # leaves a number behind in the slot after the last
    points = [Point.of(-1 - row, v, -1 - row, math.nan, 0.0) for row, v in enumerate(vectors[:9])]
    block = Block(points, table)
    check(block, table)
    while outside and block.pending.any():
        for _ in range(int(random.integers(0, 3))):
            if table.size:
                slot = int(random.integers(table.size))
                outside.insert(0 if random.random() < 0.5 else len(outside), table.points[slot].key)
                table.remove([slot])
        if table.size < len(block.points):
            number = outside.pop()
            insert(table, number, centers[number])
        block.refresh()
        check(block, table)
        block.take(int(random.choice(np.flatnonzero(block.pending))))


def test_a_center_that_products_take_for_too_far_is_measured() -> None:
    base = np.array([[1.0, 0.0, 0.0]])
    angle = math.radians(106.0)  # 1.6 away
    newcomer = np.array([[math.cos(angle), math.sin(angle), 0.0]]) * (1 - 4e-6)
    between = np.array([[math.cos(angle / 2), math.sin(angle / 2), 1.0]])
    between /= np.linalg.norm(between)
    vectors = np.concatenate([base, newcomer, between]).astype(np.float32)
    coreset = Coreset[str](5, 3, floor=1.3)
    coreset.offer("base", vectors[0])
    assert float(vectors[0] @ vectors[2]) > float(vectors[1] @ vectors[2])
    _, absorbed = coreset.offer_block(["newcomer", "between"], vectors[1:])
    assert coreset.keys == ("base", "newcomer")
    assert (absorbed.outcome, absorbed.nearest) == ("covered", "newcomer")
    assert absorbed.distance == distances(vectors[1:2], vectors[2])[0]
