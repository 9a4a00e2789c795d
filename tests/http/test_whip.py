"""Senders at the door: what is answered to offers, good and bad, and to pages of other sites."""

from __future__ import annotations

import asyncio
import json

import pytest

from streamsel.errors import BusyError, OfferError, UnsupportedError
from streamsel.testing import ManualClock
from tests.http.serving import TOKEN, Answer, Client, Senders, bearer, serving

SDP = {"Content-Type": "application/sdp"}
OFFER = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n"
PAGE = "https://app.example.com"
CORS = "Access-Control-Allow-"


async def post(
    client: Client, body: str | bytes = OFFER, feed: str = "phone", **headers: str
) -> Answer:
    return await client.ask("POST", f"/whip/{feed}", data=body, headers={**SDP, **headers})


def error_of(answer: Answer) -> str:
    error: str = json.loads(answer.body)["error"]
    return error


def test_an_offer_is_answered_and_its_session_ended() -> None:
    async def scenario() -> None:
        senders = Senders("phone", "über cam")
        async with serving(senders=senders) as client:
            answer = await post(client)
            assert answer.status == 201
            assert answer.headers["Content-Type"].startswith("application/sdp")
            assert answer.headers["Location"] == "/whip/phone/s3ss10n"
            assert answer.headers["ETag"] == '"s3ss10n"'
            assert answer.body == b"v=0 answered"
            assert senders.offers == [("phone", OFFER)]
            assert (await client.ask("DELETE", "/whip/phone/s3ss10n")).status == 200
            assert senders.sessions == set()
            assert (await client.ask("DELETE", "/whip/phone/s3ss10n")).status == 404
            answer = await post(client, feed="%C3%BCber%20cam")
            assert answer.headers["Location"] == "/whip/%C3%BCber%20cam/s3ss10n"
            assert (await client.ask("DELETE", answer.headers["Location"])).status == 200

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        (OfferError("line 3: a=ice-ufrag is missing"), 400),
        (UnsupportedError("it offers VP9 alone"), 406),
        (BusyError("16 senders are connected"), 503),
    ],
)
def test_what_cannot_be_answered_is_told(trouble: Exception, status: int) -> None:
    async def scenario() -> None:
        senders = Senders("phone")
        senders.answer = trouble
        async with serving(senders=senders) as client:
            answer = await post(client)
            assert (answer.status, error_of(answer)) == (status, str(trouble))
            assert ("Retry-After" in answer.headers) == (status == 503)

    asyncio.run(scenario())


def test_what_is_no_offer_never_gets_to_the_senders() -> None:
    async def scenario() -> None:
        senders = Senders("phone")
        async with serving(senders=senders) as client:
            assert (await post(client, feed="gate")).status == 404
            assert (await post(client, b"\xff\xfe")).status == 400
            assert (await post(client, "x" * 65_537)).status == 413
            for wrong in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
                answer = await post(client, **{"Content-Type": wrong})
                assert answer.status == 415
                assert "application/sdp" in error_of(answer)
            for method in ("GET", "PUT", "DELETE"):
                answer = await client.ask(method, "/whip/phone", data=OFFER, headers=SDP)
                assert answer.status == 405
            trickle = {"Content-Type": "application/trickle-ice-sdpfrag"}
            answer = await client.ask("PATCH", "/whip/phone/s3ss10n", data="a=x", headers=trickle)
            assert answer.status == 405
            assert "DELETE" in answer.headers["Allow"]
            assert senders.offers == []

    asyncio.run(scenario())


def test_the_largest_offer_that_is_taken() -> None:
    async def scenario() -> None:
        senders = Senders("phone")
        async with serving(senders=senders) as client:
            assert (await post(client, "x" * 65_536)).status == 201

    asyncio.run(scenario())


def test_senders_want_the_token_but_not_to_ask_what_is_taken() -> None:
    async def scenario() -> None:
        senders = Senders("phone")
        async with serving(senders=senders, token=TOKEN) as client:
            for headers in ({}, bearer("wrong"), {"Authorization": TOKEN}):
                answer = await post(client, **headers)
                assert answer.status == 401
                assert answer.headers.getall("WWW-Authenticate")[0].startswith("Bearer ")
            assert senders.offers == []
            assert (await post(client, **bearer(TOKEN))).status == 201
            session = "/whip/phone/s3ss10n"
            assert (await client.ask("DELETE", session)).status == 401
            for path in ("/whip/phone", session):
                answer = await client.ask("OPTIONS", path)
                assert answer.status == 204
                assert answer.headers["Accept-Post"] == "application/sdp"
            assert (await client.ask("DELETE", session, headers=bearer(TOKEN))).status == 200

    asyncio.run(scenario())


def test_many_offers_at_once_are_put_off() -> None:
    async def scenario() -> None:
        clock = ManualClock()
        senders = Senders("phone")
        async with serving(senders=senders, clock=clock) as client:
            answers = [await post(client) for _ in range(11)]
            assert [answer.status for answer in answers] == [201] * 10 + [429]
            assert answers[-1].headers["Retry-After"] == "1"
            assert len(senders.offers) == 10
            clock.advance(1)
            assert (await post(client)).status == 201

    asyncio.run(scenario())


def test_pages_of_named_origins_may_send_and_no_others() -> None:
    async def scenario() -> None:
        senders = Senders("phone")
        async with serving(senders=senders, token=TOKEN, origins=(PAGE,)) as client:
            asked = {"Access-Control-Request-Method": "POST", "Origin": PAGE}
            answer = await client.ask("OPTIONS", "/whip/phone", headers=asked)
            assert answer.headers[f"{CORS}Origin"] == PAGE
            assert "POST" in answer.headers[f"{CORS}Methods"]
            assert "Authorization" in answer.headers[f"{CORS}Headers"]
            assert answer.headers["Vary"] == "Origin"
            answer = await post(client, Origin=PAGE, **bearer(TOKEN))
            assert answer.status == 201
            assert answer.headers[f"{CORS}Origin"] == PAGE
            assert "Location" in answer.headers["Access-Control-Expose-Headers"]
            # The response has the reason too.
            assert (await post(client, Origin=PAGE)).headers[f"{CORS}Origin"] == PAGE
            for other in ("https://evil.example", "null", PAGE + ".evil", PAGE.upper(), ""):
                answer = await post(client, Origin=other, **bearer(TOKEN))
                assert f"{CORS}Origin" not in answer.headers
            answer = await client.get("/api/feeds", headers={"Origin": PAGE, **bearer(TOKEN)})
            assert f"{CORS}Origin" not in answer.headers

    asyncio.run(scenario())
