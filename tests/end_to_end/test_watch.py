"""The live service on real cameras: what fails comes back, and nobody else notices."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamsel.clock import SystemClock
from tests.end_to_end.service import Service
from tests.polling import eventually
from tests.servers.clips import camera_clip
from tests.servers.proxy import FaultProxy
from tests.servers.rtsp import Mount, RtspServer

DECODED = "streamsel_frames_decoded_total"
RELOADED = "streamsel_config_last_reload_successful"
RELOADED_AT = "streamsel_config_last_reload_success_timestamp_seconds"


@pytest.fixture(scope="module")
def clip(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return camera_clip(ffmpeg, tmp_path_factory.mktemp("clip") / "camera.mp4", size=(320, 180))


@pytest.fixture
def camera(clip: Path, tmp_path: Path) -> Iterator[RtspServer]:
    with RtspServer(tmp_path, {"/main": Mount([clip])}) as server:
        yield server


@pytest.fixture(scope="module")
def steady(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    """A camera that never fails."""
    with RtspServer(tmp_path_factory.mktemp("steady"), {"/main": Mount([clip])}) as server:
        yield server


def config(**feeds: str | dict[str, Any]) -> dict[str, Any]:
    return {
        "defaults": {"count": 20, "near_duplicate": 0.02},
        "feeds": {
            name: feed if isinstance(feed, dict) else {"source": feed}
            for name, feed in feeds.items()
        },
        "sinks": {"disk": {"path": "kept"}},
    }


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(f"file:{folder / 'kept' / 'streamsel.db'}?mode=ro", uri=True) as database:
        found = database.execute(sql).fetchall()
    database.close()
    return found


@pytest.mark.deadline
def test_a_camera_that_dies_comes_back_and_the_others_never_notice(
    tmp_path: Path, camera: RtspServer, steady: RtspServer
) -> None:
    """Within 10 s its loss and its return are told; meanwhile the others lose at most a fifth."""
    feeds = config(gate=camera.url("/main"), yard=steady.url("/main"))
    with Service(tmp_path, feeds) as service:
        service.until_up("gate", "yard")
        camera.kill()
        eventually(lambda: service.state("gate") != "up", within=10, what="the loss is reported")
        before, began = service.metric(DECODED, feed="yard"), time.monotonic()
        eventually(lambda: service.state("gate") == "down", within=15, what="it is down")
        seen = service.metric(DECODED, feed="yard") - before
        assert seen >= 0.8 * 15 * (time.monotonic() - began - 1)
        assert service.metric("streamsel_feed_up", feed="gate") == 0
        assert service.metric("streamsel_feed_reconnects_total", feed="gate") > 1
        assert service.metric("streamsel_feed_interruptions_total", feed="gate") == 1
        camera.start()
        service.until_up("gate", within=10)
        service.until_frames("gate", 15)
        assert service.metric("streamsel_feed_reconnects_total", feed="gate") >= 1
        assert service.metric("streamsel_feed_reconnects_total", feed="yard") == 0
        assert service.metric("streamsel_feed_latency_seconds_count", feed="gate") > 0
        assert service.stop() == 0
    back = re.findall(r"feed '(\w+)': back, after (\d+) s", service.said())
    assert [feed for feed, _ in back] == ["gate"]
    assert int(back[0][1]) >= 10


def test_resets_and_a_partition_are_overcome(tmp_path: Path, steady: RtspServer) -> None:
    with FaultProxy(steady.port) as proxy:
        address = f"rtsp://127.0.0.1:{proxy.port}/main"
        with Service(tmp_path, config(gate=address)) as service:
            service.until_up("gate")
            proxy.reset()
            eventually(
                lambda: service.metric("streamsel_feed_reconnects_total", feed="gate") >= 1,
                within=10,
                what="it is opened again",
            )
            service.until_up("gate", within=10)
            proxy.set_mode("stall")
            eventually(lambda: service.state("gate") == "down", within=15, what="it is down")
            last = service.feeds()["gate"]["last_frame"]
            eventually(
                lambda: SystemClock().wall() - last > 15, within=10, what="fifteen seconds pass"
            )
            assert service.feeds()["gate"]["last_frame"] == last
            proxy.set_mode("pass")
            service.until_up("gate", within=15)
            service.until_frames("gate", 15)


def test_a_frozen_camera_is_down_within_ten_seconds_and_nothing_waits_for_it(
    tmp_path: Path, camera: RtspServer, steady: RtspServer
) -> None:
    feeds = config(gate=camera.url("/main"), yard=steady.url("/main"))
    with Service(tmp_path, feeds) as service:
        service.until_up("gate", "yard")
        camera.freeze()
        # Ten seconds without a picture, and at most half a second until somebody looks.
        eventually(lambda: service.state("gate") == "down", within=12, what="it is down")
        service.until_frames("yard", 15)
        assert service.stop(within=10) == 0
        camera.thaw()


def test_a_feed_that_never_connects_disturbs_nobody(tmp_path: Path, steady: RtspServer) -> None:
    nobody = "rtsp://127.0.0.1:9/main"
    with Service(tmp_path, config(gate=nobody, yard=steady.url("/main"))) as service:
        service.until_up("yard")
        eventually(lambda: "refused" in service.feeds()["gate"]["reason"], within=10, what="why")
        assert service.get("/readyz").status == 200
        assert service.stop() == 0


def test_after_kill_9_it_goes_on_with_what_it_kept(tmp_path: Path, steady: RtspServer) -> None:
    service = Service(tmp_path, config(gate=steady.url("/main")))
    ids: set[str] = set()
    with service:
        for _ in range(3):
            service.until_up("gate")
            service.until_frames("gate", 30)
            service.kill()
            kept = rows(tmp_path, "SELECT idx, path FROM kept WHERE live AND path IS NOT NULL")
            assert kept
            assert all((tmp_path / "kept" / path).is_file() for _, path in kept)
            service.start()
            eventually(
                lambda: len(json.load(service.get("/api/frames?limit=200"))["frames"]) > 0,
                within=10,
                what="the kept frames are shown",
            )
            shown = {f["id"] for f in json.load(service.get("/api/frames?limit=200"))["frames"]}
            assert shown >= {f"gate-{index:06d}" for index, _ in kept} - evicted(tmp_path)
            ids |= shown
        assert service.stop() == 0
    events = rows(tmp_path, "SELECT kind, idx FROM events ORDER BY id")
    live: set[int] = set()
    for kind, index in events:
        assert (index in live) == (kind == "evicted"), "a frame is kept twice, or never was"
        live ^= {index}
    assert live == {index for (index,) in rows(tmp_path, "SELECT idx FROM kept WHERE live")}
    assert len(live) <= 20


def evicted(folder: Path) -> set[str]:
    return {
        f"gate-{index:06d}"
        for (index,) in rows(folder, "SELECT idx FROM events WHERE kind = 'evicted'")
    }


def test_feeds_are_added_changed_and_removed_without_a_restart(
    tmp_path: Path, camera: RtspServer, steady: RtspServer
) -> None:
    with Service(tmp_path, config(gate=camera.url("/main"))) as service:
        service.until_up("gate")
        sessions = service.feeds()["gate"]["sessions"]
        service.configure(config(gate=camera.url("/main"), yard=steady.url("/main")))
        service.reload()
        service.until_up("yard")
        resized = {"source": camera.url("/main"), "count": 5}
        service.configure(config(gate=resized, yard=steady.url("/main")))
        service.reload()
        eventually(lambda: service.feeds()["gate"]["count"] == 5, within=10, what="resized")
        eventually(lambda: service.feeds()["gate"]["kept"] <= 5, within=10, what="evicted")
        service.configure({"feeds": {"gate": {"source": camera.url("/main"), "counts": 5}}})
        service.reload()
        eventually(lambda: "counts" in service.said(), within=10, what="the mistake is logged")
        taken = service.metric(RELOADED_AT)
        assert taken > 0
        broken = {"source": steady.url("/main"), "vf": "nosuchfilter=1"}
        service.configure(config(gate=camera.url("/main"), yard=broken))
        service.reload()
        eventually(lambda: "nosuchfilter" in service.said(), within=10, what="this one too")
        assert set(service.feeds()) == {"gate", "yard"}
        assert service.feeds()["gate"]["sessions"] == sessions
        eventually(lambda: service.metric(RELOADED) == 0, within=10, what="not taken")
        assert service.metric(RELOADED_AT) == taken
        service.configure(config(yard=steady.url("/main")))
        service.reload()
        eventually(lambda: set(service.feeds()) == {"yard"}, within=10, what="gate is gone")
        assert service.state("yard") == "up"
        eventually(lambda: service.metric(RELOADED) == 1, within=10, what="taken")
        assert service.metric(RELOADED_AT) > taken
        assert service.stop() == 0


def test_two_cameras_on_one_scene_keep_one_set(tmp_path: Path, steady: RtspServer) -> None:
    member = {"source": steady.url("/main"), "group": "yard", "count": 10}
    with Service(tmp_path, config(east=member, west=member)) as service:
        service.until_up("east", "west")
        service.until_frames("west", 60)
        kept = service.metric("streamsel_coreset_size", scope="yard")
        assert 1 <= kept <= 10
        for feed in ("east", "west"):
            assert service.metric("streamsel_feed_scope_info", feed=feed, scope="yard") == 1
        assert service.stop() == 0
    assert len(rows(tmp_path, "SELECT 1 FROM kept WHERE live")) <= 10
    assert rows(tmp_path, "SELECT DISTINCT scope FROM kept") == [("yard",)]


def test_pictures_stay_within_their_bytes_and_pinned_ones_stay(
    tmp_path: Path, steady: RtspServer
) -> None:
    feeds = config(gate={"source": steady.url("/main"), "near_duplicate": 0, "count": 300})
    feeds["sinks"]["disk"]["max_bytes"] = "1MB"
    with Service(tmp_path, feeds) as service:
        service.until_up("gate")
        frames = eventually(
            lambda: json.load(service.get("/api/frames"))["frames"] or None,
            within=10,
            what="some kept",
        )
        pinned = frames[-1]
        reply = service.send("PUT", f"/api/frames/{pinned['id']}/pin")
        assert reply.status in (200, 204)
        over = "SELECT 1 FROM events WHERE reason = 'over-budget'"
        eventually(lambda: rows(tmp_path, over), within=30, what="something gives way")
        service.until_frames("gate", 45)
        assert service.stop() == 0
    stored = sum(path.stat().st_size for path in (tmp_path / "kept").rglob("*.jpg"))
    one = max(path.stat().st_size for path in (tmp_path / "kept").rglob("*.jpg"))
    assert stored <= 1_000_000 + 10 * one
    assert (tmp_path / "kept" / pinned["path"]).is_file()


def test_systemd_is_told_of_readiness_life_reloads_and_the_end(
    tmp_path: Path, steady: RtspServer
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        told: list[str] = []

        def until(message: str) -> None:
            while not any(one.startswith(message) for one in told):
                told.append(systemd.recv(1024).decode())

        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "500000"}
        with Service(tmp_path, config(gate=steady.url("/main")), environment) as service:
            until("READY=1")
            until("WATCHDOG=1")
            service.reload()
            until("RELOADING=1")
            told.clear()
            until("READY=1")
            assert service.stop() == 0
            until("STOPPING=1")


def test_it_ends_within_ten_seconds_of_sigterm_whatever_hangs(
    tmp_path: Path, camera: RtspServer
) -> None:
    with Service(tmp_path, config(gate=camera.url("/main"))) as service:
        service.until_up("gate")
        camera.freeze()
        assert service.stop(within=10) == 0
        camera.thaw()
    manifest = (tmp_path / "kept" / "manifest.jsonl").read_text().splitlines()
    assert {json.loads(line)["path"] for line in manifest} == service.kept_files()
