"""A camera that stands still, as cameras are: noise on every pixel, then JPEG.

Nothing happens: one frame tells it all. Something happens: one more frame, at least, tells that.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw

from streamsel.sources.demo.scenes import Image as Pixels
from streamsel.sources.demo.scenes import sky, street
from tests.end_to_end.conftest import manifest, streamsel

SIZE = (384, 216)
FRAMES, HAPPENS = 140, 110


def scene() -> Pixels:
    return street(SIZE, np.random.default_rng(5))(0.4)


def person(picture: Pixels) -> Pixels:
    """Somebody of a third of the picture's height stands in it."""
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    left, top, tall = 0.45 * SIZE[0], 0.55 * SIZE[1], SIZE[1] / 3
    draw.ellipse((left, top, left + 0.2 * tall, top + 0.2 * tall), fill=(214, 170, 140))
    draw.rectangle(
        (left - 0.1 * tall, top + 0.2 * tall, left + 0.3 * tall, top + 0.6 * tall),
        fill=(170, 30, 40),
    )
    draw.rectangle(
        (left - 0.02 * tall, top + 0.6 * tall, left + 0.22 * tall, top + tall), fill=(30, 34, 60)
    )
    return np.asarray(image)


def light(picture: Pixels) -> Pixels:
    """A lamp goes on: brighter, and warmer, most of all on one side."""
    lit = np.linspace(2.2, 1.4, picture.shape[1])[None, :, None] * np.array([1.1, 1.0, 0.8])
    seen: Pixels = (picture * lit).clip(0, 255).astype(np.uint8)
    return seen


def cut(picture: Pixels) -> Pixels:
    return sky(SIZE, np.random.default_rng(6))(0.2)


def record(path: Path, sigma: float, event: Callable[[Pixels], Pixels] = lambda p: p) -> Path:
    rng = np.random.default_rng(int(sigma))
    before = scene()
    after = event(before)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=10, options={"qmin": "4", "qmax": "4"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuvj420p"
        for number in range(FRAMES):
            still = before if number < HAPPENS else after
            noisy = (still + rng.normal(0, sigma, still.shape)).clip(0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(noisy, format="rgb24").reformat(format="yuvj420p")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("sigma", [4.0, 7.0, 10.0])
def test_where_nothing_happens_one_frame_is_kept(sigma: float, tmp_path: Path) -> None:
    clip, kept = record(tmp_path / "still.mkv", sigma), tmp_path / "kept"
    ended = streamsel("select", clip, "-n", 20, "-o", kept, "--keep-unchanged")
    assert ended.code == 0, ended.err
    assert len(manifest(kept)) == 1


@pytest.mark.parametrize(("event", "sigma"), [(person, 10.0), (light, 7.0), (cut, 4.0)])
def test_what_happens_is_kept_once(
    event: Callable[[Pixels], Pixels], sigma: float, tmp_path: Path
) -> None:
    clip, kept = record(tmp_path / "event.mkv", sigma, event), tmp_path / "kept"
    ended = streamsel("select", clip, "-n", 20, "-o", kept, "--keep-unchanged")
    assert ended.code == 0, ended.err
    moments = sorted(line["index"] for line in manifest(kept))
    assert len(moments) == 2
    assert moments[0] < HAPPENS <= moments[1]
