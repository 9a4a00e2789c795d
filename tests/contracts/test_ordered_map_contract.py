"""What every ordered map does, in one thread or in several: results in order, and a clean end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from streamsel.interfaces.concurrency import OrderedMap
from streamsel.runtime.ordered_map import ThreadedMap
from streamsel.sources.decode.serial import InOrder
from tests.contracts.implementations import implementations

MAPS: dict[str, Callable[[], OrderedMap]] = {
    "InOrder": InOrder,
    "ThreadedMap": lambda: ThreadedMap(1),
    "ThreadedMap, several": lambda: ThreadedMap(4, room_bytes=10),
}


@pytest.fixture(params=MAPS)
def ordered(request: pytest.FixtureRequest) -> OrderedMap:
    return MAPS[request.param]()


def several(slot: int, item: int) -> Iterator[tuple[int, int]]:
    """None, one or two results of an item."""
    for part in range(item % 3):
        yield item, part


def test_every_map_is_here() -> None:
    assert implementations(OrderedMap) == {name.partition(",")[0] for name in MAPS}


def test_results_come_in_the_order_of_the_items(ordered: OrderedMap) -> None:
    expected = [(item, part) for item in range(100) for part in range(item % 3)]
    assert list(ordered.run(several, iter(range(100)), lambda result: 3)) == expected
    assert list(ordered.run(several, iter(()), lambda result: 3)) == []


def test_calls_with_one_number_never_overlap(ordered: OrderedMap) -> None:
    busy = [threading.Lock() for _ in range(ordered.workers)]

    def work(slot: int, item: int) -> Iterator[int]:
        assert busy[slot].acquire(blocking=False)
        yield item
        busy[slot].release()

    found = ordered.run(work, iter(range(50)), lambda result: 1)
    assert list(found) == list(range(50))


def test_what_is_raised_comes_in_its_place(ordered: OrderedMap) -> None:
    def work(slot: int, item: int) -> Iterator[int]:
        yield item
        if item == 3:
            raise ValueError("three")

    results = ordered.run(work, iter(range(10)), lambda result: 1)
    assert [next(results) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="three"):
        next(results)


def test_closing_ends_all_work_and_the_items(ordered: OrderedMap) -> None:
    before, closed = threading.active_count(), threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.set()

    results = ordered.run(lambda slot, item: iter([item] * 5), items(), lambda result: 1)
    assert next(results) == 0
    results.close()
    assert closed.is_set()
    assert threading.active_count() == before
