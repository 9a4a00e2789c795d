"""Decides blocks of frames for a coreset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from streamsel.coreset.admission import Members
from streamsel.coreset.block import Block
from streamsel.coreset.values import CenterAdded, Change, Decision, K, Point


def decide(members: Members[K], points: Sequence[Point[K]]) -> list[Decision[K]]:
    """Decide valid frames, at least one, in order of arrival; see ``Coreset.offer_block``."""
    journal: list[list[Change[K]]] = [[] for _ in points]
    admissions: dict[int, CenterAdded[K]] = {}
    members.settle(journal[0])
    members.advance(min(point.time for point in points), journal[0])
    block = Block(points, members.table)
    latest = 0
    while not members.stuck:
        row = block.next(members.novelty, members.settings.floor)
        if row is None:
            break
        # Changes hang on the latest frame so far, so that read in order they can be replayed.
        last = max(latest, row)
        admitted = members.add(block.locate(row), journal[last])
        if admitted is None:
            block.barred.append(row)
            continue
        latest, admissions[row] = last, admitted
        block.pending[row] = False
        block.refresh()
    block.assign(members.novelty, members.settings.floor)
    return [
        _absorption(members, point, block, row, journal[row])
        if row not in admissions
        else _admission(admissions[row], journal[row])
        for row, point in enumerate(points)
    ]


def _admission(admitted: CenterAdded[K], changes: Sequence[Change[K]]) -> Decision[K]:
    """Return the decision for a frame that became a center."""
    return Decision(
        key=admitted.key,
        outcome="kept",
        reason="novel",
        distance=admitted.distance,
        nearest=admitted.nearest,
        threshold=admitted.threshold,
        changes=tuple(changes),
    )


def _absorption(
    members: Members[K], point: Point[K], block: Block[K], row: int, changes: Sequence[Change[K]]
) -> Decision[K]:
    """Let the center found for a row of ``block`` represent ``point``; return the decision."""
    slot, distance = int(block.slot[row]), float(block.distance[row])
    factor = members.table.factor(slot, point)
    threshold = members.threshold(factor)
    reason: Literal["near-duplicate", "covered", "burst", "full"]
    reason = "burst" if row in block.barred else "full"
    if distance * factor <= members.novelty or distance <= members.settings.floor:
        reason = "near-duplicate" if distance <= members.settings.floor else "covered"
    members.table.absorb(slot, point, distance)
    return Decision(
        key=point.key,
        outcome="covered",
        reason=reason,
        distance=distance,
        nearest=members.table.points[slot].key,
        threshold=threshold,
        changes=tuple(changes),
    )
