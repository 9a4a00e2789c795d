"""The disk of a service is taken away, and comes back: `umount --lazy` on a real mount."""

from __future__ import annotations

import json
import urllib.error
from pathlib import Path

import pytest

from streamsel.record.reader import Record
from tests.end_to_end.service import Service
from tests.polling import eventually
from tests.servers.clips import camera_clip
from tests.servers.disks import RemovableDisk
from tests.servers.rtsp import Mount, RtspServer


def refused(service: Service, path: str) -> str | None:
    """What a request is refused with; None where it is not."""
    try:
        service.get(path)
    except urllib.error.HTTPError as error:
        return error.read().decode() if error.code == 503 else None
    return None


def is_ready(service: Service) -> bool:
    try:
        return bool(service.get("/readyz").status == 200)
    except urllib.error.URLError:
        return False


@pytest.mark.parametrize("returns", ["the same", "a copy"])
def test_a_disk_that_goes_stops_the_storing_and_all_goes_on_when_it_is_back(
    ffmpeg: Path, tmp_path: Path, removable_disk: RemovableDisk, returns: str
) -> None:
    clip = camera_clip(ffmpeg, tmp_path / "camera.mp4", size=(320, 180))
    kept = removable_disk.place / "kept"
    config = {
        # A window this short lets frames go and new ones come, for as long as it runs.
        "defaults": {"count": 20, "near_duplicate": 0.02, "window": "2s"},
        "sinks": {"disk": {"path": str(kept)}},
    }
    with RtspServer(tmp_path, {"/main": Mount([clip])}) as camera:
        feeds = {"gate": {"source": camera.url("/main")}}
        with Service(tmp_path, {**config, "feeds": feeds}) as service:
            service.until_up("gate")
            eventually(
                lambda: service.feeds()["gate"]["kept"] > 2, within=20, what="frames are kept"
            )
            removable_disk.detach()
            why = eventually(lambda: refused(service, "/readyz"), within=5, what="it is not ready")
            assert f"{kept}: the disk that was opened is gone" in json.loads(why)["reasons"][0]
            service.until_frames("gate", 30)
            assert refused(service, "/api/frames")
            assert [*removable_disk.place.iterdir()] == []
            assert service.said().count("ERROR disk: ") == 1
            assert service.metric("streamsel_sink_errors_total", sink="disk") > 0
            if returns == "a copy":
                removable_disk.replace(copied=True)
                eventually(
                    lambda: "another disk" in service.said(), within=20, what="the change is logged"
                )
            else:
                removable_disk.attach()
            eventually(lambda: is_ready(service), within=40, what="it is ready")
            assert ("disk: works again" in service.said()) == (returns == "the same")
            service.until_up("gate")
            before = files(kept)
            eventually(lambda: files(kept) - before, within=20, what="pictures are stored")
            assert service.stop() == 0
    with Record.open(kept) as record:
        claimed = {one.picture.path for one in record.kept() if one.picture}
    assert files(kept) == claimed


def files(kept: Path) -> set[str]:
    return {str(path.relative_to(kept)) for path in kept.rglob("frames/**/*.jpg")}
