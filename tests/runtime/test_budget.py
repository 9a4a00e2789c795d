"""The bound on decoded pictures: never over the limit, oldest go first, the dead do not count."""

from __future__ import annotations

import av

from streamsel.frame import Picture
from streamsel.runtime.budget import PictureBudget

SIDE = 64
BYTES = Picture(av.VideoFrame(SIDE, SIDE, "gray")).held_bytes


def picture() -> Picture:
    return Picture(av.VideoFrame(SIDE, SIDE, "gray"))


def test_held_pixels_never_exceed_the_limit() -> None:
    budget, alive = PictureBudget(20 * BYTES), []
    for _ in range(200):
        alive.append(picture())
        budget.hold(alive[-1])
        assert sum(each.held_bytes for each in alive) <= 20 * BYTES


def test_the_oldest_are_dropped_first() -> None:
    budget, alive = PictureBudget(20 * BYTES), [picture() for _ in range(100)]
    for each in alive:
        budget.hold(each)
    held = [each.image is not None for each in alive]
    assert held == sorted(held)
    assert sum(held) >= 5


def test_pictures_nobody_else_holds_cost_nothing() -> None:
    budget = PictureBudget(20 * BYTES)
    first = picture()
    budget.hold(first)
    for _ in range(1000):
        budget.hold(picture())
    assert first.image is not None
