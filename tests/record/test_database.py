"""Records of earlier versions of the schema, and what claims to be one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from streamsel.errors import RecordError
from streamsel.export.formats import open_format
from streamsel.export.run import export_run, whole_file
from streamsel.record.reader import Record
from streamsel.record.tables import SCHEMA_VERSION
from streamsel.report.inspection import inspect_frame
from streamsel.report.overview import overview
from tests.sinks.streams import opened, supply, verdicts

SCHEMA_2 = Path(__file__).with_name("schema_2.sql")
ADDED_BY_2 = {
    "feeds": ("reserved", "last_media", "last_wall", "status"),
    "kept": ("scope", "pinned", "gone"),
}


def make_old(folder, version):
    """Put the rows of a record into what an earlier version would have made for them."""
    new, old = folder / "streamsel.db", folder / "old.db"
    with closing(sqlite3.connect(old, isolation_level=None)) as database:
        database.executescript(SCHEMA_2.read_text())
        if version == 1:
            make_first(database)
        database.execute("ATTACH ? AS new", (str(new),))
        for (table,) in tables(database):
            columns = ", ".join(columns_of(database, table))
            database.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM new.{table}")
    old.replace(new)


def make_first(database):
    """Version 1 had no indexes, and knew whole files alone."""
    indexes = database.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql > ''")
    for (name,) in indexes.fetchall():
        database.execute(f"DROP INDEX {name}")
    for table, columns in ADDED_BY_2.items():
        for column in columns:
            database.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    database.execute("DROP TABLE selections")
    database.execute("PRAGMA user_version = 1")


def tables(database):
    return database.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall()


def columns_of(database, table):
    return [row[1] for row in database.execute(f"PRAGMA main.table_info({table})")]


def change(folder, statement):
    with closing(sqlite3.connect(folder / "streamsel.db")) as database:
        database.execute(statement)
        database.commit()


def version(folder):
    with closing(sqlite3.connect(folder / "streamsel.db")) as database:
        return database.execute("PRAGMA user_version").fetchone()[0]


def layout(folder):
    """The columns of all tables, in order, and the indexes."""
    names = "SELECT type, name FROM sqlite_master ORDER BY 1, 2"
    with closing(sqlite3.connect(folder / "streamsel.db")) as database:
        return {
            name: [tuple(row[1:4]) for row in database.execute(f"PRAGMA {kind}_xinfo({name})")]
            for kind, name in database.execute(names)
        }


@pytest.fixture(params=[1, 2])
def old(tmp_path, request):
    """A selection that was interrupted half way, by an earlier version."""
    sink = opened(tmp_path / "old")
    sink.write(list(verdicts())[:70])
    sink.close(complete=False)
    make_old(tmp_path / "old", request.param)
    assert version(tmp_path / "old") == request.param
    return tmp_path / "old"


def test_an_old_record_is_read_as_it_is(old, tmp_path):
    was = (old / "streamsel.db").read_bytes()
    with Record.open(old) as record:
        assert [feed.status for feed in record.feeds()] == [None, None]
        assert len(list(record.decisions())) == 70
        assert record.selections() == {}
        first = next(record.kept())
    assert overview(old).kept > 0
    assert inspect_frame(old, str(first.key)).kept
    with whole_file(tmp_path / "frames.jsonl", overwrite=False) as out:
        assert export_run(old, open_format("jsonl"), out, what="kept", embeddings=True) > 0
    assert (old / "streamsel.db").read_bytes() == was


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


def test_a_new_record_that_claims_to_be_old_is_read_and_continued(tmp_path):
    opened(tmp_path).close(complete=False)
    was = layout(tmp_path)
    change(tmp_path, "PRAGMA user_version = 1")
    with Record.open(tmp_path) as record:
        assert record.selections() == {}
    opened(tmp_path, resume=True).close(complete=False)
    assert version(tmp_path) == SCHEMA_VERSION
    assert layout(tmp_path) == was


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("ALTER TABLE feeds DROP COLUMN error", "schema 1, but its table 'feeds' has no .*'error'"),
        ("DROP TABLE statistics", "schema 1, but its table 'statistics' has no column 'name'"),
        ("PRAGMA user_version = 2", "schema 2, but its table 'feeds' has no column 'last_media'"),
        ("PRAGMA user_version = 0", "claims schema 0, which no streamsel wrote"),
        ("PRAGMA user_version = -1", "claims schema -1, which no streamsel wrote"),
    ],
)
def test_tables_that_are_not_what_they_claim_are_refused_with_the_reason(tmp_path, statement, said):
    opened(tmp_path).close(complete=False)
    make_old(tmp_path, 1)
    change(tmp_path, statement)
    was = layout(tmp_path)
    with pytest.raises(
        RecordError, match=rf"streamsel\.db: .*{said}.*another program.*--overwrite"
    ):
        Record.open(tmp_path)
    with pytest.raises(RecordError, match=said):
        opened(tmp_path, resume=True)
    assert layout(tmp_path) == was


def test_a_record_of_a_version_to_come_is_refused(old):
    change(old, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(RecordError, match="upgrade streamsel"):
        Record.open(old)
    with pytest.raises(RecordError, match="upgrade streamsel"):
        opened(old, resume=True)
    assert version(old) == SCHEMA_VERSION + 1
