from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from streamsel.choices import Durability
from streamsel.errors import DiskFullError, SinkError
from streamsel.record.reader import Record
from tests.sinks.streams import batches, end, kept_keys, opened, supply, turn, verdicts


def fill(folder: Path, leave_bytes: int) -> Path:
    """Fill the disk but for so many bytes."""
    free = os.statvfs(folder)
    (folder / "ballast").write_bytes(b"\0" * (free.f_bavail * free.f_frsize - leave_bytes))
    return folder / "ballast"


@pytest.mark.parametrize("durability", ["strict", "batched"])
@pytest.mark.parametrize("hold_bytes", [0, 96 << 20])
@pytest.mark.parametrize("leave_bytes", [0, 60_000, 250_000])
def test_a_full_disk_is_named_and_the_run_goes_on_once_there_is_room(
    small_disk: Path, durability: Durability, hold_bytes: int, leave_bytes: int
) -> None:
    run = small_disk / "run"
    made = list(verdicts(count=150, capacity=40))
    sink = opened(run, durability=durability, hold_bytes=hold_bytes)
    sink.apply(turn(made[:3]))
    ballast = fill(small_disk, leave_bytes)

    def go_on() -> None:
        for batch in batches(made, 20):
            sink.apply(turn(batch))
        supply(sink)

    for _ in range(2):
        with pytest.raises(DiskFullError, match=f"{run}.*bytes free.*--resume"):
            go_on()
    assert not list(run.rglob("*.part"))
    ballast.unlink()
    sink.close()

    sink = opened(run, durability=durability, resume=True)
    sink.apply(turn(made))
    supply(sink)
    end(sink)
    with Record.open(run) as record:
        assert [kept.key for kept in record.kept()] == kept_keys(made)
        assert all(kept.picture for kept in record.kept())
        decided = [decision.key for decision in record.decisions()]
    assert decided == [verdict.frame.key for verdict in made]
    assert len(list((run / "frames").rglob("*.png"))) == len(kept_keys(made))


def test_no_run_is_begun_on_a_full_disk_and_nothing_is_left_of_the_attempt(
    small_disk: Path,
) -> None:
    fill(small_disk, 8192)
    with pytest.raises(DiskFullError, match="bytes free"):
        opened(small_disk / "run")
    assert list((small_disk / "run").iterdir()) == []


def test_a_disk_that_cannot_be_written_is_named(small_disk: Path) -> None:
    sink = opened(small_disk / "run")
    sink.apply(turn(list(verdicts(count=9))))
    supply(sink)
    end(sink)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(SinkError, match=str(small_disk / "other")):
        opened(small_disk / "other")
    with Record.open(small_disk / "run") as record:
        vectors = [candidate.embedding for candidate in record.candidates()]
    assert np.isclose([np.linalg.norm(v) for v in vectors if v is not None], 1).all()
