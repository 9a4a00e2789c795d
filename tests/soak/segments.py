"""A playlist of long segments: how many frames give way, how old is what is stored.

python -m tests.soak.segments --minutes 10 --segment 8

Every picture says its number, so the segment that it lay in is known, and when that was published.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from streamsel.clock import SystemClock
from tests.conformance.blockcode import BITS, draw, read
from tests.end_to_end.service import Service
from tests.pixels.peers import pixels_of
from tests.servers.web import WebServer
from tests.soak.endurance import Use

WIDTH, HEIGHT, RATE = 320, 180, 25
NUMBERS = 1 << BITS


class Sender:
    """An encoder that is given a picture 25 times a second, and writes a playlist of them."""

    def __init__(self, folder: Path, seconds: int) -> None:
        self._frames = seconds * RATE
        self._folder = folder
        size = f"-s {WIDTH}x{HEIGHT} -r {RATE} -pix_fmt yuv420p"
        encoding = f"-c:v libx264 -preset ultrafast -tune zerolatency -g {self._frames}"
        playlist = f"-hls_time {seconds} -hls_list_size 6 -hls_flags temp_file"
        command = f"-v error -f rawvideo {size} -i - {encoding} -sc_threshold 0 -f hls {playlist}"
        self._encoder = subprocess.Popen(
            [str(shutil.which("ffmpeg")), *command.split(), str(folder / "index.m3u8")],
            stdin=subprocess.PIPE,
        )
        self._stopping = threading.Event()
        self._threads = ThreadPoolExecutor(1, "sender")
        self._sending = self._threads.submit(self._send)

    def published(self, number: int) -> float:
        """When the segment with the newest picture of this number was there, as UTC seconds."""
        newest = len(list(self._folder.glob("*.ts"))) * self._frames
        place = number + (newest - number) // NUMBERS * NUMBERS
        return (self._folder / f"index{place // self._frames}.ts").stat().st_mtime

    def stop(self) -> None:
        self._stopping.set()
        self._sending.result()
        self._threads.shutdown()
        self._encoder.wait()

    def _send(self) -> None:
        assert self._encoder.stdin is not None
        begun = time.monotonic()
        with self._encoder.stdin as pipe:
            number = 0
            while not self._stopping.wait(begun + number / RATE - time.monotonic()):
                pipe.write(draw(number % NUMBERS, WIDTH, HEIGHT))
                number += 1


def stored(folder: Path, sender: Sender, seen: dict[str, tuple[float, float]]) -> None:
    """Note of each picture that is new when its segment was published, and when it was stored."""
    for path in folder.rglob("*.jpg"):
        if path.name in seen:
            continue
        try:
            content, when = path.read_bytes(), path.stat().st_mtime
        except FileNotFoundError:  # evicted meanwhile
            continue
        number = read(pixels_of(content).mean(axis=2))
        assert number is not None, f"{path}: no picture of the sender"
        seen[path.name] = sender.published(number), when


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--segment", type=int, default=8, help="seconds")
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="streamsel-segments-"))
    (folder / "hls").mkdir()
    sender = Sender(folder / "hls", wanted.segment)
    seen: dict[str, tuple[float, float]] = {}
    try:
        while not (folder / "hls" / "index.m3u8").exists():
            time.sleep(0.1)
        with WebServer(folder / "hls") as web:
            # So many that none is evicted: a recalled frame is stored long after it came.
            config = {
                "feeds": {"hls": {"source": web.url("/index.m3u8"), "count": 5000}},
                "sinks": {"disk": {"path": "kept"}},
            }
            with Service(folder, config) as service:
                service.until_up("hls", within=60)
                # What was published before is read first, and is as old as it is.
                since = SystemClock().wall() + 2 * wanted.segment
                until = time.monotonic() + 60 * wanted.minutes
                while time.monotonic() < until:
                    time.sleep(0.5)
                    stored(folder / "kept", sender, seen)
                for name in ("received", "decoded", "dropped"):
                    print(f"{name}: {service.metric(f'streamsel_frames_{name}_total'):.0f}")
                print(f"reconnects: {service.metric('streamsel_feed_reconnects_total'):.0f}")
                print(Use.of(service.pid))
                print(f"exit {service.stop()}")
    finally:
        sender.stop()
    ages = sorted(when - published for published, when in seen.values() if published > since)
    shares = [ages[int(share * (len(ages) - 1))] for share in (0, 0.5, 0.99, 1)]
    told = ", ".join(f"{age:.1f}" for age in shares)
    print(
        f"{len(ages)} pictures, seconds from publication to disk: least, median, p99, most {told}"
    )
    print(folder)


if __name__ == "__main__":
    main()
