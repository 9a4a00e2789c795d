"""How a block of frames is decided: the farthest from the centers first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from streamsel.coreset.block import Block
from streamsel.coreset.decision import Admitted, Change, Decision, K, Point
from streamsel.coreset.members import Members


def decide(members: Members[K], points: Sequence[Point[K]]) -> list[Decision[K]]:
    """Decide valid frames, at least one, in order of arrival; see ``Coreset.offer_block``."""
    journal: list[list[Change[K]]] = [[] for _ in points]
    admissions: dict[int, Admitted[K]] = {}
    members.settle(journal[0])
    members.advance(min(point.time for point in points), journal[0])
    block = Block(points, members.table)
    latest = 0
    while not members.stuck:
        row = block.next(members.threshold, members.settings.floor)
        if row is None:
            break
        # Changes hang on the latest frame so far, so that read in order they can be replayed.
        latest = max(latest, row)
        admissions[row] = members.admit(block.take(row), "novel", journal[latest])
        members.make_room(journal[latest])
        block.refresh()
    return [
        _absorption(members, point, int(block.slot[row]), float(block.distance[row]), journal[row])
        if row not in admissions
        else _admission(admissions[row], journal[row])
        for row, point in enumerate(points)
    ]


def _admission(admitted: Admitted[K], changes: Sequence[Change[K]]) -> Decision[K]:
    """Return the decision about a frame that became a center."""
    return Decision(
        key=admitted.key,
        outcome="admitted",
        reason="novel",
        distance=admitted.distance,
        nearest=admitted.nearest,
        threshold=admitted.threshold,
        changes=tuple(changes),
    )


def _absorption(
    members: Members[K], point: Point[K], slot: int, distance: float, changes: Sequence[Change[K]]
) -> Decision[K]:
    """Let the center in ``slot`` answer for ``point`` and return the decision about it."""
    threshold = members.threshold
    reason: Literal["near-duplicate", "covered", "full"] = "full"
    if distance <= threshold:
        reason = "near-duplicate" if distance <= members.settings.floor else "covered"
    members.table.absorb(slot, point, distance)
    return Decision(
        key=point.key,
        outcome="absorbed",
        reason=reason,
        distance=distance,
        nearest=members.table.points[slot].key,
        threshold=threshold,
        changes=tuple(changes),
    )
