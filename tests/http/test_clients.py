"""Who may stay when more clients connect than there is room for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from streamsel.http import clients as module
from streamsel.http.clients import Clients, Refusal
from tests.stand_ins import as_a


class Transport:
    def __init__(self, unsent: int = 0) -> None:
        self.unsent = unsent
        self.written = b""
        self.closed = False

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


class Client:
    """A connection that is silent, has something in progress, or is gone."""

    def __init__(self, transport: Transport | None = None, *, gone: bool = False) -> None:
        self.transport = None if gone else transport or Transport()
        self.is_forced_out = False

    def force_close(self) -> None:
        self.is_forced_out = True


class Server:
    def __init__(self, *connections: Client) -> None:
        self.connections = list(connections)

    def __call__(self) -> str:
        return "served"


def accepted(clients: Clients, server: Server) -> object:
    return clients.accept(as_a(web.Server, server))


def out(server: Server) -> list[bool]:
    return [client.is_forced_out for client in server.connections]


def test_nobody_goes_while_there_is_room() -> None:
    server = Server(Client(), Client(), Client(gone=True))
    assert accepted(Clients(3), server) == "served"
    assert out(server) == [False] * 3


@pytest.mark.parametrize(("most", "gone"), [(3, 1), (2, 2), (1, 3)])
def test_the_oldest_that_say_nothing_make_room(most: int, gone: int) -> None:
    server = Server(Client(), Client(), Client())
    assert accepted(Clients(most), server) == "served"
    assert out(server) == [True] * gone + [False] * (3 - gone)
    for client in server.connections[:gone]:
        assert client.transport is not None
        assert client.transport.written.startswith(b"HTTP/1.1 503 ")
    for client in server.connections[gone:]:
        assert client.transport is not None
        assert client.transport.written == b""


def test_one_that_is_written_to_stays() -> None:
    server = Server(Client(Transport(unsent=1)), Client())
    assert accepted(Clients(2), server) == "served"
    assert out(server) == [False, True]


def test_one_with_a_request_in_progress_stays_until_it_is_answered() -> None:
    async def scenario() -> None:
        clients, server = Clients(1), Server(Client())

        answered = web.Response()

        async def answer(_: web.Request) -> web.StreamResponse:
            assert isinstance(accepted(clients, server), Refusal)
            return answered

        request = as_a(web.Request, SimpleNamespace(protocol=server.connections[0]))
        assert await clients(request, answer) is answered
        assert out(server) == [False]
        assert accepted(clients, server) == "served"
        assert out(server) == [True]

    asyncio.run(scenario())


class Connected(Transport, asyncio.Transport):
    """What asyncio hands to a protocol."""


def refusal(refused: set[Refusal]) -> tuple[Refusal, Connected]:
    made, transport = Refusal(refused), Connected()
    made.connection_made(transport)
    return made, transport


def in_loop(test: Callable[[], None]) -> Callable[[], None]:
    async def scenario() -> None:
        test()

    return lambda: asyncio.run(scenario())


@in_loop
def test_a_refused_client_is_answered_once_its_request_is_there() -> None:
    refused: set[Refusal] = set()
    made, transport = refusal(refused)
    made.data_received(b"GET / HTTP/1.1\r\n")
    assert not transport.closed
    made.data_received(b"\r\n")
    assert transport.written.startswith(b"HTTP/1.1 503 ")
    assert transport.closed
    made.data_received(b"more\r\n\r\n")
    assert transport.written.count(b"HTTP/1.1") == 1
    assert refused == {made}
    made.connection_lost(None)
    assert refused == set()


@in_loop
def test_a_request_that_never_ends_is_not_waited_for() -> None:
    made, transport = refusal(set())
    made.data_received(b"x" * 16 * 1024)
    assert not transport.closed
    made.data_received(b"x")
    assert transport.closed


@in_loop
def test_where_many_are_refused_none_is_waited_for() -> None:
    refused: set[Refusal] = set()
    made = [refusal(refused) for _ in range(module._MOST_REFUSALS + 1)]
    assert [transport.closed for _, transport in made] == [False] * module._MOST_REFUSALS + [True]
    assert len(refused) == module._MOST_REFUSALS
