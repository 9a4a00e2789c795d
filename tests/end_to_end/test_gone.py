"""What is kept of cameras that are gone: listed while the service runs, and removed through it."""

from __future__ import annotations

import json
import urllib.error
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.conftest import manifest, streamsel
from tests.end_to_end.service import Service
from tests.polling import eventually
from tests.servers.broker import Broker
from tests.servers.clips import camera_clip
from tests.sinks.mqtt.subscriber import Got, Subscriber


def is_removal(got: Got) -> bool:
    return bool(got.json["type"] == "evicted" and got.json["reason"] == "removed")


def test_a_group_that_a_reload_removed_is_listed_and_removed(tmp_path: Path, ffmpeg: Path) -> None:
    clip = camera_clip(ffmpeg, tmp_path / "camera.mp4", size=(160, 90))
    source = f"file:{clip}?pace=0"
    lot = {"source": source, "group": "lot"}

    def config(broker: Broker, **feeds: Any) -> dict[str, Any]:
        return {
            "defaults": {"count": 12, "near_duplicate": 0.02},
            "feeds": feeds,
            "sinks": {
                "disk": {"path": "kept"},
                "mqtt": {"host": "127.0.0.1", "port": broker.port},
            },
        }

    def gone(service: Service) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = json.load(service.get("/api/gone"))
        return listed

    def refusal(service: Service, scope: str) -> int:
        with pytest.raises(urllib.error.HTTPError) as refused:
            service.send("DELETE", f"/api/gone/{scope}")
        with refused.value as answer:
            return answer.code

    with (
        Broker(tmp_path / "broker") as broker,
        Subscriber(broker.port, "streamsel/events") as listener,
    ):
        service = Service(tmp_path, config(broker, gate={"source": source}, east=lot, west=lot))
        with service:
            for feed in ("gate", "east", "west"):
                eventually(partial(has_ended, service, feed), within=60, what="it ends")
            assert gone(service) == []
            assert refusal(service, "lot") == 409
            service.configure(config(broker, gate={"source": source}))
            service.reload()
            (listed,) = eventually(lambda: gone(service) or None, within=10, what="it is listed")
            frames = json.load(service.get("/api/frames?limit=500"))["frames"]
            old = {frame["path"]: frame for frame in frames if frame["feed"] != "gate"}
            new = {frame["path"] for frame in frames} - old.keys()
            assert old
            assert new
            assert listed == {
                "scope": "lot",
                "feeds": sorted({frame["feed"] for frame in old.values()}),
                "frames": len(old),
                "bytes": sum(frame["bytes"] for frame in old.values()),
            }
            said = streamsel("inspect", tmp_path / "kept").out
            assert f"lot is gone: {len(old)} frames of {', '.join(listed['feeds'])}" in said
            stopped_only = streamsel("forget", tmp_path / "kept", "--feed", "lot", "--yes")
            assert stopped_only.code == 75
            assert old.keys() <= service.kept_files()

            assert (refusal(service, "gate"), refusal(service, "hall")) == (409, 404)
            answer = json.load(service.send("DELETE", "/api/gone/lot"))
            assert answer == {"scope": "lot", "frames": len(old)}
            assert (gone(service), refusal(service, "lot")) == ([], 404)
            shown = json.load(service.get("/api/frames?limit=500"))["frames"]
            assert {frame["path"] for frame in shown} == new
            lying = service.kept_files()  # with what is set aside to be recalled
            assert new <= lying
            assert all(path.startswith("frames/gate/") for path in lying)
            listener.wait(lambda: sum(map(is_removal, listener.on("streamsel/events"))) == len(old))
            told = {got.json["path"] for got in listener.on("streamsel/events") if is_removal(got)}
            assert told == old.keys()
            exposed = service.get("/metrics").read().decode()
            assert not any(f'"{name}"' in exposed for name in ("lot", "east", "west"))
            assert service.stop() == 0
        assert {line["path"] for line in manifest(tmp_path / "kept")} == new

        service.configure(config(broker, gate={"source": source, "enabled": False}))
        with service:
            eventually(lambda: "gate" in service.feeds(), within=20, what="the feed is there")
            assert gone(service) == []
            assert service.kept_files() == new
            shown = json.load(service.get("/api/frames?limit=500"))["frames"]
            assert {frame["path"] for frame in shown} == new


def has_ended(service: Service, feed: str) -> bool:
    return service.state(feed) == "ended"
