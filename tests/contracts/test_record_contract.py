"""What every reader and writer of a record does: what was written is read, and nothing newer."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest

from streamsel.errors import RecordError, SinkError
from streamsel.record.beginning import begin
from streamsel.record.gallery import Gallery
from streamsel.record.reader import Record
from streamsel.record.service_writer import LiveRecordWriter
from streamsel.record.writer import RecordWriter
from tests.contracts.implementations import classes, members
from tests.sinks import live_streams
from tests.sinks.live_streams import keeping
from tests.sinks.streams import plan

READERS: dict[str, Callable[[Path], AbstractContextManager[object]]] = {
    "Gallery": Gallery.open,
    "Record": Record.open,
}
WRITERS: dict[str, Callable[[Path], AbstractContextManager[object]]] = {
    "LiveRecordWriter": lambda folder: closing(LiveRecordWriter.resume(folder)),
    "RecordWriter": lambda folder: closing(RecordWriter.resume(folder, strict=False)),
}
OPENERS = READERS | WRITERS


@pytest.fixture(params=OPENERS)
def opening(
    request: pytest.FixtureRequest,
) -> Callable[[Path], AbstractContextManager[object]]:
    return OPENERS[request.param]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A record with a kept frame."""
    sink = live_streams.opened(tmp_path / "kept")
    sink.apply(keeping(1))
    sink.close()
    return tmp_path / "kept"


def with_method(name: str) -> Iterator[str]:
    """The classes of the record with a class method of a folder by this name."""
    for each in classes():
        given = members(each).get(name) or ()
        if given[:2] == ("cls", "folder") and each.__module__.startswith("streamsel.record."):
            yield each.__qualname__


def test_every_reader_and_writer_is_here() -> None:
    assert set(with_method("open")) == READERS.keys()
    assert set(with_method("resume")) == WRITERS.keys()


def test_reading_and_closing_changes_nothing(
    opening: Callable[[Path], AbstractContextManager[object]], folder: Path
) -> None:
    with Record.open(folder) as record:
        before = (list(record.decisions()), list(record.changes()), list(record.kept()))
    with opening(folder):
        pass
    with Record.open(folder) as record:
        assert (list(record.decisions()), list(record.changes()), list(record.kept())) == before
    assert not list(folder.glob("streamsel.db-*"))


def test_a_folder_without_a_record_is_refused_and_left_empty(
    opening: Callable[[Path], AbstractContextManager[object]], tmp_path: Path
) -> None:
    with pytest.raises((RecordError, SinkError)), opening(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", ["newer", "torn", "foreign"])
def test_what_cannot_be_understood_is_refused_by_name_and_left_alone(
    opening: Callable[[Path], AbstractContextManager[object]], folder: Path, damage: str
) -> None:
    place = folder / "streamsel.db"
    if damage == "newer":
        with closing(sqlite3.connect(place)) as database:
            database.execute("PRAGMA user_version = 99")
    elif damage == "torn":
        place.write_bytes(place.read_bytes()[:100] + b"\xa5" * 8_000)
    else:
        place.write_bytes(b"something else" * 999)
    before = place.read_bytes()
    with pytest.raises(RecordError, match=r"streamsel\.db"), opening(folder):
        pass
    assert place.read_bytes() == before


def test_a_reader_reads_beside_a_writer(tmp_path: Path) -> None:
    begin(tmp_path, plan(method="live"), 5.0)
    for write in WRITERS.values():
        with write(tmp_path):
            for read in READERS.values():
                with read(tmp_path):
                    pass
