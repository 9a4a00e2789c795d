"""Slow clients and far too many pages, while Prometheus asks: how soon is it answered?

python -m tests.soak.clients --slow 300 --pages 1000 --seconds 60
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import tempfile
import time
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path

from tests.end_to_end.service import Service
from tests.servers.clips import camera_clip
from tests.servers.crowd import crowd
from tests.soak.endurance import Use

HOST = "127.0.0.1"
PROBE_SECONDS = 0.2
DROP_SECONDS = 0.5
BACK_SECONDS = 1.0


async def ask(port: int, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
    """Ask for something on a connection of its own; return what says the status."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
    line = (await reader.readline()).decode()
    return reader, writer, line.split(" ")[1] if line else "hung up"


async def slow(port: int) -> None:
    """Send a request drop by drop, and come back whenever the service hangs up."""
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(HOST, port)
            writer.write(b"GET / HTTP/1.1\r\nX-Slow: ")
            while not writer.transport.is_closing():
                writer.write(b"a")
                await asyncio.sleep(DROP_SECONDS)
        await asyncio.sleep(DROP_SECONDS)


async def page(port: int, statuses: Counter[str]) -> None:
    """Follow the events for as long as that may be; come back, as pages do."""
    while True:
        try:
            reader, writer, status = await ask(port, "/api/events")
            statuses[status] += 1
            while await reader.read(65_536):
                continue
            writer.close()
        except OSError as error:
            statuses[type(error).__name__] += 1
        await asyncio.sleep(BACK_SECONDS)


async def probe(port: int, seconds: float) -> tuple[dict[str, list[float]], Counter[str]]:
    """Ask as a supervisor and Prometheus do, on a new connection each time."""
    took: defaultdict[str, list[float]] = defaultdict(list)
    statuses: Counter[str] = Counter()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for path in ("/healthz", "/metrics"):
            began = time.monotonic()
            try:
                reader, writer, status = await ask(port, path)
                await reader.read()
                writer.close()
            except OSError as error:
                status = type(error).__name__
            took[path].append(time.monotonic() - began)
            statuses[f"{path} {status}"] += 1
        await asyncio.sleep(PROBE_SECONDS)
    return dict(took), statuses


def probe_apart(port: int, seconds: float) -> tuple[dict[str, list[float]], Counter[str]]:
    """The same in a process that has nothing else to do: the attackers' own loop is slow."""
    return asyncio.run(probe(port, seconds))


async def attack(port: int, wanted: argparse.Namespace) -> None:
    pages: Counter[str] = Counter()
    with ProcessPoolExecutor(1) as processes:
        probing = asyncio.get_running_loop().run_in_executor(
            processes, probe_apart, port, wanted.seconds
        )
        tasks = [asyncio.ensure_future(slow(port)) for _ in range(wanted.slow)]
        tasks += [asyncio.ensure_future(page(port, pages)) for _ in range(wanted.pages)]
        took, probes = await probing
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    print(f"pages: {dict(pages)}\nprobes: {dict(probes)}")
    for path, times in took.items():
        times.sort()
        share = [times[int(part * (len(times) - 1))] for part in (0.5, 0.99, 1)]
        print(f"{path}: {len(times)} times; median, p99, most: {share}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slow", type=int, default=300)
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--feeds", type=int, default=3)
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="streamsel-clients-"))
    ffmpeg = Path(str(shutil.which("ffmpeg")))
    clip = camera_clip(ffmpeg, folder / "camera.mp4", seconds=10, size=(320, 180), rate=2)
    with crowd(clip, minutes=5) as address:
        feeds = {f"camera-{number}": {"source": address} for number in range(wanted.feeds)}
        config = {
            "defaults": {"count": 20},
            "feeds": feeds,
            "sinks": {"disk": {"path": "kept"}},
        }
        with Service(folder, config) as service:
            service.until_up(*feeds, within=60)
            print(f"before: {Use.of(service.pid)}")
            asyncio.run(attack(service.port, wanted))
            print(f"after: {Use.of(service.pid)}")
            print(f"exit {service.stop()}")
        print(f"it said:\n{service.said()}")


if __name__ == "__main__":
    main()
