"""Records of the first version of the schema, which knew whole files alone."""

from __future__ import annotations

import sqlite3

import pytest

from streamsel.errors import RecordError
from streamsel.report.inspection import inspect_frame
from streamsel.report.overview import overview
from streamsel.sinks.record import Record
from streamsel.sinks.schema import SCHEMA_VERSION
from tests.sinks.streams import opened, supply, verdicts

NEW_COLUMNS = {
    "feeds": ("reserved", "last_media", "last_wall", "status"),
    "kept": ("scope", "pinned", "gone"),
}


def make_old(folder):
    """Turn a record into what version 1 would have written."""
    database = sqlite3.connect(folder / "streamsel.db")
    indexes = database.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql > ''")
    for (name,) in indexes.fetchall():
        database.execute(f"DROP INDEX {name}")
    for table, columns in NEW_COLUMNS.items():
        for column in columns:
            database.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    database.execute("DROP TABLE selections")
    database.execute("PRAGMA user_version = 1")
    database.commit()
    database.close()


def version(folder):
    database = sqlite3.connect(folder / "streamsel.db")
    found = database.execute("PRAGMA user_version").fetchone()[0]
    database.close()
    return found


def layout(folder):
    """The columns of all tables, and the indexes."""
    database = sqlite3.connect(folder / "streamsel.db")
    names = "SELECT type, name FROM sqlite_master ORDER BY 1, 2"
    found = {
        name: {tuple(row[1:4]) for row in database.execute(f"PRAGMA {kind}_xinfo({name})")}
        for kind, name in database.execute(names)
    }
    database.close()
    return found


@pytest.fixture
def old(tmp_path):
    """A selection that was interrupted half way, by version 1."""
    sink = opened(tmp_path / "old")
    sink.write(list(verdicts())[:70])
    sink.close(complete=False)
    make_old(tmp_path / "old")
    return tmp_path / "old"


def test_an_old_record_is_read_as_it_is(old):
    with Record.open(old) as record:
        assert [feed.status for feed in record.feeds()] == [None, None]
        assert len(list(record.decisions())) == 70
        assert record.selections() == {}
        first = next(record.kept())
    assert overview(old).kept > 0
    assert inspect_frame(old, str(first.key)).kept
    assert version(old) == 1


def test_an_old_run_is_resumed_to_the_result_of_a_new_one(old, tmp_path):
    new = opened(tmp_path / "new")
    again = opened(old, resume=True)
    for sink in (new, again):
        sink.write(list(verdicts()))
        supply(sink)
        sink.close(complete=True)
    assert version(old) == version(tmp_path / "new") == SCHEMA_VERSION
    assert layout(old) == layout(tmp_path / "new")
    manifests = [(folder / "manifest.jsonl").read_text() for folder in (old, tmp_path / "new")]
    assert manifests[0] == manifests[1]
    with Record.open(old) as record, Record.open(tmp_path / "new") as reference:
        assert list(record.decisions()) == list(reference.decisions())
        assert list(record.changes()) == list(reference.changes())


def test_a_record_of_a_version_to_come_is_refused(old):
    database = sqlite3.connect(old / "streamsel.db")
    database.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    database.close()
    with pytest.raises(RecordError, match="upgrade streamsel"):
        Record.open(old)
    with pytest.raises(RecordError, match="upgrade streamsel"):
        opened(old, resume=True)
    assert version(old) == SCHEMA_VERSION + 1
