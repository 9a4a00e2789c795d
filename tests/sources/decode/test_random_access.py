"""Where a decoder can begin, and which packets show a picture."""

from __future__ import annotations

from types import SimpleNamespace

import av
import pytest
from av import Packet, VideoStream

from streamsel.sources.decode.random_access import RandomAccess
from tests.sources.media import video_packet
from tests.stand_ins import as_a


def random_access(codec: str, container: str = "matroska,webm", tag: str = "") -> RandomAccess:
    decoder = SimpleNamespace(
        codec=SimpleNamespace(canonical_name=codec), extradata=None, codec_tag=tag
    )
    return RandomAccess(as_a(av.CodecContext, decoder), container)


def packet(content: bytes, *, pts: int | None = 0, key: bool = True) -> Packet[VideoStream]:
    made = video_packet(content)
    made.pts, made.is_keyframe = pts, key
    return made


def vp9(*, key: bool = False, shown: bool = True, repeats: bool = False, size: int = 6) -> bytes:
    """A frame of profile 0: a marker, the profile, and what kind of frame it is."""
    bits = 0b10_00_0000 | repeats << 3 | (not key) << 2 | shown << 1
    return bytes([bits]) + bytes(size - 1)


def superframe(*frames: bytes) -> bytes:
    mark = bytes([0b110_00_000 | len(frames) - 1])
    return b"".join(frames) + mark + bytes(map(len, frames)) + mark


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (vp9(), True),
        (vp9(shown=False), False),
        (vp9(shown=False, repeats=True), True),
        (superframe(vp9(shown=False), vp9()), True),
        (superframe(vp9(), vp9(shown=False, size=9)), True),
        (superframe(vp9(shown=False), vp9(shown=False)), False),
    ],
)
def test_a_vp9_packet_shows_a_picture_if_one_of_its_frames_does(
    content: bytes, shown: bool
) -> None:
    assert random_access("vp9").is_shown(packet(content)) == shown


def test_a_vp8_packet_says_whether_it_is_shown() -> None:
    assert random_access("vp8").is_shown(packet(b"\x10rest"))
    assert not random_access("vp8").is_shown(packet(b"\x00rest"))


def test_every_packet_of_other_codecs_is_shown() -> None:
    assert random_access("h264").is_shown(packet(b"\0\0\1\x41"))


H264 = b"\0\0\1"
AT_ONCE, LATER = b"\x06\x06\x01\x80\x80", b"\x06\x06\x01\x40\x80"


@pytest.mark.parametrize(
    ("codec", "content", "begins"),
    [
        ("h264", H264 + b"\x65slice", True),
        ("h264", H264 + b"\x41slice", False),
        ("h264", H264 + AT_ONCE + H264 + b"\x41slice", True),
        ("h264", H264 + LATER + H264 + b"\x41slice", False),
        ("h264", H264 + b"\x06\x05\x01\x80" + AT_ONCE[1:] + H264 + b"\x41slice", True),
        ("h264", H264 + b"\x06\xff\x06\x01\x80\x80" + H264 + b"\x41slice", False),
        ("h264", H264 + b"\x06\x06", False),
        ("h264", b"", False),
        ("hevc", H264 + b"\x26\x01slice", True),
        ("hevc", H264 + b"\x2a\x01slice", True),
        ("hevc", H264 + b"\x02\x01slice", False),
        ("hevc", H264 + b"\x40\x01set" + H264 + b"\x26\x01slice", True),
        ("hevc", H264 + b"\x40\x01set", False),
        ("vp8", b"\x10rest", True),
        ("vp8", b"\x11rest", False),
        ("vp9", vp9(key=True), True),
        ("vp9", vp9(), False),
        ("vp9", vp9(repeats=True), False),
        ("mpeg2video", b"\0\0\1\0\0\x08rest", True),
        ("mpeg2video", b"\0\0\1\0\0\x10rest", False),
        ("mpeg1video", b"no picture", False),
        ("mpeg4", b"\0\0\1\xb6\x10rest", True),
        ("mpeg4", b"\0\0\1\xb6\x50rest", False),
        ("mpeg4", b"no picture", False),
        ("ffv1", b"anything", True),
    ],
)
def test_a_keyframe_is_believed_if_its_content_says_so_too(
    codec: str, content: bytes, begins: bool
) -> None:
    assert random_access(codec).is_random_access(packet(content)) == begins


def test_nothing_begins_without_a_flag_or_a_time() -> None:
    content = H264 + b"\x65slice"
    assert not random_access("h264").is_random_access(packet(content, key=False))
    assert not random_access("h264").is_random_access(packet(content, pts=None))


def test_some_videos_are_never_cut() -> None:
    first = packet(b"\0\0\1\xb6\x10rest")
    assert random_access("h263").prevents_cut(first)
    assert random_access("mpeg4", tag="XVID").prevents_cut(first)
    assert not random_access("ffv1").prevents_cut(first)


def test_the_first_entry_is_held_and_parameters_that_change_after_it_prevent_a_cut() -> None:
    access = random_access("h264")
    sequence, other = H264 + b"\x67\x42\x00\x1e\xab", H264 + b"\x67\x42\x00\x1f\xab"
    slices = [H264 + b"\x41slice", sequence + H264 + b"\x65slice", H264 + b"\x41slice"]
    packets = [packet(slices[0], key=False), packet(slices[1]), packet(slices[2], key=False)]
    assert [access.prevents_cut(each) for each in packets] == [False, False, False]
    assert access.head is packets[1]
    assert not access.prevents_cut(packet(slices[1]))
    assert access.prevents_cut(packet(other + H264 + b"\x65slice"))
    assert access.head is packets[1]
