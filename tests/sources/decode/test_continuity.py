"""Frames that went missing on the way are missed, by their numbers alone."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import av
import pytest

from streamsel.sources.decode.continuity import Continuity
from streamsel.sources.decode.corruption import Corruption
from tests.sources.media import write_video
from tests.stand_ins import as_a

PLAIN = {"preset": "veryfast", "bf": "0"}
STREAMS = {
    "that counts beyond its modulus": ({**PLAIN, "g": "60", "sc_threshold": "0"}, "yuv420p"),
    "high": (PLAIN, "yuv420p"),
    "baseline": ({**PLAIN, "profile": "baseline"}, "yuv420p"),
    "with frames that none refers to": ({"preset": "veryfast", "bf": "2"}, "yuv420p"),
    "with scaling matrices": ({**PLAIN, "x264-params": "cqm=jvt"}, "yuv420p"),
    "4:4:4": ({**PLAIN, "x264-params": "cqm=jvt"}, "yuv444p"),
    "interlaced": ({**PLAIN, "flags": "+ilme+ildct", "x264-params": "tff=1"}, "yuv420p"),
}


@pytest.fixture(params=STREAMS)
def units(request: pytest.FixtureRequest, tmp_path: Path) -> list[bytes]:
    """The access units of a stream, with start codes."""
    options, pixels = STREAMS[request.param]
    path = write_video(
        tmp_path / "made.mp4",
        options={"sc_threshold": "0", **options},
        pixels=pixels,
        frames=45,
        size=(96, 80),
        gop=20 if "g" not in options else 60,
    )
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        unbox = av.BitStreamFilterContext("h264_mp4toannexb", stream)
        packets = [packet for packet in container.demux(stream) if packet.size]
        return [bytes(made) for packet in packets for made in unbox.filter(packet)]


def slice_of(unit: bytes) -> bytes:
    return next(nal for nal in unit.split(b"\0\0\1")[1:] if nal[0] & 31 in (1, 5))


def is_keyframe(unit: bytes) -> bool:
    return slice_of(unit)[0] & 31 == 5


def is_referred_to(unit: bytes) -> bool:
    return bool(slice_of(unit)[0] & 96)


def broken(units: list[bytes]) -> list[int]:
    continuity = Continuity(b"")
    return [place for place, unit in enumerate(units) if not continuity.follows(unit)]


def test_nothing_is_missed_where_nothing_is_missing(units: list[bytes]) -> None:
    assert broken(units) == []


def test_a_frame_that_others_refer_to_is_missed_at_once(units: list[bytes]) -> None:
    left_out = [
        place
        for place in range(1, len(units) - 1)
        if is_referred_to(units[place]) and not is_keyframe(units[place + 1])
    ]
    assert left_out
    for place in left_out:
        assert broken(units[:place] + units[place + 1 :])[:1] == [place], f"without {place}"


def test_a_frame_that_none_refers_to_is_not_missed(units: list[bytes]) -> None:
    for place, unit in enumerate(units):
        if not is_referred_to(unit):
            assert broken(units[:place] + units[place + 1 :]) == []


def test_without_its_parameters_nothing_but_keyframes_is_trusted(units: list[bytes]) -> None:
    bare = [b"\0\0\1" + slice_of(unit) for unit in units]
    assert broken(bare) == [place for place, unit in enumerate(bare) if not is_keyframe(unit)]


def test_noise_is_no_video_and_raises_nothing() -> None:
    continuity = Continuity(b"\0\0\1\x67")
    for noise in (b"", b"\0\0\1", b"\0\0\1\x41", b"\0\0\1\x67\xff", bytes(range(256)) * 4):
        continuity.follows(noise)
    assert not continuity.follows(b"\0\0\1\x41\x9a\x00\x00")


def test_a_damaged_keyframe_does_not_end_the_doubt() -> None:
    corruption = Corruption()

    def after(*, is_keyframe: bool, is_damaged: bool = False) -> bool:
        packet = SimpleNamespace(is_keyframe=is_keyframe, is_corrupt=is_damaged)
        corruption.check(as_a(av.Packet, packet))
        image = SimpleNamespace(key_frame=is_keyframe, is_corrupt=False)
        return corruption.covers(as_a(av.VideoFrame, image))

    assert not after(is_keyframe=True)
    assert after(is_keyframe=False, is_damaged=True)
    assert after(is_keyframe=True, is_damaged=True)
    assert after(is_keyframe=False)
    assert not after(is_keyframe=True)
    assert not after(is_keyframe=False)
