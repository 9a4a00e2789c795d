"""Makes small videos and pictures of every kind the tests need, with PyAV itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av import Packet, VideoStream

from streamsel.frame import Frame
from tests.stand_ins import as_a

Rgb = npt.NDArray[np.uint8]


def moving_picture(index: int, width: int = 160, height: int = 120) -> Rgb:
    """A soft gradient with a bright square that moves, different for each index."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    canvas = np.empty((height, width, 3), np.float32)
    canvas[:, :, 0] = 60 + 120 * columns / max(1, width) + 20 * np.sin(rows / 9 + index / 3)
    canvas[:, :, 1] = 50 + 110 * rows / max(1, height)
    canvas[:, :, 2] = 90 + 60 * np.sin((columns + 3 * index) / 17)
    side = max(1, height // 5)
    x, y = (5 * index) % max(1, width - side), (3 * index) % max(1, height - side)
    canvas[y : y + side, x : x + side] = (235, 215, 60)
    return canvas.clip(0, 255).astype(np.uint8)


def image_of(frame: Frame) -> av.VideoFrame:
    """The decoded picture of a frame that has one."""
    assert frame.picture.image is not None
    return frame.picture.image


def video_packet(content: bytes) -> Packet[VideoStream]:
    """A packet of a video without its container."""
    return as_a(Packet, Packet(content))


def write_video(
    path: Path,
    codec: str = "libx264",
    *,
    frames: int = 50,
    size: tuple[int, int] = (160, 120),
    rate: int = 25,
    pixels: str = "yuv420p",
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    container_format: str | None = None,
    gop: int = 12,
    times: Iterable[int] | None = None,
    rotation: int = 0,
    mirrored: bool = False,
    picture: Callable[[int, int, int], Rgb] = moving_picture,
) -> Path:
    """Encode ``picture`` of index, width and height; ``times`` are pts in units of 1 / rate."""
    with av.open(
        str(path), "w", format=container_format, container_options=container_options
    ) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        stream.thread_count = 1
        stream.codec_context.gop_size = gop
        stream.codec_context.time_base = Fraction(1, rate)
        if rotation or mirrored:
            stream.set_display_rotation(rotation, hflip=mirrored)
        stamps = list(range(frames) if times is None else times)
        for index, pts in enumerate(stamps):
            image = av.VideoFrame.from_ndarray(picture(index, *size), format="rgb24")
            image = image.reformat(format=pixels, threads=1)
            image.pts, image.time_base = pts, Fraction(1, rate)
            container.mux(stream.encode(image))
        container.mux(stream.encode(None))
    return path


def write_sound(path: Path, *, seconds: float = 1.0) -> Path:
    """A tone, and nothing to see."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        tone = np.sin(np.arange(int(16000 * seconds)) / 8).astype(np.float32)[None]
        sound = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        sound.sample_rate = 16000
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    return path


X264 = {"preset": "veryfast"}


def _x264(**more: str) -> dict[str, str]:
    return {**X264, **more}


Maker = Callable[[Path], Path]

MAKERS: dict[str, Maker] = {
    "h264.mp4": lambda p: write_video(p, options=_x264(bf="3")),
    "open_gop.mp4": lambda p: write_video(
        p, options=_x264(bf="3", **{"x264-params": "open-gop=1:keyint=10:scenecut=0"})
    ),
    "h264.mkv": lambda p: write_video(p, options=_x264(bf="2")),
    "h264.ts": lambda p: write_video(p, options=_x264(bf="2")),
    "hevc.mp4": lambda p: write_video(
        p, "libx265", options={"preset": "ultrafast", "x265-params": "log-level=none"}
    ),
    "vp9.webm": lambda p: write_video(
        p, "libvpx-vp9", options={"deadline": "realtime", "cpu-used": "8"}
    ),
    "mpeg4.avi": lambda p: write_video(p, "mpeg4", options={"b": "800000"}),
    "mjpeg.avi": lambda p: write_video(p, "mjpeg", pixels="yuvj420p", frames=10),
    "prores.mov": lambda p: write_video(p, "prores_ks", pixels="yuva444p10le", frames=6),
    "gif.gif": lambda p: write_video(p, "gif", pixels="rgb8", rate=10, frames=20),
    "raw.h264": lambda p: write_video(p, options=_x264(bf="2")),
    "raw.hevc": lambda p: write_video(
        p, "libx265", options={"preset": "ultrafast", "x265-params": "log-level=none"}
    ),
    "vfr.mp4": lambda p: write_video(
        p, options=_x264(), times=[*range(20), *range(23, 90, 7), 700, 701]
    ),
    "ten_bit.mp4": lambda p: write_video(
        p,
        "libx265",
        pixels="yuv420p10le",
        options={"preset": "ultrafast", "x265-params": "log-level=none"},
        frames=12,
    ),
    "gray.mkv": lambda p: write_video(p, "ffv1", pixels="gray", frames=8),
    "gray16.mkv": lambda p: write_video(p, "ffv1", pixels="gray16le", frames=8),
    "interlaced.mp4": lambda p: write_video(
        p, options=_x264(flags="+ilme+ildct", **{"x264-params": "tff=1"}), frames=20
    ),
    "odd.mkv": lambda p: write_video(p, "ffv1", pixels="yuv444p", size=(321, 239), frames=5),
    "odd420.mkv": lambda p: write_video(p, "ffv1", size=(37, 53), frames=5),
    "two.mp4": lambda p: write_video(p, size=(2, 2), frames=5, options=_x264()),
    "one.mkv": lambda p: write_video(p, "ffv1", pixels="bgr0", size=(1, 1), frames=5),
    "alpha.mkv": lambda p: write_video(p, "ffv1", pixels="yuva420p", frames=5),
    "rgb.avi": lambda p: write_video(p, "rawvideo", pixels="bgr24", size=(64, 48), frames=5),
    "packed.avi": lambda p: write_video(p, "rawvideo", pixels="yuyv422", frames=5),
}


def join(path: Path, parts: Iterable[Path]) -> Path:
    """Put files one after another, as MPEG-TS may be."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def pictures(path: Path) -> Iterator[tuple[int | None, Rgb]]:
    """Every picture of a video by the shortest way there is: pts and RGB."""
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        for image in container.decode(video=0):
            yield image.pts, np.asarray(image.to_ndarray(format="rgb24", threads=1), np.uint8)
