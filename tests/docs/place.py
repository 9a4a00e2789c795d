"""A folder with every file that the pages speak of, and a network with cameras and a broker."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import onnx

from streamsel.cli.main import cli
from streamsel.sources.demo.synthetic import render_demo
from tests.conftest import leave_out
from tests.docs.snippets import ROOT
from tests.embed.backbones.made import save_onnx
from tests.polling import eventually
from tests.servers.clips import camera_clip
from tests.servers.rtsp import Mount, RtspServer

CAMERAS = ("10.0.0.4", "10.0.0.5", "10.0.0.6", "10.0.0.7")
_EVERY_FRAME = [
    f"--keep-{kind}" for kind in ("exact-duplicates", "unchanged", "black", "uniform", "frozen")
]


def make_inputs(folder: Path) -> None:
    """Write the videos, networks, vectors and the run that snippets read."""
    render_demo(folder / "walk.mp4", seconds=8, size=(320, 180))
    for name in ("day.mp4", "a.mp4", "b.mp4", "clip.mov"):
        shutil.copy(folder / "walk.mp4", folder / name)
    (folder / "recordings").mkdir()
    render_demo(folder / "recordings" / "yard.mp4", seconds=30, size=(320, 180))
    for name in ("deploy", "tests"):
        (folder / name).symlink_to(ROOT / name)
    save_onnx(folder / "model.onnx")
    clip = onnx.load(str(save_onnx(folder / "clip.onnx")))
    clip.graph.node.append(onnx.helper.make_node("Identity", ["vectors"], ["image_embeds"]))
    clip.graph.output[0].name = "image_embeds"
    onnx.save(clip, str(folder / "clip.onnx"))
    _call("select", folder / "walk.mp4", "-n", 1, *_EVERY_FRAME, "-o", folder / "every")
    _call("export", folder / "every", "--what", "all", "-o", folder / "vectors.parquet")
    _call("select", folder / "walk.mp4", "-n", 100, "-o", folder / "kept")


def _call(*arguments: object) -> None:
    assert cli.main([*map(str, arguments), "-q"], standalone_mode=False) == 0


def environment(programs: Path, command: str) -> dict[str, str]:
    """The variables that commands run with; ``command`` is the text of their ``streamsel``."""
    programs.mkdir()
    program = programs / "streamsel"
    program.write_text(command)
    program.chmod(0o755)
    found = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PATH": found, "PYTHONPATH": str(ROOT)}


@contextmanager
def network(folder: Path, ffmpeg: Path) -> Iterator[tuple[str, ...]]:
    """A network of its own with cameras at ``rtsp://10.0.0.4/main`` and the host ``broker``.

    Yields what is put before a command to run it there. Needs root.
    """
    if os.geteuid() != 0 or shutil.which("ip") is None:
        leave_out("a network with cameras needs root (apt-get install iproute2)")
    name = f"docs{uuid4().hex[:8]}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    if made.returncode:
        leave_out(f"network namespaces cannot be made: {made.stderr.decode().strip()}")
    prefix = ("ip", "netns", "exec", name)
    hosts = Path("/etc/netns") / name
    with ExitStack() as stack:
        stack.callback(subprocess.run, ["ip", "netns", "delete", name], check=True)
        hosts.mkdir(parents=True)
        stack.callback(shutil.rmtree, hosts)
        (hosts / "hosts").write_text("127.0.0.1 localhost broker\n")
        for command in (["link", "set", "lo", "up"], *(_address(each) for each in CAMERAS)):
            subprocess.run([*prefix, "ip", *command], check=True)
        clip = camera_clip(ffmpeg, folder / "camera.mp4", size=(320, 180))
        cameras = {"/main": Mount([clip])}
        stack.enter_context(RtspServer(folder, cameras, host="0.0.0.0", port=554, prefix=prefix))
        stack.enter_context(_broker(prefix))
        yield prefix


def _address(host: str) -> list[str]:
    return ["address", "add", f"{host}/32", "dev", "lo"]


@contextmanager
def _broker(prefix: tuple[str, ...]) -> Iterator[None]:
    program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        leave_out("mosquitto is not installed (apt-get install mosquitto mosquitto-clients)")
    command = [*prefix, str(program), "-p", "1883"]
    asked = [*prefix, "mosquitto_pub", "-h", "broker", "-t", "anyone", "-n"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            eventually(
                lambda: subprocess.run(asked, capture_output=True, check=False).returncode == 0,
                within=10,
                what="the broker answers",
            )
            yield
        finally:
            process.kill()
