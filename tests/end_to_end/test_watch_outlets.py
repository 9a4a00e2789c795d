"""The live service with its outlets: broker, disk, pages; what leaks, and what it decides."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import subprocess
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streamsel.embed.computed import ComputedEmbeddings
from streamsel.embed.registry import create
from streamsel.prefilter.options import PrefilterOptions
from streamsel.prefilter.prefilter import FramePrefilter
from streamsel.selection.budget import Budget
from streamsel.selection.online import OnlineSelector
from streamsel.sources.file import FileSource
from streamsel.sources.thumbnails.cpu import CpuThumbnailer
from tests.canaries import ANYWHERE, FORMS
from tests.conftest import leave_out
from tests.end_to_end.service import Service
from tests.polling import eventually
from tests.servers.broker import Broker, certify
from tests.servers.clips import camera_clip
from tests.servers.rtsp import Mount, RtspServer
from tests.sinks.mqtt.subscriber import Got, Subscriber

CANARY = "canary-4711-secret"
# The folder between is named after the processor.
LIBFAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


@pytest.fixture(scope="module")
def clip(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return camera_clip(ffmpeg, tmp_path_factory.mktemp("clip") / "camera.mp4", size=(320, 180))


@pytest.fixture(scope="module")
def camera(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    mounts = {"/main": Mount([clip]), "/once": Mount([clip], repeats=False)}
    with RtspServer(tmp_path_factory.mktemp("camera"), mounts) as server:
        yield server


def config(source: str, **more: Any) -> dict[str, Any]:
    return {
        "defaults": {"count": 20, "near_duplicate": 0.02},
        "feeds": {"gate": {"source": source}},
        "sinks": {"disk": {"path": "kept"}},
        **more,
    }


def with_broker(source: str, broker: Broker, **mqtt: Any) -> dict[str, Any]:
    sinks = {"disk": {"path": "kept"}, "mqtt": {"host": "127.0.0.1", "port": broker.port, **mqtt}}
    return config(source, sinks=sinks)


def test_events_and_pictures_go_out_and_commands_come_in(
    tmp_path: Path, camera: RtspServer
) -> None:
    with (
        Broker(tmp_path / "broker") as broker,
        Subscriber(broker.port, "streamsel/#") as listener,
        Service(tmp_path, with_broker(camera.url("/main"), broker)) as service,
    ):
        service.until_up("gate")
        connected = "streamsel_broker_connected"
        eventually(lambda: service.metric(connected) == 1, within=10, what="the broker is there")
        listener.wait(lambda: any(map(is_kept, listener.on("streamsel/events"))))
        event = next(filter(is_kept, listener.on("streamsel/events"))).json
        listener.wait(lambda: listener.on("streamsel/gate/image"))
        picture = listener.on("streamsel/gate/image")[0]
        assert picture.about["id"] == event["id"]
        assert hashlib.sha256(picture.payload).hexdigest() == event["sha256"]
        assert listener.last("streamsel/available") == b"online"
        listener.say("streamsel/gate/count/set", "3")
        eventually(lambda: service.feeds()["gate"]["count"] == 3, within=10, what="count is set")
        eventually(lambda: service.feeds()["gate"]["kept"] <= 3, within=10, what="others are gone")
        listener.say("streamsel/gate/enabled/set", "OFF")
        eventually(lambda: service.state("gate") == "disabled", within=10, what="switched off")
        listener.say("streamsel/gate/enabled/set", "ON")
        service.until_up("gate")
        assert service.stop() == 0
        listener.wait(lambda: listener.last("streamsel/available") == b"offline")


def test_a_frame_is_pinned_where_no_disk_keeps_pictures(tmp_path: Path, camera: RtspServer) -> None:
    with (
        Broker(tmp_path / "broker") as broker,
        Subscriber(broker.port, "streamsel/events") as listener,
    ):
        wanted = with_broker(camera.url("/main"), broker)
        wanted["sinks"]["disk"] = None
        with Service(tmp_path, wanted) as service:
            service.until_up("gate")
            listener.wait(lambda: any(map(is_kept, listener.on("streamsel/events"))))
            first = next(filter(is_kept, listener.on("streamsel/events"))).json["id"]
            assert service.send("PUT", f"/api/frames/{first}/pin").status == 200
            assert service.stop() == 0


def is_kept(got: Got) -> bool:
    return bool(got.json["type"] == "kept")


def test_a_frozen_camera_and_a_frozen_broker_do_not_delay_the_end(
    ffmpeg: Path, clip: Path, tmp_path: Path
) -> None:
    with (
        RtspServer(tmp_path, {"/main": Mount([clip])}) as server,
        Broker(tmp_path / "broker") as broker,
        Service(tmp_path, with_broker(server.url("/main"), broker)) as service,
    ):
        service.until_up("gate")
        service.until_frames("gate", 15)
        server.freeze()
        broker.freeze()
        assert service.stop(within=10) == 0
        server.thaw()
        broker.thaw()


def test_a_broker_that_is_gone_is_told(tmp_path: Path, camera: RtspServer) -> None:
    with (
        Broker(tmp_path / "broker") as broker,
        Service(tmp_path, with_broker(camera.url("/main"), broker)) as service,
    ):
        connected = "streamsel_broker_connected"
        eventually(lambda: service.metric(connected) == 1, within=10, what="it is connected")
        broker.kill()
        eventually(lambda: service.metric(connected) == 0, within=10, what="it is gone")
        broker.start()
        eventually(lambda: service.metric(connected) == 1, within=10, what="it is back")


@pytest.fixture
def five_megabytes(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=5m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        leave_out("mounting a small disk needs root and the right to mount")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_on_a_full_disk_cameras_are_read_on_and_writing_resumes_with_room(
    tmp_path: Path, camera: RtspServer, five_megabytes: Path
) -> None:
    filler = five_megabytes / "filler"
    wanted = config(camera.url("/main"))
    wanted["defaults"] = {"count": 400, "near_duplicate": 0}
    wanted["sinks"]["disk"]["path"] = str(five_megabytes / "kept")
    with Service(tmp_path, wanted) as service:
        service.until_up("gate")
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(65_536))
        failed = "streamsel_sink_errors_total"
        eventually(lambda: service.metric(failed, sink="disk") > 0, within=20, what="it is full")
        service.until_frames("gate", 45)
        assert service.state("gate") == "up"
        stored = service.metric("streamsel_store_bytes")
        filler.unlink()
        eventually(
            lambda: service.metric("streamsel_store_bytes") > stored,
            within=10,
            what="it writes again",
        )
        assert service.stop() == 0
    with contextlib.closing(sqlite3.connect(five_megabytes / "kept" / "streamsel.db")) as record:
        assert record.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        claimed = record.execute("SELECT path, bytes FROM kept WHERE path IS NOT NULL").fetchall()
    assert claimed
    for path, size in claimed:
        assert (five_megabytes / "kept" / path).stat().st_size == size


def test_no_secret_is_ever_told(clip: Path, tmp_path: Path) -> None:
    secrets = {"GATE": CANARY, "BROKER": f"{CANARY}-mqtt", "TOKEN": f"{CANARY}-token"}
    with (
        RtspServer(tmp_path, {"/main": Mount([clip])}, user=("viewer", CANARY)) as server,
        Broker(tmp_path / "broker", users={"edge": secrets["BROKER"]}) as broker,
        Subscriber(broker.port, "#", user="edge", password=secrets["BROKER"]) as listener,
    ):
        source = server.url("/main", password="${GATE}")
        wanted = with_broker(source, broker, username="edge", password="${BROKER}")
        wanted["feeds"]["dark"] = {"source": "rtsp://viewer:${GATE}@127.0.0.1:9/main?token=${GATE}"}
        wanted["feeds"]["wrong"] = {"source": server.url("/none", password="${GATE}")}
        forms = [form for form in FORMS if not form.startswith("rtsp://viewer:p/")]
        shut = "127.0.0.1:9"
        for number, form in enumerate(forms):
            typed = form.format(secret=CANARY, host=shut)
            wanted["feeds"][f"typed-{number}"] = {"source": typed.replace("$", "$$")}
        for number, form in enumerate(ANYWHERE):
            varied = form.format(secret="${GATE}", host=shut)
            wanted["feeds"][f"varied-{number}"] = {"source": varied}
        (tmp_path / "address").write_text(f"rtsp://{shut}/{CANARY}")
        wanted["feeds"]["filed"] = {"source_file": str(tmp_path / "address")}
        wanted["log_level"] = "debug"
        wanted["service"] = {**wanted.get("service", {}), "access_log": True}
        wanted["sinks"]["mqtt"] |= {"discovery": True, "message_expiry": "1h"}
        with Service(tmp_path, wanted, secrets) as service:
            service.until_up("gate")
            listener.wait(lambda: listener.on("streamsel/gate/image"))
            expiry = listener.on("streamsel/gate/image")[0].expiry
            assert expiry is not None
            assert 3_500 < expiry <= 3_600
            eventually(lambda: service.feeds()["dark"]["reason"], within=10, what="why it fails")
            eventually(
                lambda: all(
                    feed["reason"] for feed in service.feeds().values() if feed["feed"] != "gate"
                ),
                within=20,
                what="why each of the others fails",
            )
            told = [service.get(path).read() for path in ("/", "/metrics", "/api/feeds")]
            told += [service.get("/api/frames").read(), service.get("/readyz").read()]
            told.append(service.get("/api/history").read())
            with pytest.raises(urllib.error.HTTPError) as missing:
                service.get("/frames/none.jpg")
            told.append(missing.value.read())
            server.kill()
            eventually(lambda: service.state("gate") != "up", within=15, what="the loss is seen")
            assert service.stop() == 0
        told += [got.payload for got in listener.got]
        told += [path.read_bytes() for path in (tmp_path / "kept").rglob("*") if path.is_file()]
        assert "GET /api/history 200" in service.said()
        told.append(service.said().encode())
    assert len(told) > 10
    for content in told:
        assert CANARY.encode() not in content


def test_a_camera_over_tls_is_read_and_a_wrong_authority_is_refused(
    clip: Path, tmp_path: Path
) -> None:
    right = certify(tmp_path / "right", "127.0.0.1")
    wrong = certify(tmp_path / "wrong", "127.0.0.1")
    with RtspServer(tmp_path, {"/main": Mount([clip])}, tls=right) as server:
        wanted = config(server.url("/main"))
        wanted["feeds"] = {
            name: {"source": server.url("/main"), "tls_ca_file": str(authority.authority)}
            for name, authority in (("trusted", right), ("distrusted", wrong))
        }
        with Service(tmp_path, wanted) as service:
            service.until_up("trusted")
            reason = eventually(
                lambda: service.feeds()["distrusted"]["reason"] or None, within=10, what="why"
            )
            assert "trust" in reason
            assert service.feeds()["distrusted"]["last_frame"] is None
            assert service.stop() == 0


def test_a_clock_that_is_set_back_changes_nothing_but_names(
    tmp_path: Path, camera: RtspServer
) -> None:
    if LIBFAKETIME is None:
        leave_out("libfaketime is not installed (apt-get install libfaketime)")
    stamp = tmp_path / "offset"
    stamp.write_text("+0s")
    environment = {
        "LD_PRELOAD": str(LIBFAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(stamp),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    wanted = config(camera.url("/main"))
    wanted["defaults"] |= {"count": 10, "window": "1h"}
    with Service(tmp_path, wanted, environment) as service:
        service.until_up("gate")
        service.until_frames("gate", 30)
        stamp.write_text("-3600s")
        service.until_frames("gate", 60)
        assert service.state("gate") == "up"
        assert service.stop() == 0
        service.start()
        service.until_up("gate")
        service.until_frames("gate", 30)
        assert service.stop() == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "kept" / "streamsel.db")) as record:
        frames = record.execute("SELECT idx, media_time, wall_time FROM frames ORDER BY seq")
        rows = frames.fetchall()
    indices, media, wall = (list(column) for column in zip(*rows, strict=True))
    assert len(set(indices)) == len(indices)
    assert indices == sorted(indices)
    assert media == sorted(media)
    assert max(wall) - min(wall) > 3000


def test_a_file_over_rtsp_is_decided_like_the_file(
    tmp_path: Path, clip: Path, camera: RtspServer
) -> None:
    wanted = config(camera.url("/once"))
    wanted["defaults"] = {"count": 8, "near_duplicate": "auto"}
    with Service(tmp_path, wanted) as service:
        service.until_up("gate")
        eventually(lambda: service.feeds()["gate"]["sessions"] > 1, within=40, what="it has ended")
        assert service.stop() == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "kept" / "streamsel.db")) as record:
        seen = record.execute(
            "SELECT digest, outcome, reason, distance, threshold FROM frames "
            "WHERE idx < (SELECT min(idx) + 290 FROM frames) ORDER BY seq"
        ).fetchall()
    live = [(digest & (2**64 - 1), *rest) for digest, *rest in seen if rest[0] != "refused"]
    # The frames that both saw, in order: what came before the first that the camera delivered,
    # or was dropped on the way, is left out of the file's.
    embedder = create("builtin", weights=None, device="cpu")
    prefilter = FramePrefilter(CpuThumbnailer(), embedder.view, PrefilterOptions())
    prefiltered_frames = [
        prefilter.check(frame) for frame in FileSource("gate", str(clip)).frames()
    ]
    wanted_digests = [digest for digest, *_ in live]
    both = [seen for seen in prefiltered_frames if seen.digest in set(wanted_digests)]
    assert len(both) >= 200
    selector = OnlineSelector(Budget(count=8), embedder.dim)
    verdicts = selector.judge(ComputedEmbeddings(embedder).candidates(both))
    from_file = {verdict.candidate.prefiltered.digest: verdict for verdict in verdicts}
    compared = 0
    for digest, outcome, reason, distance, threshold in live:
        if (verdict := from_file.pop(digest, None)) is not None:
            assert (verdict.outcome, verdict.reason) == (outcome, reason)
            assert (verdict.distance, verdict.threshold) == (distance, threshold)
            compared += 1
    assert compared >= 200
