"""The pages' files: whole, small, our own, and nothing else."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest

from streamsel.http.assets import ASSETS
from tests.http.serving import BORN, TOKEN, Behind, kept_frame, serving

MOST_BYTES = 100_000
PAGES = {"/": "index.html", "/camera": "camera.html"}


def test_the_pages_are_light() -> None:
    assert sum(len(asset.content) for asset in ASSETS.values()) < MOST_BYTES


def test_everything_a_page_names_is_there_and_nothing_is_from_elsewhere() -> None:
    named = set()
    for name, asset in ASSETS.items():
        text = asset.content.decode()
        named |= set(re.findall(r'/static/([^"\')]+)', text))
        named |= set(re.findall(r'from "\./([^"]+)"', text))
        addresses = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", text)
        assert {*addresses} <= {"http://www.w3.org"}, name
        assert not re.search(r"\son\w+=|<style|javascript:|<script>", text), name
    pages = {name for name, asset in ASSETS.items() if asset.media_type == "text/html"}
    assert named == ASSETS.keys() - pages


@pytest.mark.parametrize("path", PAGES)
def test_a_page_runs_our_own_scripts_alone(path: str) -> None:
    async def scenario() -> None:
        async with serving() as client:
            answer = await client.get(path)
            assert answer.body == ASSETS[PAGES[path]].content
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
            policy = dict(
                part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; ")
            )
            assert policy.pop("default-src") == "'none'"
            assert policy.pop("base-uri") == policy.pop("frame-ancestors") == "'none'"
            assert set(policy.values()) == {"'self'"}
            expected = "camera=(self)" if path == "/camera" else None
            assert answer.headers.get("Permissions-Policy") == expected

    asyncio.run(scenario())


def test_files_are_sent_with_their_type_and_once() -> None:
    async def scenario() -> None:
        async with serving(token=TOKEN) as client:
            for name, asset in ASSETS.items():
                answer = await client.get(f"/static/{name}")
                if asset.media_type == "text/html":
                    assert answer.status == 404
                    continue
                assert answer.headers["Content-Type"] == f"{asset.media_type}; charset=utf-8"
                known = {"If-None-Match": answer.headers["ETag"]}
                again = await client.get(f"/static/{name}", headers=known)
                assert (again.status, again.body) == (304, b"")
                other = await client.get(f"/static/{name}", headers={"If-None-Match": '"other"'})
                assert (other.status, other.body) == (200, asset.content)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "name",
    [
        "../server.py",
        "..%2fserver.py",
        "%2e%2e/server.py",
        "..%5cserver.py",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "page.js%00",
        "page.js/",
        "",
        ".",
        "nothing.js",
        "PAGE.JS",
    ],
)
def test_no_path_leads_to_other_files(name: str) -> None:
    async def scenario() -> None:
        async with serving() as client:
            answer = await client.raw_get(f"/static/{name}")
            assert answer.split(b" ")[1] in (b"400", b"404")
            assert b"import" not in answer
            assert b"root:" not in answer

    asyncio.run(scenario())


def test_a_frame_tells_why_it_is_kept(tmp_path: Path) -> None:
    async def scenario() -> None:
        behind = Behind(tmp_path)
        behind.keep(kept_frame("gate", 1, BORN))
        async with serving(behind) as client:
            told = await client.json("/api/frames/gate-000001")
            (listed,) = (await client.json("/api/frames"))["frames"]
            assert told == {"frame": listed, "nearest": None, "explanation": "so it is"}
            for name in ("gate-000002", "gate-1", "gate", "..", "%2e%2e%2fstate", "-000001"):
                answer = await client.get(f"/api/frames/{name}")
                assert answer.status == 404, name
                assert "error" in json.loads(answer.body)

    asyncio.run(scenario())
