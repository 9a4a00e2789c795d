"""What a stream shows: by plain sequential decoding with the same libav, and by ffprobe."""

from __future__ import annotations

import hashlib
import json
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange

from tests.conformance.blockcode import Luma, read


@dataclass(frozen=True, slots=True)
class Shot:
    """A decoded picture: its timestamp, a hash of its planes, the number that it carries."""

    pts: int | None
    digest: str
    number: int | None

    def __repr__(self) -> str:
        return f"{self.number}@{self.pts}:{self.digest[:6]}"


def shot_of(image: av.VideoFrame, matrix: int | None = None) -> Shot:
    """What is compared of a picture, before any conversion of it; ``matrix`` replaces its own."""
    image.colorspace = image.colorspace if matrix is None else matrix
    return Shot(image.pts, digest_of(image), number_of(image, image.rotation))


def digest_of(image: av.VideoFrame) -> str:
    """A hash over all samples and what they mean, whatever lies beside them in memory."""
    pixels = image.format
    found = hashlib.sha256(repr(_meaning_of(image)).encode())
    for place, plane in enumerate(image.planes):
        if len(image.planes) == 1:
            row_bits = image.width * pixels.padded_bits_per_pixel
        else:
            parts = [part for part in pixels.components if part.plane == place]
            row_bits = plane.width * sum(8 * -(-part.bits // 8) for part in parts)
        stride = abs(plane.line_size)
        rows = np.frombuffer(memoryview(plane), np.uint8)[: plane.height * stride]
        rows = rows.reshape(plane.height, stride)[:, : -(-row_bits // 8)]
        found.update(np.ascontiguousarray(rows).data)
    return found.hexdigest()


def _meaning_of(image: av.VideoFrame) -> tuple[object, ...]:
    pixels, matrix, span = image.format, image.colorspace, image.color_range
    if pixels.is_rgb or pixels.has_palette or len(pixels.components) < 3:
        # Here no tag and the tags of full-range RGB mean the same, and filters write the latter.
        matrix, span = 0, span or ColorRange.JPEG
    return (
        pixels.name,
        image.width,
        image.height,
        int(matrix),
        int(span),
        image.color_primaries,
        image.color_trc,
        image.interlaced_frame,
    )


def number_of(image: av.VideoFrame, rotation: int) -> int | None:
    """The number that a picture carries, turned counter-clockwise by so many degrees."""
    return read(np.rot90(_luma(image), rotation // 90))


def _luma(image: av.VideoFrame) -> Luma:
    """(H, W), from the plane itself where there is one: not every matrix can be converted."""
    pixels, plane = image.format, image.planes[0]
    if not pixels.name.startswith(("yuv", "gray")) or len(image.planes) == 1 < len(
        pixels.components
    ):
        return np.asarray(image.reformat(format="gray", threads=1).to_ndarray(), np.uint8)
    bits = pixels.components[0].bits
    kind = "u1" if bits == 8 else ">u2" if pixels.is_big_endian else "<u2"
    samples = np.frombuffer(memoryview(plane), kind)
    rows = samples.reshape(-1, plane.line_size // samples.itemsize)[: plane.height, : plane.width]
    return (rows >> bits - 8).astype(np.uint8)


def sequential(path: Path, matrix: int | None = None) -> list[Shot]:
    """Every picture, decoded from the beginning in one thread by one decoder."""
    shots = []
    with av.open(str(path)) as container:
        stream = container.streams.best("video")
        assert isinstance(stream, av.VideoStream)
        stream.thread_type, stream.codec_context.thread_count = "SLICE", 1
        for packet in container.demux(stream):
            # As ffmpeg does: what cannot be decoded is passed over.
            with suppress(av.FFmpegError):
                shots += [shot_of(image, matrix) for image in stream.codec_context.decode(packet)]
    return shots


def times_by_ffprobe(path: Path) -> list[float | None]:
    """When every picture is shown, in seconds, in the order in which ffprobe shows them."""
    command = (
        "ffprobe -v error -threads 1 -select_streams V:0 -show_entries"
        " frame=best_effort_timestamp_time -of json"
    )
    done = subprocess.run([*command.split(), str(path)], capture_output=True, check=True)
    frames = json.loads(done.stdout)["frames"]
    times = [frame.get("best_effort_timestamp_time") for frame in frames]
    return [None if time is None else float(time) for time in times]
