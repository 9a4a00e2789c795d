"""Encodes pictures with more than 8 bits per channel: HDR as recorded."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange, Colorspace, Interpolation

DeepPixels = npt.NDArray[np.uint16]
"""(H, W, 3) full-range R'G'B'."""

_FLAGS = Interpolation.BICUBIC | Interpolation.ACCURATE_RND
_BT709, _BT2020, _UNSPECIFIED = 1, 9, 2
_MATRICES = {_BT709: Colorspace.ITU709, _BT2020: Colorspace.BT2020}


def encode_deep_png(pixels: DeepPixels, image: av.VideoFrame) -> bytes:
    """Return a PNG with 16 bits per channel; its cICP chunk declares the colour space.

    ``image`` has the primaries and transfer function to declare.
    """
    height, width = pixels.shape[:2]
    encoder = VideoCodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "rgb48be"
    encoder.time_base = Fraction(1)
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb48be")
    _tag(frame, image)
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def encode_avif(pixels: DeepPixels, image: av.VideoFrame, quality: int) -> bytes:
    """Return a 10-bit 4:2:0 AVIF with the primaries and transfer function of ``image``.

    ``quality`` is 1..100. A 1080p picture takes about 0.5 s.
    """
    os.environ.setdefault("SVT_LOG", "1")  # otherwise it prints progress
    height, width = pixels.shape[:2]
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb48le")
    matrix = _BT2020 if image.color_primaries == _BT2020 else _BT709
    planar = frame.reformat(
        format="yuv420p10le",
        dst_colorspace=_MATRICES[matrix],
        dst_color_range=ColorRange.MPEG,
        interpolation=_FLAGS,
        threads=1,
    )
    _tag(planar, image)
    planar.pts = 0
    content = io.BytesIO()
    with av.open(content, "w", format="avif") as container:
        # One thread, so that the same picture gives the same bytes.
        options = {"crf": str(63 - quality * 62 // 100), "preset": "8", "svtav1-params": "lp=1"}
        stream = container.add_stream("libsvtav1", rate=1, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p10le"
        encoder = stream.codec_context
        encoder.color_primaries, encoder.color_trc = planar.color_primaries, planar.color_trc
        encoder.colorspace, encoder.color_range = matrix, ColorRange.MPEG
        with _no_thread_made_urgent():
            encoder.open()
        container.mux([*stream.encode(planar), *stream.encode(None)])
    return content.getvalue()


@contextmanager
def _no_thread_made_urgent() -> Iterator[None]:
    """Reset the priority of threads that SVT-AV1 made real-time.

    SVT-AV1 gives real-time priority to its own threads and to the calling thread, if the process
    may. Threads started later would inherit it and could starve the whole machine.
    """
    if not hasattr(os, "sched_setscheduler"):
        yield
        return
    before = _urgent_threads()
    try:
        yield
    finally:
        for thread in _urgent_threads() - before:
            with suppress(ProcessLookupError):
                os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))


def _urgent_threads() -> set[int]:
    """Return the threads of this process with real-time priority."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):
            if os.sched_getscheduler(int(task.name)) in (os.SCHED_FIFO, os.SCHED_RR):
                found.add(int(task.name))
    return found


def _tag(frame: av.VideoFrame, image: av.VideoFrame) -> None:
    frame.color_primaries, frame.color_trc = image.color_primaries, image.color_trc
