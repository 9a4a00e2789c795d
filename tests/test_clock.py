"""A machine's clock that is wrong at first: reported times are possible, and can be corrected."""

from __future__ import annotations

import pytest

from streamsel.clock import EARLIEST, Correction, GuardedClock

NOW = EARLIEST + 40e6


class Machine:
    """Two clocks that are moved by hand."""

    def __init__(self, wall: float) -> None:
        self.wall_time = wall
        self.seconds = 50.0

    def wall(self) -> float:
        return self.wall_time

    def monotonic(self) -> float:
        return self.seconds

    def pass_by(self, seconds: float) -> None:
        self.wall_time += seconds
        self.seconds += seconds


def test_a_clock_that_is_right_is_believed_wherever_it_is_set() -> None:
    machine = Machine(NOW)
    clock = GuardedClock(machine)
    assert clock.wall() == NOW
    machine.wall_time = EARLIEST
    assert clock.wall() == EARLIEST
    assert clock.monotonic() == 50.0
    assert not clock.is_wrong
    assert clock.correction is None


@pytest.mark.parametrize("wall", [0.0, 12.5, -3.0, EARLIEST - 1])
def test_in_doubt_time_goes_on_from_what_was_told_before(wall: float) -> None:
    machine = Machine(wall)
    clock = GuardedClock(machine)
    assert clock.is_wrong
    assert clock.wall() > EARLIEST
    clock.begin_after(NOW)
    assert clock.wall() == NOW + 1.0
    machine.seconds += 90.0
    assert clock.wall() == NOW + 91.0
    # It may be set wrong again.
    machine.wall_time = 5.0
    assert clock.wall() == NOW + 91.0
    assert clock.correction is None


def test_once_it_is_set_all_that_was_told_in_doubt_can_be_put_right() -> None:
    machine = Machine(0.0)
    clock = GuardedClock(machine)
    clock.begin_after(NOW)
    told = [clock.wall()]
    machine.pass_by(30.0)
    told.append(clock.wall())
    machine.pass_by(10.0)
    machine.wall_time = NOW + 86_400.0
    assert clock.wall() == NOW + 86_400.0
    correction = clock.correction
    assert correction == Correction(NOW, NOW + 41.0, 86_400.0 - 41.0)
    assert all(correction.after < each <= correction.until for each in told)
    # The first was told forty seconds before the clock was set.
    assert told[0] + correction.seconds == NOW + 86_400.0 - 40.0
    machine.pass_by(5.0)
    assert clock.wall() == NOW + 86_405.0
    assert clock.correction is correction


def test_a_second_doubt_begins_where_the_first_one_ended() -> None:
    machine = Machine(0.0)
    clock = GuardedClock(machine)
    clock.wall()
    machine.wall_time = NOW
    clock.wall()
    machine.wall_time = 7.0
    assert clock.wall() == NOW + 1.0
    machine.seconds += 3.0
    machine.wall_time = NOW + 3.0
    assert clock.correction == Correction(NOW, NOW + 4.0, -1.0)
