"""What Prometheus hears of a yard in which nothing is wrong: what no alert may fire on.

``python -m tests.soak.quiet_day --minutes 10`` runs a service with a street, a hall in which
nothing happens, two cameras on one scene, one that is dark, and one that is switched off, with a
disk and a broker, under a real Prometheus; then writes every series that an alert asks for, as
Prometheus stored it, to tests/deploy/quiet_day.json.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from streamsel.clock import SystemClock
from tests.deploy import alerts
from tests.deploy.quiet_day import FILE, STEP_SECONDS
from tests.end_to_end.service import Service
from tests.servers.broker import Broker
from tests.servers.clips import camera_clip, still_clip
from tests.servers.prometheus import Prometheus
from tests.servers.rtsp import Mount, RtspServer

_METRIC = re.compile(r"\b(?:streamsel_\w+|up)\b")
_SETTLING_SECONDS = 60
AS_DEPLOYED = {"scrape_interval": "15s", "scrape_timeout": "10s"}


def asked() -> list[str]:
    """The metrics that the alerts ask for."""
    return sorted({name for rule in alerts.rules() for name in _METRIC.findall(rule["expr"])})


def config(camera: RtspServer, broker: Broker) -> dict[str, Any]:
    street, hall = camera.url("/street"), camera.url("/hall")
    return {
        "defaults": {"count": 20},
        "feeds": {
            "street": {"source": street},
            "hall": {"source": hall},
            "cellar": {"source": camera.url("/cellar"), "fps": "1"},
            "east": {"source": street, "group": "yard"},
            "west": {"source": street, "group": "yard", "fps": "5"},
            "attic": {"source": camera.url("/none"), "enabled": False},
        },
        "sinks": {
            "disk": {"path": "kept", "max_bytes": "1GB"},
            "mqtt": {"host": "127.0.0.1", "port": broker.port},
        },
    }


def record(prometheus: Prometheus, minutes: float) -> list[dict[str, Any]]:
    """Wait, then return each series that is asked for: its labels and its samples."""
    time.sleep(_SETTLING_SECONDS)
    begins = SystemClock().wall()
    time.sleep(60 * minutes)
    found = []
    for metric in asked():
        for one in prometheus.samples(metric, begins, begins + 60 * minutes, STEP_SECONDS):
            labels = {**one["metric"], "instance": "edge"}
            told = {round((at - begins) / STEP_SECONDS): text for at, text in one["values"]}
            steps = range(round(60 * minutes / STEP_SECONDS) + 1)
            found.append({"labels": labels, "values": [told.get(step) for step in steps]})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="streamsel-quiet-"))
    ffmpeg = Path(str(shutil.which("ffmpeg")))
    street = camera_clip(ffmpeg, folder / "street.mp4", size=(320, 180))
    hall = still_clip(ffmpeg, folder / "hall.mp4", size=(320, 180))
    cellar = still_clip(ffmpeg, folder / "cellar.mp4", size=(320, 180), brightness=-0.45)
    mounts = {"/street": Mount([street]), "/hall": Mount([hall]), "/cellar": Mount([cellar])}
    with (
        RtspServer(folder, mounts) as camera,
        Broker(folder / "broker") as broker,
        Service(folder, config(camera, broker)) as service,
    ):
        service.until_up("street", "hall", "cellar", "east", "west")
        target = f"127.0.0.1:{service.port}"
        with Prometheus(folder / "prometheus", target, scrape=AS_DEPLOYED) as prometheus:
            series = record(prometheus, wanted.minutes)
        print(service.said()[-2000:])
        service.stop()
    lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in series)
    FILE.write_text(f"[\n{lines}\n]\n")
    print(f"{len(series)} series of {wanted.minutes:g} minutes in {FILE}")


if __name__ == "__main__":
    main()
