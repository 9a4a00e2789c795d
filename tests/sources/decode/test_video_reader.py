"""One open video: what it does about packets that cannot be read."""

from __future__ import annotations

from types import SimpleNamespace

import av
import pytest

from streamsel.errors import SourceError, UnreadableError
from streamsel.sources.decode.video_reader import VideoReader
from tests.sources.media import write_video


class Container:
    """A container in which reading fails at some packets, once each."""

    def __init__(self, whole, failures: dict[int, Exception]) -> None:
        self.format = SimpleNamespace(name="mov,mp4")
        self._packets = [packet for packet in whole.demux(video=0) if packet.size]
        self._failures = failures
        self._at = 0

    def demux(self, _: object):
        while self._at < len(self._packets):
            if (error := self._failures.pop(self._at, None)) is not None:
                raise error
            self._at += 1
            yield self._packets[self._at - 1]

    def close(self) -> None:
        pass


@pytest.fixture
def reader(tmp_path):
    path = write_video(tmp_path / "walk.mp4", frames=8)
    with VideoReader("walk", str(path)) as opened:
        yield opened


def fail(reader: VideoReader, *at: int, error: type[Exception] = av.error.InvalidDataError):
    held = reader._container
    reader._container = Container(held, {place: error(5, "made up") for place in at})
    return held


def test_packets_that_cannot_be_read_are_counted_and_passed_over(reader):
    held = fail(reader, 0, 3, 6, 7)
    assert len(list(reader.packets())) == 8
    assert (reader.damaged, reader.damage != "") == (4, True)
    held.close()


def test_a_video_of_which_nothing_more_can_be_read_ends(reader):
    held = fail(reader)
    reader._container._failures = Always(after=5)
    assert len(list(reader.packets())) == 5
    assert reader.damaged == 3
    held.close()


class Always(dict):
    """A failure at each attempt from some packet on."""

    def __init__(self, after: int) -> None:
        self.after = after

    def pop(self, at: int, _: object = None) -> Exception | None:
        return av.error.InvalidDataError(5, "made up") if at >= self.after else None


def test_a_disk_that_fails_is_not_taken_for_damage(reader):
    held = fail(reader, 3, error=av.error.OSError)
    with pytest.raises(SourceError, match="walk was lost"):
        list(reader.packets())
    assert reader.damaged == 0
    held.close()


def test_a_server_that_fails_before_the_first_packet_gets_advice(reader):
    reader._is_remote = True
    held = fail(reader, 0)
    with pytest.raises(SourceError, match=r"was lost: .*Accept-Ranges"):
        list(reader.packets())
    held.close()


def test_a_server_that_fails_later_gets_none(reader):
    reader._is_remote = True
    held = fail(reader, 1)
    with pytest.raises(SourceError) as caught:
        list(reader.packets())
    assert "Accept-Ranges" not in str(caught.value)
    held.close()


def test_what_is_encrypted_is_said_to_be(reader):
    class Encrypted:
        size = 1

        def has_sidedata(self, kind: str) -> bool:
            return kind == "encryption_info"

    held = fail(reader)
    reader._container._packets = [Encrypted()]
    with pytest.raises(UnreadableError, match="walk is encrypted"):
        list(reader.packets())
    held.close()
