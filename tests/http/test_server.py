"""Listening, stopping, and clients that mean no good."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import ssl
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from streamsel.errors import ConfigurationError
from streamsel.http.options import ServiceOptions
from tests.http.serving import (
    TOKEN,
    Behind,
    Client,
    ServiceChoices,
    bearer,
    kept_frame,
    service_of,
    serving,
    view,
)
from tests.polling import until
from tests.servers.broker import certify

JSON_HEAD = (
    b"PUT /api/feeds/gate/count HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
)

PIN = JSON_HEAD.replace(b"feeds/gate/count", b"frames/gate-000001/pin") + b"\r\n"


class Connections:
    """Raw connections that are closed in the end."""

    def __init__(self, client: Client, stack: AsyncExitStack) -> None:
        self._client = client
        self._stack = stack

    async def open(self, sent: bytes = b"") -> asyncio.StreamReader:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._client.port)
        self._stack.callback(writer.close)
        writer.write(sent)
        return reader


class Waited(Behind):
    """Pins a frame once it may; says how many have asked for that."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked = 0
        self.goes_on = asyncio.Event()

    async def pin(self, *_: object) -> bool:
        self.asked += 1
        self.hangs.set()
        await self.goes_on.wait()
        return True


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What came until the service hung up."""
    async with asyncio.timeout(10):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


def test_a_port_in_use_is_a_mistake_of_the_configuration() -> None:
    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            service = service_of(ServiceOptions(port=port))
            expected = rf"service\.listen: 127\.0\.0\.1:{port} is in use; .* another port"
            with pytest.raises(ConfigurationError, match=expected):
                await service.start()
            await service.stop()

    asyncio.run(scenario())


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_is_not_ours(host: str) -> None:
    async def scenario() -> None:
        service = service_of(ServiceOptions(host=host, port=0, token=TOKEN))
        with pytest.raises(ConfigurationError, match=f"cannot listen on {host}:0"):
            await service.start()

    asyncio.run(scenario())


def test_it_listens_on_ipv6_too() -> None:
    async def scenario() -> None:
        async with serving(host="::1") as client:
            assert client.service.url.startswith("http://[::1]:")
            assert (await client.get("/healthz")).status == 200

    asyncio.run(scenario())


def test_it_stops_twice_and_its_port_can_be_used_again_at_once() -> None:
    async def scenario() -> None:
        service = service_of(ServiceOptions(port=0))
        await service.start()
        port = int(service.url.rpartition(":")[2])
        await service.stop()
        await service.stop()
        again = service_of(ServiceOptions(port=port))
        async with again:
            assert again.url.endswith(f":{port}")

    asyncio.run(scenario())


@pytest.mark.parametrize("sent", [b"", b"GET /metrics HT"])
def test_fifty_silent_clients_hold_up_neither_answers_nor_the_end(sent: bytes) -> None:
    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            # Their patience would be longer than this test's.
            async with serving(patience=600.0) as client:
                connections = Connections(client, stack)
                silent = [await connections.open(sent) for _ in range(50)]
                assert (await client.get("/metrics")).status == 200
            async with asyncio.timeout(5):
                await asyncio.gather(*map(ended, silent))

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_with_tls_clients_that_never_shake_hands_hold_up_nothing(tmp_path: Path) -> None:
    made = certify(tmp_path / "pki", "127.0.0.1")
    trusts = ssl.create_default_context(cafile=str(made.authority))

    async def scenario() -> None:
        options: ServiceChoices = {
            "tls_cert": made.certificate,
            "tls_key": made.key,
            "patience": 600.0,
        }
        async with AsyncExitStack() as stack, serving(trusts=trusts, **options) as client:
            connections = Connections(client, stack)
            for _ in range(50):
                await connections.open()
            assert (await client.get("/metrics")).status == 200

    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_an_answer_that_hangs_does_not_hold_up_the_end() -> None:
    class Hanging(Behind):
        async def pin(self, *_: object) -> bool:
            self.hangs.set()
            never: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            return await never

    async def scenario() -> None:
        behind = Hanging()
        async with AsyncExitStack() as stack:
            async with serving(behind) as client:
                head = JSON_HEAD.replace(b"feeds/gate/count", b"frames/gate-000001/pin")
                reader = await Connections(client, stack).open(head + b"\r\n")
                await behind.hangs.wait()
            await ended(reader)

    asyncio.run(asyncio.wait_for(scenario(), 8))


def test_who_sends_a_request_drop_by_drop_is_let_go_of() -> None:
    async def scenario() -> None:
        async with AsyncExitStack() as stack, serving(patience=0.5) as client:
            reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
            stack.callback(writer.close)

            async def drip() -> None:
                for letter in b"GET / HTTP/1.1\r\nX-Slow: " + b"a" * 1000:
                    writer.write(bytes([letter]))
                    await asyncio.sleep(0.05)

            dripping = asyncio.ensure_future(drip())
            assert await ended(reader) == b""
            dripping.cancel()
            # So is one with a connection that was used well before.
            reader = await Connections(client, stack).open(
                b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HT"
            )
            assert (await ended(reader)).startswith(b"HTTP/1.1 200 ")

    asyncio.run(scenario())


def test_a_body_that_does_not_come_is_given_up() -> None:
    async def scenario() -> None:
        async with AsyncExitStack() as stack, serving(patience=0.5) as client:
            head = JSON_HEAD + b"Content-Length: 100\r\n\r\n{"
            answer = await ended(await Connections(client, stack).open(head))
            assert answer.startswith(b"HTTP/1.1 408 ")

    asyncio.run(scenario())


@pytest.mark.parametrize("chunked", [False, True])
def test_a_big_body_is_refused_and_not_held(chunked: bool) -> None:
    async def scenario() -> None:
        behind = Behind(feeds=[view("gate")])
        async with serving(behind) as client:

            async def pieces() -> object:
                for _ in range(5):
                    yield b" " * 16_384

            body = pieces() if chunked else b" " * 65_537
            headers = {"Content-Type": "application/json"}
            answer = await client.ask("PUT", "/api/feeds/gate/count", data=body, headers=headers)
            assert answer.status == 413
            assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
            packed = {**headers, "Content-Encoding": "gzip"}
            answer = await client.ask(
                "PUT", "/api/feeds/gate/count", data=b"\x1f\x8b" * 10, headers=packed
            )
            assert answer.status == 400
            assert (await client.put("/api/feeds/gate/count", {"count": 7})).status == 200

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"\x00" * 100 + b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 2000 + b"\r\n",
        JSON_HEAD + b"Content-Length: -5\r\n\r\n",
        JSON_HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_not_http_is_refused_without_a_trace(sent: bytes) -> None:
    async def scenario() -> None:
        async with AsyncExitStack() as stack, serving(patience=1.0) as client:
            answer = await ended(await Connections(client, stack).open(sent))
            assert answer == b"" or answer.split(b" ")[1][:1] == b"4", answer[:80]
            assert b"Traceback" not in answer
            assert (await client.get("/healthz")).status == 200

    asyncio.run(scenario())


def test_clients_that_misbehave_fill_no_log_and_put_no_secret_into_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    garbage = b"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\x00\r\n\r\n"

    async def scenario() -> None:
        async with AsyncExitStack() as stack, serving(token=TOKEN) as client:
            connections = Connections(client, stack)
            assert b" 400 " in await ended(await connections.open(garbage % TOKEN.encode()))
            head = JSON_HEAD + f"Authorization: Bearer {TOKEN}\r\n".encode()
            _, writer = await asyncio.open_connection("127.0.0.1", client.port)
            writer.write(head + b"Content-Length: 100\r\n\r\n{")
            await writer.drain()
            assert (await client.get("/healthz")).status == 200
            writer.transport.abort()
            packed = (
                b"Connection: close\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"
            )
            bad = await connections.open(head + packed + b"\r\n5\r\nabcde\r\n0\r\n\r\n")
            assert b" 400 " in await ended(bad)

    asyncio.run(scenario())
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert TOKEN not in caplog.text


def test_clients_cannot_use_up_the_machine() -> None:
    async def scenario() -> None:
        async with AsyncExitStack() as stack, serving(patience=600.0) as client:
            connections = Connections(client, stack)
            readers = [await connections.open() for _ in range(300)]
            # The oldest client without a request gives way, with a response.
            for reader in readers[:44]:
                assert (await ended(reader)).startswith(b"HTTP/1.1 503 ")
            for path in ("/healthz", "/metrics"):
                assert (await client.get(path)).status == 200
            assert not any(reader.at_eof() for reader in readers[50:])
        async with AsyncExitStack() as stack, serving(patience=0.5) as client:
            connections = Connections(client, stack)
            readers = [await connections.open() for _ in range(256)]
            await asyncio.gather(*map(ended, readers))
            assert (await client.get("/metrics")).status == 200

    asyncio.run(scenario())


def test_who_sends_drop_by_drop_gives_way_and_who_is_being_answered_does_not() -> None:
    async def scenario() -> None:
        behind = Waited(feeds=[view("gate")])
        async with AsyncExitStack() as stack, serving(behind, patience=600.0) as client:
            connections = Connections(client, stack)
            asking = await connections.open(PIN)
            await behind.hangs.wait()
            slow = [await connections.open(b"GET / HTTP/1.1\r\nX-Slow: a") for _ in range(256)]
            assert (await ended(slow[0])).startswith(b"HTTP/1.1 503 ")
            behind.goes_on.set()
            async with asyncio.timeout(20):
                assert (await asking.readline()).startswith(b"HTTP/1.1 200 ")

    asyncio.run(scenario())


def test_where_all_are_being_answered_one_more_is_told_so() -> None:
    async def scenario() -> None:
        behind = Waited(feeds=[view("gate")])
        async with AsyncExitStack() as stack, serving(behind, patience=600.0) as client:
            connections = Connections(client, stack)
            asking = [await connections.open(PIN) for _ in range(256)]
            await until(lambda: behind.asked == 256)
            answer = await ended(await connections.open(b"GET /healthz HTTP/1.1\r\n\r\n"))
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"Retry-After: 1\r\n" in answer
            assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {
                "error": "too many clients are connected; try again"
            }
            # Who asks nothing hears of it too, and many who come at once hear at once.
            silent = [await connections.open() for _ in range(100)]
            for told in await asyncio.gather(*map(ended, silent)):
                assert told.startswith(b"HTTP/1.1 503 ")
            behind.goes_on.set()
            for reader in asking:
                assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
            assert (await client.get("/healthz")).status == 200

    asyncio.run(scenario())


def test_many_ask_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        behind = Behind(tmp_path, [view("gate")])
        for index in range(30):
            behind.keep(kept_frame("gate", index, float(index)), b"\xff\xd8" * 5000)
        paths = ["/", "/metrics", "/api/feeds", "/api/frames"]
        paths += [f"/{frame.picture.path}" for frame in behind.kept]
        async with serving(behind, token=TOKEN) as client:
            answers = await asyncio.gather(
                *(client.get(path, headers=bearer(TOKEN)) for path in paths * 5)
            )
            assert {answer.status for answer in answers} == {200}

    asyncio.run(scenario())


def test_only_a_service_that_listens_has_an_address() -> None:
    async def scenario() -> None:
        service = service_of(ServiceOptions(port=0))
        with pytest.raises(RuntimeError, match="not started"):
            _ = service.url
        async with service:
            assert service.url.startswith("http://127.0.0.1:")
        with pytest.raises(RuntimeError, match="not started"):
            _ = service.url
        await service.stop()

    asyncio.run(scenario())
