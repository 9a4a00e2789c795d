"""Records of earlier schemas, of later ones, and what claims to be one."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from streamsel.errors import RecordError
from streamsel.export.formats import open_format
from streamsel.export.run import export_run, whole_file
from streamsel.frame import FrameKey, Picture
from streamsel.record import schema
from streamsel.record.backup import back_up
from streamsel.record.migrations import RECORD
from streamsel.record.reader import Record
from streamsel.record.writer import RecordWriter
from streamsel.report.inspection import inspect_frame
from streamsel.report.overview import overview
from tests.record.old_records import FOLDERS, contents, copied, version
from tests.sinks import live_streams
from tests.sinks.streams import end, opened, supply, turn, verdicts

NONE = Picture(None)
OLD = [name for name, (_, number) in FOLDERS.items() if number < RECORD.version]


def change(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "streamsel.db")) as database:
        database.execute(statement)
        database.commit()


def layout(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """The columns of all tables, in order, and the indexes."""
    names = "SELECT type, name FROM sqlite_master ORDER BY 1, 2"
    with closing(sqlite3.connect(folder / "streamsel.db")) as database:
        return {
            name: [tuple(row[1:4]) for row in database.execute(f"PRAGMA {kind}_xinfo({name})")]
            for kind, name in database.execute(names)
        }


def rows(folder: Path) -> dict[str, list[dict[str, object]]]:
    """All rows of all tables, each as its columns by name."""
    with closing(sqlite3.connect(folder / "streamsel.db")) as database:
        database.row_factory = sqlite3.Row
        names = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: [dict(row) for row in database.execute(f"SELECT * FROM {name} ORDER BY 1, 2")]
            for (name,) in names
        }


def paths(record: Record) -> list[tuple[FrameKey, str]]:
    """The stored picture of each kept frame, which must have one."""
    found = []
    for one in record.kept():
        assert one.picture is not None
        found.append((one.key, one.picture.path))
    return found


def said(folder: Path) -> list[object]:
    """Everything that a record answers."""
    with Record.open(folder) as record:
        feeds = record.feeds()
        candidates = [
            (replace(seen.frame, picture=NONE), seen.digest, seen.sharpness, seen.refusal, vector)
            for seen, vector in (
                (one.prefiltered, None if one.embedding is None else one.embedding.tobytes())
                for one in record.candidates()
            )
        ]
        states = [record.prefilter_state(feed.name, 5) for feed in feeds]
        return [
            *(record.run(), feeds, candidates, [*record.decisions()], [*record.changes()]),
            *([*record.kept()], record.statistics(), record.selections(), record.gone()),
            [(state.rows_digest, state.still_since, state.passed, near) for state, near in states],
        ]


@pytest.mark.parametrize("name", FOLDERS)
def test_a_record_says_the_same_before_and_after_its_migration(name: str, tmp_path: Path) -> None:
    folder = copied(name, tmp_path)
    assert version(folder) == FOLDERS[name][1]
    before, held = said(folder), rows(folder)
    assert version(folder) == FOLDERS[name][1]
    RecordWriter.resume(folder, strict=True).close()
    assert said(folder) == before
    for table, was in held.items():
        now = [{column: row[column] for column in was[0]} for row in rows(folder)[table] if was]
        assert now == was
    opened(tmp_path / "new").close()
    assert version(folder) == version(tmp_path / "new") == RECORD.version
    assert layout(folder) == layout(tmp_path / "new")


@pytest.mark.parametrize("name", ["run-1", "run-2"])
def test_reading_an_old_record_changes_nothing(name: str, tmp_path: Path) -> None:
    folder = copied(name, tmp_path)
    was = contents(folder)
    with Record.open(folder) as record:
        assert [feed.status for feed in record.feeds()] == [None, None]
        assert len(list(record.decisions())) == 70
        assert record.selections() == {}
        first = next(record.kept())
    assert overview(folder).kept > 0
    assert inspect_frame(folder, str(first.key)).kept
    with whole_file(tmp_path / "frames.jsonl", overwrite=False) as out:
        assert export_run(folder, open_format("jsonl"), out, what="kept", embeddings=True) > 0
    assert contents(folder) == was


@pytest.mark.parametrize("name", ["run-1", "run-2"])
def test_an_old_run_is_resumed_to_the_result_of_a_new_one(name: str, tmp_path: Path) -> None:
    folder = copied(name, tmp_path)
    aside = {path: content for path, content in contents(folder).items() if "set-aside" in path}
    new = opened(tmp_path / "new")
    again = opened(folder, resume=True)
    for sink in (new, again):
        sink.apply(turn(list(verdicts())))
        supply(sink)
        end(sink)
    with Record.open(folder) as record, Record.open(tmp_path / "new") as reference:
        assert list(record.decisions()) == list(reference.decisions())
        assert list(record.changes()) == list(reference.changes())
        stored = paths(record)
        assert stored == paths(reference)
    assert all((folder / path).is_file() for _, path in stored)
    assert bool(aside) == (name == "run-2")
    assert contents(folder).items() >= aside.items()


def test_the_record_of_a_killed_service_is_continued_with_what_its_log_holds(
    tmp_path: Path,
) -> None:
    folder = copied("killed-service-2", tmp_path)
    assert (folder / "streamsel.db-wal").stat().st_size > 0
    kept = [live_streams.frame(index).key for index in (0, 9, 10, 11)]
    sink = live_streams.opened(folder)
    assert sink.lost() == []
    assert [one.frame.key for one in sink.kept_candidates("gate")] == kept
    assert sink.pinned("gate") == [kept[2]]
    assert (sink.selection("gate"), sink.next_index("gate")) == (b"later", 100_000)
    sink.apply(live_streams.keeping(100_000, 0))
    sink.close()
    with Record.open(folder) as record:
        assert [one.key.index for one in record.kept()] == [9, 10, 11, 100_000]
        claimed = {path for _, path in paths(record)}
    assert set(live_streams.files(folder)) == claimed


def test_a_new_record_that_claims_to_be_old_is_read_and_continued(tmp_path: Path) -> None:
    opened(tmp_path).close()
    was = layout(tmp_path)
    change(tmp_path, "PRAGMA user_version = 1")
    with Record.open(tmp_path) as record:
        assert record.selections() == {}
    opened(tmp_path, resume=True).close()
    assert version(tmp_path) == RECORD.version
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
def test_tables_that_are_not_what_they_claim_are_refused_with_the_reason(
    tmp_path: Path, statement: str, said: str
) -> None:
    folder = copied("run-1", tmp_path)
    change(folder, statement)
    was = layout(folder)
    with pytest.raises(
        RecordError, match=rf"streamsel\.db: .*{said}.*another program.*--overwrite"
    ):
        Record.open(folder)
    with pytest.raises(RecordError, match=said):
        opened(folder, resume=True)
    assert layout(folder) == was


@pytest.mark.parametrize("killed", [False, True], ids=["closed", "killed"])
def test_a_record_of_a_version_to_come_is_refused_and_not_touched(
    killed: bool, tmp_path: Path
) -> None:
    """Killed: the number of its version is in SQLite's log alone."""
    written, folder, newer = copied("run-1", tmp_path), tmp_path / "newer", RECORD.version + 1
    with closing(sqlite3.connect(written / "streamsel.db", isolation_level=None)) as database:
        database.execute(f"PRAGMA user_version = {newer}")
        if killed:
            shutil.copytree(written, folder)
    if not killed:
        shutil.copytree(written, folder)
    for name in (".reserve", ".streamsel.db.part"):  # a service's, and one that was killed
        (folder / name).touch()
    was = contents(folder)
    assert ("streamsel.db-wal" in was) == killed
    told = rf"streamsel\.db: .*newer.*schema {newer}, .*knows {RECORD.version}\).*Upgrade.*backup"
    for use in (
        lambda: Record.open(folder).close(),
        lambda: RecordWriter.resume(folder, strict=True).close(),
        lambda: opened(folder, resume=True).close(),
        lambda: live_streams.opened(folder).close(),
        lambda: back_up(folder, tmp_path / "backup"),
    ):
        with pytest.raises(RecordError, match=told):
            use()
    assert contents(folder) == was
    assert not (tmp_path / "backup").exists()
    assert version(folder) == newer


@pytest.mark.parametrize(
    ("largest", "level"), [(1 << 40, logging.INFO), (0, logging.WARNING)], ids=["small", "large"]
)
def test_a_migration_is_logged_and_that_of_a_large_record_is_a_warning(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    largest: int,
    level: int,
) -> None:
    monkeypatch.setattr(schema, "_LARGE_BYTES", largest)
    folder = copied("run-1", tmp_path)
    with caplog.at_level(logging.INFO, logger="streamsel"):
        for _ in range(2):
            RecordWriter.resume(folder, strict=True).close()
    told = [(one.levelno, one.getMessage()) for one in caplog.records if "migrat" in one.message]
    size = f"{(FOLDERS['run-1'][0] / 'streamsel.db').stat().st_size / 1e6:.1f} MB"
    rest = f"{size} from schema 1 to {RECORD.version}"
    place = folder / "streamsel.db"
    assert told == [(level, f"{place}: migrating {rest}"), (level, f"{place}: migrated {rest}")]
