"""A backup that is made while the run is written, and what it can be used for."""

from __future__ import annotations

import errno
import json
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from click.testing import CliRunner

from streamsel.cli.main import cli
from streamsel.errors import ConfigurationError, DiskFullError, FolderInUseError, RecordError
from streamsel.frame import FrameKey
from streamsel.record import backup
from streamsel.record.backup import back_up
from streamsel.record.files import write_file
from streamsel.record.lock import FolderLock
from streamsel.record.reader import Record
from streamsel.sinks.service_folder import LiveDiskSink
from streamsel.testing import ManualClock
from tests.record.old_records import contents, copied, version
from tests.sinks import killed_service, streams
from tests.sinks.live_streams import BEGIN, files, frame, keeping, opened

LIVE = 4
Service = tuple[LiveDiskSink, Path]
ROOT = Path(__file__).parents[2]


def pictures(folder: Path) -> dict[str, str]:
    """Paths and hashes of the pictures that the record names."""
    with Record.open(folder) as record:
        kept = [*record.kept()]
    stored = [one.picture for one in kept if one.picture is not None]
    assert len(stored) == len(kept)
    return {one.path: one.sha256 for one in stored}


def require_whole(folder: Path) -> None:
    """The record is sound and says of itself what its events say; its pictures are all there."""
    with closing(sqlite3.connect(folder / "streamsel.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    with Record.open(folder) as record:
        live: set[FrameKey] = set()
        for change in record.changes():
            live ^= {change.key}
            assert (change.key in live) == (change.kind == "kept")
        assert {one.key for one in record.kept()} == live
    assert files(folder) == pictures(folder)
    lines = [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]
    assert {line["path"]: line["sha256"] for line in lines} == pictures(folder)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service that keeps four frames, and its folder."""
    sink = opened(tmp_path / "kept")
    for index in range(LIVE):
        sink.apply(keeping(index))
    yield sink, tmp_path / "kept"
    sink.close()


def go_on(sink: LiveDiskSink, index: int) -> None:
    """One more frame, in the place of the oldest."""
    sink.apply(keeping(index, index - LIVE))


def kept_after(turn: int) -> set[FrameKey]:
    """The frames that the writing process keeps after a turn."""
    dice, live = random.Random("0"), list[FrameKey]()
    for number in range(turn + 1):
        killed_service.turn_of(number, 4 * number, live, dice)
    return set(live)


def test_a_backup_is_of_one_moment_while_another_process_writes(tmp_path: Path) -> None:
    folder, target = tmp_path / "kept", tmp_path / "backup"
    command = [sys.executable, "-m", "tests.sinks.killed_service", str(folder), "strict"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        turns = []
        for _ in range(5):
            for _ in range(20):  # it goes on by itself up to the capacity of the pipe
                assert writer.stdout is not None
                assert writer.stdout.readline()
            back_up(folder, target)
            require_whole(target)
            with Record.open(target) as record:
                turns.append(int(record.selections()[killed_service.SCOPE]))
                assert {one.key for one in record.kept()} == kept_after(turns[-1])
        writer.kill()
    assert turns == sorted(set(turns))


def test_pictures_that_are_evicted_while_others_are_copied_are_not_missed(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are replaced while the first one is copied, and again in the pass after that."""
    sink, folder = service
    replaced = iter([range(4, 8), range(8, 12)])

    def go_on_and_write(path: Path, content: bytes, *, sync: bool) -> None:
        for index in next(replaced, ()):
            go_on(sink, index)
        write_file(path, content, sync=sync)

    monkeypatch.setattr(backup, "write_file", go_on_and_write)
    done = back_up(folder, tmp_path / "backup")
    require_whole(tmp_path / "backup")
    assert (done.pictures, done.missing) == (LIVE, 0)
    assert pictures(tmp_path / "backup") == pictures(folder)
    assert next(replaced, None) is None


def test_a_later_backup_copies_what_is_new_and_deletes_what_is_gone(
    service: Service, tmp_path: Path
) -> None:
    sink, folder = service
    assert back_up(folder, tmp_path / "backup").copied == LIVE
    assert back_up(folder, tmp_path / "backup").copied == 0
    go_on(sink, LIVE)
    assert back_up(folder, tmp_path / "backup").copied == 1
    require_whole(tmp_path / "backup")
    assert pictures(tmp_path / "backup") == pictures(folder)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "no space")])
@pytest.mark.parametrize(
    ("step", "at"),
    [("write_file", 0), ("write_file", 2), ("copy_into", 0), ("write_file", 4)],
    ids=["first-picture", "third-picture", "record", "manifest"],
)
def test_a_backup_that_is_stopped_leaves_the_earlier_one_whole(
    service: Service,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    step: str,
    at: int,
) -> None:
    sink, folder = service
    target, real = tmp_path / "backup", getattr(backup, step)

    told = f"^{target}: the disk is full .* earlier backup" if isinstance(error, OSError) else "^$"

    def stop() -> None:
        left = count(at, -1)

        def fail(*given: object, **named: object) -> None:
            if next(left) == 0:
                raise error
            real(*given, **named)

        with monkeypatch.context() as patched:
            patched.setattr(backup, step, fail)
            with pytest.raises((KeyboardInterrupt, DiskFullError), match=told):
                back_up(folder, target)

    stop()
    back_up(folder, target)
    require_whole(target)
    for index in range(LIVE, 2 * LIVE):
        go_on(sink, index)
    before = pictures(target)
    stop()
    if at < LIVE:  # the manifest comes after the record
        assert pictures(target) == before
    assert pictures(target).items() <= files(target).items()
    back_up(folder, target)
    require_whole(target)
    assert pictures(target) == pictures(folder)


def test_a_restored_service_goes_on_from_the_backup(service: Service, tmp_path: Path) -> None:
    sink, folder = service
    sink.set_pinned(frame(2).key, True)
    sink.reserve({"gate": 100_000})
    back_up(folder, tmp_path / "backup")
    go_on(sink, LIVE)
    shutil.copytree(tmp_path / "backup", tmp_path / "restored")
    again = opened(tmp_path / "restored")
    assert again.lost() == []
    assert [one.frame.key.index for one in again.kept_candidates("gate")] == [*range(LIVE)]
    assert again.pinned("gate") == [frame(2).key]
    assert (again.selection("gate"), again.next_index("gate")) == (b"state", 100_000)
    again.apply(keeping(100_000, 0))
    again.close()
    require_whole(tmp_path / "restored")


def test_a_backup_of_a_run_over_files_is_resumed(tmp_path: Path) -> None:
    made = list(streams.verdicts())
    sink = streams.opened(tmp_path / "kept", hold_bytes=0)
    sink.apply(streams.turn(made[:70]))
    back_up(tmp_path / "kept", tmp_path / "backup")
    again = streams.opened(tmp_path / "backup", resume=True)
    for one in (sink, again):
        one.apply(streams.turn(made))
        streams.supply(one)
        streams.end(one)
    assert pictures(tmp_path / "backup") == pictures(tmp_path / "kept")


def test_an_old_record_is_copied_as_it_is_with_what_its_log_holds(tmp_path: Path) -> None:
    folder = copied("killed-service-2", tmp_path)
    with Record.open(folder) as record:
        said = [*record.decisions()], [*record.changes()], record.selections()
    back_up(folder, tmp_path / "backup")
    assert version(tmp_path / "backup") == 2
    with Record.open(tmp_path / "backup") as record:
        assert ([*record.decisions()], [*record.changes()], record.selections()) == said
    assert len(files(tmp_path / "backup")) == 4


def test_clips_and_revoked_logins_are_copied_and_neither_messages_nor_the_reserve(
    service: Service, tmp_path: Path
) -> None:
    sink, folder = service
    clips = [
        path.replace("frames/", "clips/").replace(".jpg", suffix)
        for path, suffix in zip(sorted(pictures(folder)), (".mp4", ".mkv", ".mp4"), strict=False)
    ]
    for path in (*clips, ".logouts", "outbox/outbox.db", "outbox/payloads/1"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(path.encode())
    back_up(folder, tmp_path / "backup")
    others = {"streamsel.db", "manifest.jsonl", ".logouts"}
    assert set(contents(tmp_path / "backup")) == {*pictures(folder), *clips, *others}
    assert all((tmp_path / "backup" / path).read_bytes() == path.encode() for path in clips)
    go_on(sink, LIVE)
    (folder / clips[0]).unlink()
    back_up(folder, tmp_path / "backup")
    assert set(contents(tmp_path / "backup")) == {*pictures(folder), *clips[1:], *others}


def test_missing_pictures_are_counted_and_told(service: Service, tmp_path: Path) -> None:
    _, folder = service
    (folder / min(pictures(folder))).unlink()
    arguments = ["backup", str(folder), "-o", str(tmp_path / "backup")]
    ended = CliRunner().invoke(cli, [*arguments, "--json"], standalone_mode=False)
    result = json.loads(ended.stdout)
    assert result == {
        "folder": str(folder),
        "output": str(tmp_path / "backup"),
        **{"pictures": LIVE - 1, "copied": LIVE - 1, "missing": 1},
    }
    assert "lacks 1 pictures of its record" in ended.stderr
    again = CliRunner().invoke(cli, arguments, standalone_mode=False)
    assert f"3 pictures, 0 files copied -> {tmp_path / 'backup'}" in again.stdout


def test_a_folder_that_holds_anything_else_is_refused_and_not_touched(
    service: Service, tmp_path: Path
) -> None:
    _, folder = service
    other = opened(tmp_path / "other", clock=ManualClock(BEGIN + 1))
    other.close()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").touch()
    for name, told in (("other", "holds another run"), ("photos", "not a run of streamsel")):
        was = contents(tmp_path / name)
        with pytest.raises(FolderInUseError, match=told):
            back_up(folder, tmp_path / name)
        assert contents(tmp_path / name) == was


def test_a_backup_that_was_continued_is_refused(service: Service, tmp_path: Path) -> None:
    _, folder = service
    back_up(folder, tmp_path / "backup")
    again = opened(tmp_path / "backup")
    with pytest.raises(FolderInUseError, match="is writing into it"):
        back_up(folder, tmp_path / "backup")
    again.apply(keeping(100_000))
    shutil.copytree(tmp_path / "backup", tmp_path / "killed")
    again.close()
    with pytest.raises(FolderInUseError, match="was continued here"):
        back_up(folder, tmp_path / "killed")


@pytest.mark.parametrize("name", ["kept", "kept/backup", "."])
def test_a_backup_within_the_folder_or_around_it_is_refused(
    service: Service, tmp_path: Path, name: str
) -> None:
    _, folder = service
    was = contents(folder)
    with pytest.raises(ConfigurationError, match="outside of"):
        back_up(folder, tmp_path / name)
    assert contents(folder) == was


def test_only_a_run_is_backed_up(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(RecordError, match="holds no run"):
        back_up(tmp_path / "photos", tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


def test_two_backups_at_once_are_one_too_many(service: Service, tmp_path: Path) -> None:
    _, folder = service
    (tmp_path / "backup").mkdir()
    lock = FolderLock(tmp_path / "backup")
    with pytest.raises(FolderInUseError, match="is writing into it"):
        back_up(folder, tmp_path / "backup")
    lock.release()
