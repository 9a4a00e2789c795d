"""Lost packets: what is suspect, from when on, and until which keyframe."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from aiortc import RTCRtpReceiver

from streamsel.sources.webrtc import losses as module
from streamsel.sources.webrtc.losses import Losses
from tests.stand_ins import as_a

KEY, OTHER = b"\x00key", b"\x01other"
VP8, H264 = SimpleNamespace(name="VP8"), SimpleNamespace(name="H264")


class Receiver(SimpleNamespace):
    """What aiortc's receiver has that is used here."""

    def __init__(self) -> None:
        sources = [SimpleNamespace(source=7)]
        super().__init__(asked=[], getSynchronizationSources=lambda: sources)

    async def _send_rtcp_pli(self, source: int) -> None:
        self.asked.append(source)


class Watched:
    def __init__(self) -> None:
        self.receiver = Receiver()
        self.noted = 0
        self.losses = Losses(as_a(RTCRtpReceiver, self.receiver), self._note)
        self.backlog = vars(self.receiver)["_RTCRtpReceiver__decoder_queue"]

    def _note(self) -> None:
        self.noted += 1

    def lose(self) -> None:
        asyncio.run(vars(self.receiver)["_send_rtcp_pli"](7))

    def arrive(self, pts: int, data: bytes, codec: SimpleNamespace = VP8) -> None:
        self.backlog.put((codec, SimpleNamespace(data=data, timestamp=pts)))


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_nothing_is_suspect_before_a_loss(watched: Watched) -> None:
    watched.arrive(0, OTHER)
    assert not watched.losses.is_suspect(0)
    asyncio.run(watched.losses.ask())
    assert (watched.receiver.asked, watched.noted) == ([], 0)


def test_after_a_loss_all_is_suspect_up_to_the_next_keyframe(watched: Watched) -> None:
    watched.lose()
    assert (watched.receiver.asked, watched.noted) == ([7], 1)
    watched.arrive(1, OTHER)
    watched.arrive(2, KEY)
    watched.arrive(3, KEY)
    assert [watched.losses.is_suspect(pts) for pts in (1, 2, 3)] == [True, False, False]


def test_a_keyframe_from_before_a_loss_does_not_help(watched: Watched) -> None:
    watched.arrive(1, KEY)
    watched.lose()
    assert watched.losses.is_suspect(1)
    watched.arrive(2, KEY)
    watched.lose()
    assert watched.losses.is_suspect(2)


def test_it_asks_until_a_keyframe_has_arrived(watched: Watched) -> None:
    watched.lose()
    asyncio.run(watched.losses.ask())
    watched.arrive(1, OTHER)
    asyncio.run(watched.losses.ask())
    assert watched.receiver.asked == [7, 7, 7]
    watched.arrive(2, KEY)
    asyncio.run(watched.losses.ask())
    assert watched.receiver.asked == [7, 7, 7]


def test_a_decoder_that_is_too_slow_loses_what_waits(watched: Watched) -> None:
    for pts in range(module._MOST_WAITING):
        watched.arrive(pts, OTHER)
    assert (watched.noted, watched.backlog.qsize()) == (0, module._MOST_WAITING)
    watched.arrive(99, OTHER)
    assert (watched.noted, watched.backlog.qsize()) == (1, 1)
    watched.backlog.put(None)
    assert watched.backlog.get_nowait() is None
    assert watched.noted == 1


@pytest.mark.parametrize(
    ("codec", "data", "is_key"),
    [
        (VP8, b"\x00rest", True),
        (VP8, b"\x10rest", True),
        (VP8, b"\x01rest", False),
        (VP8, b"", False),
        (H264, b"\0\0\0\1\x67set\0\0\1\x65slice", True),
        (H264, b"\0\0\1\x25slice", True),
        (H264, b"\0\0\1\x45slice", True),
        (H264, b"\0\0\1\x41slice", False),
        (H264, b"", False),
    ],
)
def test_keyframes_are_known_by_their_bytes(
    watched: Watched, codec: SimpleNamespace, data: bytes, is_key: bool
) -> None:
    watched.lose()
    watched.arrive(1, data, codec)
    assert watched.losses.is_suspect(1) != is_key
