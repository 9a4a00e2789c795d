"""Work that is done lazily, in order, where it is asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streamsel.sources.decode.serial import InOrder


class Items:
    def __init__(self) -> None:
        self.taken = 0
        self.is_closed = False

    def __iter__(self) -> Iterator[int]:
        try:
            while True:
                self.taken += 1
                yield self.taken
        finally:
            self.is_closed = True


def twice(worker: int, item: int) -> Iterator[int]:
    assert worker == 0
    yield item
    yield -item


def test_results_come_in_order_and_nothing_is_taken_ahead() -> None:
    items = Items()
    results = InOrder().run(twice, iter(items), lambda _: 1)
    assert items.taken == 0
    assert [next(results) for _ in range(3)] == [1, -1, 2]
    assert items.taken == 2


def test_what_gives_the_items_is_closed_with_the_results() -> None:
    items = Items()
    results = InOrder().run(twice, iter(items), lambda _: 1)
    next(results)
    results.close()
    assert items.is_closed


def test_what_gives_the_items_is_closed_when_work_fails() -> None:
    def fail(worker: int, item: int) -> Iterator[int]:
        raise ValueError("made up")
        yield

    items = Items()
    held = iter(items)
    with pytest.raises(ValueError, match="made up"):
        next(InOrder().run(fail, held, lambda _: 1))
    assert items.is_closed


def test_items_need_not_come_from_a_generator() -> None:
    assert list(InOrder().run(twice, iter([3]), lambda _: 1)) == [3, -3]
