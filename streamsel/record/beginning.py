"""Creates the record of a run, atomically."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from streamsel.record.database import create
from streamsel.record.files import disk_errors, sync_path
from streamsel.record.migrations import RECORD
from streamsel.record.opening import DATABASE
from streamsel.record.values import RunPlan

UNBORN_DATABASE = f".{DATABASE}.part"


def begin(folder: Path, plan: RunPlan, started: float) -> None:
    """Create a record in a folder without one; after a crash it is complete or absent.

    ``started`` is UTC epoch seconds. Raises :class:`DiskFullError` or :class:`SinkError`.
    """
    unborn = folder / UNBORN_DATABASE
    with disk_errors(folder / DATABASE):
        try:
            _lay_out(unborn, plan, started)
            os.replace(unborn, folder / DATABASE)
        except BaseException:
            remove_unborn(folder)
            raise
        sync_path(folder)


def remove_unborn(folder: Path) -> None:
    """Delete the files of a record that a crash left incomplete."""
    for name in unborn_names():
        (folder / name).unlink(missing_ok=True)


def unborn_names() -> set[str]:
    """Return the names in a run's folder that hold nothing yet."""
    return {UNBORN_DATABASE, f"{UNBORN_DATABASE}-journal"}


def _lay_out(path: Path, plan: RunPlan, started: float) -> None:
    path.unlink(missing_ok=True)
    with contextlib.closing(create(path)) as database:
        RECORD.create(database)
        database.execute(
            "INSERT INTO runs (version, config, identity, embedder, embedder_digest, method, "
            "count, seed, status, started) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'running', ?)",
            (
                plan.version,
                json.dumps(plan.config),
                json.dumps(plan.identity),
                plan.embedder,
                plan.embedder_digest,
                plan.method,
                plan.count,
                plan.seed,
                started,
            ),
        )
        database.executemany(
            "INSERT INTO feeds (name, source, display_name) VALUES (?, ?, ?)",
            [(feed.name, feed.source, feed.display_name) for feed in plan.feeds],
        )
        database.execute("COMMIT")
