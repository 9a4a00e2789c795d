"""A power cut: strict loses nothing that was acknowledged, batched a second; nothing is torn."""

from __future__ import annotations

import random
from hashlib import sha256
from pathlib import Path

import pytest

from streamsel.record.reader import Record
from tests.conftest import leave_out
from tests.sinks.killed_writer import FRAMES
from tests.sinks.power import Disk, MountError, await_lines, cut_often
from tests.sinks.streams import end, opened, supply, turn, verdicts
from tests.sinks.test_killed import contents, start


@pytest.mark.parametrize("durability", ["strict", "batched"])
def test_a_power_cut_tears_nothing_and_loses_what_it_may(tmp_path: Path, durability: str) -> None:
    try:
        found = cut_often(tmp_path, durability, 2, random.Random(durability))
    except MountError as error:
        leave_out(f"cutting the power of a disk needs root and the right to mount: {error}")
    assert min(found.done) > 3
    assert durability == "batched" or found.lost == [0, 0]


@pytest.mark.parametrize("durability", ["strict", "batched"])
def test_a_power_cut_tears_no_run_over_files(tmp_path: Path, durability: str) -> None:
    untouched = tmp_path / "untouched"
    sink = opened(untouched)
    sink.apply(turn(list(verdicts(FRAMES))))
    supply(sink)
    end(sink)
    dice = random.Random(durability)
    try:
        with Disk(tmp_path / "power") as disk:
            kept = disk.place / "kept"
            for number in range(2):
                said = tmp_path / f"said-{number}"
                with open(said, "w") as out:
                    writer = start(kept, durability, out=out)
                    await_lines(said, dice.randint(15, 70))
                    disk.cut(writer)
                require_whole(kept)
            with start(kept, durability) as last:
                assert last.stdout is not None
                assert last.stdout.read().endswith("closed\n")
            assert contents(kept) == contents(untouched)
            manifests = [(folder / "manifest.jsonl").read_text() for folder in (kept, untouched)]
            assert manifests[0] == manifests[1]
    except MountError as error:
        leave_out(f"cutting the power of a disk needs root and the right to mount: {error}")


def require_whole(kept: Path) -> None:
    """Each claim of the record has its file."""
    with Record.open(kept) as record:
        for frame in record.kept():
            if frame.picture is not None:
                found = sha256((kept / frame.picture.path).read_bytes()).hexdigest()
                assert found == frame.picture.sha256
