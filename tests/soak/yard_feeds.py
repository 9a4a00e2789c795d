"""The yard's cameras: one of every kind that people have, each from a real server.

A kind more is a line in :data:`KINDS`: its name, and what the configuration says of it.
"""

from __future__ import annotations

import io
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from tests.servers.clips import camera_clip
from tests.servers.proxy import FaultProxy
from tests.servers.rtsp import Mount, RtspServer
from tests.servers.web import Stream, WebServer, motion_jpeg

Settings: TypeAlias = dict[str, Any]

ROOT = Path(__file__).parents[2]
PASSWORD = "canary-yard"
_X264 = "-c:v libx264 -preset veryfast -bf 0 -g 15 -sc_threshold 0 -threads 1"
_H264 = f"{_X264} -pix_fmt yuv420p"
_SIZE = "320x180"
_MOVING = f"testsrc2=size={_SIZE}:rate=15:duration=20"
_BLACK = f"color=black:size={_SIZE}:rate=15:duration=20"
_FROZEN = f"{_MOVING},loop=loop=-1:size=1:start=50,trim=duration=20"
_ODD = "testsrc2=size=321x181:rate=15:duration=20"
_UNEVEN = f"{_MOVING},select='not(mod(n\\,7))+lt(mod(n\\,30)\\,10)'"


class Yard:
    """All servers of the yard; use as a context manager."""

    def __init__(self, folder: Path, ffmpeg: Path, minutes: float) -> None:
        self.folder = folder
        self._ffmpeg = ffmpeg
        self._minutes = minutes
        self._stack = ExitStack()
        self._streams: dict[str, Stream] = {}

    def __enter__(self) -> Self:
        folder, moving = self.folder, self.folder / "moving.mp4"
        folder.mkdir()
        camera_clip(self._ffmpeg, moving, size=(320, 180))
        self.moving = moving
        hevc = self._encoded(
            "hevc.mp4",
            f"testsrc2=size={_SIZE}:rate=15:duration=20",
            "-c:v libx265 -preset ultrafast -x265-params log-level=error:bframes=0:keyint=15 "
            "-pix_fmt yuv420p -tag:v hvc1",
        )
        enter = self._stack.enter_context
        mounts = {"/moving": Mount([moving]), "/hevc": Mount([hevc])}
        for name in ("tcp", "locked"):
            (folder / name).mkdir()
        self.camera = enter(RtspServer(folder / "tcp", mounts))
        self.locked = enter(RtspServer(folder / "locked", mounts, user=("viewer", PASSWORD)))
        self.network = enter(FaultProxy(self.camera.port))
        self.noisy = enter(FaultProxy(self.camera.port))
        self.noisy.set_mode("corrupt", 0.02)
        self.web = enter(WebServer(folder, self._streams))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def keep(self, server: RtspServer) -> RtspServer:
        """Start one more server, which ends with the yard."""
        return self._stack.enter_context(server)

    def feeds(self) -> dict[str, Settings]:
        """What the configuration says of every feed, by its kind; their servers run from now."""
        return {name: make(self) for name, make in KINDS.items()}

    def rtsp(self, port: int, path: str = "/moving", **settings: Any) -> Settings:
        """A camera behind a port, its own or that of a proxy."""
        return {"source": f"rtsp://127.0.0.1:{port}{path}", **settings}

    def transport_stream(self, name: str, picture: str, encode: str = _H264) -> Settings:
        """MPEG-TS over HTTP, each client from the beginning, at the pace of its timestamps."""
        clip = self._encoded(f"{name}.ts", picture, encode)
        command = self._sending(clip, "-c copy -f mpegts pipe:1")
        self._streams[f"/{name}.live"] = Stream("video/mp2t", lambda: _output_of(command))
        return {"source": self.web.url(f"/{name}.live")}

    def playlist(self) -> Settings:
        """HLS with segments of two seconds, written as time goes by."""
        (self.folder / "hls").mkdir()
        rest = "-c copy -f hls -hls_time 2 -hls_list_size 6 -hls_flags delete_segments"
        self._keep_running(self._sending(self.moving, f"{rest} {self.folder}/hls/index.m3u8"))
        return {"source": self.web.url("/hls/index.m3u8")}

    def listening(self, address: str, rest: str) -> Settings:
        """An ffmpeg that waits for one client after another."""
        address = address.format(port=_free_port())
        self._keep_running(self._sending(self.moving, f"-c copy {rest} {shlex.quote(address)}"))
        return {"source": address.partition("?")[0]}

    def pictures(self) -> Settings:
        """Motion JPEG over HTTP, five pictures a second."""
        files = self._jpegs()
        self._streams["/pictures.live"] = motion_jpeg(lambda: _paced(files, 0.2))
        return {"source": self.web.url("/pictures.live")}

    def snapshot(self) -> Settings:
        """A camera that only gives its picture, each time another."""
        files = iter(_endless(self._jpegs()))
        self._streams["/snapshot.jpg"] = Stream("image/jpeg", lambda: iter([next(files)]))
        return {"source": f"snapshot+{self.web.url('/snapshot.jpg')}"}

    def file_at_a_pace(self) -> Settings:
        """A file that lasts longer than the run, at the pace of its timestamps."""
        times = int(60 * self._minutes / 20) + 10
        long = self.folder / "long.mp4"
        command = f"-y -v error -stream_loop {times} -i {self.moving} -c copy {long}"
        subprocess.run([self._ffmpeg, *shlex.split(command)], check=True)
        return {"source": f"file:{long}?pace=1"}

    def sender(self, feed: str) -> Settings:
        """A browser that calls over WebRTC (WHIP), and calls again whenever it must."""
        self.whip_feed = feed
        return {"source": "whip"}

    def call(self, port: int) -> None:
        """Let the sender call a service."""
        address = f"http://127.0.0.1:{port}/whip/{self.whip_feed}"
        self._keep_running([sys.executable, "-m", "tests.soak.whip_sender", address])

    def _sending(self, clip: Path, rest: str) -> list[str]:
        head = f"-v error -nostdin -re -stream_loop -1 -i {clip}"
        return [str(self._ffmpeg), *shlex.split(head), *shlex.split(rest)]

    def _encoded(self, name: str, picture: str, encode: str) -> Path:
        path = self.folder / name
        head = f"-v error -nostdin -y -f lavfi -i {picture}"
        subprocess.run([self._ffmpeg, *shlex.split(head), *shlex.split(encode), path], check=True)
        return path

    def _jpegs(self) -> list[bytes]:
        folder = self.folder / "jpegs"
        if not folder.exists():
            folder.mkdir()
            rest = ["-vf", "fps=5", "-q:v", "4", str(folder / "%04d.jpg")]
            subprocess.run([self._ffmpeg, "-v", "error", "-i", self.moving, *rest], check=True)
        return [path.read_bytes() for path in sorted(folder.iterdir())]

    def _keep_running(self, command: list[str]) -> None:
        """Run a program, again whenever it ends, until the yard closes."""
        again = f"while :; do {shlex.join(command)}; sleep 0.3; done"
        running = subprocess.Popen(
            ["sh", "-c", again],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._stack.callback(running.wait)
        self._stack.callback(os.killpg, running.pid, signal.SIGKILL)


KINDS: dict[str, Callable[[Yard], Settings]] = {
    "rtsp-tcp": lambda yard: yard.rtsp(yard.network.port),
    "rtsp-udp": lambda yard: yard.rtsp(yard.camera.port, transport="udp"),
    "rtsp-hevc": lambda yard: yard.rtsp(yard.camera.port, "/hevc"),
    "rtsp-password": lambda yard: {"source": yard.locked.url("/moving")},
    "rtsp-corrupt": lambda yard: yard.rtsp(yard.noisy.port),
    "http-ts": lambda yard: yard.transport_stream("plain", _MOVING),
    "http-mjpeg": lambda yard: yard.pictures(),
    "hls": lambda yard: yard.playlist(),
    "rtmp": lambda yard: yard.listening("rtmp://127.0.0.1:{port}/live/a", "-listen 1 -f flv"),
    "srt": lambda yard: yard.listening("srt://127.0.0.1:{port}?mode=listener", "-f mpegts"),
    "whip": lambda yard: yard.sender("whip"),
    "snapshot": lambda yard: yard.snapshot(),
    "file": lambda yard: yard.file_at_a_pace(),
    "vfr": lambda yard: yard.transport_stream("vfr", _UNEVEN, f"{_H264} -vsync vfr"),
    "odd-size": lambda yard: yard.transport_stream("odd", _ODD, f"{_X264} -pix_fmt yuv444p"),
    "black": lambda yard: yard.transport_stream("black", _BLACK),
    "frozen": lambda yard: yard.transport_stream("frozen", _FROZEN),
    "audio-only": lambda yard: yard.transport_stream("audio", "sine=duration=20", "-c:a aac"),
    "nobody": lambda yard: {"source": "rtsp://no-such-camera.invalid/main"},
}


def _output_of(command: list[str]) -> Iterator[bytes]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert isinstance(process.stdout, io.BufferedReader)
        try:
            while piece := process.stdout.read1(65_536):
                yield piece
        finally:
            process.kill()


def _paced(files: list[bytes], seconds: float) -> Iterator[bytes]:
    for file in _endless(files):
        yield file
        time.sleep(seconds)


def _endless(files: list[bytes]) -> Iterator[bytes]:
    while True:
        yield from files


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
