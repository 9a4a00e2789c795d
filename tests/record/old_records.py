"""Folders with records of earlier schemas, as the versions of streamsel that had them wrote them.

``tests/record/stored/`` was written once, by those versions, from the frames of
:mod:`tests.sinks.streams` and :mod:`tests.sinks.live_streams`; ``tests/golden/stored/`` has the
folders of schema 3. Never change them: they must open. A new schema adds the folder of the one
before.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

_STORED = Path(__file__).parent / "stored"
_GOLDEN = Path(__file__).parents[1] / "golden" / "stored"

FOLDERS = {
    "run-1": (_STORED / "run-1", 1),
    "run-2": (_STORED / "run-2", 2),
    "killed-service-2": (_STORED / "killed-service-2", 2),
    "run-3": (_GOLDEN / "interrupted", 3),
    "service-3": (_GOLDEN / "service", 3),
}
"""By name: the folder, and the schema of its record.

``killed-service-2`` was killed: its newest transactions are in SQLite's log alone, and it holds the
picture of an evicted frame. ``run-2`` holds an unreadable record that was set aside, with pictures.
"""


def copied(name: str, folder: Path) -> Path:
    """A copy of an old folder."""
    return Path(shutil.copytree(FOLDERS[name][0], folder / name))


def version(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "streamsel.db")) as database:
        return int(database.execute("PRAGMA user_version").fetchone()[0])


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder; not the index of SQLite's log, which is made anew by each opening."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith("-shm")
    }
