"""How many live feeds a core can read: decoded, looked at, thumbnails made, over RTSP and TCP.

    python -m tests.bench.live_feeds --seconds 10

Each feed is read by itself in one thread; its CPU time is set against the time that passes, so
other work on the machine changes little. The embedder, which all feeds share, is not part of it.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from streamsel.choices import FeedDecode
from streamsel.clock import SystemClock
from streamsel.frame import View
from streamsel.prefilter.options import PrefilterOptions
from streamsel.prefilter.prefilter import FramePrefilter
from streamsel.sources.live.camera import CameraSource
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.thumbnails.cpu import CpuThumbnailer
from tests.servers.rtsp import Mount, RtspServer

FEEDS = {"1080p25": (1920, 1080, 25, "4M"), "720p15": (1280, 720, 15, "1500k")}
ROUNDS = 3


def clip(folder: Path, name: str, source: Path | None) -> Path:
    """A camera's video: no B-frames, a keyframe every two seconds, a camera's bit rate."""
    width, height, rate, bits = FEEDS[name]
    place = folder / f"{name}.mp4"
    picture = ["-stream_loop", "-1", "-i", str(source)] if source else []
    picture = picture or ["-f", "lavfi", "-i", f"testsrc2=size={width}x{height}:rate={rate}"]
    command = ["ffmpeg", "-v", "error", "-y", *picture, "-t", "10", "-an"]
    command += ["-vf", f"scale={width}:{height},fps={rate},format=yuv420p"]
    command += ["-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", str(2 * rate)]
    subprocess.run([*command, "-b:v", bits, str(place)], check=True)
    return place


def feeds_per_core(address: str, decode: FeedDecode, seconds: float) -> float:
    """Read for so many seconds of video; return seconds that pass for each one of CPU time."""
    options = LiveOptions(decode=decode)
    source = CameraSource("bench", address, options, SystemClock())
    prefilter = FramePrefilter(CpuThumbnailer(), View(64), PrefilterOptions(exact_duplicates=False))
    session = source.session(0, 0.0)
    prefilter.check(next(session))
    cpu, began = time.thread_time(), time.monotonic()
    for frame in session:
        prefilter.check(frame)
        if time.monotonic() - began >= seconds:
            break
    passed, used = time.monotonic() - began, time.thread_time() - cpu
    session.close()
    return passed / used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--video", type=Path, help="a clip to make the feeds of")
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="streamsel-bench-"))
    if shutil.which("ffmpeg") is None:
        raise SystemExit("ffmpeg is not installed")
    mounts = {f"/{name}": Mount([clip(folder, name, wanted.video)]) for name in FEEDS}
    print("| feed | decoded | feeds per core (median of 3) |\n|---|---|---|")
    with RtspServer(folder, mounts) as server:
        for name in FEEDS:
            for decode in ("all", "keyframes"):
                found = [
                    feeds_per_core(server.url(f"/{name}"), decode, wanted.seconds)
                    for _ in range(ROUNDS)
                ]
                print(f"| {name} | {decode} | {statistics.median(found):.1f} |", flush=True)


if __name__ == "__main__":
    main()
