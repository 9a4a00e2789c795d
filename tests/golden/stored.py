"""What lies on disk and is read again, as an earlier commit wrote it: made here, opened by a test.

    python -m tests.golden --store          # writes tests/golden/stored/ anew

Do so only where nothing can read what is there any more, and that is meant; where a format is
new, what was written in the old one stays beside it, and the test opens both. ``PLACE`` stands for
the folder of the clips, so that no record names a folder of the machine that wrote it.

The third and last module that names parts of the package; see :mod:`tests.golden.live`.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from streamsel.config.options import RunOptions, SelectOptions, WriteOptions
from streamsel.coreset.coreset import Coreset
from streamsel.coreset.snapshot import Snapshot
from streamsel.decisions import FeedReport, Verdict
from streamsel.frame import PrefilteredFrame
from streamsel.http.ended import EndedLogins
from streamsel.runtime.execute import execute
from streamsel.sinks.mqtt.payloads import Message
from streamsel.wiring.selection import build_selection
from tests.golden import feeds
from tests.golden.clips import draw
from tests.golden.live import DIM
from tests.golden.records import Row
from tests.golden.run import command, figures, recorded, write_vectors
from tests.sinks.mqtt.lines import message as a_message
from tests.sinks.mqtt.lines import open_outbox

FOLDER = Path(__file__).parent / "stored"
PLACE = "/streamsel-golden-clips"
OPTIONS = ("-n", "4", "--near-duplicate", "0.02", "--look-ahead", "4", "--format", "png")
_OPTIONS = RunOptions(
    select=SelectOptions(count=4, near_duplicate=0.02, look_ahead=4),
    write=WriteOptions(format="png"),
)
_INTERRUPTED_AFTER = 24
_OFFERED = 100
"""Vectors that the stored coreset was offered; as many as are left follow in the test."""
LOGINS = {"3f0c": 4_000_000_000, "99ab": 4_000_000_001}


def store() -> None:
    """Write everything anew."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    with TemporaryDirectory() as name:
        clips = Path(name, "clips")
        clips.mkdir()
        draw("small", clips)
        _interrupted(clips)
        _complete(clips)
        (FOLDER / "clips").mkdir()
        shutil.copy(clips / "small.mkv", FOLDER / "clips")
    feeds.replay(FOLDER / "service", "before")
    (FOLDER / "service" / ".reserve").unlink()  # held against a full disk: no content
    (FOLDER / "coreset.npz").write_bytes(_coreset().snapshot().to_bytes())
    _outbox(FOLDER / "outbox")
    (FOLDER / "logins").mkdir()
    logins = EndedLogins(FOLDER / "logins", _Stopped())
    for login, until in LOGINS.items():
        asyncio.run(logins.add(login, until))
    for database in FOLDER.rglob("*.db"):
        with closing(sqlite3.connect(database, isolation_level=None)) as opened:
            opened.execute("VACUUM")


class _Stopped:
    """A clock that stands."""

    def wall(self) -> float:
        return 1.8e9

    def monotonic(self) -> float:
        return 0.0


class _StopError(Exception):
    """Ends a run in the middle of its frames, as a defect would."""


class _Stopping:
    """Ends a run once so many frames were judged, however many have been read."""

    def __init__(self, frames: int) -> None:
        self._left = frames

    def judged(self, verdicts: Sequence[Verdict]) -> None:
        self._left -= len(verdicts)
        if self._left <= 0:
            raise _StopError

    def seen(self, prefiltered_frames: Sequence[PrefilteredFrame]) -> None:
        """Not of interest."""

    def feed_opened(self, feed: str, expected_frames: int | None, done_frames: int) -> None:
        """Not of interest."""

    def feed_ended(self, report: FeedReport) -> None:
        """Not of interest."""


def _interrupted(clips: Path) -> None:
    """A run that was stopped in the middle."""
    folder = FOLDER / "interrupted"
    stopping = _Stopping(_INTERRUPTED_AFTER)
    clip = str(clips / "small.mkv")
    run = build_selection([clip], _OPTIONS, folder, observers=[stopping], batch=4)
    with suppress(_StopError):
        execute(run.pipeline, [run.sink])
    replace_text(folder, str(clips), PLACE)


def _complete(clips: Path) -> None:
    """A run over two inputs that came to its end, and its vectors as a table."""
    folder = FOLDER / "complete"
    command("select", clips / "small.mkv", draw("single", clips), "-o", folder, *OPTIONS)
    replace_text(folder, str(clips), PLACE)
    write_vectors(folder, FOLDER / "vectors.parquet")


def said() -> tuple[str, dict[str, list[Row]]]:
    """What the commands say of the stored folders, and what comes after the stored coreset."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        records = {
            f"{one}, {what}": [*rows]
            for one in ("interrupted", "complete", "service")
            for what, rows in _said_of(shutil.copytree(FOLDER / one, folder / one))
        }
    return "stored", {**records, "coreset": [*coreset_rows((FOLDER / "coreset.npz").read_bytes())]}


def _said_of(folder: Path) -> Iterator[tuple[str, Iterator[Row]]]:
    yield "recorded", recorded(folder)
    seen = json.loads(command("inspect", folder, "--json"))
    del seen["folder"]
    yield "inspected", figures(seen)
    out = folder.with_suffix(".jsonl")
    command("export", folder, "-o", out, "--no-embeddings")
    yield "exported", figures([json.loads(line) for line in out.read_text().splitlines()[:3]])


def replace_text(folder: Path, was: str, now: str) -> None:
    """Let a record, and its manifest, name another place for its inputs."""
    with closing(sqlite3.connect(folder / "streamsel.db")) as database, database:
        for table, column in (
            *(("runs", "identity"), ("runs", "config"), ("feeds", "source")),
            ("statistics", "value"),
        ):
            database.execute(f"UPDATE {table} SET {column} = replace({column}, ?, ?)", (was, now))
    manifest = folder / "manifest.jsonl"
    if manifest.exists():
        manifest.write_text(manifest.read_text().replace(was, now))


def opened(name: str, folder: Path) -> Path:
    """A copy of a stored folder, with the clips that its record names beside it."""
    copy = folder / name
    shutil.copytree(FOLDER / name, copy)
    if (copy / "streamsel.db").exists():
        clips = folder / "clips"
        shutil.copytree(FOLDER / "clips", clips, dirs_exist_ok=True)
        replace_text(copy, PLACE, str(clips.resolve()))
    return copy


def _coreset() -> Coreset[str]:
    coreset = Coreset[str](9, DIM, floor=0.05)
    for number, vector in enumerate(feeds.feeds()[0].vectors[:_OFFERED]):
        coreset.offer(f"frame {number}", vector)
    coreset.pin(coreset.keys[1])
    return coreset


def coreset_rows(stored: bytes | None = None) -> Iterator[Row]:
    """What a coreset answers to the frames after those it was stored with; None: a fresh one."""
    coreset = (
        _coreset() if stored is None else Coreset.restore(Snapshot[str].from_bytes(stored, str))
    )
    vectors = feeds.feeds()[0].vectors
    for number, vector in islice(enumerate(vectors), _OFFERED, None):
        decision = coreset.offer(f"frame {number}", vector)
        yield {
            "kind": "verdict",
            "frame": decision.key,
            "outcome": decision.outcome,
            "reason": decision.reason,
            "distance": decision.distance,
            "nearest": decision.nearest,
            "threshold": decision.threshold,
        }
    yield {"kind": "figure", "name": "keys", "value": ", ".join(coreset.keys)}
    yield {"kind": "figure", "name": "pinned", "value": ", ".join(coreset.pinned)}
    yield {"kind": "figure", "name": "coverage_bound", "value": coreset.coverage_bound}


WAITING = (1, 2, 5)
REFUSED = ((3, "not-authorized"), (4, "too-large"))
ANNOUNCED = {"gate", "yard"}


def message(number: int) -> Message:
    """A message; of an even number with a payload that lies in a file of its own."""
    return a_message(number, 6_000 if number % 2 == 0 else 300)


def _outbox(folder: Path) -> None:
    """Five messages, of which two were refused."""
    line = open_outbox(folder)
    line.outbox.put([message(number) for number in range(1, 6)])
    for number, reason in REFUSED:
        found = line.outgoing.next(number - 1)
        assert found is not None
        line.outgoing.refuse(found, reason)
    for feed in sorted(ANNOUNCED):
        line.outgoing.announce(feed)
    line.close()


def outbox_quarantine(folder: Path) -> list[tuple[str, str, bytes]]:
    """Reason, key and payload of what an outbox has set aside, as its tables say."""
    with closing(sqlite3.connect(folder / "outbox.db")) as database:
        rows = database.execute("SELECT reason, key, file, payload FROM quarantine ORDER BY number")
        return [
            (reason, key, payload if file is None else (folder / "quarantine" / file).read_bytes())
            for reason, key, file, payload in rows
        ]


def ended_logins() -> EndedLogins:
    """The logins that a folder remembers as ended."""
    found = EndedLogins(FOLDER / "logins", _Stopped())
    found.load()
    return found
