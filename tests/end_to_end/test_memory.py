"""Memory does not grow with the length of the video."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from streamsel.sources.demo.synthetic import render_demo


def peak_bytes(*arguments: object) -> int:
    """Run the command and return the most memory it ever held."""
    process = subprocess.Popen(
        [sys.executable, "-m", "streamsel", *map(str, arguments)], stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss * 1024


def looped(ffmpeg: Path, clip: Path, seconds: int, target: Path) -> Path:
    """Make a long file of a short one without encoding anything."""
    subprocess.run(
        [
            ffmpeg,
            "-v",
            "error",
            "-stream_loop",
            "-1",
            "-i",
            clip,
            "-t",
            str(seconds),
            "-c",
            "copy",
            target,
        ],
        check=True,
    )
    return target


def test_ten_minutes_take_what_one_minute_takes(ffmpeg: Path, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    render_demo(clip, seconds=20, size=(1920, 1080), fps=8)
    one = looped(ffmpeg, clip, 60, tmp_path / "one.mp4")
    ten = looped(ffmpeg, clip, 600, tmp_path / "ten.mp4")
    short = peak_bytes("select", one, "-n", 50, "-q", "-o", tmp_path / "short")
    long = peak_bytes("select", ten, "-n", 50, "-q", "-o", tmp_path / "long")
    assert long - short < 50 * 2**20
