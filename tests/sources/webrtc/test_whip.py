"""Senders that call: what they send becomes frames, and nothing of them stays when they go."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice, pairwise

import pytest
from aiortc.codecs.base import Decoder
from aiortc.codecs.h264 import H264Decoder
from aiortc.codecs.vpx import Vp8Decoder
from aiortc.jitterbuffer import JitterFrame

from streamsel.clock import SystemClock
from streamsel.errors import BusyError, SourceError
from streamsel.frame import Frame
from streamsel.runtime.loop_thread import SideLoop
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.webrtc.ingest import Ingest
from streamsel.sources.webrtc.peer import PeerOptions
from streamsel.sources.webrtc.whip import WhipSource
from tests.polling import eventually
from tests.servers.namespaces import Namespaces
from tests.sources.webrtc.calling import Sender, held, offer_of

PATIENT = LiveOptions(open_timeout=20)


def take(source: WhipSource, frames: int) -> list[Frame]:
    session = source.session(0, 0.0)
    try:
        return list(islice(session, frames))
    finally:
        session.close()


@contextmanager
def reading(source: WhipSource) -> Iterator[list[Frame | str]]:
    """Read a source session by session, as its reader does; what came, and how each ended."""
    read: list[Frame | str] = []

    def run() -> None:
        while not is_over.is_set():
            try:
                read.extend(source.session(0, 0.0))
            except SourceError as error:
                read.append(str(error))

    is_over = threading.Event()
    with ThreadPoolExecutor(1, "reader") as threads:
        running = threads.submit(run)
        try:
            yield read
        finally:
            is_over.set()
            source.stop()
            running.result(10)


def frames_in(read: list[Frame | str]) -> list[Frame]:
    return [one for one in read if isinstance(one, Frame)]


def ends_in(read: list[Frame | str]) -> list[str]:
    return [one for one in read if isinstance(one, str)]


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_what_is_sent_becomes_frames(ingest: Ingest, codec: str) -> None:
    source = ingest.source("phone", PATIENT)
    sender = Sender(ingest, "phone", codec).call()
    frames = take(source, 25)
    sender.leave()

    assert [frame.key.index for frame in frames] == list(range(25))
    assert {(frame.width, frame.height) for frame in frames} == {(320, 240)}
    assert all(a.media_time < b.media_time for a, b in pairwise(frames))
    assert source.tally().decoded >= 25
    assert source.tally().received > 0


def test_a_picture_that_changes_its_size(ingest: Ingest) -> None:
    source = ingest.source("phone", PATIENT)
    sender = Sender(ingest, "phone").call()
    with reading(source) as read:
        eventually(lambda: len(frames_in(read)) > 10, within=20, what="frames come")
        sender.track.size = (176, 144)
        eventually(lambda: frames_in(read)[-1].width == 176, within=20, what="smaller frames come")
        assert ends_in(read) == []
        sender.leave()


def test_a_new_sender_takes_the_place_of_the_last(ingest: Ingest) -> None:
    source = ingest.source("phone", PATIENT)
    first = Sender(ingest, "phone").call()
    with reading(source) as read:
        eventually(lambda: len(frames_in(read)) > 5, within=20, what="frames come")
        second = Sender(ingest, "phone", size=(176, 144)).call()
        eventually(
            lambda: frames_in(read)[-1].width == 176, within=20, what="frames of the second come"
        )
        assert ends_in(read) == ["feed 'phone': whip: another sender took its place"]
        assert not asyncio.run(ingest.end("phone", first.session))
        assert asyncio.run(ingest.end("phone", second.session))
        first.leave()
        second.leave()


@pytest.mark.deadline
def test_a_sender_that_falls_silent_is_let_go_of(ingest: Ingest, nets: Namespaces) -> None:
    """After 4 s of silence: not within 3 s, and within 6 s."""
    source = ingest.source("phone", PATIENT)
    sender = Sender(ingest, "phone").call()
    with reading(source) as read:
        eventually(lambda: len(frames_in(read)) > 5, within=20, what="frames come")
        nets.cut()
        began = time.monotonic()
        eventually(lambda: ends_in(read) != [], within=6, what="the sender is released")
        nets.mend()
        assert ends_in(read) == ["feed 'phone': whip: the sender sent nothing for 4 s"]
        assert time.monotonic() - began > 3
        again = Sender(ingest, "phone").call()
        seen = len(frames_in(read))
        eventually(lambda: len(frames_in(read)) > seen + 5, within=20, what="frames come again")
        again.leave()
        sender.leave()


def test_a_sender_that_never_connects_is_let_go_of(ingest: Ingest, nets: Namespaces) -> None:
    source = ingest.source("phone", PATIENT)
    with reading(source) as read:
        asyncio.run(ingest.offer("phone", offer_of("VP8")))
        eventually(lambda: ends_in(read) != [], within=14, what="it is released")
        assert "no connection came about within 10 s" in ends_in(read)[0]


def test_a_session_that_is_ended_ends(ingest: Ingest) -> None:
    source = ingest.source("phone", PATIENT)
    sender = Sender(ingest, "phone").call()
    with reading(source) as read:
        eventually(lambda: len(frames_in(read)) > 5, within=20, what="frames come")
        assert not asyncio.run(ingest.end("phone", "another"))
        assert not asyncio.run(ingest.end("gate", sender.session))
        assert asyncio.run(ingest.end("phone", sender.session))
        assert not asyncio.run(ingest.end("phone", sender.session))
        eventually(lambda: ends_in(read) != [], within=5, what="the session ends")
        assert ends_in(read) == ["feed 'phone': whip: the sender left"]
        sender.leave()


def test_only_so_many_send_but_whoever_sends_may_come_back(ingest: Ingest) -> None:
    sources = [ingest.source(feed, PATIENT) for feed in ("a", "b", "c")]
    senders = [Sender(ingest, feed).call() for feed in ("a", "b")]
    with pytest.raises(BusyError, match="2 senders are connected"):
        Sender(ingest, "c").call()
    senders.append(Sender(ingest, "b").call())
    assert asyncio.run(ingest.end("b", senders[-1].session))
    senders.append(Sender(ingest, "c").call())
    assert len(take(sources[2], 5)) == 5
    for sender in senders:
        sender.leave()


def test_a_session_may_be_limited(nets: Namespaces) -> None:
    options = PeerOptions(max_session=2)
    ingest = Ingest(options, SystemClock(), SideLoop("streamsel-webrtc"))
    source = ingest.source("phone", PATIENT)
    sender = Sender(ingest, "phone").call()
    with reading(source) as read:
        eventually(lambda: ends_in(read) != [], within=20, what="the session ends")
        assert ends_in(read) == ["feed 'phone': whip: its session time of 2 s is over"]
        assert frames_in(read)
    sender.leave()
    ingest.close()


def test_stopping_ends_the_wait_at_once_and_takes_no_sender_any_more(ingest: Ingest) -> None:
    source = ingest.source("phone", LiveOptions(open_timeout=3600))
    assert ingest.feeds() == ("phone",)
    with reading(source) as read:
        pass
    assert read == []
    assert ingest.feeds() == ()
    with pytest.raises(BusyError, match="takes no sender now"):
        asyncio.run(ingest.offer("phone", offer_of("VP8")))


def test_a_feed_that_is_made_anew_is_not_withdrawn_by_the_old_one(ingest: Ingest) -> None:
    old = ingest.source("phone", PATIENT)
    new = ingest.source("phone", PATIENT)
    old.stop()
    assert ingest.feeds() == ("phone",)
    sender = Sender(ingest, "phone").call()
    assert len(take(new, 3)) == 3
    sender.leave()


def test_nobody_who_sends_is_said(ingest: Ingest) -> None:
    source = ingest.source("phone", LiveOptions(open_timeout=0.2))
    with pytest.raises(SourceError, match=r"^feed 'phone': whip: no one sends to /whip/phone$"):
        take(source, 1)
    source.stop()


@pytest.mark.parametrize(("codec", "kind"), [("VP8", Vp8Decoder), ("H264", H264Decoder)])
def test_what_the_decoder_cannot_keep_up_with_gives_way(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch, codec: str, kind: type[Decoder]
) -> None:
    decode, begun, is_fast = kind.decode, [], threading.Event()

    def decode_late(decoder: Decoder, picture: JitterFrame) -> object:
        begun.append(picture)
        assert is_fast.wait(60)
        return decode(decoder, picture)

    monkeypatch.setattr(kind, "decode", decode_late)
    source = ingest.source("phone", PATIENT)
    sender = Sender(ingest, "phone", codec).call()
    with reading(source) as read:
        eventually(
            lambda: source.tally().damaged > 0, within=30, what="too much waits for the decoder"
        )
        assert len(begun) == 1
        is_fast.set()
        eventually(
            lambda: any(frame.corrupt for frame in frames_in(read)),
            within=20,
            what="doubtful frames come",
        )
        eventually(
            lambda: not frames_in(read)[-1].corrupt, within=20, what="a keyframe ends the doubt"
        )
        sender.leave()


def test_sessions_that_do_not_exist_are_not_ended(ingest: Ingest) -> None:
    ingest.source("phone", PATIENT)
    sender = Sender(ingest, "phone").call()
    for feed, session in (("phone", ""), ("phone", "sélène \udc00"), ("other", sender.session)):
        assert not asyncio.run(ingest.end(feed, session))
    sender.leave()


def test_session_after_session_nothing_grows(ingest: Ingest) -> None:
    source = ingest.source("phone", PATIENT)
    seen = []
    for number in range(12):
        sender = Sender(ingest, "phone", "H264" if number % 2 else "VP8").call()
        assert len(take(source, 3)) == 3
        asyncio.run(ingest.end("phone", sender.session))
        sender.leave()
        seen.append(held())
    # The first few warm up what is made once.
    eventually(lambda: held() <= seen[3], within=10, what=f"not more than {seen[3]}: {seen}")


@pytest.mark.parametrize(
    "program",
    [
        "import streamsel",
        "import streamsel.cli.main",
        "import streamsel.wiring.service, streamsel.http.server",
        "from streamsel.sources.webrtc import ingest, whep",
    ],
)
def test_nothing_of_webrtc_is_loaded_before_it_is_needed(program: str) -> None:
    look = f"{program}; import sys; sys.exit('aiortc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look]).returncode == 0
