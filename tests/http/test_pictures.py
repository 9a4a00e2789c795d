"""Pictures: sent as what they are, and nothing else ever."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.http.serving import BORN, TOKEN, Behind, bearer, kept_frame, serving

CONTENT = b"\xff\xd8 the picture"


class Everything(Behind):
    """Claims whatever it is asked, so that the file system is the only guard left."""

    async def claims(self, path: str) -> bool:
        return True


@pytest.mark.parametrize(
    ("suffix", "media_type"),
    [("jpg", "image/jpeg"), ("png", "image/png"), ("webp", "image/webp"), ("avif", "image/avif")],
)
def test_a_picture_is_sent_whole_and_may_be_kept_for_ever(
    tmp_path: Path, suffix: str, media_type: str
) -> None:
    async def scenario() -> None:
        behind = Behind(tmp_path)
        path = f"frames/gate/2025-11-24/16/x.{suffix}"
        behind.claimed = {path}
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_bytes(CONTENT)
        async with serving(behind) as client:
            answer = await client.get(f"/{path}")
            assert (answer.status, answer.body) == (200, CONTENT)
            assert answer.headers["Content-Type"] == media_type
            assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            known = {"If-None-Match": answer.headers["ETag"]}
            assert (await client.get(f"/{path}", headers=known)).status == 304
            part = await client.get(f"/{path}", headers={"Range": "bytes=0-1"})
            assert (part.status, part.body) == (206, CONTENT[:2])
            head = await client.ask("HEAD", f"/{path}")
            assert (head.status, head.body) == (200, b"")

    asyncio.run(scenario())


def test_what_the_record_does_not_claim_is_not_there(tmp_path: Path) -> None:
    async def scenario() -> None:
        behind = Behind(tmp_path)
        file = behind.keep(kept_frame("gate", 1, BORN), CONTENT)
        (file.parent / "stray.jpg").write_bytes(CONTENT)
        async with serving(behind) as client:
            assert (await client.get("/frames/gate/gate-000001.jpg")).status == 200
            for path in ("gate/stray.jpg", "gate", "gate/", "gate/gate-000001.jpg/"):
                assert (await client.get(f"/frames/{path}")).status == 404
            file.unlink()
            gone = await client.get("/frames/gate/gate-000001.jpg")
            assert (gone.status, gone.headers["Cache-Control"]) == (404, "no-store")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "target",
    [
        "/frames/../streamsel.db",
        "/frames/..%2fstreamsel.db",
        "/frames/%2e%2e/streamsel.db",
        "/frames/%2e%2e%2fsecret.jpg",
        "/frames/gate/../../secret.jpg",
        "/frames/gate/..%2f..%2f..%2foutside.jpg",
        "/frames/%252e%252e/secret.jpg",
        "/frames//etc/passwd",
        "/frames/%2fetc%2fpasswd",
        "/frames/gate/link-out.jpg",
        "/frames/gate/link-folder/outside.jpg",
        "/frames/gate/circle.jpg",
        "/frames/gate/link-database.jpg",
        "/frames/gate/pipe.jpg",
        "/frames/gate/folder.jpg",
        "/frames/gate/notes.txt",
        "/frames/gate/missing.jpg",
        "/frames/gate/a%00.jpg",
        "/frames/gate/" + "x" * 4000 + ".jpg",
        "/frames/..\\secret.jpg",
        "/../secret.jpg",
        "//frames/gate/inside.jpg",
        "http://localhost/frames/../secret.jpg",
    ],
)
def test_no_path_leads_out_even_where_the_record_claims_everything(
    tmp_path: Path, target: str
) -> None:
    run = tmp_path / "run"
    gate = run / "frames" / "gate"
    (gate / "folder.jpg").mkdir(parents=True)
    for file in (run / "streamsel.db", run / "secret.jpg", tmp_path / "outside.jpg"):
        file.write_bytes(b"not for you")
    (gate / "notes.txt").write_bytes(b"not for you")
    (gate / "inside.jpg").write_bytes(CONTENT)
    (gate / "link-out.jpg").symlink_to(tmp_path / "outside.jpg")
    (gate / "link-folder").symlink_to(tmp_path)
    (gate / "link-database.jpg").symlink_to(run / "streamsel.db")
    (gate / "circle.jpg").symlink_to(gate / "circle.jpg")
    os.mkfifo(gate / "pipe.jpg")

    async def scenario() -> None:
        async with serving(Everything(run)) as client:
            assert CONTENT in await client.raw_get("/frames/gate/inside.jpg")
            answer = await client.raw_get(target)
            assert answer.startswith(b"HTTP/1.1 404 "), answer[:80]
            assert b"not for you" not in answer
            assert b"root:" not in answer

    asyncio.run(scenario())


def test_folder_and_frames_may_themselves_be_links(tmp_path: Path) -> None:
    async def scenario() -> None:
        (tmp_path / "big" / "pictures" / "gate").mkdir(parents=True)
        (tmp_path / "big" / "pictures" / "gate" / "a.jpg").write_bytes(CONTENT)
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "frames").symlink_to(tmp_path / "big" / "pictures")
        (tmp_path / "kept").symlink_to(tmp_path / "run")
        async with serving(Everything(tmp_path / "kept")) as client:
            assert (await client.get("/frames/gate/a.jpg")).body == CONTENT

    asyncio.run(scenario())


def test_a_service_that_stores_nothing_has_no_pictures() -> None:
    async def scenario() -> None:
        async with serving(Everything(None)) as client:
            assert (await client.get("/frames/gate/a.jpg")).status == 404

    asyncio.run(scenario())


def test_pictures_want_the_token_too(tmp_path: Path) -> None:
    async def scenario() -> None:
        behind = Behind(tmp_path)
        behind.keep(kept_frame("gate", 1, BORN), CONTENT)
        path = "/frames/gate/gate-000001.jpg"
        async with serving(behind, token=TOKEN) as client:
            assert (await client.get(path)).status == 401
            assert (await client.get(path, headers=bearer(TOKEN))).body == CONTENT

    asyncio.run(scenario())
