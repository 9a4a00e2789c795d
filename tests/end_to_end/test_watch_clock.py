"""A service on a machine that wakes in 1970: nothing goes there, and days are put right later."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from streamsel.clock import SystemClock
from tests.conftest import leave_out
from tests.end_to_end.service import Service
from tests.polling import eventually
from tests.servers.clips import camera_clip

# The folder between is named after the processor.
LIBFAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


@pytest.fixture(scope="module")
def clip(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return camera_clip(ffmpeg, path, seconds=4, size=(320, 180))


def claimed(service: Service) -> set[str]:
    """The pictures of the frames that are kept, by the record."""
    place = service.folder / "kept"
    with closing(sqlite3.connect(f"file:{place / 'streamsel.db'}?mode=ro", uri=True)) as record:
        return {path for (path,) in record.execute("SELECT path FROM kept WHERE live")}


def days(service: Service) -> set[str]:
    return {path.split("/")[2] for path in claimed(service)}


def test_pictures_of_a_machine_that_wakes_in_1970_get_their_day_when_its_clock_is_set(
    tmp_path: Path, clip: Path
) -> None:
    if LIBFAKETIME is None:
        leave_out("libfaketime is not installed (apt-get install libfaketime)")
    stamp = tmp_path / "offset"
    now = int(SystemClock().wall())
    stamp.write_text(f"-{now - 10}s")
    environment = {
        "LD_PRELOAD": str(LIBFAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(stamp),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    config = {
        "defaults": {"count": 20, "near_duplicate": 0.02},
        "feeds": {"gate": {"source": f"file:{clip}?pace=0"}},
        "sinks": {"disk": {"path": "kept"}},
    }
    with Service(tmp_path, config, environment) as service:
        eventually(lambda: service.state("gate") == "ended", within=20, what="all is judged")
        assert "clock is not set: time continues from 2025-01-01 00:00" in service.said()
        assert days(service) == {"2025-01-01"}
        stamp.write_text("+0s")
        eventually(
            lambda: "2025-01-01" not in days(service) and len(days(service)) > 0,
            within=30,
            what="the days are put right",
        )
        eventually(
            lambda: "pictures are corrected" in service.said(), within=10, what="that is said"
        )
        today = datetime.fromtimestamp(now, UTC)
        for day in days(service):
            away = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC) - today
            assert abs(away.total_seconds()) < 2 * 86_400
        assert service.stop() == 0
        lines = (tmp_path / "kept" / "manifest.jsonl").read_text().splitlines()
        assert {line["path"] for line in map(json.loads, lines)} == claimed(service)
        assert claimed(service) <= service.kept_files()
        assert len(lines) == 20
        with Service(tmp_path, config) as again:
            eventually(lambda: again.state("gate") == "ended", within=20, what="it goes on")
            assert "lost" not in again.said()
            assert not any("/2025-" in path for path in again.kept_files())
