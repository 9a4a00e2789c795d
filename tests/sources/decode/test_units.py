"""NAL units, whichever way a container stores them."""

from __future__ import annotations

import pytest

from streamsel.sources.decode.units import Units
from tests.sources.media import video_packet

SEQUENCE, PICTURE, SLICE = b"\x67sequence", b"\x68picture", b"\x65" + b"slice" * 300


def avcc(length_bytes: int = 4) -> bytes:
    head = bytes([1, 100, 0, 30, 0xFC | length_bytes - 1])
    return head + b"\xe1" + sized(SEQUENCE, 2) + b"\x01" + sized(PICTURE, 2)


def hvcc(*sets: bytes) -> bytes:
    arrays = b"".join(b"\x21" + (1).to_bytes(2, "big") + sized(one, 2) for one in sets)
    return bytes([1]) + bytes(20) + bytes([0xFC | 3, len(sets)]) + arrays


def sized(unit: bytes, length_bytes: int) -> bytes:
    return len(unit).to_bytes(length_bytes, "big") + unit


def units(codec: str, parameters: bytes, content: bytes) -> list[bytes]:
    return list(Units(codec, parameters).of(video_packet(content)))


@pytest.mark.parametrize("length_bytes", [1, 2, 4])
def test_units_of_a_box_have_their_length_before_them(length_bytes: int) -> None:
    short = [b"\x06message", SEQUENCE]
    content = b"".join(sized(unit, length_bytes) for unit in short)
    assert units("h264", avcc(length_bytes), content) == short


def test_units_of_a_stream_have_a_start_code_before_them() -> None:
    content = b"\0\0\0\1" + SEQUENCE + b"\0\0\1" + PICTURE
    for codec, parameters in (
        ("h264", b""),
        ("h264", content),
        ("hevc", b""),
        ("mpeg4", b"\1" * 9),
    ):
        assert units(codec, parameters, content) == [SEQUENCE, PICTURE]


def test_the_first_kilobyte_is_enough() -> None:
    boxed = sized(SLICE, 4) + sized(PICTURE, 4)
    delimited = b"\0\0\1" + SLICE + b"\0\0\1" + PICTURE
    assert units("h264", avcc(), boxed) == [SLICE[:1024], PICTURE]
    assert units("h264", b"", delimited) == [SLICE[:1024], PICTURE]


def test_a_packet_that_is_cut_short_gives_what_is_there() -> None:
    assert units("h264", avcc(), sized(SLICE, 4)[:50]) == [SLICE[:46]]
    assert units("h264", avcc(), b"\0\0\0\4") == []
    assert units("h264", b"", b"no start") == []


def test_parameter_sets_of_the_container() -> None:
    assert list(Units("h264", avcc()).of_container()) == [SEQUENCE, PICTURE]
    assert list(Units("hevc", hvcc(SEQUENCE, PICTURE)).of_container()) == [SEQUENCE, PICTURE]
    content = b"\0\0\1" + SEQUENCE + b"\0\0\1" + PICTURE
    assert list(Units("h264", content).of_container()) == [SEQUENCE, PICTURE]
    assert list(Units("h264", b"").of_container()) == []


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_a_box_that_is_cut_anywhere_is_no_error(codec: str) -> None:
    whole = avcc() if codec == "h264" else hvcc(SEQUENCE, PICTURE)
    for length in range(len(whole)):
        cut = Units(codec, whole[:length])
        assert [one for one in cut.of_container() if one in (SEQUENCE, PICTURE)] in (
            *([], [SEQUENCE], [SEQUENCE, PICTURE]),
        )
        list(cut.of(video_packet(sized(PICTURE, 4))))
