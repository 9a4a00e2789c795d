"""What is answered, and what is done."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from streamsel.decisions import SourceCounters
from streamsel.errors import RecordError, SinkError
from streamsel.record.values import GoneScope
from tests.http.serving import BORN, Answer, Asked, Behind, kept_frame, serving, view
from tests.metrics.scenario import fresh_metrics, status


def parsed(answer: Answer) -> Any:
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    return json.loads(answer.body)


def test_health_and_readiness() -> None:
    async def scenario() -> None:
        behind = Behind()
        behind.reasons = ["feed 'gate' has not been tried yet", "mqtt: the broker is away"]
        async with serving(behind) as client:
            assert (await client.get("/healthz")).status == 200
            answer = await client.get("/readyz")
            assert answer.status == 503
            assert parsed(answer) == {"ready": False, "reasons": behind.reasons}
            behind.reasons = []
            answer = await client.get("/readyz")
            assert (answer.status, parsed(answer)) == (200, {"ready": True, "reasons": []})

    asyncio.run(scenario())


def test_feeds_are_listed_with_what_was_counted() -> None:
    async def scenario() -> None:
        metrics = fresh_metrics()
        metrics.feed_changed(status("gate"))
        metrics.tallied("gate", SourceCounters(received=30, decoded=28, damaged=1))
        behind = Behind(feeds=[view("gate"), view("yard", "down")])
        async with serving(behind, metrics=metrics) as client:
            gate, yard = await client.json("/api/feeds")
        assert gate == {
            "feed": "gate",
            "display_name": "gate",
            "address": "rtsp://viewer:***@10.0.0.4/main",
            "state": "up",
            "reason": "",
            "fault": None,
            "fixed": None,
            "since": BORN,
            "sessions": 1,
            "last_frame": BORN + 60,
            "enabled": True,
            "scope": "gate",
            "count": 300,
            "kept": 3,
            "takes_sender": False,
            "counts": {
                **{"received": 30, "decoded": 28, "decode_errors": 1, "embedded": 0, "kept": 0},
                **{
                    "evicted": 0,
                    "covered": 0,
                    "burst": 0,
                    "refused": 0,
                    "dropped": 0,
                    "reconnects": 0,
                },
                "interruptions": 0,
            },
        }
        assert yard["reason"] == "no answer from rtsp://viewer:***@10.0.0.4/main"
        assert yard["counts"] == {}

    asyncio.run(scenario())


def test_metrics_are_in_the_text_format() -> None:
    async def scenario() -> None:
        metrics = fresh_metrics()
        metrics.feed_changed(status("gate"))
        async with serving(metrics=metrics) as client:
            answer = await client.get("/metrics")
            assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            assert b'streamsel_feed_up{feed="gate"} 1.0\n' in answer.body

    asyncio.run(scenario())


def test_frames_come_newest_first_and_page_by_page_without_a_gap(tmp_path: Path) -> None:
    async def scenario() -> None:
        behind = Behind(tmp_path)
        # Two feeds at the very same moments: pages must not break between equal times.
        for index in range(10):
            for feed in ("gate", "yard-east"):
                behind.keep(kept_frame(feed, index, BORN + index // 3))
        async with serving(behind) as client:
            whole = (await client.json("/api/frames?limit=500"))["frames"]
            assert len(whole) == 20
            assert [frame["wall_time"] for frame in whole] == sorted(
                (frame["wall_time"] for frame in whole), reverse=True
            )
            paged, following = [], "/api/frames?limit=3"
            while following:
                page = await client.json(following)
                paged += page["frames"]
                following = page["next"]
            assert paged == whole
            gate = (await client.json("/api/frames?feed=gate"))["frames"]
            assert [frame["index"] for frame in gate] == [*reversed(range(10))]
            page = await client.json("/api/frames?feed=gate&limit=4")
            rest = await client.json(page["next"])
            assert [*page["frames"], *rest["frames"]] == gate[:8]
            early = await client.json(f"/api/frames?before={BORN + 1}")
            assert {frame["wall_time"] for frame in early["frames"]} == {BORN}

    asyncio.run(scenario())


def test_a_frame_tells_what_the_manifest_tells(tmp_path: Path) -> None:
    async def scenario() -> None:
        behind = Behind(tmp_path)
        behind.keep(kept_frame("yard east", 7, BORN))
        async with serving(behind) as client:
            (frame,) = (await client.json("/api/frames"))["frames"]
            assert frame == {
                "id": "yard east-000007",
                "feed": "yard east",
                "index": 7,
                "wall_time": BORN,
                "media_time": 0.28,
                "path": "frames/yard east/yard east-000007.jpg",
                "url": "/frames/yard%20east/yard%20east-000007.jpg",
                "width": 64,
                "height": 48,
                "bytes": 9,
                "sha256": "ab",
                "distance": 0.5,
                "nearest": None,
                "reason": "novel",
                "pinned": False,
                "weight": 0.65,
            }
            assert (await client.get(frame["url"])).status == 200

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=501", "limit=-1", "limit=many", "limit=", "limit=9" * 30),
        *("before=yesterday", "before=nan", "before=inf", "before=5,gate", "before=5,gate-7"),
        *("before=,gate-000007", "limit=%C2%B2", f"before=5,gate-{'9' * 5000}"),
    ],
)
def test_a_query_that_makes_no_sense_is_told_so(query: str) -> None:
    async def scenario() -> None:
        async with serving() as client:
            answer = await client.get(f"/api/frames?{query}")
            assert answer.status == 400
            assert "must be" in parsed(answer)["error"]

    asyncio.run(scenario())


def test_pins_are_set_and_taken_away(tmp_path: Path) -> None:
    async def scenario() -> None:
        behind = Behind(tmp_path)
        behind.keep(kept_frame("gate", 123, BORN))
        json_type = {"Content-Type": "application/json"}
        async with serving(behind) as client:
            path = "/api/frames/gate-000123/pin"
            pinned = await client.ask("PUT", path, headers=json_type)
            assert parsed(pinned) == {"id": "gate-000123", "pinned": True}
            assert behind.kept[0].pinned
            unpinned = await client.ask("DELETE", path, headers=json_type)
            assert parsed(unpinned) == {"id": "gate-000123", "pinned": False}
            assert not behind.kept[0].pinned
            for name in ("gate-000124", "gate-123", "gate", "-000123", "gate-" + "0" * 5000):
                answer = await client.put(f"/api/frames/{name}/pin", {})
                assert answer.status == 404, name

    asyncio.run(scenario())


def test_a_feed_is_switched_and_its_count_set() -> None:
    async def scenario() -> None:
        behind = Behind(feeds=[view("gate")])
        async with serving(behind) as client:
            answer = await client.put("/api/feeds/gate/enabled", {"enabled": False})
            assert (answer.status, parsed(answer)["enabled"]) == (200, False)
            answer = await client.put("/api/feeds/gate/count", {"count": 50})
            assert (answer.status, parsed(answer)["count"]) == (200, 50)
            answer = await client.put("/api/feeds/gate/count", {"count": 50_001})
            assert answer.status == 400
            assert parsed(answer)["error"].startswith("feeds.gate.count is 50001")
            for path, body in (("enabled", {"enabled": True}), ("count", {"count": 5})):
                assert (await client.put(f"/api/feeds/shed/{path}", body)).status == 404
        assert (behind.views["gate"].enabled, behind.views["gate"].count) == (False, 50)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("count", b""),
        ("count", b"{"),
        ("count", b"\xff\xfe"),
        ("count", b"[" * 60_000),
        ("count", b"1" * 10_000),
        ("count", b"50"),
        ("count", b'{"count": 0}'),
        ("count", b'{"count": 1000000000}'),
        ("count", b'{"count": true}'),
        ("count", b'{"count": 1.5}'),
        ("count", b'{"count": "50"}'),
        ("count", b'{"count": 50, "more": 1}'),
        ("enabled", b'{"enabled": 1}'),
        ("enabled", b'{"enabled": null}'),
        ("enabled", b'{"count": 5}'),
    ],
)
def test_a_body_that_makes_no_sense_changes_nothing(path: str, body: bytes) -> None:
    async def scenario() -> None:
        behind = Behind(feeds=[view("gate")])
        async with serving(behind) as client:
            answer = await client.ask(
                "PUT",
                f"/api/feeds/gate/{path}",
                data=body,
                headers={"Content-Type": "application/json"},
            )
            assert answer.status == 400
            assert "must be" in parsed(answer)["error"]
        assert behind.views["gate"] == view("gate")

    asyncio.run(scenario())


def test_what_is_not_there_and_what_is_not_done() -> None:
    async def scenario() -> None:
        async with serving() as client:
            for path in ("/nothing", "/api", "/api/feeds/", "/metrics/x", "/frames", "/frames/"):
                answer = await client.get(path)
                assert (answer.status, parsed(answer)) == (404, {"error": "Not Found"})
            answer = await client.put("/metrics", {})
            assert answer.status == 405
            assert answer.headers["Allow"] == "GET,HEAD"
            assert "error" in parsed(answer)

    asyncio.run(scenario())


def test_trouble_behind_is_told_and_the_service_goes_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        behind = Behind(tmp_path)
        async with serving(behind) as client:
            behind.trouble = RecordError("streamsel.db: is damaged; restore it")
            answer = await client.get("/api/frames")
            assert answer.status == 503
            assert parsed(answer) == {"error": "streamsel.db: is damaged; restore it"}
            behind.trouble = TimeoutError()
            assert (await client.get("/api/frames")).status == 503
            behind.trouble = RuntimeError("a defect")
            answer = await client.get("/api/frames")
            assert answer.status == 500
            assert b"defect" not in answer.body
            behind.trouble = None
            assert (await client.get("/api/frames")).status == 200

    asyncio.run(scenario())


def test_what_is_gone_is_listed_and_removed_and_nothing_else() -> None:
    async def scenario() -> None:
        behind = Behind(feeds=[view("gate")])
        behind.left["old yard"] = GoneScope("old yard", ("east", "west"), 3, 4_000)
        listed = [{"scope": "old yard", "feeds": ["east", "west"], "frames": 3, "bytes": 4_000}]
        asks: Asked = {"headers": {"Content-Type": "application/json"}}
        async with serving(behind) as client:
            assert await client.json("/api/gone") == listed
            assert (await client.ask("DELETE", "/api/gone/old%20yard")).status == 415
            assert (await client.ask("DELETE", "/api/gone/gate", **asks)).status == 409
            assert await client.json("/api/gone") == listed
            answer = await client.ask("DELETE", "/api/gone/old%20yard", **asks)
            assert (answer.status, parsed(answer)) == (200, {"scope": "old yard", "frames": 3})
            assert (await client.ask("DELETE", "/api/gone/old%20yard", **asks)).status == 404
            assert await client.json("/api/gone") == []
            behind.trouble = SinkError("disk: is not storing now; try again later")
            assert (await client.ask("DELETE", "/api/gone/old%20yard", **asks)).status == 503

    asyncio.run(scenario())
