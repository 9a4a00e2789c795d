"""Whether a service's memory levels off: four cameras, a disk and a broker, looked at each minute.

python -m tests.soak.level --minutes 67
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.end_to_end.service import Service
from tests.servers.broker import Broker
from tests.servers.clips import camera_clip
from tests.servers.rtsp import Mount, RtspServer
from tests.soak.endurance import Use

CAMERAS = 4


def config(address: str, port: int) -> dict[str, Any]:
    return {
        "defaults": {"count": 20, "window": "1m", "fps": 5},
        "feeds": {f"camera-{number}": {"source": address} for number in range(CAMERAS)},
        "sinks": {
            "disk": {"path": "kept", "max_bytes": "5MB"},
            "mqtt": {"host": "127.0.0.1", "port": port},
        },
        "log_level": "error",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=67)
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="streamsel-level-"))
    try:
        clip = camera_clip(Path(str(shutil.which("ffmpeg"))), folder / "clip.mp4")
        home = folder / "service"
        home.mkdir()
        with (
            RtspServer(folder, {"/camera": Mount([clip])}) as server,
            Broker(folder / "broker") as broker,
            Service(home, config(server.url("/camera"), broker.port)) as service,
        ):
            for minute in range(1, wanted.minutes + 1):
                time.sleep(60)
                print(f"after {minute} min: {Use.of(service.pid)}", flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
