"""What may pass by itself, such as a port of a process that is just ending, and what does not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from streamsel.clock import SystemClock
from streamsel.config.load import load
from streamsel.record.lock import FolderLock
from streamsel.service.notify import Notifier
from streamsel.service.patience import Patience
from streamsel.service.process import LiveService
from tests.end_to_end.conftest import streamsel


def test_a_service_takes_over_from_one_that_is_just_ending(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(str(tmp_path / "notify"))
    told.setblocking(False)

    async def scenario(notifier: Notifier, freed: list[Callable[[], None]], port: int) -> list[str]:
        config = {
            "feeds": {"gate": {"source": "rtsp://127.0.0.1:9/main"}},
            "sinks": {"disk": {"path": str(kept)}},
            "service": {"listen": f"127.0.0.1:{port}"},
        }
        service = LiveService(partial(load, None, {}, config), SystemClock(), notifier)

        async def pause(stopping: asyncio.Event, seconds: float) -> None:
            freed.pop(0)()

        running = asyncio.ensure_future(
            Patience(notifier, service.stopping, pause).run(service.run)
        )
        heard: list[str] = []
        async with asyncio.timeout(60):
            while "READY=1" not in heard:
                heard.append((await asyncio.get_running_loop().sock_recv(told, 4096)).decode())
            service.stop()
            await running
        return heard

    lock, other = FolderLock(kept), socket.create_server(("127.0.0.1", 0))
    port = other.getsockname()[1]
    with closing(told), closing(Notifier(str(tmp_path / "notify"))) as notifier:
        heard = asyncio.run(scenario(notifier, [lock.release, other.close], port))
    said = [line.removeprefix("STATUS=") for line in heard if line.startswith("STATUS=")]
    assert said == [
        f"{kept}: another process is writing into it; wait for it or choose another; "
        "trying again in 2 s",
        f"service.listen: 127.0.0.1:{port} is in use; stop what listens there, or choose another "
        "port; trying again in 4 s",
    ]
    assert (kept / "streamsel.db").is_file()


def test_select_says_at_once_that_another_process_writes(demo_clip: Path, tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    try:
        ended = streamsel("select", demo_clip, "-n", 5, "-o", tmp_path, timeout=60)
    finally:
        lock.release()
    assert ended.code == 75
    assert f"{tmp_path}: another process is writing into it; wait for it" in ended.err


def test_a_damaged_record_is_no_matter_of_time(demo_clip: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    feed = ("watch", "--feed", "gate=rtsp://127.0.0.1:9/main", "--listen", "127.0.0.1:0")
    assert streamsel("select", demo_clip, "-n", 5, "-o", kept).code == 0
    record = kept / "streamsel.db"
    record.write_bytes(record.read_bytes()[:8192] + b"\xa5" * 8192)
    ended = streamsel(*feed, "-o", kept, timeout=60)
    assert ended.code == 2
    assert f"streamsel: {record}: not a readable record" in ended.err
    assert "move it aside" in ended.err
    assert "Traceback" not in ended.err
