"""The file that segments make: where it ends, when it asks again, and what it gives up."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamsel.errors import RefusedError, SourceError
from streamsel.sources.decode.random_access import RandomAccess
from streamsel.sources.live.clean_breaks import CleanBreaks
from streamsel.sources.live.hls_client import HlsClient
from streamsel.sources.live.playlist import MediaPlaylist, Segment
from streamsel.sources.live.segments import SegmentReader
from tests.sources.live.packets import SOUND, VIDEO, pes_packets
from tests.sources.media import video_packet
from tests.stand_ins import as_a

PADDED, FILLED = 300, 368
"""Bytes of a PES packet that leaves room in its last packet, and of one that does not."""


class Answer(io.BytesIO):
    """What a server sends of a segment, of ``lost`` bytes less than it said."""

    def __init__(self, content: bytes, lost: int = 0) -> None:
        super().__init__(content[: len(content) - lost])
        self.length = lost


@dataclass
class Camera:
    """A scripted server with a clock; what is published is listed by the next reload."""

    segments: list[bytes]
    first: int = 0
    listed: int = 1
    seconds: float = 8.0
    lost: int = 0
    now: float = 100.0
    stopped: bool = False
    is_plain: bool = True
    refusal: SourceError | None = None
    reloads: list[float] = field(default_factory=list)
    published: Callable[[float], int] | None = None

    def playlist(self) -> MediaPlaylist:
        segments = (Segment(str(number), self.seconds) for number in range(self.listed))
        return MediaPlaylist(8.0, self.first, tuple(segments), False, self.is_plain)

    def reload(self) -> MediaPlaylist:
        self.reloads.append(self.now)
        if self.refusal is not None:
            raise self.refusal
        if self.published is not None:
            self.listed = self.published(self.now)
        return self.playlist()

    def open(self, url: str) -> Answer:
        if int(url) >= len(self.segments):
            raise SourceError("its server answers 404")
        return Answer(self.segments[int(url)], self.lost if url == "0" else 0)

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return self.stopped

    def reader(self) -> SegmentReader:
        """What reads it, begun."""
        reader = SegmentReader(
            "gate", as_a(HlsClient, self), self.playlist(), 24.0, self, self.wait
        )
        assert reader.begin()
        return reader


def segment(*sizes: int) -> bytes:
    """Pictures of so many bytes, and sound."""
    packets = [packet for size in sizes for packet in pes_packets(VIDEO, size)]
    return b"".join([*packets, *pes_packets(SOUND, PADDED)])


def until_end(reader: SegmentReader, size: int = 1 << 15) -> bytes:
    content = b""
    while piece := reader.read(size):
        content += piece
    assert reader.is_at_end
    assert reader.read(size) == b""
    return content


@settings(deadline=None)
@given(
    contents=st.lists(st.lists(st.just(PADDED), min_size=1, max_size=9), min_size=1, max_size=5),
    size=st.integers(1, 2000),
)
def test_it_ends_with_each_segment_and_loses_nothing(contents: list[list[int]], size: int) -> None:
    segments = [segment(*sizes) for sizes in contents]
    camera = Camera(segments)
    reader = camera.reader()
    assert until_end(reader, size) == segments[0]
    for number, content in enumerate(segments[1:], 2):
        camera.listed = number
        assert reader.advance()
        assert until_end(reader, size) == content


@given(cut=st.integers(1, 6), lost=st.integers(0, 187))
def test_a_segment_that_ends_within_a_picture_is_joined_with_the_next(cut: int, lost: int) -> None:
    whole = b"".join(pes_packets(VIDEO, 8 * 184 + PADDED))
    head, rest = whole[: -188 * cut], whole[-188 * cut :]
    camera = Camera([head, rest], published=lambda _: 2, lost=lost if lost else 0)
    content = until_end(camera.reader())
    assert content == head[: len(head) - lost] + rest


def test_a_picture_that_leaves_no_room_ends_a_segment_once_others_have() -> None:
    filled = segment(FILLED)
    joined = Camera([filled, segment(PADDED)], published=lambda _: 2)
    assert until_end(joined.reader()) == filled + segment(PADDED)
    camera = Camera([segment(PADDED)] * 3 + [filled])
    reader = camera.reader()
    for number in range(1, 5):
        assert until_end(reader) == camera.segments[number - 1]
        camera.listed = number + 1
        assert number == 4 or reader.advance()


def test_a_segment_that_was_broken_off_is_no_whole_one() -> None:
    camera = Camera([segment(PADDED), segment(PADDED)], lost=188 * 2, published=lambda _: 2)
    assert until_end(camera.reader()) == segment(PADDED)[: -188 * 2] + segment(PADDED)


def test_it_is_asked_again_in_the_rhythm_of_the_sender_and_soon_after() -> None:
    camera = Camera([segment(PADDED)] * 50)
    camera.published = lambda now: 1 + int((now - 97) / 8)  # one more at 105, 113, ...
    reader, ages = camera.reader(), []
    for number in range(1, 40):
        assert until_end(reader)
        assert reader.advance()
        ages.append(camera.now - (97 + 8 * number))
    assert max(ages) <= camera.seconds / 2
    waits = [
        after - before for before, after in zip(camera.reloads, camera.reloads[1:], strict=False)
    ]
    assert min(waits) >= camera.seconds / 2
    assert waits[2:] == [camera.seconds] * len(waits[2:])


def test_what_comes_no_more_is_given_up_and_why_is_said() -> None:
    camera = Camera([segment(PADDED)])
    reader = camera.reader()
    until_end(reader)
    with pytest.raises(SourceError, match="gate was lost: no answer within 24 s"):
        reader.advance()
    assert camera.now == pytest.approx(100 + 24, abs=8)
    camera.refusal = SourceError("its server answers 502")
    with pytest.raises(SourceError, match="gate was lost: its server answers 502"):
        reader.advance()
    began, camera.refusal = camera.now, RefusedError("its server answers 403")
    with pytest.raises(SourceError, match="gate was lost: its server answers 403"):
        reader.advance()
    assert camera.now - began <= 4


def test_segments_of_another_kind_end_it() -> None:
    camera = Camera([segment(PADDED)])
    reader = camera.reader()
    until_end(reader)
    camera.is_plain = False
    with pytest.raises(SourceError, match="another kind"):
        reader.advance()


def test_what_goes_wrong_while_ffmpeg_reads_is_said_afterwards() -> None:
    camera = Camera([segment(FILLED)])
    reader = camera.reader()
    assert until_end(reader) == segment(FILLED)
    with pytest.raises(SourceError, match="no answer"):
        reader.advance()


def test_a_feed_that_is_stopped_waits_for_nothing() -> None:
    camera = Camera([segment(PADDED)])
    reader = camera.reader()
    until_end(reader)
    camera.stopped = True
    assert not reader.advance()
    assert camera.reloads == []


@pytest.mark.parametrize("content", [b"", b"\0" * 4000, segment()[:188], b"GIF89a" * 99])
def test_what_is_no_video_in_mpeg_ts_is_left_to_others(content: bytes) -> None:
    camera = Camera([content])
    client = as_a(HlsClient, camera)
    reader = SegmentReader("gate", client, camera.playlist(), 24.0, camera, camera.wait)
    assert not reader.begin()


def test_a_segment_is_left_in_its_middle_when_the_feed_is_stopped() -> None:
    camera = Camera([segment(*[PADDED] * 500), segment(PADDED)], published=lambda _: 2)
    reader = camera.reader()
    reader.read(1 << 20)
    camera.stopped = True
    assert reader.read(1) == b""
    assert reader.is_at_end
    assert not reader.advance()


@pytest.mark.parametrize("useless", [b"", b"<html>Your session is over</html>"])
def test_segments_that_are_empty_or_of_another_kind_are_given_up_soon(useless: bytes) -> None:
    camera = Camera([segment(PADDED), *[useless] * 3, segment(PADDED, 301), *[useless] * 50])
    camera.published = lambda now: 1 + int((now - 97) / 8)
    reader = camera.reader()
    assert until_end(reader)
    content: list[bytes] = []
    with pytest.raises(SourceError, match="its segments are empty, or no MPEG-TS"):
        content.extend(until_end(reader) for _ in iter(reader.advance, False))
    assert b"".join(content) == segment(PADDED, 301)
    assert camera.listed < 12


def test_a_segment_without_pictures_is_an_end_and_is_not_joined() -> None:
    silent = b"".join(pes_packets(SOUND, PADDED))
    camera = Camera([segment(PADDED), silent, silent], listed=1, published=lambda _: 3)
    reader = camera.reader()
    reader.pid = VIDEO
    assert until_end(reader)
    assert reader.advance()
    assert until_end(reader) == silent


def test_a_window_of_which_nothing_can_be_had_takes_no_longer_than_one_segment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    camera = Camera([segment(PADDED)], published=lambda _: 500)

    def unanswered(url: str) -> Answer:
        camera.now += 5
        raise SourceError("no answer within 5 s")

    reader = camera.reader()
    until_end(reader)
    monkeypatch.setattr(camera, "open", unanswered)
    with pytest.raises(SourceError, match="no answer"):
        reader.advance()
    assert camera.now < 100 + 24 + 8 + 5


def test_older_editions_of_a_playlist_make_nothing_come_twice() -> None:
    camera = Camera([segment(PADDED, number) for number in range(300, 305)], first=50, listed=5)
    reader = camera.reader()
    assert until_end(reader) == camera.segments[4]
    stale = iter([4, 3, 5])
    camera.published = lambda _: next(stale, 5)
    with pytest.raises(SourceError, match="no answer"):
        reader.advance()


class Breaks:
    """Stands in for the parser of packets: what it says of each segment's first one."""

    def __init__(self, *clean: bool) -> None:
        self._clean = iter(clean)

    def is_clean_break(self, packet: object) -> bool:
        return next(self._clean)


def test_only_segments_that_all_need_nothing_before_them_are_taken_to_do_so() -> None:
    parser = Breaks(True, True, True, True, False, True, True, True, True)
    breaks = CleanBreaks(as_a(RandomAccess, parser))
    expected = []
    for _ in range(9):
        breaks.check(video_packet(b"first"))
        breaks.check(video_packet(b"second"))
        expected.append(breaks.end())
    assert expected == [False, False, True, True] + [False] * 5
