"""What all footage does: a clip around a moment that begins with a keyframe, or an error."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from streamsel.errors import SourceError
from streamsel.interfaces.sources import Footage
from streamsel.sources.live.packet_ring import PacketRing
from tests.contracts.implementations import implementations
from tests.sources.media import write_video

RATE, FRAMES, KEYED = 25, 100, 10


def ring(path: Path) -> PacketRing:
    """The last two seconds of a video of four."""
    made = PacketRing(seconds=2.0)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        made.begin(stream, stream.width, stream.height)
        packets = [packet for packet in container.demux(stream) if packet.size]
        for number, packet in enumerate(packets):
            made.add(packet, number / RATE)
    return made


FOOTAGE: dict[str, Callable[[Path], Footage]] = {"PacketRing": ring}


@pytest.fixture(params=FOOTAGE)
def footage(request: pytest.FixtureRequest, tmp_path: Path) -> Footage:
    options = {"preset": "veryfast", "bf": "0"}
    path = write_video(tmp_path / "a.mp4", frames=FRAMES, gop=KEYED, options=options)
    return FOOTAGE[request.param](path)


def test_all_footage_is_here() -> None:
    assert implementations(Footage) == FOOTAGE.keys()


def test_a_clip_begins_with_a_keyframe_and_holds_what_was_asked_for(footage: Footage) -> None:
    content = footage.clip(3.2, 0.4, 0.4)
    with av.open(io.BytesIO(content), "r") as container:
        pictures = list(container.decode(video=0))
    assert pictures[0].key_frame
    assert 0.8 * RATE <= len(pictures) <= 0.8 * RATE + KEYED + 2
    assert footage.clip(3.2, 0.4, 0.4) == content


def test_what_is_no_longer_held_is_an_error(footage: Footage) -> None:
    with pytest.raises(SourceError):
        footage.clip(0.5, 0.4, 0.4)
