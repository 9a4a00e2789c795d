"""A service from its first line to its signal, in the process of the tests."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import signal
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from streamsel.clock import SystemClock
from streamsel.config.load import load
from streamsel.config.schema import Config
from streamsel.errors import ConfigurationError
from streamsel.record.reader import Record
from streamsel.service.notify import Notifier
from streamsel.service.process import LiveService, run_service
from tests.polling import until
from tests.sources.media import write_video


def reader(folder: Path, **sections: object) -> Callable[[], Config]:
    """A configuration of one feed that is read as fast as can be, and kept in a folder."""
    clip = folder / "walk.mp4"
    if not clip.exists():
        write_video(clip, frames=25)
    config: dict[str, Any] = {
        "feeds": {"gate": {"source": f"file:{clip}?pace=0", "count": 3, "near_duplicate": 0}},
        "sinks": {"disk": {"path": str(folder / "kept")}},
        "service": None,
        **sections,
    }
    return partial(load, None, {}, config)


class EndsAtTheFirstFrame(io.StringIO):
    """Asks the process to end, as a supervisor does, once a frame is kept."""

    def write(self, text: str) -> int:
        if '"kept"' in text and '"kept"' not in self.getvalue():
            os.kill(os.getpid(), signal.SIGTERM)
        return super().write(text)


def test_a_signal_ends_a_service_that_has_stored_what_it_said(tmp_path: Path) -> None:
    out = EndsAtTheFirstFrame()
    run_service(reader(tmp_path), SystemClock(), events_to=out)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    with Record.open(tmp_path / "kept") as record:
        assert {str(frame.key) for frame in record.kept()} <= {
            line["id"] for line in lines if line["type"] == "kept"
        }
        assert next(iter(record.kept()), None) is not None


def test_a_reload_changes_feeds_and_a_mistake_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With a server, and a broker that nobody is at."""
    caplog.set_level(logging.INFO, "streamsel.service")
    first = reader(
        tmp_path,
        service={"listen": "127.0.0.1:0"},
        sinks={"disk": {"path": str(tmp_path / "kept")}, "mqtt": {"host": "127.0.0.1", "port": 9}},
    )
    wanted: list[Config | ConfigurationError] = [first()]

    def read() -> Config:
        if isinstance(wanted[0], ConfigurationError):
            raise wanted[0]
        return wanted[0]

    again = first()

    async def scenario(service: LiveService) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(service.run())
            for change, told in (
                (again, "configuration read again; 1 feeds"),
                (ConfigurationError("feeds: none"), "the service continues unchanged: feeds: none"),
            ):
                wanted[0] = change
                service.reload()
                await until(partial(_says, caplog, told), told)
            service.stop()

    with closing(Notifier()) as notifier:
        service = LiveService(read, SystemClock(), notifier)
        asyncio.run(scenario(service))
    assert service.stopping.is_set()
    assert not service.left_behind


def _says(caplog: pytest.LogCaptureFixture, told: str) -> bool:
    return told in caplog.text
