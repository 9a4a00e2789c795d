"""Offers, good and bad: each is answered, or refused with a reason, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter

import pytest

from streamsel.clock import SystemClock
from streamsel.errors import OfferError, UnsupportedError
from streamsel.runtime.loop_thread import SideLoop
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.webrtc.ingest import Ingest
from streamsel.sources.webrtc.offer import require_offer
from streamsel.sources.webrtc.peer import PeerOptions
from streamsel.testing import ManualClock
from tests.http.serving import serving
from tests.polling import eventually
from tests.servers.namespaces import Namespaces
from tests.sources.webrtc.calling import held, offer_of

# What Chromium offers for a camera, shortened to what matters.
BROWSER = "\r\n".join(
    [
        "v=0",
        "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "a=extmap-allow-mixed",
        "a=msid-semantic: WMS",
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97 103 104 45 98",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        "a=candidate:1 1 udp 2113937151 0b1a-8f.local 52100 typ host generation 0",
        "a=candidate:2 1 udp 2113937151 10.77.0.2 52101 typ host generation 0",
        "a=ice-ufrag:F7gI",
        "a=ice-pwd:x9cml/YzichV2+XlhiMu8g22",
        "a=ice-options:trickle",
        "a=fingerprint:sha-256 " + ":".join(["D2"] * 32),
        "a=setup:actpass",
        "a=mid:0",
        "a=sendonly",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        "a=rtpmap:96 VP8/90000",
        "a=rtcp-fb:96 nack",
        "a=rtcp-fb:96 nack pli",
        "a=rtpmap:97 rtx/90000",
        "a=fmtp:97 apt=96",
        "a=rtpmap:103 H264/90000",
        "a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
        "a=rtpmap:104 rtx/90000",
        "a=fmtp:104 apt=103",
        "a=rtpmap:45 AV1/90000",
        "a=rtpmap:98 VP9/90000",
        "a=ssrc:3735928559 cname:canary",
        "",
    ]
)


def without(beginning: str, offer: str = BROWSER) -> str:
    kept = [line for line in offer.split("\r\n") if not line.startswith(beginning)]
    return "\r\n".join(kept)


def only(codec: str) -> str:
    """The offer with one codec, under the number of VP8."""
    offer = without("a=rtpmap:103", without("a=rtpmap:45", without("a=rtpmap:98", BROWSER)))
    return offer.replace("VP8/90000", f"{codec}/90000")


def test_a_browsers_offer_is_taken_without_the_names_that_hide_its_addresses() -> None:
    taken = require_offer(BROWSER)
    assert taken == without("a=candidate:1 ", BROWSER)


@pytest.mark.parametrize("offer", [BROWSER, only("H264"), BROWSER.replace("\r\n", "\n")])
def test_offers_that_may_be_answered(offer: str) -> None:
    assert require_offer(offer).startswith("v=0\r\n")


@pytest.mark.parametrize(
    ("offer", "told"),
    [
        ("", "not a session description"),
        ("v=1\r\n", "not a session description"),
        ("\x00\x01\x02", "not a session description"),
        ("<html>", "not a session description"),
        ("v=0\r\nhello\r\n", "line 2"),
        ("v=0\r\na=\x00\r\n", "line 2"),
        ("v=0\r\n", "no video"),
        (BROWSER.replace("m=video", "m=audio"), "no video"),
        (BROWSER.replace("m=video 9 UDP", "m=video UDP"), "media line"),
        (BROWSER.replace("m=video 9 UDP", "m=video 99999 UDP"), "media line"),
        (BROWSER.replace("SAVPF 96", "SAVPF ninety"), "no numbers"),
        (BROWSER.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "WebRTC is needed"),
        (BROWSER + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n", "application"),
        (BROWSER.replace("a=sendonly", "a=recvonly"), "does not send"),
        (BROWSER.replace("a=sendonly", "a=inactive"), "does not send"),
        (without("a=ice-ufrag"), "lacks ice-ufrag"),
        (without("a=ice-pwd"), "lacks ice-pwd"),
        (without("a=fingerprint"), "lacks fingerprint"),
        (BROWSER + "a=candidate:3 1 udp 1 10.0.0.1 1 typ host\r\n" * 65, "64 candidates"),
        (BROWSER * 17, "no line|sections"),
        (BROWSER + "a=x\r\n" * 4000, "not a session description"),
        (BROWSER + "a=" + "x" * 65_536, "64 KB"),
    ],
)
def test_what_is_wrong_with_an_offer_is_told(offer: str, told: str) -> None:
    with pytest.raises(OfferError, match=told):
        require_offer(offer)


@pytest.mark.parametrize("codec", ["VP9", "AV1", "H265", "VP8X"])
def test_other_codecs_are_told_apart_from_nonsense(codec: str) -> None:
    with pytest.raises(UnsupportedError, match=f"in .*{codec}.*; VP8 or H264 is taken here"):
        require_offer(only(codec))


def mutations(number: int, seed: int) -> list[str]:
    """Offers with a line lost, cut, repeated, scrambled, or moved to another place."""
    draw = random.Random(seed)
    bases = [BROWSER, offer_of("VP8"), offer_of("H264"), offer_of("VP8", "H264")]
    made = []
    for _ in range(number):
        lines = draw.choice(bases).split("\r\n")[:-1]
        for _ in range(draw.choice([1, 1, 2, 5])):
            place = draw.randrange(len(lines))
            line = lines[place]
            match draw.randrange(6):
                case 0:
                    del lines[place]
                case 1:
                    lines[place] = line[: draw.randrange(len(line) + 1)]
                case 2:
                    lines.insert(draw.randrange(len(lines)), line)
                case 3:
                    letters = (chr(draw.randrange(32, 0x2FFF)) for _ in line)
                    lines[place] = "".join(
                        new if draw.random() < 0.2 else old
                        for new, old in zip(letters, line, strict=True)
                    )
                case 4:
                    lines[place] = "".join(
                        draw.choice("0123456789") if letter.isdigit() else letter for letter in line
                    )
                case _:
                    lines[place] = line.replace(
                        " ", draw.choice(["", "  ", " -1 ", " 4294967296 "])
                    )
        made.append("\r\n".join(lines) + "\r\n")
    return made


class RestedClock(ManualClock):
    """A second passes whenever it is looked at, so that offers never come too fast."""

    def monotonic(self) -> float:
        self.advance(1)
        return super().monotonic()


async def post_all(ingest: Ingest, offers: list[str]) -> Counter[int]:
    """Post offers to a service, end what sessions they make, and count the answers."""
    statuses: Counter[int] = Counter()
    async with serving(senders=ingest, clock=RestedClock()) as client:
        for offer in offers:
            headers = {"Content-Type": "application/sdp"}
            body = offer.encode("utf-8", "surrogatepass")
            async with asyncio.timeout(15):
                answer = await client.ask("POST", "/whip/phone", data=body, headers=headers)
            statuses[answer.status] += 1
            if answer.status == 201:
                session = str(answer.headers["Location"])
                assert (await client.ask("DELETE", session)).status == 200
            else:
                assert json.loads(answer.body)["error"]
    return statuses


def test_300_mutated_offers_are_answered_or_refused_and_leave_nothing(nets: Namespaces) -> None:
    offers = mutations(300, seed=20261123)
    ingest = Ingest(PeerOptions(), SystemClock(), SideLoop("streamsel-webrtc"))
    source = ingest.source("phone", LiveOptions())
    asyncio.run(post_all(ingest, [BROWSER, *offers[:20]]))
    before = held()
    statuses = asyncio.run(post_all(ingest, offers))
    eventually(lambda: held() <= before, within=10, what=f"{before} again, instead of {held()}")
    source.stop()
    ingest.close()
    assert set(statuses) <= {201, 400, 406}
    assert min(statuses[201], statuses[400]) > 50, statuses
