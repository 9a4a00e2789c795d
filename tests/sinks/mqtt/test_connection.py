"""How a broker is reached, kept, and left, whatever it does."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from streamsel.sinks.mqtt.options import TlsOptions
from streamsel.sinks.mqtt.publisher import MqttPublisher
from tests.polling import never, until
from tests.servers.broker import Broker, certify
from tests.sinks.mqtt.lines import frame, on_a_loop, opened, running, update
from tests.sinks.mqtt.subscriber import Subscriber

ROOT = Path(__file__).parents[3]
AVAILABLE = "streamsel/available"
SECRET = "open sesame"


@on_a_loop
async def test_we_are_online_as_long_as_we_run(tmp_path: Path, broker: Broker) -> None:
    sink, publisher = await opened(tmp_path / "outbox", broker.port)
    with Subscriber(broker.port, AVAILABLE) as early:
        async with running(publisher):
            await until(lambda: early.last(AVAILABLE) == b"online")
            with Subscriber(broker.port, AVAILABLE) as late:
                await until(lambda: late.on(AVAILABLE))
                assert [(got.payload, got.retained) for got in late.got] == [(b"online", True)]
        await until(lambda: early.last(AVAILABLE) == b"offline")
    with Subscriber(broker.port, AVAILABLE) as after:
        await until(lambda: after.on(AVAILABLE))
        assert [(got.payload, got.retained) for got in after.got] == [(b"offline", True)]
    await asyncio.to_thread(sink.close)


@on_a_loop
async def test_a_cancelled_publisher_says_goodbye_too(tmp_path: Path, broker: Broker) -> None:
    sink, publisher = await opened(tmp_path / "outbox", broker.port)
    with Subscriber(broker.port, AVAILABLE) as subscriber:
        task = asyncio.ensure_future(publisher.run())
        await until(lambda: subscriber.last(AVAILABLE) == b"online")
        task.cancel()
        async with asyncio.timeout(2):
            await asyncio.wait({task})
        assert task.cancelled()
        await until(lambda: subscriber.last(AVAILABLE) == b"offline")
    await asyncio.to_thread(sink.close)


def test_the_broker_says_so_when_we_are_killed(tmp_path: Path, broker: Broker) -> None:
    command = [sys.executable, "-m", "tests.sinks.mqtt.killed_publisher"]
    command += [str(tmp_path / "outbox"), str(broker.port), "0", "1", "1"]
    with (
        Subscriber(broker.port, AVAILABLE) as subscriber,
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as us,
    ):
        subscriber.wait(lambda: subscriber.last(AVAILABLE) == b"online")
        us.kill()
        assert us.wait() == -signal.SIGKILL
        subscriber.wait(lambda: subscriber.last(AVAILABLE) == b"offline")


@on_a_loop
async def test_we_are_online_again_after_the_broker_was_away(
    tmp_path: Path, broker: Broker
) -> None:
    sink, publisher = await opened(tmp_path / "outbox", broker.port)
    async with running(publisher):
        await until(lambda: publisher.counts.connected)
        broker.kill()
        await until(lambda: not publisher.counts.connected)
        broker.start()
        with Subscriber(broker.port, AVAILABLE) as subscriber:
            await until(lambda: subscriber.last(AVAILABLE) == b"online")
    await asyncio.to_thread(sink.close)


@pytest.mark.parametrize("moment", ["connected", "sending", "connecting"])
@on_a_loop
async def test_a_frozen_broker_does_not_hold_us_up(
    tmp_path: Path, broker: Broker, moment: str
) -> None:
    sink, publisher = await opened(tmp_path / "outbox", broker.port)
    if moment == "connecting":
        broker.freeze()
    async with running(publisher):  # which wants an end within 2 s
        if moment != "connecting":
            await until(lambda: publisher.counts.connected)
            broker.freeze()
        if moment == "sending":
            for number in range(20):
                await asyncio.to_thread(sink.apply, update(frame(number, 1 << 20)))
        await never(lambda: publisher.counts.delivered, within=0.2, what="a frozen broker answers")
    assert publisher.counts.delivered == 0
    broker.thaw()
    await asyncio.to_thread(sink.close)


@on_a_loop
async def test_a_broker_frozen_in_the_middle_of_a_handshake_does_not_hold_us_up(
    tmp_path: Path,
) -> None:
    certificates = certify(tmp_path / "pki", "127.0.0.1")
    with Broker(tmp_path / "b", tls=certificates) as broker:
        broker.freeze()
        sink, publisher = await opened(
            tmp_path / "outbox", broker.port, tls=TlsOptions(ca_file=certificates.authority)
        )
        async with running(publisher):
            await never(partial(is_connected, publisher), within=0.5, what="it is connected")
        await asyncio.to_thread(sink.close)
        async with asyncio.timeout(1):  # nor does the thread in which the handshake is made
            await asyncio.get_running_loop().shutdown_default_executor()
        broker.thaw()


@on_a_loop
async def test_a_certificate_that_the_authority_signed_for_the_host_is_trusted(
    tmp_path: Path,
) -> None:
    certificates = certify(tmp_path / "pki", "127.0.0.1")
    ours = TlsOptions(
        ca_file=certificates.authority,
        cert_file=certificates.certificate,
        key_file=certificates.key,
    )
    with Broker(tmp_path / "b", tls=certificates, settings=["require_certificate true"]) as broker:
        sink, publisher = await opened(tmp_path / "outbox", broker.port, tls=ours)
        await asyncio.to_thread(sink.apply, update(frame(1, 5 << 20)))
        async with running(publisher):
            await until(lambda: publisher.counts.delivered == 2)
    await asyncio.to_thread(sink.close)


@pytest.mark.parametrize(
    ("host", "signed_by", "told"),
    [
        ("127.0.0.1", "other", "certificate verify failed"),
        ("other.example", "own", "certificate is not valid for '127.0.0.1'"),
        ("127.0.0.1", "nobody", "is not a file"),
    ],
)
@on_a_loop
async def test_a_broker_that_cannot_prove_who_it_is_gets_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, host: str, signed_by: str, told: str
) -> None:
    certificates = certify(tmp_path / "own", host)
    certify(tmp_path / "other", host)
    tls = TlsOptions(ca_file=tmp_path / signed_by / "ca.pem")
    with Broker(tmp_path / "b", users={"edge": SECRET}, tls=certificates) as broker:
        sink, publisher = await opened(
            tmp_path / "outbox", broker.port, tls=tls, username="edge", password=SECRET
        )
        await asyncio.to_thread(sink.apply, update(frame(1)))
        async with running(publisher):
            await until(lambda: told in caplog.text)
        assert "mqtt.tls.ca_file" in caplog.text
        assert SECRET not in caplog.text
        assert publisher.counts.pending == 2
        assert "edge" not in broker.log
    await asyncio.to_thread(sink.close)


@on_a_loop
async def test_the_password_file_is_read_for_each_connection(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path = tmp_path / "password"
    with Broker(tmp_path / "b", users={"edge": SECRET}) as broker:
        sink, publisher = await opened(
            tmp_path / "outbox", broker.port, username="edge", password_file=path
        )
        async with running(publisher):
            await until(lambda: f"{path} cannot be read: No such file" in caplog.text)
            path.write_text("a wrong one\n")
            await until(lambda: "Not authorized; check" in caplog.text)
            assert "check mqtt.username, mqtt.password_file" in caplog.text
            path.write_text(f"{SECRET}\n")
            await until(lambda: publisher.counts.connected)
    assert SECRET not in caplog.text
    assert "a wrong one" not in caplog.text
    assert caplog.text.count("Not authorized; check") == 1  # not once for each try
    await asyncio.to_thread(sink.close)


@on_a_loop
async def test_a_bare_password_is_warned_of_only_where_it_travels(
    tmp_path: Path, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    sink, publisher = await opened(tmp_path / "a", broker.port, username="edge", password=SECRET)
    async with running(publisher):
        await until(lambda: publisher.counts.connected)
    await asyncio.to_thread(sink.close)
    assert "in the clear" not in caplog.text
    sink, publisher = await opened(
        tmp_path / "b", broker.port, username="edge", password=SECRET, host="0.0.0.0"
    )
    async with running(publisher):
        await until(lambda: publisher.counts.connected)
    assert "0.0.0.0:" in caplog.text
    assert "the password is sent in the clear" in caplog.text
    await asyncio.to_thread(sink.close)


@on_a_loop
async def test_two_services_with_one_client_id_are_told_so(
    tmp_path: Path, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    one, first = await opened(tmp_path / "one", broker.port, client_id="same")
    two, second = await opened(tmp_path / "two", broker.port, client_id="same")
    async with running(first), running(second):
        await until(lambda: "another client has our client id, set mqtt.client_id" in caplog.text)
    await asyncio.to_thread(one.close)
    await asyncio.to_thread(two.close)


@on_a_loop
async def test_an_address_where_no_broker_answers_is_tried_again_and_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that takes connections and says nothing, then one that hangs up at once."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sink, publisher = await opened(tmp_path / "outbox", silent.getsockname()[1])
        async with running(publisher):
            loop = asyncio.get_running_loop()
            silent.setblocking(False)
            async with asyncio.timeout(10):
                for _ in range(4):
                    accepted, _ = await loop.sock_accept(silent)
                    accepted.close()
            await until(lambda: "trying again" in caplog.text)
    await asyncio.to_thread(sink.close)


@on_a_loop
async def test_no_socket_and_no_task_is_left_behind(tmp_path: Path, broker: Broker) -> None:
    def open_sockets() -> int:
        found = 0
        for link in list(Path("/proc/self/fd").iterdir()):
            with contextlib.suppress(FileNotFoundError):
                found += str(link.readlink()).startswith("socket:")
        return found

    before = open_sockets()
    gc.disable()  # which would close what we forgot
    try:
        for number in range(3):
            sink, publisher = await opened(tmp_path / str(number), broker.port)
            async with running(publisher):
                await until(partial(is_connected, publisher))
                broker.kill()
                await until(partial(is_not_connected, publisher))
                broker.start()
                await until(partial(is_connected, publisher))
                broker.freeze()
                await asyncio.to_thread(sink.apply, update(frame(1, 8 << 20)))
                await never(partial(has_delivered, publisher), within=0.1, what="it is sent")
            assert open_sockets() == before
            assert asyncio.all_tasks() == {asyncio.current_task()}
            broker.thaw()
            await asyncio.to_thread(sink.close)
    finally:
        gc.enable()


def is_connected(publisher: MqttPublisher) -> bool:
    return publisher.counts.connected


def is_not_connected(publisher: MqttPublisher) -> bool:
    return not publisher.counts.connected


def has_delivered(publisher: MqttPublisher) -> bool:
    return publisher.counts.delivered > 0
