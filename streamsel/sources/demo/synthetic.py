"""Generates the demo clip: no download, no third-party footage.

It contains a day, the same day again, a street, the same street at night, a fractal, growing
patterns, a noisy fixed camera with little activity, a frozen picture, a fade and a cut to black:
scenes that a selector should distinguish, and some that it should not keep twice.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from streamsel.sources.demo.scenes import Image, Scene, generated, parking, plasma, sky, street

_FADE_SECONDS = 0.8
_LEAST_FRAMES = 2
_TONES = 256


@dataclass(frozen=True, slots=True)
class _Act:
    """A scene, its share of the clip, and whether the previous one fades into it."""

    pictures: Callable[[int], Iterator[Image]]
    share: float
    fades_in: bool = False


def render_demo(
    path: str | os.PathLike[str],
    *,
    seconds: float = 40.0,
    size: tuple[int, int] = (640, 360),
    fps: float = 15.0,
    seed: int = 0,
) -> None:
    """Write the clip as MP4: H.264 if the encoder is available, else MPEG-4 part 2.

    The same arguments give the same bytes on the same machine with the same packages; on other
    machines numpy's rounding may change pictures invisibly. ``seed`` varies hills, houses and cars.
    ``size`` is (width, height), both even and at least 16; otherwise raises ``ValueError``. Takes
    about a fifth of the clip's length on one core at the default size. Overwrites ``path``.
    """
    width, height = size
    if width < 16 or height < 16 or width % 2 or height % 2:
        raise ValueError(f"size is {width}x{height}; both must be even and at least 16")
    frames = max(_LEAST_FRAMES, round(seconds * fps))
    with av.open(os.fspath(Path(path)), "w", format="mp4") as container:
        rate = Fraction(fps).limit_denominator(1001)
        stream = _add_stream(container, rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.thread_type, stream.thread_count = "SLICE", 1
        stream.gop_size = round(2 * fps)
        scaler = VideoReformatter()
        for picture in islice(_pictures(size, fps, frames, seed), frames):
            image = av.VideoFrame.from_ndarray(picture, format="rgb24")
            encodable = scaler.reformat(image, format="yuv420p", threads=1)
            container.mux(stream.encode(encodable))
        container.mux(stream.encode(None))


def _add_stream(container: OutputContainer, rate: Fraction) -> VideoStream:
    if "libx264" in av.codecs_available:
        # Without it x264's AVX-512 code is not deterministic.
        same = "cpu-independent=1"
        quality = {"preset": "veryfast", "crf": "22", "x264-params": same}
        return container.add_stream("libx264", rate=rate, options=quality)
    return container.add_stream("mpeg4", rate=rate, options={"b": "6000000"})


def _pictures(size: tuple[int, int], fps: float, frames: int, seed: int) -> Iterator[Image]:
    """Yield the pictures of all acts in order, with fades."""
    acts = _acts(size, fps, seed)
    ends = np.round(np.cumsum([act.share for act in acts]) * frames)
    lengths = np.diff(ends, prepend=0).astype(int).tolist()
    last: Image = np.zeros((size[1], size[0], 3), np.uint8)
    for act, length in zip(acts, lengths, strict=True):
        before = last
        fade = min(length // 3, round(_FADE_SECONDS * fps)) if act.fades_in else 0
        for i, picture in enumerate(islice(act.pictures(length), length)):
            last = _mix(before, picture, (i + 1) / (fade + 1)) if i < fade else picture
            yield last


def _acts(size: tuple[int, int], fps: float, seed: int) -> list[_Act]:
    rate = f"rate={fps:g}"
    day = _play(sky(size, np.random.default_rng([seed, 1])))
    by_day = _play(street(size, np.random.default_rng([seed, 2])))
    by_night = _play(street(size, np.random.default_rng([seed, 2]), night=True))
    waves = _play(plasma(size, np.random.default_rng([seed, 4])))
    car_park = parking(size, np.random.default_rng([seed, 3]))
    black: Image = np.zeros((size[1], size[0], 3), np.uint8)
    return [
        _Act(day, 0.14),
        _Act(by_day, 0.15),
        _Act(
            lambda _: generated(
                f"mandelbrot={rate}:maxiter=400:inner=black:end_scale=0.004:end_pts=90", size
            ),
            0.12,
            fades_in=True,
        ),
        _Act(_play(car_park), 0.15),
        _Act(lambda length: _hold(car_park(1.0), length), 0.07),
        _Act(lambda length: _hold(black, length), 0.03),
        _Act(day, 0.08, fades_in=True),
        _Act(waves, 0.08),
        _Act(by_night, 0.13),
        _Act(lambda length: _hold(black, length), 0.05, fades_in=True),
    ]


def _play(scene: Scene) -> Callable[[int], Iterator[Image]]:
    return lambda length: (scene(i / max(1, length - 1)) for i in range(length))


def _hold(picture: Image, length: int) -> Iterator[Image]:
    return (picture for _ in range(length))


def _mix(before: Image, after: Image, weight: float) -> Image:
    share = round(weight * _TONES)
    mixed = before.astype(np.uint16) * (_TONES - share) + after.astype(np.uint16) * share
    return (mixed // _TONES).astype(np.uint8)
