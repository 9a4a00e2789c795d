"""Cameras that are covered, moved, out of focus or in the dark; and one that is fine."""

from __future__ import annotations

import subprocess
from functools import partial
from pathlib import Path

from tests.end_to_end.service import Service
from tests.polling import eventually

SCENE = "testsrc2=size=640x360:rate=2:duration=1,trim=end_frame=1,loop=-1:1:0,trim=duration=200"
NOISE = "noise=alls=4:allf=t"
LATER = "gte(t\\,70)"
VIEWS = {
    "fine": f"{SCENE},crop=320:180:0:0,{NOISE}",
    "covered": f"{SCENE},crop=320:180:0:0,drawbox=color=gray:t=fill:enable='{LATER}',{NOISE}",
    "moved": f"{SCENE},crop=320:180:'150*{LATER}':0,{NOISE}",
    "unfocused": f"{SCENE},crop=320:180:0:0,gblur=sigma=8:enable='{LATER}',{NOISE}",
    "dark": f"color=black:size=320x180:rate=2:duration=200,{NOISE}",
}
WORDS = {
    "covered": "feed 'covered': the camera seems to be covered",
    "moved": "feed 'moved': the camera seems to have been moved",
    "unfocused": "feed 'unfocused': the camera seems to be out of focus",
    "dark": "feed 'dark': every picture for 60 s was refused: black",
}
USELESS = "streamsel_feed_useless"


def test_a_camera_that_is_of_no_use_is_told_with_what_is_wrong(
    ffmpeg: Path, tmp_path: Path
) -> None:
    for name, picture in VIEWS.items():
        command = [str(ffmpeg), "-v", "error", "-nostdin", "-f", "lavfi", "-i", picture]
        command += ["-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-pix_fmt", "yuv420p"]
        subprocess.run([*command, "-g", "10", str(tmp_path / f"{name}.mp4")], check=True)
    feeds = {name: {"source": f"file:{tmp_path / name}.mp4?pace=15"} for name in VIEWS}
    config = {"defaults": {"count": 20}, "feeds": feeds, "sinks": {"disk": {"path": "kept"}}}
    with Service(tmp_path, config) as service:
        for name in WORDS:
            fault = "refused" if name == "dark" else name
            eventually(
                partial(is_useless, service, name, fault),
                within=20,
                what=f"{name} is useless",
            )
        shown = service.feeds()
        assert {name: feed["state"] for name, feed in shown.items() if name in WORDS} == (
            dict.fromkeys(WORDS, "useless")
        )
        assert all(
            shown[name]["reason"].startswith(words.split(": ", 1)[1])
            for name, words in WORDS.items()
        )
        assert service.metric("streamsel_feed_up", feed="dark") == 1
        assert service.metric(USELESS, feed="fine") == 0
        assert service.metric("streamsel_frames_refused_total", feed="dark", reason="black") >= 60
        eventually(lambda: service.state("fine") == "ended", within=20, what="they end")
        assert service.stop() == 0
    said = service.said()
    for words in WORDS.values():
        assert said.count(words) == 1
    assert "feed 'fine': the camera" not in said


def is_useless(service: Service, feed: str, fault: str) -> bool:
    return service.metric(USELESS, feed=feed, fault=fault) == 1
