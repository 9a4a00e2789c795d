"""Files of a run: on the disk before they are claimed, whole under their name, gone if not."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from streamsel.choices import Durability
from streamsel.errors import DiskFullError
from streamsel.record.reader import Record
from streamsel.record.values import StoredPicture
from streamsel.record.writer import RecordWriter
from tests.sinks.streams import batches, end, opened, supply, turn, verdicts
from tests.sinks.test_full_disk import fill

ROOT = Path(__file__).parents[2]
BATCH_FILES = 64


class Disk:
    """What a power cut would leave of the folder: bytes and names that were synced, no others.

    Follows what the process asks of the system: a file's bytes are safe once it was synced after
    it was written, a name once its folder was synced after it was given.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._bytes: set[tuple[int, int]] = set()
        self._names: set[str] = set()
        self._before = {name: getattr(os, name) for name in ("fsync", "replace", "mkdir")}
        monkeypatch.setattr(os, "fsync", self._fsync)
        monkeypatch.setattr(os, "replace", self._replace)
        monkeypatch.setattr(os, "mkdir", self._mkdir)

    def holds(self, path: Path, top: Path) -> bool:
        """Whether a file's bytes, its name and those of the folders above it are safe."""
        status = path.stat()
        above = [path, *(one for one in path.parents if one.is_relative_to(top) and one != top)]
        is_synced = (status.st_ino, status.st_mtime_ns) in self._bytes
        return is_synced and all(str(one) in self._names for one in above)

    def knows(self, path: Path) -> bool:
        """Whether a name is safe."""
        return str(path) in self._names

    def _fsync(self, descriptor: int) -> None:
        self._before["fsync"](descriptor)
        place = os.readlink(f"/proc/self/fd/{descriptor}")
        if os.path.isdir(place):
            self._names |= {entry.path for entry in os.scandir(place)}
        else:
            status = os.fstat(descriptor)
            self._bytes.add((status.st_ino, status.st_mtime_ns))

    def _replace(self, old: str | Path, new: str | Path) -> None:
        self._before["replace"](old, new)
        self._names.discard(str(new))

    def _mkdir(self, path: str | Path, mode: int = 0o777) -> None:
        self._before["mkdir"](path, mode)
        self._names.discard(str(path))


@pytest.mark.parametrize("durability", ["strict", "batched"])
def test_every_picture_is_safe_from_a_power_cut_when_it_is_claimed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durability: Durability
) -> None:
    disk = Disk(monkeypatch)
    kept, claim = tmp_path / "kept", RecordWriter.claim
    claimed: list[str] = []

    def watch(writer: RecordWriter, pictures: Sequence[StoredPicture]) -> None:
        for picture in pictures:
            assert disk.holds(kept / picture.path, tmp_path), picture.path
            claimed.append(picture.path)
        claim(writer, pictures)

    monkeypatch.setattr(RecordWriter, "claim", watch)
    sink = opened(kept, durability=durability, hold_bytes=0)
    assert disk.knows(kept / "streamsel.db")
    for batch in batches(list(verdicts(150, capacity=90)), 10):
        sink.apply(turn(batch))
    supply(sink)
    end(sink)
    assert len(claimed) > BATCH_FILES
    assert disk.holds(kept / "manifest.jsonl", tmp_path)


def claimed_in(folder: Path) -> int:
    with Record.open(folder) as record:
        return sum(frame.picture is not None for frame in record.kept())


def test_a_batch_is_claimed_as_soon_as_it_is_full(tmp_path: Path) -> None:
    sink = opened(tmp_path, durability="batched", hold_bytes=0)
    kept = [verdict for verdict in verdicts(300, capacity=500) if verdict.events]
    seen = [verdict for verdict in kept if verdict.frame.picture.image is not None]
    sink.apply(turn(seen[: BATCH_FILES - 1]))
    assert claimed_in(tmp_path) == 0
    sink.apply(turn(seen[BATCH_FILES - 1 : BATCH_FILES + 5]))
    assert claimed_in(tmp_path) == BATCH_FILES
    sink.close()
    assert claimed_in(tmp_path) == BATCH_FILES + 5


def test_a_file_whose_claim_failed_does_not_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = opened(tmp_path, hold_bytes=0)
    first = next(verdict for verdict in verdicts() if verdict.outcome == "kept")
    claim = RecordWriter.claim

    def fail(writer: RecordWriter, pictures: Sequence[StoredPicture]) -> None:
        raise DiskFullError("the disk is full")

    monkeypatch.setattr(RecordWriter, "claim", fail)
    with pytest.raises(DiskFullError):
        sink.apply(turn([first]))
    assert [path for path in (tmp_path / "frames").rglob("*") if path.is_file()] == []
    monkeypatch.setattr(RecordWriter, "claim", claim)
    sink.apply(turn([first]))
    sink.close()
    assert claimed_in(tmp_path) == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_quota_that_is_reached_is_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    sink = opened(tmp_path, hold_bytes=0)

    def refuse(old: str | Path, new: str | Path) -> None:
        raise OSError(number, os.strerror(number), str(new))

    monkeypatch.setattr(os, "replace", refuse)
    kept = [verdict for verdict in verdicts() if verdict.outcome == "kept"]
    with pytest.raises(DiskFullError, match="make room"):
        sink.apply(turn(kept[:1]))
    monkeypatch.undo()
    sink.close()


def test_a_manifest_is_whole_on_a_disk_that_is_full(small_disk: Path) -> None:
    run = small_disk / "run"
    made = list(verdicts(count=150, capacity=60))
    sink = opened(run)
    sink.apply(turn(made[:100]))
    sink.close()
    before = (run / "manifest.jsonl").read_bytes()
    sink = opened(run, resume=True, hold_bytes=0)
    sink.apply(turn(made))
    supply(sink)
    fill(small_disk, 0)
    with pytest.raises(DiskFullError):
        end(sink)
    assert (run / "manifest.jsonl").read_bytes() == before


def test_a_file_is_whole_when_its_writer_is_killed_half_way(tmp_path: Path) -> None:
    place = tmp_path / "manifest.jsonl"
    place.write_bytes(b"before")
    program = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from streamsel.record.files import write_file\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "write_file(Path(sys.argv[1]), bytes(100_000), sync=True)"
    )
    killed = subprocess.run([sys.executable, "-c", program, place], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGXFSZ
    assert place.read_bytes() == b"before"
