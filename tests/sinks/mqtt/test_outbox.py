"""The outbox on its own: what was taken is there, in order, whole, whatever happens."""

from __future__ import annotations

import json
import logging
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from streamsel.choices import Durability
from streamsel.errors import FolderInUseError, SinkError
from streamsel.sinks.mqtt import quarantine
from streamsel.sinks.mqtt.outbox import SMALL_BYTES
from streamsel.sinks.mqtt.store import OUTBOX
from tests.record.old_records import contents
from tests.sinks.mqtt.lines import MqttChoices, message, open_outbox

ROOT = Path(__file__).parents[3]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(params=["strict", "batched"])
def durability(request: pytest.FixtureRequest) -> Durability:
    chosen: Durability = request.param
    return chosen


def test_what_was_put_comes_out_in_order_also_after_a_restart(
    tmp_path: Path, durability: Durability
) -> None:
    put = [message(number, size) for number, size in enumerate((0, 9, SMALL_BYTES, 60_000, 7))]
    line = open_outbox(tmp_path, durability=durability)
    line.outbox.put(put[:2])
    line.outbox.put(put[2:])
    assert line.waiting() == put
    line.close()

    again = open_outbox(tmp_path, durability=durability)
    assert again.counter.counts().pending == 5
    assert again.counter.counts().pending_bytes == sum(len(one.payload) for one in put)
    assert again.waiting() == put
    assert again.settle() == 5
    counts = again.counter.counts()
    assert (counts.pending, counts.pending_bytes, counts.delivered) == (0, 0, 5)
    assert files(tmp_path / "payloads") == []
    again.close()


def test_a_place_is_never_given_twice(tmp_path: Path) -> None:
    line = open_outbox(tmp_path)
    line.outbox.put([message(1)])
    late = line.outgoing.next(0)
    assert late is not None
    line.outgoing.settle([late])
    line.close()
    again = open_outbox(tmp_path)
    again.outbox.put([message(2)])
    again.outgoing.settle([late])  # acknowledged twice
    assert again.waiting() == [message(2)]
    again.close()


def test_the_same_message_put_again_is_there_once_and_last(tmp_path: Path) -> None:
    line = open_outbox(tmp_path)
    line.outbox.put([message(1), message(2)])
    line.outbox.put([message(1)])
    assert line.waiting() == [message(2), message(1)]
    assert line.counter.counts().pending == 2
    assert line.counter.counts().pending_bytes == 120_000
    assert len(files(tmp_path / "payloads")) == 2
    line.close()


def test_what_counts_as_taken_is_on_the_disk(
    tmp_path: Path, durability: Durability, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That a power cut leaves it there rests on this alone; SQLite's own are not seen here."""
    line = open_outbox(tmp_path, durability=durability)
    synced: set[Path] = set()
    fsync = os.fsync

    def watch(descriptor: int) -> None:
        synced.add(Path(os.readlink(f"/proc/self/fd/{descriptor}")).relative_to(tmp_path))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watch)
    line.outbox.put([message(1), message(2, 100)])
    (payload,) = files(tmp_path / "payloads")
    wanted = {Path("payloads"), Path("payloads", payload)}
    if durability == "strict":
        assert synced == wanted
    else:
        assert synced == set()
        line.outbox.sync()
        assert synced == wanted | {Path("outbox.db-wal")}
        synced.clear()
    line.outbox.sync()
    assert durability == "strict" or synced == set()
    line.close()


@pytest.mark.parametrize("bound", [{"max_bytes": 1 << 20}, {"max_messages": 16}])
def test_a_full_outbox_refuses_all_or_nothing_and_takes_again_once_drained(
    tmp_path: Path, bound: MqttChoices
) -> None:
    line = open_outbox(tmp_path, **bound)
    line.outbox.put([message(number) for number in range(15)])
    before = line.counter.counts()
    with pytest.raises(SinkError, match=r"is full: 15 messages of 900,000 bytes wait for broker"):
        line.outbox.put([message(number) for number in range(15, 18)])
    assert line.counter.counts() == before
    assert len(line.waiting()) == len(files(tmp_path / "payloads")) == 15
    line.settle(3)
    line.outbox.put([message(number) for number in range(15, 18)])
    assert line.waiting() == [message(number) for number in range(3, 18)]
    line.close()


def test_what_exceeds_the_bound_alone_is_taken_by_an_empty_outbox(tmp_path: Path) -> None:
    line = open_outbox(tmp_path, max_bytes=1 << 20)
    line.outbox.put([message(1, 3 << 20)])
    assert line.waiting() == [message(1, 3 << 20)]
    line.close()


def test_messages_that_can_be_done_without_take_half_of_the_room(tmp_path: Path) -> None:
    line = open_outbox(tmp_path, max_messages=10)
    assert [line.outbox.offer(message(number, 9)) for number in range(7)] == [True] * 5 + [
        False
    ] * 2
    assert line.counter.counts().dropped == 2
    line.outbox.put([message(number) for number in range(10, 15)])
    assert len(line.waiting()) == 10
    line.close()


def test_what_mqtt_cannot_carry_is_set_aside_and_the_rest_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    line = open_outbox(tmp_path)
    line.outbox.put([message(1), message(2, 256 << 20), message(3)])
    assert line.waiting() == [message(1), message(3)]
    counts = line.counter.counts()
    assert (counts.quarantined, dict(counts.refused)) == (1, {"too-large": 1})
    assert "image/gate-000002 is larger than MQTT allows (268435456 bytes)" in caplog.text
    line.close()


@pytest.mark.parametrize("damage", ["torn", "changed", "gone"])
def test_a_payload_that_is_damaged_is_told_and_set_aside(tmp_path: Path, damage: str) -> None:
    line = open_outbox(tmp_path, durability="batched")
    line.outbox.put([message(number) for number in range(3)])
    line.close()
    payload = tmp_path / "payloads" / files(tmp_path / "payloads")[1]
    content = payload.read_bytes()
    if damage == "gone":
        payload.unlink()
    else:
        payload.write_bytes(content[:-1] if damage == "torn" else bytes(len(content)))
    again = open_outbox(tmp_path)
    assert again.waiting() == [message(0), message(2)]
    assert dict(again.counter.counts().refused) == {"damaged": 1}
    again.close()


def test_the_quarantine_keeps_what_was_refused_and_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "MOST_MESSAGES", 3)
    line = open_outbox(tmp_path)
    line.outbox.put([message(number, 60_000 if number % 2 else 9) for number in range(6)])
    while queued := line.outgoing.next(0):
        line.outgoing.refuse(queued, "not-authorized")
    counts = line.counter.counts()
    assert (counts.pending, counts.quarantined) == (0, 3)
    assert dict(counts.refused) == {"not-authorized": 6}
    with closing(sqlite3.connect(tmp_path / "outbox.db")) as database:
        rows = database.execute(
            "SELECT id, reason, topic, bytes, file, payload FROM quarantine ORDER BY number"
        ).fetchall()
    found = {row[0]: row[1:] for row in rows}
    assert list(found) == ["gate-000003", "gate-000004", "gate-000005"]
    assert found["gate-000004"] == (
        "not-authorized",
        "streamsel/gate/image",
        9,
        None,
        message(4, 9).payload,
    )
    kept = [tmp_path / "quarantine" / found[name][3] for name in ("gate-000003", "gate-000005")]
    assert [path.read_bytes() for path in kept] == [message(3).payload, message(5).payload]
    assert len(files(tmp_path / "quarantine")) == 2
    assert files(tmp_path / "payloads") == []
    line.close()


def test_one_process_has_the_folder(tmp_path: Path) -> None:
    line = open_outbox(tmp_path)
    with pytest.raises(FolderInUseError, match="another process"):
        open_outbox(tmp_path)
    line.close()
    open_outbox(tmp_path).close()


@pytest.mark.parametrize("damage", ["rubbish", "torn", "foreign"])
def test_a_damaged_outbox_is_set_aside_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    line = open_outbox(tmp_path)
    line.outbox.put([message(number, 60_000 if number == 7 else 900) for number in range(200)])
    line.close()
    path = tmp_path / "outbox.db"
    content = bytearray(path.read_bytes())
    if damage == "rubbish":
        path.write_bytes(random.Random(0).randbytes(len(content)))
    elif damage == "torn":
        content[4096 * 3 : 4096 * 40] = bytes(4096 * 37)
        path.write_bytes(content)
    else:
        path.unlink()
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA application_id = 7")
    for _ in range(2):
        with caplog.at_level(logging.WARNING):
            again = open_outbox(tmp_path)
        again.outbox.put([message(9)])
        assert again.waiting() == [message(9)]
        again.settle()
        again.close()
    assert caplog.text.count("is damaged") == 1
    assert "with 1 waiting pictures, and replaced by a new one" in caplog.text
    aside = tmp_path / "damaged" / "payloads"
    assert [one.read_bytes() for one in aside.iterdir()] == [message(7).payload]


@pytest.mark.parametrize("killed", [False, True], ids=["closed", "killed"])
def test_an_outbox_of_a_newer_version_is_refused_and_not_touched(
    tmp_path: Path, killed: bool
) -> None:
    written, folder = tmp_path / "written", tmp_path / "newer"
    line = open_outbox(written)
    line.outbox.put([message(number, 60_000 if number == 2 else 900) for number in range(4)])
    line.close()
    (written / "quarantine").rmdir()  # a newer one may have other folders
    with closing(sqlite3.connect(written / "outbox.db")) as database:
        database.execute("PRAGMA user_version = 99")
        if killed:
            shutil.copytree(written, folder)
    if not killed:
        shutil.copytree(written, folder)
    was = contents(folder)
    assert ("outbox.db-wal" in was) == killed
    told = rf"outbox\.db: .*newer streamsel \(schema 99, .*knows {OUTBOX.version}\).*Upgrade"
    with pytest.raises(SinkError, match=told):
        open_outbox(folder)
    assert contents(folder) == was
    assert not (folder / "quarantine").exists()


def test_a_process_killed_anywhere_loses_nothing_that_was_taken(
    tmp_path: Path, durability: Durability
) -> None:
    """Killed between any two steps on files, and at any moment; four messages a call."""
    dice = random.Random(durability)
    for attempt in range(6):
        folder = tmp_path / str(attempt)
        command = [sys.executable, "-m", "tests.sinks.mqtt.killed_outbox", folder, durability]
        moment = dice.randint(1, 80) if attempt % 2 else 0
        with subprocess.Popen(
            [*map(str, command), str(moment)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            said = [writer.stdout.readline() for _ in range(dice.randint(1, 30))]
            if not moment:
                writer.kill()
            said += writer.stdout.readlines()
        assert writer.returncode == -signal.SIGKILL
        taken: set[int] = set()
        settled: set[int] = set()
        for line in filter(None, said):
            what, *numbers = json.loads(line)
            (taken if what == "taken" else settled).update(numbers)
        again = open_outbox(folder, durability=durability)
        found = [int(one.id[-6:]) for one in again.waiting()]
        assert found == sorted(set(found))
        assert taken - settled <= set(found)
        assert all(message(number) in again.waiting() for number in found[:3])
        assert not again.counter.counts().refused
        assert len(files(folder / "payloads")) == len(found) == again.counter.counts().pending
        again.close()
