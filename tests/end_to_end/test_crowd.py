"""Many cameras at once, on a machine and a disk that have enough to do."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.end_to_end.service import Service
from tests.polling import eventually
from tests.servers.clips import camera_clip
from tests.servers.crowd import crowd

FEEDS = 40


def test_forty_cameras_begin_and_end_on_a_disk_that_answers_slowly(
    ffmpeg: Path, tmp_path: Path
) -> None:
    clip = camera_clip(ffmpeg, tmp_path / "camera.mp4", seconds=10, size=(320, 180), rate=2)
    with crowd(clip) as address:
        config = {
            "defaults": {"count": 20},
            "feeds": {f"camera-{number}": {"source": address} for number in range(FEEDS)},
            "sinks": {"disk": {"path": "kept"}},
        }
        slow = (sys.executable, "-m", "tests.end_to_end.slow_disk_watch")
        with Service(tmp_path, config, program=slow) as service:
            eventually(
                lambda: service.metric("streamsel_feed_up") == FEEDS,
                within=60,
                what="all cameras are up",
            )
            service.until_frames("camera-39", 6)
            assert service.metric("streamsel_queue_depth", queue="disk") > 0, "the disk was slow"
            assert service.metric("streamsel_feed_up") == FEEDS
            assert service.metric("streamsel_feed_reconnects_total") == 0
            assert service.stop() == 0
        assert "ERROR" not in service.said()
        assert "WARNING" not in service.said()
