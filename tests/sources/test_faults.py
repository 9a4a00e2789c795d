"""Whatever PyAV raises, in whichever call, is the error of the feed that it was called for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from PIL import Image

from streamsel.choices import Decode
from streamsel.clock import SystemClock
from streamsel.errors import SourceError
from streamsel.frame import Frame, PrefilterState, View
from streamsel.interfaces.sources import LiveSource, Source
from streamsel.prefilter.options import PrefilterOptions
from streamsel.prefilter.prefilter import FramePrefilter
from streamsel.sinks.pictures import Encoder
from streamsel.sources.file import FileSource
from streamsel.sources.images import ImageSource
from streamsel.sources.live.camera import CameraSource
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.live.packet_ring import PacketRing
from streamsel.sources.thumbnails.cpu import CpuThumbnailer
from tests.sources.faults import ERRORS, FEW, Faults, Maker, put_in
from tests.sources.media import X264, moving_picture, write_video

SCREEN = PrefilterOptions(calibration=0)
PLAIN = View(16)
UNNAMED = ("its picture cannot be encoded", "the packets cannot be put into a file")


@pytest.fixture
def faults(monkeypatch: pytest.MonkeyPatch) -> Faults:
    made = Faults()
    put_in(made, monkeypatch)
    return made


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two groups of pictures, which must be turned and mirrored."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    options = {**X264, "preset": "ultrafast"}
    write_video(path, frames=6, size=(32, 24), gop=3, options=options, mirrored=True)
    return str(path)


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("still") / "still.avi"
    return str(write_video(path, "mjpeg", pixels="yuvj420p", frames=1, size=(32, 24)))


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("stream") / "stream.ts"
    options = {**X264, "preset": "ultrafast"}
    return str(write_video(path, frames=6, size=(32, 24), gop=3, options=options))


class Line:
    """What looks at the frames of a feed, and encodes those that are kept."""

    def __init__(self, view: View = PLAIN) -> None:
        self._prefilter = FramePrefilter(CpuThumbnailer(), view, SCREEN)
        self._encoder = Encoder()

    def read(self, source: Source) -> None:
        """What is done with a file."""
        self._look(source.frames())
        assert source.expected_frames is None or source.expected_frames >= 0
        for frame in source.fetch([0]):
            self._encoder.encode(frame.picture)

    def watch(self, source: LiveSource) -> None:
        """What is done with a live feed."""
        self._look(source.session(0, 0.0))

    def _look(self, frames: Iterator[Frame]) -> None:
        self._prefilter.resume(PrefilterState(), ())
        for frame in frames:
            prefiltered = self._prefilter.check(frame)
            if prefiltered.refusal is None:
                self._encoder.encode(frame.picture)


def tried(faults: Faults, story: Callable[[], None], errors: Sequence[Maker]) -> set[str]:
    """Tell the story with each error in each call; return the calls that ended it.

    A call that is made several times fails in the middle, and from there on.
    """
    faults.disarm()
    assert "made up" not in told(story)
    ended = set()
    for name, times in sorted(faults.calls.items()):
        for error in errors:
            faults.arm(name, (times + 1) // 2, error)
            said = told(story)
            # The code that stores a picture or a clip knows its feed.
            assert not said or said.startswith(("feed 'walk'", *UNNAMED)), (name, error(), said)
            assert "secret" not in said
            if "made up" in said or type(error()).__name__ in said:
                ended.add(name)
            faults.disarm()
    return ended


def told(story: Callable[[], None]) -> str:
    """What the feed's error was."""
    try:
        story()
    except SourceError as error:
        return str(error)
    return ""


def test_of_a_video(faults: Faults, clip: str) -> None:
    line = Line()

    def story() -> None:
        line.read(FileSource("walk", clip))

    assert tried(faults, story, FEW) >= {"open", "InputContainer.demux", "Graph.vpush"}


def test_of_one_frame_by_every_class_of_error(faults: Faults, still: str) -> None:
    line = Line()

    def story() -> None:
        line.read(FileSource("walk", still))

    assert tried(faults, story, ERRORS) >= {
        *("open", "InputContainer.demux", "VideoReformatter.reformat", "Graph.vpush"),
        *("VideoFrame.from_numpy_buffer", "VideoCodecContext.open"),
    }


@pytest.mark.parametrize("decode", ["adaptive", "keyframes", "fast"])
def test_of_a_video_decoded_in_part(faults: Faults, clip: str, decode: Decode) -> None:
    line = Line(View(16, crop=1.0, scaling="bicubic"))

    def story() -> None:
        line.read(FileSource("walk", clip, decode=decode))

    assert "InputContainer.demux" in tried(faults, story, FEW)


def test_of_a_filtered_video(faults: Faults, clip: str) -> None:
    line = Line()

    def story() -> None:
        # Mistakes in the chain itself are reported before anything is opened.
        armed, faults.armed = faults.armed, None
        source = FileSource("walk", clip, filters="crop=16:16,fps=50")
        faults.armed, faults.calls = armed, Counter()
        line.read(source)

    assert tried(faults, story, FEW) >= {"Graph.configure", "Graph.vpush", "Graph.vpull"}


def test_of_images(faults: Faults, tmp_path: Path) -> None:
    paths = [str(tmp_path / f"{number}.png") for number in range(6)]
    for path in paths:
        Image.fromarray(moving_picture(0, 32, 24)).save(path)
    line = Line()

    def story() -> None:
        line.read(ImageSource("walk", paths, filters="hflip"))

    assert tried(faults, story, FEW) >= {"VideoReformatter.reformat", "Graph.vpush"}


def test_of_a_live_feed(faults: Faults, stream: str) -> None:
    faults.opens = stream
    address, line = "http://127.0.0.1:9/stream.ts", Line()

    def story() -> None:
        camera = CameraSource("walk", address, LiveOptions(), SystemClock(), PacketRing(10.0))
        line.watch(camera)

    assert tried(faults, story, FEW) >= {
        *("open", "InputContainer.demux", "VideoReformatter.reformat"),
        *("BitStreamFilterContext", "VideoFrame.from_numpy_buffer"),
    }


def test_of_a_clip(faults: Faults, stream: str) -> None:
    faults.opens = stream
    address = "http://127.0.0.1:9/stream.ts"
    clock, ring = SystemClock(), PacketRing(10.0)
    with pytest.raises(SourceError, match="the sender ended it"):
        Line().watch(CameraSource("walk", address, LiveOptions(), clock, ring))

    def story() -> None:
        assert ring.clip(clock.monotonic(), 10.0, 0.0)

    assert tried(faults, story, FEW) >= {"open", "OutputContainer.mux"}
