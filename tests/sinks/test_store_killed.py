"""kill -9 at any moment: the folder is as it was after one of the turns, and goes on from there."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest

from tests.sinks.crashes import Told, check, start


@pytest.mark.parametrize("durability", ["strict", "batched"])
def test_a_service_that_is_killed_goes_on_where_it_was(tmp_path: Path, durability: str) -> None:
    dice = random.Random(durability)
    folder, told = tmp_path / "kept", Told()
    turns = []
    for attempt in range(10):
        moment = dice.randint(1, 150) if attempt % 2 else 0
        with start(folder, durability, moment) as writer:
            assert writer.stdout is not None
            if not moment:
                lines = [writer.stdout.readline() for _ in range(dice.randint(0, 60))]
                told.hear(lines)
                writer.kill()
            told.hear(writer.stdout)
        assert writer.returncode == -signal.SIGKILL
        done = told.last_done()
        turns.append(check(folder, told))
        if durability == "strict":
            assert turns[-1] >= done
    assert turns == sorted(turns)
    assert turns[-1] > 50
