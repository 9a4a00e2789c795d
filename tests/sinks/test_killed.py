"""kill -9 at any moment: nothing claimed is missing, and a resumed run ends as if nothing was."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import IO

import pytest

from streamsel.frame import FrameKey
from streamsel.record.folder import sweep
from streamsel.record.reader import Record
from streamsel.record.writer import RecordWriter
from tests.sinks.killed_writer import FRAMES
from tests.sinks.streams import FEEDS, end, kept_keys, opened, supply, turn, verdicts

ROOT = Path(__file__).parents[2]


def start(
    folder: Path, durability: str, moment: int = 0, out: int | IO[str] = subprocess.PIPE
) -> subprocess.Popen[str]:
    writer = "tests.sinks.killed_writer"
    return subprocess.Popen(
        [sys.executable, "-m", writer, str(folder), durability, str(moment)],
        cwd=ROOT,
        stdout=out,
        text=True,
    )


def killed_at(folder: Path, durability: str, moment: int) -> None:
    """Run a writer that kills itself between two steps."""
    with start(folder, durability, moment) as writer:
        assert writer.stdout is not None
        writer.stdout.read()
    assert writer.returncode == -signal.SIGKILL


def killed_after(folder: Path, durability: str, lines: int) -> None:
    """Run a writer, and kill it wherever it is when so many lines have arrived."""
    with start(folder, durability) as writer:
        assert writer.stdout is not None
        for _ in range(lines):
            writer.stdout.readline()
        writer.kill()
        writer.stdout.read()


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in (folder / "frames").rglob("*")
        if path.is_file()
    }


def recorded_prefix(record: Record) -> list[tuple[FrameKey, str, str]]:
    return [(decision.key, decision.outcome, decision.reason) for decision in record.decisions()]


@pytest.mark.parametrize("durability", ["strict", "batched"])
def test_a_killed_run_is_whole_and_ends_like_one_that_was_not(
    tmp_path: Path, durability: str
) -> None:
    untouched = tmp_path / "untouched"
    made = list(verdicts(FRAMES))
    sink = opened(untouched)
    sink.apply(turn(made))
    supply(sink)
    end(sink)

    dice = random.Random(durability)
    folder = tmp_path / "killed"
    expected = [(verdict.frame.key, verdict.outcome, verdict.reason) for verdict in made]
    for attempt in range(10):
        if attempt % 2:
            killed_after(folder, durability, dice.randint(0, 20))
        else:
            killed_at(folder, durability, dice.randint(1, 50))
        if not (folder / "streamsel.db").exists():
            continue
        with Record.open(folder) as record:
            prefix = recorded_prefix(record)
            assert prefix == expected[: len(prefix)]
            for kept in record.kept():
                if kept.picture is not None:
                    found = sha256((folder / kept.picture.path).read_bytes()).hexdigest()
                    assert found == kept.picture.sha256
        writer = RecordWriter.resume(folder, strict=True)
        sweep(folder, writer.reader, writer.disclaim)
        writer.close()
        with Record.open(folder) as record:
            claimed = {kept.picture.path for kept in record.kept() if kept.picture}
        assert set(contents(folder)) == claimed

    with start(folder, durability) as last:
        assert last.stdout is not None
        assert last.stdout.read().endswith("closed\n")
    assert contents(folder) == contents(untouched)
    assert (folder / "manifest.jsonl").read_text() == (untouched / "manifest.jsonl").read_text()
    with Record.open(folder) as record, Record.open(untouched) as reference:
        assert list(record.decisions()) == list(reference.decisions())
        assert list(record.changes()) == list(reference.changes())
        assert [kept.key for kept in record.kept()] == kept_keys(made)
        assert record.run().status == "complete"
        for feed in FEEDS:
            states = [one.prefilter_state(feed, 10) for one in (record, reference)]
            assert states[0][1] == states[1][1]
            assert states[0][0].passed == states[1][0].passed
