"""What filters make of a video is what Debian's ffmpeg makes of it: pictures, sizes and times."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from streamsel.sources.file import FileSource

MOVING = "testsrc2=size=96x64:rate=25:duration=1.2"
CLIPS = {
    "wide.mp4": ["-f", "lavfi", "-i", f"{MOVING},setsar=16/15", "-bf", "2"],
    "twice.mkv": [
        *("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=24:duration=1.5"),
        *("-vf", "fps=30"),
    ],
    "telecined.mkv": [
        *("-f", "lavfi", "-i", "testsrc2=size=96x64:rate=24000/1001:duration=1.5"),
        *("-vf", "telecine", "-flags", "+ilme+ildct", "-x264-params", "tff=1"),
    ],
    "uneven.mkv": [
        *("-f", "lavfi", "-i", f"{MOVING},select='mod(n\\,7)'"),
        *("-fps_mode", "vfr"),
    ],
}


@pytest.fixture(scope="module")
def clip(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("filters")

    def get(name: str) -> Path:
        path = folder / name
        if not path.exists():
            encode = ["-c:v", "libx264", "-preset", "veryfast", "-g", "12", "-pix_fmt", "yuv420p"]
            run = [str(ffmpeg), "-v", "error", *CLIPS[name], *encode, str(path)]
            subprocess.run(run, check=True)
        return path

    return get


def by_ffmpeg(ffmpeg: Path, path: Path, chain: str) -> list[tuple[float, int, str]]:
    """Seconds, bytes and digest of each picture that ffmpeg makes."""
    run = [str(ffmpeg), "-v", "error", "-i", str(path), "-vf", chain, "-fps_mode", "passthrough"]
    run += ["-enc_time_base", "-1", "-f", "framemd5", "-"]
    out = subprocess.run(run, check=True, capture_output=True, text=True).stdout.splitlines()
    numerator, denominator = next(
        line.split()[-1].split("/") for line in out if line.startswith("#tb")
    )
    rows = [line.replace(" ", "").split(",") for line in out if not line.startswith("#")]
    tick = int(numerator) / int(denominator)
    return [(int(pts) * tick, int(size), digest) for _, _, pts, _, size, digest in rows]


def by_us(path: Path, chain: str) -> list[tuple[float, int, str]]:
    found = []
    for frame in FileSource("clip", str(path), filters=chain).frames():
        image = frame.picture.image
        assert image is not None
        planes = image.to_ndarray().tobytes()
        found.append((frame.media_time, len(planes), hashlib.md5(planes).hexdigest()))
    return found


@pytest.mark.parametrize(
    ("name", "chain"),
    [
        ("twice.mkv", "decimate"),
        ("wide.mp4", "fps=source_fps"),
        ("uneven.mkv", "fps=source_fps"),
        ("telecined.mkv", "fieldmatch,yadif,decimate"),
        ("uneven.mkv", "setpts=N/FRAME_RATE/TB"),
        ("wide.mp4", "setpts=N/FRAME_RATE/TB,fps=source_fps/5"),
        ("wide.mp4", "crop=iw/dar:ih"),
        ("wide.mp4", "crop='if(gt(sar,1),48,96)':ih"),
    ],
)
def test_a_chain_that_asks_for_rate_and_aspect(
    ffmpeg: Path, clip: Callable[[str], Path], name: str, chain: str
) -> None:
    expected, found = by_ffmpeg(ffmpeg, clip(name), chain), by_us(clip(name), chain)
    assert [one[1:] for one in found] == [one[1:] for one in expected]
    begin = expected[0][0]
    assert [time for time, *_ in found] == pytest.approx(
        [time - begin for time, *_ in expected], abs=0.002
    )
    assert len(expected) > 2


def test_pixels_are_made_square_by_the_width_that_ffmpeg_takes(
    ffmpeg: Path, clip: Callable[[str], Path]
) -> None:
    path, chain = clip("wide.mp4"), "scale=iw*sar:ih"
    expected, found = by_ffmpeg(ffmpeg, path, chain), by_us(path, chain)
    assert [size for _, size, _ in found] == [size for _, size, _ in expected]
