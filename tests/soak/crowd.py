"""Hundreds of cameras on one machine: how soon all are up, what they cost, how fast all ends.

python -m tests.soak.crowd --kind http --feeds 500 --fps 0.5
python -m tests.soak.crowd --kind rtsp --feeds 200 --fps 1

A Prometheus with the alerts that are deployed watches from the start to the end. One that needs ten
minutes can fire only with ``--seconds 660`` or more.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import tempfile
import time
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.deploy import alerts
from tests.end_to_end.service import Service, total
from tests.servers.clips import camera_clip
from tests.servers.crowd import crowd
from tests.servers.prometheus import Prometheus
from tests.servers.rtsp import Mount, RtspServer
from tests.soak.endurance import Use
from tests.soak.quiet_day import AS_DEPLOYED

RATE = 2
LOOK_SECONDS = 4.0
"""Between two looks at the metrics, of which hundreds of feeds have tens of thousands."""
COUNTED = ("received", "decoded", "embedded", "kept", "evicted", "covered", "dropped")


@contextmanager
def rtsp(clip: Path) -> Iterator[str]:
    """The address of what an RTSP server serves."""
    with RtspServer(clip.parent, {"/camera": Mount([clip])}) as server:
        yield server.url("/camera")


def config(address: str, wanted: argparse.Namespace) -> dict[str, Any]:
    defaults = {"count": wanted.count, "decode": wanted.decode}
    defaults |= {"fps": wanted.fps} if wanted.fps else {}
    return {
        "defaults": defaults,
        "feeds": {f"camera-{number:03}": {"source": address} for number in range(wanted.feeds)},
        "sinks": {"disk": {"path": "kept", "durability": wanted.durability}},
    }


class Scrapes:
    """Asks a service for its metrics, and remembers how it answered."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._slowest = 0.0
        self._refused = 0

    def take(self) -> str:
        """Return the metrics; nothing where they were refused."""
        began = time.monotonic()
        try:
            exposed: str = self._service.get("/metrics").read().decode()
        except urllib.error.HTTPError:
            self._refused += 1
            return ""
        self._slowest = max(self._slowest, time.monotonic() - began)
        return exposed

    def __str__(self) -> str:
        return f"slowest /metrics: {self._slowest:.2f} s; refused: {self._refused}"


def until_up(scrapes: Scrapes, feeds: int, within: float) -> None:
    """Wait until all are up, or until the time is over."""
    began = time.monotonic()
    while time.monotonic() - began < within:
        if total(scrapes.take(), "streamsel_feed_up") == feeds:
            return
        time.sleep(LOOK_SECONDS)


def tell(service: Service, scrapes: Scrapes) -> None:
    """Print what was counted, and what it costs."""
    exposed = scrapes.take()
    print(f"up: {total(exposed, 'streamsel_feed_up'):.0f}; {Use.of(service.pid)}")
    for name in COUNTED:
        print(f"  {name}: {total(exposed, f'streamsel_frames_{name}_total'):.0f}")
    for queue in ("inbox", "disk"):
        print(f"  waiting in {queue}: {total(exposed, 'streamsel_queue_depth', queue=queue):.0f}")
    print(f"  reconnects: {total(exposed, 'streamsel_feed_reconnects_total'):.0f}")
    print(f"  errors of sinks: {total(exposed, 'streamsel_sink_errors_total'):.0f}")
    print(f"  {scrapes}; load of the machine: {os.getloadavg()[0]:.1f}", flush=True)


def fired(prometheus: Prometheus, seconds: float) -> str:
    """Say which alerts were pending or fired in the last ``seconds``, and for how many feeds."""
    query = f"count by (alertname, alertstate) (max_over_time(ALERTS[{seconds:.0f}s]))"
    found = prometheus.query(query)
    return "; ".join(
        f"{one['metric']['alertname']} {one['metric']['alertstate']}: {one['value'][1]}"
        for one in found
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", choices=("http", "rtsp"), default="http")
    parser.add_argument("--feeds", type=int, default=500)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--fps", type=float, default=0)
    parser.add_argument("--decode", default="all")
    parser.add_argument("--durability", default="strict")
    parser.add_argument("--seconds", type=float, default=60, help="how long all run together")
    parser.add_argument("--program", help="what runs in place of streamsel")
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="streamsel-crowd-"))
    ffmpeg = Path(str(shutil.which("ffmpeg")))
    clip = camera_clip(ffmpeg, folder / "camera.mp4", seconds=10, size=(320, 180), rate=RATE)
    program = tuple(shlex.split(wanted.program)) if wanted.program else None
    serving = crowd(clip, minutes=15) if wanted.kind == "http" else rtsp(clip)
    with serving as address:
        began = time.monotonic()
        with Service(folder, config(address, wanted), program=program) as service:
            print(f"answers after {time.monotonic() - began:.1f} s", flush=True)
            scrapes = Scrapes(service)
            target = f"127.0.0.1:{service.port}"
            with Prometheus(
                folder / "prometheus",
                target,
                scrape=AS_DEPLOYED,
                rules=alerts.FILE,
                evaluation=AS_DEPLOYED["scrape_interval"],
            ) as prometheus:
                until_up(scrapes, wanted.feeds, within=180)
                print(f"{time.monotonic() - began:.1f} s after the start:")
                tell(service, scrapes)
                time.sleep(wanted.seconds)
                print(f"{wanted.seconds:g} s later:")
                tell(service, scrapes)
                print(f"alerts: {fired(prometheus, time.monotonic() - began) or 'none'}")
            told = time.monotonic()
            code = service.stop(within=60)
            print(f"exit {code}, {time.monotonic() - told:.1f} s after SIGTERM", flush=True)
    alarms = re.findall(r".*(?:WARNING|ERROR).*", service.said())
    print(f"warnings and errors: {len(alarms)}", *alarms[:20], sep="\n  ")
    print(folder)


if __name__ == "__main__":
    main()
