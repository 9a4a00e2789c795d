"""Folders on network shares: without locks, without shared memory, without syncing of folders."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from streamsel.record.lock import LOCK_FILE
from streamsel.record.reader import Record
from tests.conftest import leave_out
from tests.sinks.streams import end, kept_keys, opened, supply, turn, verdicts

ROOT = Path(__file__).parents[2]
ALL = "lock,map,folder-sync"


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What makes the files below a folder behave as those of a share do, for a process."""
    if shutil.which("gcc") is None:
        leave_out("the file system of a share is made by a C compiler (apt-get install gcc)")
    built = tmp_path_factory.mktemp("shim") / "share.so"
    source = Path(__file__).with_name("share.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", built, source, "-ldl"], check=True)
    return built


class Share:
    def __init__(self, shim: Path, place: Path) -> None:
        self._shim = shim
        self.place = place

    def run(
        self, lacks: str, program: str, *, number: int = errno.EOPNOTSUPP
    ) -> subprocess.CompletedProcess[str]:
        """Run a few lines of Python on the share."""
        lines = (
            "import logging, sys; from pathlib import Path; from streamsel.errors import *\n"
            "from tests.sinks.streams import *; kept = Path(sys.argv[1]); made = list(verdicts())\n"
            "logging.basicConfig(level=logging.INFO)\n"
        )
        environment = os.environ | {
            "LD_PRELOAD": str(self._shim),
            "SHARE": str(self.place),
            "SHARE_LACKS": lacks,
            "SHARE_ERRNO": str(int(number)),
        }
        return subprocess.run(
            [sys.executable, "-c", lines + program, str(self.place / "kept")],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def share(shim: Path, tmp_path: Path) -> Share:
    place = tmp_path / "share"
    place.mkdir()
    return Share(shim, place)


BEGIN = "sink = opened(kept); sink.apply(turn(made[:70])); sink.close()\n"
GO_ON = "sink = opened(kept, resume=True); sink.apply(turn(made)); supply(sink); end(sink)"


def journal(folder: Path) -> str:
    with closing(sqlite3.connect(folder / "streamsel.db")) as database:
        return str(database.execute("PRAGMA journal_mode").fetchone()[0])


def test_the_shim_fails_where_it_says(share: Share) -> None:
    program = "import fcntl, os; fcntl.flock(os.open(kept.parent, os.O_RDONLY), fcntl.LOCK_EX)"
    assert share.run("", program).returncode == 0
    assert "OSError: [Errno 37]" in share.run("lock", program, number=errno.ENOLCK).stderr


@pytest.mark.parametrize(
    ("lacks", "number"),
    [
        ("lock", errno.ENOLCK),
        ("lock", errno.EOPNOTSUPP),
        ("map", 0),
        ("folder-sync", 0),
        (ALL, errno.ENOLCK),
    ],
)
def test_a_run_on_a_share_ends_as_any_other(
    share: Share, tmp_path: Path, lacks: str, number: int
) -> None:
    here = tmp_path / "here"
    sink = opened(here)
    sink.apply(turn(list(verdicts())))
    supply(sink)
    end(sink)
    there = share.place / "kept"
    ended = share.run(lacks, f"{BEGIN}{GO_ON}", number=number)
    assert ended.returncode == 0, ended.stderr
    with Record.open(there) as record, Record.open(here) as reference:
        assert list(record.decisions()) == list(reference.decisions())
        assert list(record.changes()) == list(reference.changes())
    assert (there / "manifest.jsonl").read_text() == (here / "manifest.jsonl").read_text()
    left = sorted(path.name for path in there.iterdir())
    assert left == ["frames", "manifest.jsonl", "streamsel.db"]
    assert journal(there) == ("delete" if "map" in lacks else "wal")
    assert ("rollback journal" in ended.stderr) == ("map" in lacks)
    assert (LOCK_FILE in ended.stderr) == ("lock" in lacks)


def test_a_run_that_was_begun_elsewhere_goes_on_upon_a_share(share: Share) -> None:
    there = share.place / "kept"
    sink = opened(there)
    sink.apply(turn(list(verdicts())[:70]))
    sink.close()
    assert journal(there) == "wal"
    read = share.run(ALL, "from streamsel.report.overview import overview; print(overview(kept))")
    assert "status='interrupted'" in read.stdout, read.stderr
    ended = share.run(ALL, GO_ON)
    assert ended.returncode == 0, ended.stderr
    with Record.open(there) as record:
        assert [frame.key for frame in record.kept()] == kept_keys(list(verdicts()))
    sink = opened(there, resume=True)
    assert sink.complete
    sink.close()


def test_a_reader_waits_its_turn_while_a_run_writes_on_a_share(share: Share) -> None:
    ended = share.run(
        ALL,
        "from streamsel.record.reader import Record\n"
        "sink = opened(kept); sink.apply(turn(made[:30]))\n"
        "with Record.open(kept) as record: print(len(list(record.decisions())))\n"
        "sink.apply(turn(made[30:40]))\n"
        "with Record.open(kept) as record: print(len(list(record.decisions())))\n"
        "sink.close()",
    )
    assert ended.stdout.split() == ["30", "40"], ended.stderr


def test_two_processes_do_not_write_where_there_are_no_locks(share: Share) -> None:
    program = "sink = opened(kept)\ntry: opened(kept, resume=True)\nfinally: {}"
    twice = share.run("lock", program.format("sink.close()"))
    assert "FolderLockedError" in twice.stderr
    assert "process" in twice.stderr
    there = share.place / "kept"
    assert not (there / LOCK_FILE).exists()
    killed = "sink = opened(kept); import os; os.kill(os.getpid(), 9)"
    assert share.run("lock", killed + "\n").returncode == -9
    left = (there / LOCK_FILE).read_text()
    assert left.startswith(f"{socket.gethostname()} ")
    again = share.run("lock", "opened(kept, overwrite=True).close()")
    assert again.returncode == 0, again.stderr
    assert not (there / LOCK_FILE).exists()
    (there / LOCK_FILE).write_text("elsewhere 17 4711\n")
    for lacks in ("lock", ""):
        refused = share.run(lacks, "opened(kept, overwrite=True)")
        assert f"process 17 on elsewhere (remove {there / LOCK_FILE} if" in refused.stderr


def test_a_share_that_refuses_every_lock_is_named(share: Share) -> None:
    refused = share.run("lock,record-lock", BEGIN, number=errno.ENOLCK)
    assert "SinkError" in refused.stderr
    assert f"{share.place / 'kept'}: the file system refuses every lock (No locks" in refused.stderr
    assert "nolock" in refused.stderr
    assert list((share.place / "kept").iterdir()) == []


def test_an_outbox_works_on_a_share(share: Share) -> None:
    ended = share.run(
        ALL,
        "from streamsel.clock import SystemClock\n"
        "from streamsel.wakeup import Wakeup\n"
        "from streamsel.sinks.mqtt.counts import DeliveryCounter\n"
        "from streamsel.sinks.mqtt.payloads import Message\n"
        "from streamsel.sinks.mqtt.options import MqttOptions\n"
        "from streamsel.sinks.mqtt.outbox import Outbox\n"
        "from streamsel.sinks.mqtt.outgoing import Outgoing\n"
        "counter, clock = DeliveryCounter(), SystemClock()\n"
        "options = MqttOptions(host='localhost', durability='batched')\n"
        "outbox = Outbox(kept, options, counter, Wakeup(), clock)\n"
        "outgoing = Outgoing(kept, counter, clock)\n"
        "outbox.put([Message('k', 'i', 't', 'text/plain', b'x' * 9000)]); outbox.sync()\n"
        "letter = outgoing.next(0); outgoing.settle([letter])\n"
        "print(letter.message.id, outgoing.next(0), counter.counts().pending)\n"
        "outgoing.close(); outbox.close()",
    )
    assert ended.stdout.split() == ["i", "None", "0"], ended.stderr
