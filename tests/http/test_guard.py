"""Who is let in: tokens, hosts, forms on foreign pages; and what nobody is ever told."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import ssl
from pathlib import Path

import pytest

from streamsel.errors import RecordError
from tests.http.serving import SECRET, TOKEN, Behind, bearer, kept_frame, serving, view
from tests.metrics.scenario import busy_metrics
from tests.servers.broker import certify

PATHS = ["/", "/metrics", "/api/history", "/api/feeds", "/api/frames", "/frames/a.jpg", "/nothing"]


def basic(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"me:{password}".encode()).decode()}


def test_whether_it_is_ready_is_told_to_all_and_why_not_to_those_with_the_token() -> None:
    async def scenario() -> None:
        behind = Behind()
        async with serving(behind, token=TOKEN) as client:
            for reasons, status in (([], 200), (["sink 'disk' fails: /secret/place"], 503)):
                behind.reasons = reasons
                for headers in ({}, bearer("wrong"), basic("wrong")):
                    told = await client.get("/readyz", headers=headers)
                    assert told.status == status
                    assert json.loads(told.body) == {"ready": not reasons}
                told = await client.get("/readyz", headers=bearer(TOKEN))
                assert told.status == status
                assert json.loads(told.body) == {"ready": not reasons, "reasons": reasons}

    asyncio.run(scenario())


def test_everything_but_healthz_wants_the_token() -> None:
    async def scenario() -> None:
        async with serving(token=TOKEN) as client:
            assert (await client.get("/healthz")).status == 200
            for path in PATHS:
                refused = await client.get(path)
                assert refused.status == 401, path
                challenges = refused.headers.getall("WWW-Authenticate")
                assert challenges[0].startswith("Bearer ")
                assert TOKEN.encode() not in refused.body
            for path in PATHS[:5]:
                for headers in (
                    bearer(TOKEN),
                    {"Authorization": f"bearer  {TOKEN} "},
                    basic(TOKEN),
                ):
                    assert (await client.get(path, headers=headers)).status == 200, path
            put = await client.ask("PUT", "/api/feeds/gate/count", json={"count": 3})
            assert put.status == 401

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "headers",
    [
        bearer(TOKEN[:-1]),
        bearer(TOKEN + "x"),
        bearer(TOKEN.upper()),
        bearer(""),
        bearer("\u20ac"),
        {"Authorization": TOKEN},
        {"Authorization": f"Digest {TOKEN}"},
        basic("wrong"),
        {"Authorization": "Basic not base64 at all"},
        {"Authorization": "Basic " + base64.b64encode(TOKEN.encode()).decode()},
        {"X-Token": TOKEN},
        {"Cookie": f"token={TOKEN}"},
    ],
)
def test_a_wrong_token_is_refused(headers: dict[str, str]) -> None:
    async def scenario() -> None:
        async with serving(token=TOKEN) as client:
            assert (await client.get("/api/feeds", headers=headers)).status == 401
            assert (await client.get(f"/api/feeds?token={TOKEN}")).status == 401

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("127.0.0.1:9464", 200),
        ("127.0.0.2", 200),
        ("[::1]:80", 200),
        ("LocalHost:1", 200),
        ("evil.example.org", 403),
        ("127.0.0.1.evil.example.org", 403),
        ("localhost.evil.example.org:9464", 403),
        ("10.0.0.4", 403),
        ("localhost@evil.example.org", 403),
        ("[::1", 403),
        ("", 403),
    ],
)
def test_without_a_token_a_page_from_elsewhere_cannot_pose_as_this_machine(
    host: str, status: int
) -> None:
    async def scenario() -> None:
        async with serving() as client:
            answer = await client.raw_get("/api/feeds", host)
            assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer
            assert b" 200 " in await client.raw_get("/healthz", host)

    asyncio.run(scenario())


def test_a_request_without_a_host_is_refused() -> None:
    async def scenario() -> None:
        async with serving() as client:
            assert b" 403 " in await client.raw(b"GET / HTTP/1.0\r\n\r\n")

    asyncio.run(scenario())


def test_with_a_token_any_name_will_do() -> None:
    async def scenario() -> None:
        async with serving(token=TOKEN) as client:
            headers = {**bearer(TOKEN), "Host": "cameras.example.org"}
            assert (await client.get("/api/feeds", headers=headers)).status == 200

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"],
)
def test_a_form_on_a_foreign_page_changes_nothing(content_type: str) -> None:
    async def scenario() -> None:
        behind = Behind(feeds=[view("gate")])
        async with serving(behind) as client:
            answer = await client.ask(
                "PUT",
                "/api/feeds/gate/count",
                data=b'{"count": 5}',
                headers={"Content-Type": content_type},
            )
            assert answer.status == 415
            assert behind.views["gate"].count == 300
            # A browser asks before it sends JSON across origins, and is not allowed to.
            asked = await client.ask("OPTIONS", "/api/feeds/gate/count")
            assert "Access-Control-Allow-Origin" not in asked.headers

    asyncio.run(scenario())


def test_every_answer_tells_the_browser_to_be_careful() -> None:
    async def scenario() -> None:
        async with serving() as client:
            for path in (*PATHS, "/healthz"):
                answer = await client.get(path)
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["Referrer-Policy"] == "no-referrer"
                assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
                assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
                assert answer.headers["Cache-Control"] == (
                    "no-cache" if path == "/" else "no-store"
                )
                assert answer.headers["Server"] == "streamsel"

    asyncio.run(scenario())


def test_tls_serves_those_who_trust_the_authority(tmp_path: Path) -> None:
    made = certify(tmp_path / "pki", "127.0.0.1")
    trusts = ssl.create_default_context(cafile=str(made.authority))

    async def scenario() -> None:
        async with serving(
            tls_cert=made.certificate, tls_key=made.key, token=TOKEN, trusts=trusts
        ) as client:
            assert client.service.url.startswith("https://")
            assert (await client.get("/metrics", headers=bearer(TOKEN))).status == 200
            assert (await client.get("/metrics")).status == 401
            assert b"streamsel" not in await client.raw_get("/metrics")
            old = ssl.create_default_context(cafile=str(made.authority))
            old.maximum_version = ssl.TLSVersion.TLSv1_2
            assert (await client.get("/healthz", ssl=old)).status == 200

    asyncio.run(scenario())


def test_secrets_are_in_no_answer_and_no_line_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def scenario() -> None:
        behind = Behind(tmp_path, [view("gate", "down"), view("yard")])
        behind.keep(kept_frame("gate", 1, 5.0))
        behind.reasons = [f"feed 'gate': no answer from rtsp://viewer:{SECRET}@10.0.0.4/main"]
        async with serving(behind, metrics=busy_metrics(), token=TOKEN, access_log=True) as client:
            answers = [
                await client.get(f"{path}?token={TOKEN}", headers=headers)
                for path in PATHS
                for headers in ({}, bearer(TOKEN))
            ]
            behind.trouble = RecordError(f"cannot read mqtt://edge:{SECRET}@broker/x")
            answers.append(await client.get("/api/frames", headers=bearer(TOKEN)))
            assert answers[-1].status == 503
            behind.trouble = RuntimeError(f"a defect at rtsp://viewer:{SECRET}@10.0.0.4")
            answers.append(await client.get("/api/frames", headers=bearer(TOKEN)))
            assert answers[-1].status == 500
            assert b"Traceback" not in answers[-1].body
            for answer in answers:
                told = answer.body.decode(errors="replace") + json.dumps(dict(answer.headers))
                assert SECRET not in told
                assert TOKEN not in told

    asyncio.run(scenario())
    lines = [record.getMessage() for record in caplog.records]
    assert any("GET /api/feeds 401" in line for line in lines)
    for line in lines:
        assert TOKEN not in line
        assert SECRET not in line


def test_the_access_log_is_off_unless_asked_for_and_cannot_be_forged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)

    async def scenario(*, access_log: bool = False) -> None:
        async with serving(access_log=access_log) as client:
            await client.raw_get("/api/feeds%0a%0dforged")

    asyncio.run(scenario())
    assert "forged" not in caplog.text
    asyncio.run(scenario(access_log=True))
    assert "GET /api/feeds%0A%0Dforged 404" in caplog.text or "%0a%0dforged 404" in caplog.text
