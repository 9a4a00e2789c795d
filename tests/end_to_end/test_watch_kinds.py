"""Kinds of feeds beside cameras, and a camera that lets nobody in, in one service."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from streamsel.sources.file import FileSource
from tests.end_to_end.service import Service
from tests.polling import eventually
from tests.servers.clips import camera_clip
from tests.servers.rtsp import Mount, RtspServer
from tests.servers.web import Stream, WebServer

FILES = ("fast", "slow")
USER = ("viewer", "canary-right")


@pytest.fixture(scope="module")
def clip(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return camera_clip(ffmpeg, path, seconds=8, size=(320, 180))


def verdicts(folder: Path, feed: str) -> list[int]:
    """The indices that a feed has verdicts of."""
    found = "SELECT idx FROM frames JOIN feeds ON feeds.id = feed WHERE name = ? ORDER BY 1"
    with sqlite3.connect(f"file:{folder / 'kept' / 'streamsel.db'}?mode=ro", uri=True) as database:
        rows = database.execute(found, (feed,)).fetchall()
    database.close()
    return [number for (number,) in rows]


def test_files_pictures_and_a_password_that_is_mended(tmp_path: Path, clip: Path) -> None:
    greys = count(20, 5)

    def still() -> Iterator[bytes]:
        content = io.BytesIO()
        Image.radial_gradient("L").rotate(next(greys) * 7 % 360).save(content, "jpeg")
        yield content.getvalue()

    streams = {"/still.jpg": Stream("image/jpeg", still)}
    with (
        WebServer(tmp_path, streams) as web,
        RtspServer(tmp_path, {"/main": Mount([clip])}, user=USER) as camera,
    ):
        feeds: dict[str, Any] = {
            "fast": {"source": f"file:{clip}?pace=0"},
            "slow": {"source": f"file:{clip}?pace=2"},
            "roof": {"source": f"snapshot+{web.url('/still.jpg')}", "interval": "200ms"},
            "gate": {"source": camera.url("/main", password="canary-wrong")},
        }
        config = {
            "defaults": {"count": 20, "near_duplicate": 0.02},
            "feeds": feeds,
            "sinks": {"disk": {"path": "kept", "history": 10_000}},
        }
        with Service(tmp_path, config) as service:
            service.until_up("roof")
            eventually(
                lambda: [service.state(feed) for feed in FILES] == ["ended", "ended"],
                within=30,
                what="both files end",
            )
            told = service.feeds()["fast"]
            assert told["reason"] == "read to its end"
            for feed in FILES:
                assert service.metric("streamsel_frames_dropped_total", feed=feed) == 0
            expected = [frame.key.index for frame in FileSource("fast", str(clip)).frames()]
            eventually(
                lambda: [verdicts(tmp_path, feed) for feed in FILES] == [expected, expected],
                within=10,
                what="every frame has a verdict",
            )
            service.until_frames("roof", 3)
            eventually(
                lambda: "once in 5 minutes" in service.feeds()["gate"]["reason"],
                within=20,
                what="three refusals are said",
            )
            feeds["gate"]["source"] = camera.url("/main")
            service.configure(config)
            service.reload()
            service.until_up("gate")
            assert "canary" not in service.said() + json.dumps(service.feeds())
            assert service.stop() == 0
