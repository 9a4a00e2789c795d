"""What hundreds of reconnects and an overloaded judge cost: memory, threads, descriptors, age.

python -m tests.soak.endurance --reconnects 500 --minutes 10
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tests.end_to_end.service import Service
from tests.polling import eventually
from tests.servers.clips import camera_clip
from tests.servers.proxy import FaultProxy
from tests.servers.rtsp import Mount, RtspServer

FEEDS = 5
LATENCY = "streamsel_frame_latency_seconds"


@dataclass(frozen=True)
class Use:
    """What a process holds."""

    memory_mb: float
    descriptors: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> Use:
        status = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        )
        return cls(
            int(status["VmRSS"].split()[0]) / 1024,
            len(list(Path(f"/proc/{pid}/fd").iterdir())),
            int(status["Threads"]),
        )


def config(address: str, **defaults: Any) -> dict[str, Any]:
    return {
        "defaults": {"count": 50, **defaults},
        "feeds": {f"camera-{number}": {"source": address} for number in range(FEEDS)},
        "sinks": {"disk": {"path": "kept"}},
        "log_level": "error",
    }


def reconnects(service: Service, proxy: FaultProxy, wanted: int) -> None:
    """Reset every connection whenever all feeds are up, until there were so many."""
    names = [f"camera-{number}" for number in range(FEEDS)]
    while service.metric("streamsel_feed_reconnects_total") < wanted:
        service.until_up(*names, within=60)
        proxy.reset()
        eventually(
            lambda: any(service.state(name) != "up" for name in names),
            within=30,
            what="the loss is seen",
        )
    service.until_up(*names, within=60)


def under_load(service: Service, minutes: float) -> None:
    ends = time.monotonic() + 60 * minutes
    while time.monotonic() < ends:
        time.sleep(5)


def measure(service: Service, work: Callable[[], None]) -> tuple[Use, Use]:
    """Let the service settle, work, settle again; return what it held before and after."""
    time.sleep(30)
    before = Use.of(service.pid)
    work()
    time.sleep(15)
    return before, Use.of(service.pid)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reconnects", type=int, default=500)
    parser.add_argument("--minutes", type=float, default=10)
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="streamsel-soak-"))
    clip = camera_clip(Path(str(shutil.which("ffmpeg"))), folder / "camera.mp4", size=(320, 180))
    slow = (sys.executable, "-m", "tests.soak.slow_watch")
    with RtspServer(folder, {"/main": Mount([clip])}) as server, FaultProxy(server.port) as proxy:
        address = f"rtsp://127.0.0.1:{proxy.port}/main"
        for name, program in (("reconnects", None), ("slow embedder", slow)):
            place = folder / name.replace(" ", "-")
            place.mkdir()
            with Service(place, config(address), program=program) as service:
                work: Callable[[], None] = (
                    partial(reconnects, service, proxy, wanted.reconnects)
                    if program is None
                    else partial(under_load, service, wanted.minutes)
                )
                before, after = measure(service, work)
                late = service.metric(f"{LATENCY}_count") - service.metric(
                    f"{LATENCY}_bucket", le="1.0"
                )
                print(f"## {name}")
                print(f"before: {before}\nafter:  {after}")
                print(f"reconnects: {service.metric('streamsel_feed_reconnects_total'):.0f}")
                judged = service.metric(f"{LATENCY}_count")
                print(f"judged: {judged:.0f}, later than 1 s: {late:.0f}")
                dropped = service.metric("streamsel_frames_dropped_total", reason="overload")
                print(f"gave way to newer ones: {dropped:.0f}", flush=True)
                service.stop()


if __name__ == "__main__":
    main()
