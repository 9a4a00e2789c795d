"""The browser's login: a cookie for the token, which cannot be made, kept or lent."""

from __future__ import annotations

import asyncio
from http.cookies import Morsel, SimpleCookie
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from streamsel.errors import SinkError
from streamsel.http.ended import EndedLogins
from streamsel.http.login import Logins
from streamsel.record.folder import LOGOUTS
from streamsel.testing import ManualClock
from tests.http.serving import (
    BORN,
    TOKEN,
    Answer,
    Behind,
    Client,
    ServiceChoices,
    bearer,
    kept_frame,
    serving,
    view,
)

PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
MONTH_SECONDS = 30 * 24 * 3600


async def log_in(client: Client, token: str = TOKEN) -> Answer:
    return await client.ask("POST", "/login", json={"token": token})


def cookie_of(answer: Answer) -> Morsel[str]:
    return SimpleCookie(answer.headers["Set-Cookie"])["streamsel"]


def cookie(value: str) -> dict[str, str]:
    return {"Cookie": f"streamsel={value}"}


def stateless() -> aiohttp.DummyCookieJar:
    return aiohttp.DummyCookieJar()


def test_the_token_is_exchanged_for_a_cookie_that_opens_everything(tmp_path: Path) -> None:
    async def scenario() -> None:
        behind = Behind(tmp_path, [view("gate")])
        frame = kept_frame("gate", 1, BORN)
        behind.keep(frame)
        async with serving(behind, token=TOKEN, jar=stateless()) as client:
            answer = await log_in(client)
            assert (answer.status, answer.body) == (204, b"")
            given = cookie_of(answer)
            assert TOKEN not in given.value
            assert (given["httponly"], given["samesite"], given["path"]) == (True, "Strict", "/")
            assert not given["secure"]
            headers = cookie(given.value)
            for path in (
                "/",
                "/camera",
                "/api/feeds",
                "/api/frames",
                "/metrics",
                f"/{frame.picture.path}",
            ):
                assert (await client.get(path, headers=headers)).status == 200, path
                assert (await client.get(path)).status == 401, path
            pin = "/api/frames/gate-000001/pin"
            assert (await client.ask("PUT", pin, json={}, headers=headers)).status == 200

    asyncio.run(scenario())


def test_who_has_no_cookie_sees_the_page_to_log_in() -> None:
    async def scenario() -> None:
        async with serving(token=TOKEN) as client:
            for path in ("/", "/camera", "/camera?feed=gate"):
                answer = await client.get(path, headers=PAGE)
                assert answer.status == 401
                assert b'<form id="login"' in answer.body
                # No password is asked for by the browser itself.
                assert "WWW-Authenticate" not in answer.headers
                assert answer.headers["Cache-Control"] == "no-store"
            for path in ("/api/feeds", "/frames/a.jpg", "/nothing"):
                answer = await client.get(path, headers=PAGE)
                assert answer.status == 401
                assert b"<form" not in answer.body

    asyncio.run(scenario())


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", TOKEN[:-1], "é", "\udce9", "a" * 9000])
def test_another_token_is_refused(token: str) -> None:
    async def scenario() -> None:
        async with serving(token=TOKEN) as client:
            answer = await log_in(client, token)
            assert answer.status == 401
            assert "Set-Cookie" not in answer.headers

    asyncio.run(scenario())


@pytest.mark.parametrize("body", ["", "{", "[]", "{}", '{"token": 5}', '{"token": "a", "b": 1}'])
def test_a_body_that_makes_no_sense(body: str) -> None:
    async def scenario() -> None:
        async with serving(token=TOKEN) as client:
            headers = {"Content-Type": "application/json"}
            answer = await client.ask("POST", "/login", data=body, headers=headers)
            assert answer.status == 400

    asyncio.run(scenario())


def test_no_other_cookie_is_accepted() -> None:
    async def scenario() -> None:
        async with serving(token=TOKEN, jar=stateless()) as client:
            given = cookie_of(await log_in(client)).value
            name, _, mac = given.partition(".")
            until, _, own = name.partition("-")
            forged = [
                "",
                ".",
                name,
                f"{name}.",
                f".{mac}",
                f"{until}.{mac}",
                f"{int(until) + 1}-{own}.{mac}",
                f"{until}-{own[::-1]}x.{mac}",
                f"{name}.{mac[:-1]}{'0' if mac[-1] != '0' else '1'}",
                f"{name}.{mac.upper()}",
                f" {name}.{mac}x",
                f"{name}.é",
                "9" * 5000 + f".{mac}",
            ]
            for value in forged:
                answer = await client.get("/api/feeds", headers=cookie(value))
                assert answer.status == 401, value[:80]
            assert (await client.get("/api/feeds", headers=cookie(given))).status == 200

    asyncio.run(scenario())


def test_a_cookie_ends_with_its_month_and_with_the_token() -> None:
    async def scenario() -> None:
        clock = ManualClock()
        async with serving(token=TOKEN, clock=clock, jar=stateless()) as client:
            given = cookie_of(await log_in(client))
            assert int(given["max-age"]) == MONTH_SECONDS
            clock.advance(MONTH_SECONDS - 1)
            assert (await client.get("/api/feeds", headers=cookie(given.value))).status == 200
            clock.advance(1)
            assert (await client.get("/api/feeds", headers=cookie(given.value))).status == 401
            again = cookie_of(await log_in(client))
        async with serving(token=TOKEN + "2", clock=clock, jar=stateless()) as client:
            assert (await client.get("/api/feeds", headers=cookie(again.value))).status == 401

    asyncio.run(scenario())


def test_logging_out_takes_the_cookie_back() -> None:
    async def scenario() -> None:
        # Browsers keep cookies for names and addresses alike; the client does for names alone.
        jar = aiohttp.CookieJar(unsafe=True)
        async with serving(token=TOKEN, jar=jar) as client:
            assert (await log_in(client)).status == 204
            assert (await client.get("/api/feeds")).status == 200
            answer = await client.ask("POST", "/logout", json={})
            assert answer.status == 204
            assert cookie_of(answer).value == ""
            assert (await client.get("/api/feeds")).status == 401

    asyncio.run(scenario())


def test_a_copy_of_a_cookie_is_worth_nothing_after_the_logout_nor_after_a_restart(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        options: ServiceChoices = {"token": TOKEN, "folder": tmp_path}
        async with serving(jar=stateless(), clock=clock, **options) as client:
            # Two that log in within the same second do not share a login.
            mine, other = [cookie(cookie_of(await log_in(client)).value) for _ in range(2)]
            answer = await client.ask("POST", "/logout", json={}, headers=mine)
            assert answer.status == 204
            assert (await client.get("/api/feeds", headers=mine)).status == 401
            assert (await client.get("/api/feeds", headers=other)).status == 200
            again = cookie(cookie_of(await log_in(client)).value)
            assert (await client.get("/api/feeds", headers=again)).status == 200
        async with serving(jar=stateless(), clock=clock, **options) as client:
            assert (await client.get("/api/feeds", headers=mine)).status == 401
            assert (await client.get("/api/feeds", headers=other)).status == 200
            # What has ended by itself need not be remembered.
            clock.advance(MONTH_SECONDS - 1)
            late = cookie(cookie_of(await log_in(client)).value)
            clock.advance(2)
            assert (await client.ask("POST", "/logout", json={}, headers=late)).status == 204
            assert len((tmp_path / LOGOUTS).read_text().splitlines()) == 1

    asyncio.run(scenario())


def test_where_it_cannot_be_read_who_logged_out_nobody_is_let_in(tmp_path: Path) -> None:
    async def scenario() -> None:
        (tmp_path / LOGOUTS).mkdir()
        with pytest.raises(SinkError, match=LOGOUTS):
            async with serving(token=TOKEN, folder=tmp_path):
                raise AssertionError

    asyncio.run(scenario())


def test_without_a_folder_a_logout_holds_until_a_restart() -> None:
    async def scenario() -> None:
        async with serving(token=TOKEN, jar=stateless()) as client:
            mine = cookie(cookie_of(await log_in(client)).value)
            assert (await client.ask("POST", "/logout", json={}, headers=mine)).status == 204
            assert (await client.get("/api/feeds", headers=mine)).status == 401

    asyncio.run(scenario())


def test_a_logout_that_cannot_be_written_down_is_told_and_holds(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with serving(token=TOKEN, jar=stateless(), folder=tmp_path / "gone") as client:
            mine = cookie(cookie_of(await log_in(client)).value)
            answer = await client.ask("POST", "/logout", json={}, headers=mine)
            assert (answer.status, b"cannot be written" in answer.body) == (503, True)
            assert (await client.get("/api/feeds", headers=mine)).status == 401

    asyncio.run(scenario())


def test_who_tries_many_tokens_has_to_wait() -> None:
    async def scenario() -> None:
        clock = ManualClock()
        async with serving(token=TOKEN, clock=clock) as client:
            statuses = [(await log_in(client, f"guess{number}")).status for number in range(12)]
            assert statuses == [401] * 10 + [429] * 2
            assert (await log_in(client)).status == 429
            assert (await client.get("/api/feeds", headers=bearer(TOKEN))).status == 200
            clock.advance(61)
            assert (await log_in(client)).status == 204

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_a_cookie_changes_nothing_for_pages_of_other_sites(
    tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    async def scenario() -> None:
        behind = Behind(tmp_path)
        behind.keep(kept_frame("gate", 1, BORN))
        async with serving(behind, token=TOKEN, jar=stateless()) as client:
            own = cookie(cookie_of(await log_in(client)).value)
            pin = "/api/frames/gate-000001/pin"
            answer = await client.ask("PUT", pin, json={}, headers={**own, **headers})
            assert answer.status == status
            assert behind.kept[0].pinned == (status == 200)
            # The token itself is a browser's to send only where a page has it.
            answer = await client.ask("PUT", pin, json={}, headers={**bearer(TOKEN), **headers})
            assert answer.status == 200

    asyncio.run(scenario())


def test_our_own_page_is_known_by_its_origin() -> None:
    async def scenario() -> None:
        async with serving(token=TOKEN, jar=stateless()) as client:
            own = cookie(cookie_of(await log_in(client)).value)
            origin = {"Origin": client.service.url}
            assert (await client.ask("POST", "/logout", json={}, headers=origin)).status == 401
            answer = await client.ask("POST", "/logout", json={}, headers={**own, **origin})
            assert answer.status == 204

    asyncio.run(scenario())


def test_without_a_token_everybody_is_in() -> None:
    async def scenario() -> None:
        async with serving() as client:
            answer = await log_in(client, "anything")
            assert answer.status == 204
            assert "Set-Cookie" not in answer.headers

    asyncio.run(scenario())


def offered(logins: Logins, address: str, token: str = "wrong") -> bool | None:
    """Whether the token lets this address in; None: it has to wait."""
    try:
        return logins.log_in(address, token, web.Response(), secure=False)
    except web.HTTPTooManyRequests:
        return None


def test_who_errs_slowly_never_has_to_wait() -> None:
    clock = ManualClock()
    logins = Logins(TOKEN, EndedLogins(None, clock), clock)
    for _ in range(30):
        assert offered(logins, "10.0.0.4") is False
        clock.advance(7.0)  # nine within a minute
    assert offered(logins, "10.0.0.4", TOKEN) is True


def test_who_has_to_wait_is_remembered_however_many_others_ask() -> None:
    clock = ManualClock()
    logins = Logins(TOKEN, EndedLogins(None, clock), clock)
    assert [offered(logins, "10.0.0.4") for _ in range(11)] == [*[False] * 10, None]
    for part in range(3):
        for number in range(1000):
            assert offered(logins, f"10.{part}.{number // 250}.{number % 250}x") is False
        assert offered(logins, "10.0.0.4", TOKEN) is None
    # Those that come when there are too many to remember are counted like the others.
    assert [offered(logins, "10.9.9.9") for _ in range(11)] == [*[False] * 10, None]
