from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from streamsel.interfaces.concurrency import OrderedMap
from streamsel.runtime.ordered_map import ThreadedMap
from streamsel.sources.decode.serial import InOrder

BOTH = pytest.mark.parametrize(
    "ahead", [InOrder(), ThreadedMap(1), ThreadedMap(4)], ids=["inline", "1", "4"]
)


def several(slot: int, item: int) -> Iterator[tuple[int, int]]:
    for part in range(item % 3):
        yield item, part


@BOTH
def test_everything_comes_in_order(ahead: OrderedMap) -> None:
    expected = [(item, part) for item in range(200) for part in range(item % 3)]
    assert list(ahead.run(several, iter(range(200)), lambda result: 1)) == expected


@BOTH
def test_nothing_comes_of_nothing(ahead: OrderedMap) -> None:
    assert list(ahead.run(several, iter(()), lambda result: 1)) == []


@BOTH
def test_what_work_raises_comes_in_its_place(ahead: OrderedMap) -> None:
    def work(slot: int, item: int) -> Iterator[int]:
        yield item
        if item == 3:
            raise ValueError("three")

    running = ahead.run(work, iter(range(10)), lambda result: 1)
    assert [next(running) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="three"):
        next(running)


@BOTH
def test_what_the_items_raise_comes_after_what_was_before(ahead: OrderedMap) -> None:
    def items() -> Iterator[int]:
        yield from range(3)
        raise OSError("lost")

    running = ahead.run(lambda slot, item: iter([item]), items(), lambda result: 1)
    assert [next(running) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="lost"):
        next(running)


def test_items_are_worked_on_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=30)

    def work(slot: int, item: int) -> Iterator[int]:
        together.wait()
        yield slot

    assert set(ThreadedMap(3).run(work, iter(range(3)), lambda result: 1)) == {0, 1, 2}


def test_a_slot_has_one_call_at_a_time() -> None:
    busy = [threading.Lock() for _ in range(3)]

    def work(slot: int, item: int) -> Iterator[int]:
        assert busy[slot].acquire(blocking=False)
        yield item
        busy[slot].release()

    assert list(ThreadedMap(3).run(work, iter(range(100)), lambda result: 1)) == list(range(100))


def test_what_waits_is_bounded() -> None:
    made: list[int] = []

    def work(slot: int, item: int) -> Iterator[tuple[int, int]]:
        for part in range(50):
            made.append(part)
            yield item, part

    running = ThreadedMap(2, room_bytes=100).run(work, iter(range(8)), lambda result: 10)
    for taken, _ in enumerate(running, 1):
        # Ten may wait and one more of the item that is due, each thread holds one, and what is
        # handed over comes in eights.
        assert len(made) <= taken + 10 + 1 + 2 + 8
    assert taken == 400


def test_closing_ends_the_threads_and_the_items() -> None:
    before = threading.active_count()
    closed = []

    def items() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.append(True)

    running = ThreadedMap(3).run(lambda slot, item: iter([item] * 5), items(), lambda result: 1)
    assert next(running) == 0
    running.close()
    assert closed == [True]
    assert threading.active_count() == before


def test_one_run_can_feed_another() -> None:
    ahead = ThreadedMap(2)
    inner = ahead.run(lambda slot, item: iter([item, -item]), iter(range(1, 40)), lambda r: 1)
    outer = ahead.run(lambda slot, item: iter([item * 10]), inner, lambda r: 1)
    assert list(outer) == [sign * 10 * item for item in range(1, 40) for sign in (1, -1)]
