"""Parameters that a decoder needs from before the place where it begins."""

from __future__ import annotations

import pytest

from streamsel.sources.decode.parameters import Parameters
from tests.sources.media import video_packet

START = b"\0\0\1"
SLICE = START + b"\x65slice"


def parameters(codec: str, *learned: bytes, container: bytes = b"") -> Parameters:
    known = Parameters(codec, container)
    for content in learned:
        known.learn(video_packet(content))
    return known


def changes(known: Parameters, content: bytes) -> bool:
    return known.change_in(video_packet(content))


@pytest.mark.parametrize("codec", ["mpeg1video", "mpeg2video"])
def test_a_sequence_header_is_what_precedes_the_first_picture(codec: str) -> None:
    header, group, picture = START + b"\xb3size", START + b"\xb8group", START + b"\0picture"
    known = parameters(codec, header + group + picture)
    assert not changes(known, header + group + picture)
    assert not changes(known, header + b"\0" + group + picture)
    assert not changes(known, header + picture)
    assert not changes(known, group + picture)
    assert not changes(known, picture)
    assert changes(known, START + b"\xb3more" + group + picture)
    assert changes(known, START + b"\xb3more" + picture + group)


def test_a_packet_in_which_nothing_begins_changes_nothing() -> None:
    known = parameters("mpeg4", START + b"\x20layer" + START + b"\xb6picture")
    for content in (b"", b"no start", START + b"\x20other"):
        assert not changes(known, content)
    assert changes(known, START + b"\x20other" + START + b"\xb6picture")


@pytest.mark.parametrize(
    ("codec", "known", "same", "other"),
    [
        ("h264", b"\x67\x42a", b"\x67\x42a\0", b"\x67\x42b"),
        ("h264", b"\x68a", b"\x68a", b"\x68b"),
        ("h264", b"\x68a", b"\x06b", b"\x6db"),
        ("hevc", b"\x40\x01a", b"\x40\x01a\0", b"\x40\x01b"),
        ("hevc", b"\x42\x01a", b"\x4e\x01b", b"\x42\x01b"),
        ("hevc", b"\x44\x01a", b"\x44\x01a", b"\x44\x01b"),
    ],
)
def test_parameter_sets_before_the_first_slice_count(
    codec: str, known: bytes, same: bytes, other: bytes
) -> None:
    picture = START + (b"\x65slice" if codec == "h264" else b"\x26\x01slice")
    first = parameters(codec, START + known + picture)
    in_container = parameters(codec, container=START + known)
    for each in (first, in_container):
        assert not changes(each, START + same + picture)
        assert changes(each, START + other + picture)
        assert not changes(each, picture + START + other)


def av1(kind: int, content: bytes, *, extension: bool = False) -> bytes:
    head = bytes([kind << 3 | extension << 2 | 2]) + b"\0" * extension
    return head + bytes([len(content)]) + content


def test_sequence_headers_of_av1_wherever_they_stand() -> None:
    known = parameters("av1", av1(2, b"") + av1(1, b"header") + av1(6, b"frame"))
    assert not changes(known, av1(1, b"header"))
    assert not changes(known, av1(6, b"other") + bytes([1 << 3]) + b"header")
    assert changes(known, av1(1, b"other"))
    assert changes(known, av1(2, b"", extension=True) + av1(1, b"other"))
    assert changes(known, av1(6, b"x" * 100) + bytes([1 << 3]) + b"other")
    long = bytes([6 << 3 | 2, 0x80 | 200 & 127, 200 >> 7]) + bytes(200)
    assert changes(known, long + av1(1, b"other"))


@pytest.mark.parametrize(
    ("build", "profile", "needs"),
    [(33, 100, True), (34, 100, False), (150, 100, False), (150, 244, True), (151, 244, False)],
)
def test_old_builds_of_x264_must_be_known(build: int, profile: int, needs: bool) -> None:
    said = START + b"\x06\x05x264 - core %d r1" % build
    sequence = START + bytes([0x67, profile]) + b"\0\x1e"
    assert parameters("h264", said + sequence + SLICE).needs_encoder == needs
    assert parameters("h264", said + SLICE, container=sequence).needs_encoder == needs
    assert parameters("h264", sequence + SLICE, said + SLICE).needs_encoder == needs
    assert not parameters("hevc", said).needs_encoder


def test_what_says_nothing_of_its_encoder_needs_none() -> None:
    assert not parameters("h264", SLICE).needs_encoder
