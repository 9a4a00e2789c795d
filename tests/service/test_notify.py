"""What systemd hears: real datagrams on real sockets, in its words."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing

import pytest

from streamsel.service.notify import Notifier, keep_alive
from tests.polling import never, until


def test_messages_are_those_of_the_protocol(systemd: tuple[socket.socket, str]) -> None:
    listening, address = systemd
    with closing(Notifier.from_environment({"NOTIFY_SOCKET": address}, pid=1)) as notifier:
        notifier.report_ready()
        notifier.report_status("2 of 3 feeds are up\nREADY=1")
        notifier.report_reload(12.5)
        notifier.extend_timeout(4)
        notifier.keep_alive()
        notifier.report_stopping()
    assert [listening.recv(4096) for _ in range(6)] == [
        b"READY=1",
        b"STATUS=2 of 3 feeds are up",
        b"RELOADING=1\nMONOTONIC_USEC=12500000",
        b"EXTEND_TIMEOUT_USEC=4000000",
        b"WATCHDOG=1",
        b"STOPPING=1",
    ]


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "/nowhere/at/all", "@streamsel-nobody"])
def test_where_nobody_listens_nothing_happens(address: str) -> None:
    with closing(Notifier.from_environment({"NOTIFY_SOCKET": address}, pid=1)) as notifier:
        notifier.report_ready()
        notifier.report_status("all is well")


def test_a_listener_that_does_not_read_holds_nobody_up(systemd: tuple[socket.socket, str]) -> None:
    listening, address = systemd
    with closing(Notifier(address)) as notifier:
        for _ in range(5000):
            notifier.report_status("all is well")
        assert listening.recv(4096) == b"STATUS=all is well"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"WATCHDOG_USEC": "3000000"}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7"}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_that_of_this_process(
    environment: dict[str, str], expected: float | None
) -> None:
    told = {"NOTIFY_SOCKET": "/run/systemd/notify", **environment}
    with closing(Notifier.from_environment(told, pid=7)) as notifier:
        assert notifier.watchdog == expected
    with closing(Notifier.from_environment(environment, pid=7)) as notifier:
        assert notifier.watchdog is None


def test_signs_of_life_stop_where_progress_does(systemd: tuple[socket.socket, str]) -> None:
    listening, address = systemd
    heard: list[bytes] = []

    async def scenario() -> None:
        progress, asked = asyncio.Event(), asyncio.Event()
        progress.set()

        async def alive() -> None:
            if not progress.is_set():
                asked.set()
            await progress.wait()

        loop = asyncio.get_running_loop()
        listening.setblocking(False)
        loop.add_reader(listening, lambda: heard.append(listening.recv(4096)))
        with closing(Notifier(address, watchdog=0.05)) as notifier:
            beating = asyncio.ensure_future(keep_alive(notifier, alive))
            await until(lambda: len(heard) >= 3)
            progress.clear()
            await until(asked.is_set)
            before = len(heard)
            await never(lambda: len(heard) > before, within=0.2, what="a sign of life")
            progress.set()
            await until(lambda: len(heard) > before)
            beating.cancel()
        loop.remove_reader(listening)

    asyncio.run(scenario())
    assert set(heard) == {b"WATCHDOG=1"}


def test_where_no_sign_of_life_is_expected_none_is_given() -> None:
    async def scenario() -> None:
        async def alive() -> None:
            raise AssertionError("nobody asked")

        with closing(Notifier("/run/systemd/notify")) as notifier:
            await keep_alive(notifier, alive)

    asyncio.run(scenario())
