"""Colour matrices that nothing here can convert are read as the nearest that can be."""

from __future__ import annotations

import logging
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from streamsel.choices import Decode
from streamsel.clock import SystemClock
from streamsel.errors import SourceError
from streamsel.frame import Frame, View
from streamsel.sinks.pictures import Encoder
from streamsel.sources.file import FileSource
from streamsel.sources.images import ImageSource
from streamsel.sources.live.camera import CameraSource
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.matrices import retag
from streamsel.sources.thumbnails.cpu import CpuThumbnailer
from tests.sources.media import moving_picture

BT601, BT709, BT2020 = 6, 1, 9


def tagged(path: Path, matrix: int, primaries: int = 2) -> Path:
    """The same pictures in the same codec, whatever they are tagged with."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.thread_count = 1
        stream.codec_context.color_primaries = primaries
        stream.codec_context.colorspace = matrix
        for index in range(3):
            image = av.VideoFrame.from_ndarray(moving_picture(index, 64, 48), format="rgb24")
            image = image.reformat(format="yuv420p", threads=1)
            image.colorspace, image.color_primaries = matrix, primaries
            image.pts, image.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(image))
        container.mux(stream.encode(None))
    return path


def seen(source: FileSource) -> list[tuple[bytes, bytes]]:
    """Thumbnails and written pictures."""
    thumbnailer, encoder, view = CpuThumbnailer(), Encoder("png"), View(16)
    return [
        (thumbnailer.thumbnail(one.picture, view).tobytes(), encoder.encode(one.picture).content)
        for one in source.frames()
    ]


@pytest.mark.parametrize(
    ("matrix", "primaries", "nearest"),
    [
        (8, 2, BT601),
        (10, 9, BT2020),
        (11, 2, BT2020),
        (12, 1, BT709),
        (12, 9, BT2020),
        (13, 1, BT709),
        (14, 9, BT2020),
    ],
)
@pytest.mark.parametrize("decode", ["all", "adaptive"])
@pytest.mark.parametrize("filters", [None, "hflip"])
def test_it_is_seen_and_written_as_the_nearest_matrix_would_be(
    tmp_path: Path, matrix: int, primaries: int, nearest: int, decode: Decode, filters: str | None
) -> None:
    odd = FileSource(
        "odd", str(tagged(tmp_path / "odd.mp4", matrix, primaries)), decode=decode, filters=filters
    )
    plain = FileSource(
        "plain", str(tagged(tmp_path / "plain.mp4", nearest, primaries)), filters=filters
    )
    assert seen(odd) == seen(plain)
    (warning,) = odd.warnings()
    assert f"feed 'odd': {odd.address}: colour matrix {matrix} cannot be converted" in warning
    assert list(plain.warnings()) == []
    assert [one.key.index for one in odd.fetch([0, 2])] == [0, 2]


def test_every_matrix_there_may_be_can_be_converted_once_it_was_retagged() -> None:
    for matrix in range(256):
        image = av.VideoFrame.from_ndarray(np.zeros((24, 16), np.uint8), format="yuv420p")
        image.colorspace = matrix
        assert retag(image) in (None, matrix)
        assert retag(image) is None
        image.reformat(format="rgb24")


def test_a_live_feed_says_once_a_session_that_its_colours_are_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path, opened = tagged(tmp_path / "odd.ts", 14), av.open
    monkeypatch.setattr(av, "open", lambda *_, **__: opened(str(path)))
    camera = CameraSource("gate", "http://127.0.0.1:9/odd.ts", LiveOptions(), SystemClock())
    frames: list[Frame] = []
    with (
        caplog.at_level(logging.WARNING, "streamsel.feeds"),
        pytest.raises(SourceError, match="the sender ended it"),
    ):
        frames.extend(camera.session(0, 0.0))
    assert len(frames) >= 2
    assert all(CpuThumbnailer().thumbnail(one.picture, View(16)).any() for one in frames)
    assert [one.getMessage().count("colour matrix 14") for one in caplog.records] == [1]


def test_pictures_of_a_format_that_cannot_be_converted_are_their_feeds_error(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.nut"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("rawvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr4"
        image = av.VideoFrame(64, 48, "bgr4")
        image.planes[0].update(bytes(image.planes[0].buffer_size))
        image.pts, image.time_base = 0, Fraction(1, 25)
        container.mux(stream.encode(image))
    (frame,) = FileSource("x", str(path)).frames()
    with pytest.raises(SourceError, match="its picture cannot be converted"):
        CpuThumbnailer().luma_grid(frame.picture)


def test_images_are_retagged_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = av.VideoFrame.from_ndarray(moving_picture(0, 64, 48), format="rgb24")
    image = image.reformat(format="yuv420p")
    image.colorspace = 8
    monkeypatch.setattr("streamsel.sources.images.decode_picture", lambda *_: image)
    source = ImageSource("odd", ["a.jpg", "b.jpg"])
    assert all(CpuThumbnailer().luma_grid(one.picture).shape == (32, 32) for one in source.frames())
    (warning,) = source.warnings()
    assert "a.jpg: colour matrix 8" in warning
