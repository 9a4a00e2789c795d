"""Where MPEG-TS may be cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamsel.sources.live.transport_stream import (
    PACKET,
    ends_padded,
    is_transport_stream,
    video_pid,
)
from tests.sources.live.packets import SOUND, VIDEO, pes_packets

PES = st.integers(20, 1200)


@given(before=st.lists(PES, max_size=3), last=PES, clock=st.booleans(), cut=st.integers(0, 8))
def test_padding_tells_where_a_pes_packet_ends(
    before: list[int], last: int, clock: bool, cut: int
) -> None:
    packets = pes_packets(VIDEO, last, clock=clock)
    left = packets[: max(1, len(packets) - cut)]
    content = b"".join([*(b"".join(pes_packets(VIDEO, size)) for size in before), *left])
    is_timed = clock and len(packets) == 1 and packets[0][4] == 7
    is_filled = packets[-1][3] & 0x20 == 0 or is_timed
    assert ends_padded(content, VIDEO) == (len(left) == len(packets) and not is_filled)


@given(video=PES, sounds=st.lists(PES, max_size=4))
def test_what_others_send_makes_no_difference(video: int, sounds: list[int]) -> None:
    alone = b"".join(pes_packets(VIDEO, video))
    others = b"".join(packet for size in sounds for packet in pes_packets(SOUND, size))
    clock_alone = bytes([0x47, VIDEO >> 8, VIDEO & 255, 0x20, 183, 0x10]) + bytes(182)
    assert ends_padded(alone + others + clock_alone, VIDEO) == ends_padded(alone, VIDEO)
    assert video_pid(others + alone) == VIDEO
    assert video_pid(others) is None
    assert not ends_padded(others, VIDEO)


@given(st.binary(max_size=3 * PACKET), st.integers(0, 8191))
def test_anything_is_looked_at_without_a_fault(content: bytes, pid: int) -> None:
    marked = b"".join(b"G" + content[at : at + PACKET - 1] for at in range(0, len(content), PACKET))
    for given_ in (content, marked):
        ends_padded(given_, pid)
        video_pid(given_)
        is_transport_stream(given_)
