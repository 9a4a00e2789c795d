"""A full disk: nothing more is taken, what is there is delivered, and then there is room again."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from streamsel.choices import Durability
from streamsel.errors import DiskFullError
from streamsel.sinks.mqtt.payloads import Message
from tests.sinks.mqtt.lines import OpenOutbox, message, open_outbox
from tests.sinks.test_full_disk import fill


@pytest.mark.parametrize("durability", ["strict", "batched"])
@pytest.mark.parametrize("size", [900, 60_000])
@pytest.mark.parametrize("leave_bytes", [0, 30_000, 200_000])
def test_a_full_disk_takes_nothing_more_and_drains(
    small_disk: Path, durability: Durability, size: int, leave_bytes: int
) -> None:
    line = open_outbox(small_disk / "outbox", durability=durability)
    taken = [message(number, size) for number in range(20)]
    for one in taken:
        line.outbox.put([one])
    ballast = fill(small_disk, leave_bytes)

    with pytest.raises(DiskFullError, match=r"outbox: the disk is full \([\d,]+ bytes free\)"):
        put_until_refused(line, taken, size)
    assert line.waiting() == taken
    with pytest.raises(DiskFullError):
        line.outbox.put([message(99_999, 300_000)])
    assert line.waiting() == taken
    assert line.counter.counts().pending == len(taken)

    assert line.settle() == len(taken)
    assert line.waiting() == []
    assert not list((small_disk / "outbox" / "payloads").iterdir())
    ballast.unlink()
    line.outbox.put([message(1, size)])
    assert line.waiting() == [message(1, size)]
    assert line.settle() == 1
    line.close()
    again = open_outbox(small_disk / "outbox", durability=durability)
    assert again.waiting() == []
    assert again.counter.counts().pending == 0
    again.close()


def put_until_refused(line: OpenOutbox, taken: list[Message], size: int) -> NoReturn:
    while True:
        pair = [message(len(taken) + number, size) for number in range(2)]
        line.outbox.put(pair)
        taken += pair


def test_what_is_refused_on_a_full_disk_does_not_stop_the_rest(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    line = open_outbox(small_disk / "outbox")
    put = [message(number, 900) for number in range(300)]
    line.outbox.put(put)
    ballast = fill(small_disk, 0)
    for one in put[:250]:
        queued = line.outgoing.next(0)
        assert queued is not None
        assert queued.message == one
        line.outgoing.refuse(queued, "not-authorized")
    assert "is skipped for now" in caplog.text
    assert [one.id for one in line.waiting()] == [one.id for one in put[250:]]
    assert line.settle() == 50
    ballast.unlink()
    line.close()

    again = open_outbox(small_disk / "outbox")
    still = again.waiting()
    assert still == put[250 - len(still) : 250]
    assert again.counter.counts().quarantined == 250 - len(still)
    again.close()
