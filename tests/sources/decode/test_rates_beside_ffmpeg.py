"""Which frames are taken at a rate, beside Debian's ffmpeg, with constant and variable rates."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from click.testing import CliRunner

import streamsel
from streamsel.cli.select import command
from streamsel.sources.file import FileSource

_ENCODE = ["-c:v", "ffv1", "-g", "7"]
CLIPS = {
    "thirty.mkv": "testsrc2=size=48x32:rate=30:duration=10",
    "sixty.mkv": "testsrc2=size=48x32:rate=60:duration=1",
    "ntsc.mkv": "testsrc2=size=48x32:rate=30000/1001:duration=4",
    "film.mkv": "testsrc2=size=48x32:rate=24000/1001:duration=4",
    "exact.nut": "testsrc2=size=48x32:rate=25:duration=4",
    "uneven.mkv": "testsrc2=size=48x32:rate=30:duration=6,select='lt(mod(n*n\\,31)\\,9)'",
    "held.mkv": "testsrc2=size=48x32:rate=20:duration=8,select='lt(t\\,1)+gt(t\\,7)'",
}


@pytest.fixture(scope="module")
def clip(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("rates")

    def get(name: str) -> Path:
        path = folder / name
        if not path.exists():
            noisy = f"{CLIPS[name]},noise=alls=60:allf=t:all_seed=1"  # no two pictures alike
            make = ["-f", "lavfi", "-i", noisy, "-fps_mode", "passthrough", *_ENCODE]
            subprocess.run([str(ffmpeg), "-v", "error", *make, str(path)], check=True)
        return path

    return get


def hashes(ffmpeg: Path, path: Path, *options: str) -> list[str]:
    command = [str(ffmpeg), "-v", "error", "-i", str(path), *options]
    command += ["-fps_mode", "passthrough", "-f", "framemd5", "-"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [line.split(",")[-1].strip() for line in lines if line[0] != "#"]


def length(path: Path) -> float:
    with av.open(str(path)) as container:
        assert container.duration is not None
        return container.duration / av.time_base


@pytest.mark.parametrize(
    ("name", "fps", "frames"),
    [
        ("thirty.mkv", 30, 300),
        ("sixty.mkv", 60, 60),
        ("ntsc.mkv", 29.97, 120),
        ("film.mkv", 23.976, 96),
        ("exact.nut", 25, 100),
    ],
)
def test_the_rate_of_the_video_takes_every_frame(
    clip: Callable[[str], Path], name: str, fps: float, frames: int
) -> None:
    source = FileSource("clip", str(clip(name)), fps=fps)
    assert [frame.key.index for frame in source.frames()] == list(range(frames))
    assert source.expected_frames == pytest.approx(frames, abs=1)


@pytest.mark.parametrize("name", ["thirty.mkv", "uneven.mkv"])
def test_frames_that_are_chosen_do_not_depend_on_where_reading_begins(
    clip: Callable[[str], Path], name: str
) -> None:
    source = FileSource("clip", str(clip(name)), fps=11)
    whole = [frame.key.index for frame in source.frames()][:30]
    for place, index in enumerate(whole[:-1]):
        rest = (frame.key.index for frame in source.frames(index + 1))
        assert next(rest) == whole[place + 1]


@pytest.mark.parametrize(
    ("name", "count"),
    [
        *(("exact.nut", count) for count in (1, 7, 10, 40, 100)),
        *(("thirty.mkv", count) for count in (8, 100, 300)),
        *(("ntsc.mkv", count) for count in (9, 60)),
        *(("uneven.mkv", count) for count in (5, 12, 30, 90)),
        *(("held.mkv", count) for count in (8, 50)),
    ],
)
def test_evenly_spread_frames_are_those_of_the_fps_filter(
    ffmpeg: Path, clip: Callable[[str], Path], name: str, count: int
) -> None:
    path = clip(name)
    everything = hashes(ffmpeg, path)
    assert len(set(everything)) == len(everything)
    passed = hashes(ffmpeg, path, "-vf", f"fps={count}/{length(path):.6f}")
    expected = sorted({everything.index(one) for one in passed})
    selection = streamsel.select(path, count=count, method="uniform")
    assert [frame.index for frame in selection.frames] == expected


def test_it_is_said_where_there_are_fewer(clip: Callable[[str], Path], tmp_path: Path) -> None:
    for count, is_said in ((8, True), (1, False)):
        asked = [str(clip("held.mkv")), "-n", str(count), "--method", "uniform", "-q"]
        told = CliRunner().invoke(command, [*asked, "-o", str(tmp_path / str(count))])
        assert told.exit_code == 0, told.output
        assert (f"fewer than {count}:" in told.output) == is_said
