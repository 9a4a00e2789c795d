"""What every clock does: monotonic time never steps back, and the other is that of the world."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from streamsel.clock import Clock, GuardedClock, SystemClock
from streamsel.testing import ManualClock
from tests.contracts.implementations import implementations

CLOCKS: dict[str, Callable[[], Clock]] = {
    "GuardedClock": lambda: GuardedClock(SystemClock()),
    "ManualClock": ManualClock,
    "SystemClock": SystemClock,
}


@pytest.fixture(params=CLOCKS)
def clock(request: pytest.FixtureRequest) -> Clock:
    return CLOCKS[request.param]()


def test_every_clock_is_here() -> None:
    assert implementations(Clock) == CLOCKS.keys()


def test_monotonic_time_never_steps_back(clock: Clock) -> None:
    assert all(
        before <= after for before, after in pairwise([clock.monotonic() for _ in range(99)])
    )


def test_wall_time_is_of_this_age(clock: Clock) -> None:
    assert clock.wall() > 1_700_000_000
