"""What is written of a frame, against what Debian's ffmpeg makes of it by a filter chain."""

from __future__ import annotations

import io
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from streamsel.pixels.size import PictureSize
from streamsel.sinks.pictures import Encoder
from tests.conformance.comparison import Pixels, assert_is
from tests.conformance.kinds import KINDS
from tests.conformance.making import make
from tests.conformance.reading import source

FLAGS = "bicubic+full_chroma_int+full_chroma_inp+accurate_rnd"
CONVERTED = f"scale=flags={FLAGS}:out_range=pc"
SQUARED = f"scale=w=round(iw*sar):h=ih:flags={FLAGS}:out_range=pc,setsar=1"
EXACT = 99.0


@dataclass(frozen=True)
class Written:
    """How the frames of a kind are written, and the ``-vf`` by which ffmpeg writes the same.

    ``least`` is how alike they must be, in dB; ``pixels`` the format of what is compared.
    """

    kind: str
    chain: str = CONVERTED
    least: float = EXACT
    options: dict[str, Any] = field(default_factory=dict)
    pixels: str = "rgb24"

    def __str__(self) -> str:
        said = ",".join(str(value) for value in self.options.values())
        return f"{self.kind}:{said}" if said else self.kind


def sized(width: int | None, height: int | None, *, exact: bool = False) -> dict[str, Any]:
    return {"size": PictureSize(width, height, exact=exact)}


# Turned after the conversion instead of before it, or rounded from more than 8 bits by another
# release of the same scaler: a few samples differ by one.
ROUNDED = 55.0
# By another curve, which is the same where nothing is bright.
TONED = 36.0
FROM_HDR = "zscale=t=709:p=709:m=gbr:r=full:npl=203,format=gbrp"

CASES = (
    Written("h264-closed.mp4"),
    Written("bt709.mp4"),
    Written("bt2020.mp4"),
    Written("full-range.mp4"),
    Written("mjpeg.avi"),
    Written("h264-mbaff.mp4"),
    Written("mpeg2-interlaced.ts"),
    Written("mpeg4-interlaced.mp4"),
    Written("dv.avi", SQUARED),
    Written("h264-odd-size.mp4"),
    Written("ffv1-odd.mkv"),
    Written("h264-444.mkv"),
    Written("h264-rgb.mkv"),
    Written("h264-gray.mkv"),
    Written("h264-422-10.mkv", least=ROUNDED),
    Written("hevc-10.mp4", least=ROUNDED),
    Written("ffv1-12.mkv", least=ROUNDED),
    Written("raw-yuyv.avi"),
    Written("raw-pal8.avi"),
    Written("wide-pixels.mp4", SQUARED),
    Written("wide-pixels.ts", SQUARED),
    Written("wide-pixels.mp4", options={"keep_pixels": True}),
    Written("rotated-90.mp4", least=ROUNDED),
    Written("rotated-180.mp4", least=ROUNDED),
    Written("rotated-270.mp4", least=ROUNDED),
    Written("prores-4444.mov", least=ROUNDED, pixels="rgba"),
    Written("raw-yuva420p.nut", least=ROUNDED, pixels="rgba"),
    Written("pq.mp4", FROM_HDR, least=TONED),
    Written("hlg.mkv", FROM_HDR, least=TONED),
    Written("h264-closed.mp4", f"scale=48:32:flags={FLAGS}:out_range=pc", options=sized(48, None)),
    Written("h264-mbaff.mp4", f"scale=48:32:flags={FLAGS}:out_range=pc", options=sized(None, 32)),
    Written(
        "bt709.mp4", f"scale=40:40:flags={FLAGS}:out_range=pc", options=sized(40, 40, exact=True)
    ),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_pictures_are_written_as_ffmpeg_writes_them(case: Written, streams: Path) -> None:
    stream = make(next(kind for kind in KINDS if kind.name == case.kind), streams)
    encoder = Encoder("png", **case.options)
    mode = {"rgb24": "RGB", "rgba": "RGBA"}[case.pixels]
    places = (0, 5, 7)
    expected: list[Pixels] = []
    for frame in source(stream).frames():
        if frame.key.index in places:
            written = Image.open(io.BytesIO(encoder.encode(frame.picture).content))
            picture = np.asarray(written.convert(mode))
            expected = expected or by_ffmpeg(stream, case, picture.shape)
            assert_is(picture, expected, frame.key.index, case.least)


def by_ffmpeg(stream: Path, case: Written, shape: tuple[int, ...]) -> list[Pixels]:
    """What ffmpeg makes of the first pictures, each (H, W, 3 or 4)."""
    told = f"-map 0:V:0 -frames:v 9 -vf {case.chain} -pix_fmt {case.pixels} -f rawvideo -"
    command = ["ffmpeg", "-v", "error", "-threads", "1", "-i"]
    done = subprocess.run([*command, str(stream), *told.split()], capture_output=True, check=True)
    return list(np.frombuffer(done.stdout, np.uint8).reshape(-1, *shape))
