"""What a service says of what it kept, from the first second after a restart."""

from __future__ import annotations

import json
from pathlib import Path

from tests.end_to_end.service import Service, free_port
from tests.polling import eventually
from tests.servers.clips import camera_clip


def test_with_all_cameras_away_what_is_kept_is_told_at_once(tmp_path: Path, ffmpeg: Path) -> None:
    clip = camera_clip(ffmpeg, tmp_path / "camera.mp4", size=(160, 90))

    def config(source: str) -> dict[str, object]:
        return {
            "defaults": {"count": 12, "near_duplicate": 0.02},
            "feeds": {"gate": {"source": source}},
            "sinks": {"disk": {"path": "kept"}},
        }

    service = Service(tmp_path, config(f"file:{clip}?pace=0"))
    with service:
        eventually(lambda: service.state("gate") == "ended", within=60, what="the clip ends")
        kept = service.feeds()["gate"]["kept"]
        assert service.stop() == 0
    assert kept > 1

    service.configure(config(f"rtsp://127.0.0.1:{free_port()}/away"))
    with service:
        eventually(
            lambda: service.feeds().get("gate", {}).get("kept"), within=20, what="it is reported"
        )
        gate = service.feeds()["gate"]
        assert (gate["kept"], gate["last_frame"]) == (kept, None)
        frames = json.load(service.get("/api/frames"))["frames"]
        assert len(frames) == kept
        assert service.metric("streamsel_coreset_size", scope="gate") == kept
        assert service.metric("streamsel_coreset_capacity", scope="gate") == 12
        history = json.load(service.get("/api/history"))["scopes"]
        assert history["gate"]["kept"][0] == kept
