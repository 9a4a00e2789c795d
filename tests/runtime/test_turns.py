"""Turns: how many threads have one, in which order, and what becomes of those that hang."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from streamsel.clock import SystemClock
from streamsel.runtime.turns import Turns
from streamsel.testing import ManualClock
from tests.polling import eventually

PATIENCE = 20.0


class Holder:
    """A thread that takes a turn and holds it until it is told to let go."""

    def __init__(self, turns: Turns, order: list[Holder], pool: ThreadPoolExecutor) -> None:
        self.has_turn = threading.Event()
        self.let_go = threading.Event()
        self._turns = turns
        self._order = order
        self._held = pool.submit(self._hold)

    def _hold(self) -> None:
        with self._turns:
            self._order.append(self)
            self.has_turn.set()
            self.let_go.wait(PATIENCE)

    def leave(self) -> None:
        self.let_go.set()
        self._held.result(PATIENCE)


def until_waiting(turns: Turns, threads: int) -> None:
    """Return once so many threads wait for their turn."""
    eventually(lambda: turns.waiting >= threads, what=f"{threads} threads wait")


def test_as_many_threads_have_a_turn_as_there_are_turns() -> None:
    turns = Turns(2, SystemClock())
    order: list[Holder] = []
    with ThreadPoolExecutor(3) as pool:
        first, second = Holder(turns, order, pool), Holder(turns, order, pool)
        assert first.has_turn.wait(PATIENCE)
        assert second.has_turn.wait(PATIENCE)
        third = Holder(turns, order, pool)
        until_waiting(turns, 1)
        assert not third.has_turn.is_set()
        second.leave()
        assert third.has_turn.wait(PATIENCE)
        first.leave()
        third.leave()


def test_each_of_many_threads_comes_to_its_turn_again_and_again() -> None:
    turns = Turns(2, SystemClock())
    inside: set[int] = set()
    seen: list[int] = []

    def compute(number: int) -> int:
        for _ in range(50):
            with turns:
                inside.add(number)
                seen.append(len(inside))
                inside.remove(number)
        return number

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(compute, range(16))) == list(range(16))
    assert max(seen) <= 2
    assert turns.waiting == 0


def test_turns_are_given_in_the_order_of_asking() -> None:
    turns = Turns(1, SystemClock())
    order: list[Holder] = []
    with ThreadPoolExecutor(6) as pool:
        holders = [Holder(turns, order, pool)]
        assert holders[0].has_turn.wait(PATIENCE)
        for waiting in range(1, 6):
            holders.append(Holder(turns, order, pool))
            until_waiting(turns, waiting)
        assert order == holders[:1]
        for each in holders:
            assert each.has_turn.wait(PATIENCE)
            each.leave()
    assert order == holders


def test_an_error_ends_a_turn() -> None:
    turns = Turns(1, SystemClock())
    with pytest.raises(ValueError, match="damaged"), turns:
        raise ValueError("damaged")
    with ThreadPoolExecutor(1) as pool:
        pool.submit(turns.__enter__).result(PATIENCE)


def test_what_hangs_keeps_nobody_from_a_turn_and_gives_none_back_twice() -> None:
    clock = ManualClock()
    turns = Turns(1, clock)
    order: list[Holder] = []
    with ThreadPoolExecutor(4) as pool:
        hanging = Holder(turns, order, pool)
        assert hanging.has_turn.wait(PATIENCE)
        following = Holder(turns, order, pool)
        until_waiting(turns, 1)
        clock.advance(11.0)
        assert following.has_turn.wait(PATIENCE)
        hanging.leave()
        third = Holder(turns, order, pool)
        until_waiting(turns, 1)
        assert not third.has_turn.is_set(), "one turn became two"
        following.leave()
        assert third.has_turn.wait(PATIENCE)
        third.leave()
