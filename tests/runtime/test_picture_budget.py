"""The bound on decoded pictures: never over the limit, oldest go first, the dead do not count."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import av

from streamsel.errors import SourceError
from streamsel.frame import EncodedPicture, Picture
from streamsel.runtime.picture_budget import PictureBudget

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


def small(picture: Picture) -> EncodedPicture:
    assert picture.image is not None
    return EncodedPicture(b"x" * (BYTES // 10), SIDE, SIDE)


def test_where_pictures_are_encoded_none_is_dropped_as_long_as_the_files_fit() -> None:
    budget, alive = PictureBudget(20 * BYTES, small), []
    for _ in range(80):
        alive.append(picture())
        budget.hold(alive[-1])
        assert sum(each.held_bytes for each in alive) <= 20 * BYTES
    assert all(each.held_bytes for each in alive)
    encoded = [each.encoded is not None for each in alive]
    assert encoded == sorted(encoded, reverse=True)
    assert sum(encoded) >= 60


def test_where_even_the_files_are_too_much_the_oldest_are_dropped() -> None:
    budget, alive = PictureBudget(20 * BYTES, small), []
    for _ in range(400):
        alive.append(picture())
        budget.hold(alive[-1])
        assert sum(each.held_bytes for each in alive) <= 20 * BYTES
    held = [each.held_bytes > 0 for each in alive]
    assert held == sorted(held)
    assert sum(each.encoded is not None for each in alive) >= 80


def test_many_threads_may_hold_pictures_while_one_encodes() -> None:
    encoding, go_on = threading.Event(), threading.Event()

    def slow(picture: Picture) -> EncodedPicture:
        encoding.set()
        go_on.wait(10.0)
        return small(picture)

    budget = PictureBudget(20 * BYTES, slow)
    alive = [picture() for _ in range(200)]
    with ThreadPoolExecutor(4) as pool:
        sweeping = pool.submit(hold_all, budget, alive[:15])
        assert encoding.wait(10.0)
        others = [pool.submit(budget.hold, each) for each in alive[15:]]
        for other in others:
            other.result(10.0)
        assert not sweeping.done()
        go_on.set()
        sweeping.result(10.0)
    late = [picture() for _ in range(15)]
    for each in late:
        budget.hold(each)
    assert sum(each.held_bytes for each in [*alive, *late]) <= 20 * BYTES


def test_a_picture_that_cannot_be_encoded_is_dropped_for_whoever_holds_another() -> None:
    def refuse(_: Picture) -> EncodedPicture:
        raise SourceError("its picture cannot be encoded")

    budget, alive = PictureBudget(20 * BYTES, refuse), [picture() for _ in range(100)]
    for each in alive:
        budget.hold(each)
    assert sum(each.held_bytes for each in alive) <= 20 * BYTES
    assert alive[-1].image is not None


def hold_all(budget: PictureBudget, pictures: list[Picture]) -> None:
    for each in pictures:
        budget.hold(each)
