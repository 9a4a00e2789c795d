"""One open video: what it does about packets that cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import av
import pytest
from av.container import InputContainer

from streamsel.errors import SourceError, UnreadableError
from streamsel.sources.decode.video_reader import VideoReader
from tests.sources.media import write_video
from tests.stand_ins import as_a


class Container:
    """A container in which reading fails at some packets, once each."""

    def __init__(self, whole: InputContainer, failures: dict[int, Exception]) -> None:
        self.format = SimpleNamespace(name="mov,mp4")
        self.packets: list[object] = [packet for packet in whole.demux(video=0) if packet.size]
        self.failure_at: Callable[[int], Exception | None] = lambda at: failures.pop(at, None)
        self._at = 0

    def demux(self, _: object) -> Iterator[object]:
        while self._at < len(self.packets):
            if (error := self.failure_at(self._at)) is not None:
                raise error
            self._at += 1
            yield self.packets[self._at - 1]

    def close(self) -> None:
        pass


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[VideoReader]:
    path = write_video(tmp_path / "walk.mp4", frames=8)
    with VideoReader("walk", str(path)) as opened:
        yield opened


def fail(
    reader: VideoReader, *at: int, error: type[Exception] = av.error.InvalidDataError
) -> tuple[Container, InputContainer]:
    """Put a container that fails into a reader; the one that it held must be closed."""
    held = reader._container
    failing = Container(held, {place: error(5, "made up") for place in at})
    reader._container = as_a(InputContainer, failing)
    return failing, held


def test_packets_that_cannot_be_read_are_counted_and_passed_over(reader: VideoReader) -> None:
    _, held = fail(reader, 0, 3, 6, 7)
    assert len(list(reader.packets())) == 8
    assert (reader.damaged, reader.damage != "") == (4, True)
    held.close()


def test_a_video_of_which_nothing_more_can_be_read_ends(reader: VideoReader) -> None:
    failing, held = fail(reader)
    failing.failure_at = fails_always(after=5)
    assert len(list(reader.packets())) == 5
    assert reader.damaged == 3
    held.close()


def fails_always(after: int) -> Callable[[int], Exception | None]:
    """A failure at each attempt from some packet on."""
    return lambda at: av.error.InvalidDataError(5, "made up") if at >= after else None


def test_a_disk_that_fails_is_not_taken_for_damage(reader: VideoReader) -> None:
    _, held = fail(reader, 3, error=av.error.OSError)
    with pytest.raises(SourceError, match="walk was lost"):
        list(reader.packets())
    assert reader.damaged == 0
    held.close()


def test_a_server_that_fails_before_the_first_packet_gets_advice(reader: VideoReader) -> None:
    reader._is_remote = True
    _, held = fail(reader, 0)
    with pytest.raises(SourceError, match=r"was lost: .*Accept-Ranges"):
        list(reader.packets())
    held.close()


def test_a_server_that_fails_later_gets_none(reader: VideoReader) -> None:
    reader._is_remote = True
    _, held = fail(reader, 1)
    with pytest.raises(SourceError) as caught:
        list(reader.packets())
    assert "Accept-Ranges" not in str(caught.value)
    held.close()


def test_what_is_encrypted_is_said_to_be(reader: VideoReader) -> None:
    class Encrypted:
        size = 1

        def has_sidedata(self, kind: str) -> bool:
            return kind == "encryption_info"

    failing, held = fail(reader)
    failing.packets = [Encrypted()]
    with pytest.raises(UnreadableError, match="walk is encrypted"):
        list(reader.packets())
    held.close()
