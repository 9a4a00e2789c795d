"""What is said again and again is logged once a minute."""

from __future__ import annotations

from streamsel.sinks.mqtt.log_throttle import LogThrottle
from streamsel.testing import ManualClock


def test_the_same_is_said_once_a_minute_and_anything_else_at_once() -> None:
    clock = ManualClock()
    throttle = LogThrottle(clock)
    assert throttle.due("lost", "no answer")
    clock.advance(59.5)
    assert not throttle.due("lost", "no answer")
    clock.advance(0.5)
    assert throttle.due("lost", "no answer")
    assert not throttle.due("lost", "no answer")
    assert throttle.due("lost", "refused")
    assert throttle.due("lost", "no answer")


def test_kinds_are_told_apart() -> None:
    throttle = LogThrottle(ManualClock())
    assert [throttle.due(kind) for kind in ("lost", "full", "lost", "full")] == [
        *(True, True, False, False)
    ]
