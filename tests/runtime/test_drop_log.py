"""What the log says of frames that gave way."""

from __future__ import annotations

import pytest

from streamsel.decisions import DROP_REASONS
from streamsel.runtime.drop_log import DropLog
from streamsel.testing import ManualClock


def test_a_line_a_minute_for_each_feed_and_reason(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    log = DropLog(clock)
    for _ in range(90):
        log.dropped("gate", "overload", 2)
        clock.advance(1.0)
    log.dropped("yard", "late", 5)
    overload, late = DROP_REASONS["overload"], DROP_REASONS["late"]
    assert [one.getMessage() for one in caplog.records] == [
        f"feed 'gate': dropped frames: 2 (overload: {overload})",
        f"feed 'gate': dropped frames: 120 (overload: {overload})",
        f"feed 'yard': dropped frames: 5 (late: {late})",
    ]
    log.feed_removed("gate")
    log.dropped("gate", "overload", 1)
    assert (
        caplog.records[-1].getMessage() == f"feed 'gate': dropped frames: 1 (overload: {overload})"
    )
