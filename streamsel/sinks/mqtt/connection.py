"""One connection to the MQTT broker: connects, publishes, closes in bounded time.

aiomqtt provides the asyncio interface. Three things are taken from paho, on which it is built: it
ignores the reason code of an acknowledgement, so a refused message would count as delivered; it
does not expose the broker's limits; and its disconnect waits for a broker that may hang. Only
``Client._client``, the paho client, is private; the rest is paho's public interface.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiomqtt
from paho.mqtt import client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from streamsel.errors import SinkError
from streamsel.sinks.mqtt.options import MqttOptions, Tls
from streamsel.sinks.mqtt.payloads import MOST_PACKET_BYTES, new_properties
from streamsel.wakeup import await_set

WINDOW = 10
"""Maximum number of unacknowledged messages."""

_MOST_INCOMING_BYTES = 65_536
_MOST_COMMANDS_WAITING = 100
_OPENING = 15.0
"""Timeout in seconds for name resolution, socket, handshake and CONNACK."""
_GOODBYE = 0.5
"""Timeout in seconds for DISCONNECT, in case the broker hangs."""
_UNLIMITED = 65_535
_MOST_PASSWORD_BYTES = 65_535
_TOLD_BY_US = "failed to receive on socket"

_WIRE = logging.getLogger("streamsel.mqtt.wire")
_WIRE.addFilter(lambda record: not record.getMessage().startswith(_TOLD_BY_US))

_ADVICE = {
    "user name or password": "; check mqtt.username and mqtt.password_file",
    "Not authorized": "; check mqtt.username, mqtt.password_file and what the broker allows",
    "CERTIFICATE_VERIFY_FAILED": "; check mqtt.tls.ca_file, and that mqtt.host is the name in the "
    "broker's certificate",
    "Session taken over": "; another client has our client id, set mqtt.client_id or mqtt.prefix",
}


class BrokerConnection:
    """An open connection. Futures of a lost connection stay pending."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client
        self._paho: paho.Client = client._client
        self._unacknowledged: dict[int, asyncio.Future[str | None]] = {}
        self._gone = asyncio.Event()
        self._opening: asyncio.Timeout | None = None
        self._loop = asyncio.get_running_loop()
        self._allowed = new_properties(PacketTypes.CONNACK)
        self._paho.max_inflight_messages = WINDOW + 1
        self._paho.on_publish = self._note_acknowledged
        self._paho.on_socket_register_write = self._register_writer
        self._watch("on_connect", self._note_allowed)
        self._watch("on_disconnect", self._note_gone)

    @property
    def most_packet_bytes(self) -> int:
        """The largest packet that the broker accepts."""
        return int(getattr(self._allowed, "MaximumPacketSize", MOST_PACKET_BYTES))

    @property
    def window(self) -> int:
        """Maximum number of unacknowledged outbox messages; one more is left for other messages."""
        return max(1, min(WINDOW, getattr(self._allowed, "ReceiveMaximum", _UNLIMITED) - 1))

    async def open(self) -> None:
        """Connect. Raises ``aiomqtt.MqttError`` on failure."""
        try:
            async with asyncio.timeout(_OPENING) as self._opening:
                await self._client.__aenter__()
        except TimeoutError:
            why = "the broker hung up" if self._gone.is_set() else "no answer"
            raise aiomqtt.MqttError(why) from None
        finally:
            self._opening = None

    def publish(
        self, topic: str, payload: bytes, properties: Properties | None, *, retain: bool
    ) -> asyncio.Future[str | None]:
        """Publish with QoS 1; the future's result is None once accepted, else the refusal reason.

        The reason is a term of the MQTT standard, e.g. ``not-authorized``. Raises
        :class:`SinkError` if the connection is lost.
        """
        sent = self._paho.publish(topic, payload, 1, retain, properties)
        if sent.rc != paho.MQTT_ERR_SUCCESS:
            raise SinkError("the connection was lost")
        future: asyncio.Future[str | None] = self._loop.create_future()
        self._unacknowledged[sent.mid] = future
        return future

    async def subscribe(self, filters: Sequence[str]) -> list[str]:
        """Subscribe without retained messages; return the filters that were refused."""
        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        answers = await self._client.subscribe([(name, options) for name in filters])
        return [
            name
            for name, answer in zip(filters, answers, strict=True)
            if isinstance(answer, ReasonCode) and answer.is_failure
        ]

    @property
    def messages(self) -> AsyncIterator[aiomqtt.Message]:
        """Yield received messages. Raises ``aiomqtt.MqttError`` when the connection is lost."""
        return aiter(self._client.messages)

    async def leave(self) -> None:
        """Disconnect, so that the broker publishes our will; at most half a second."""
        if self._paho.is_connected():
            self._paho.disconnect(
                ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message")
            )
            await await_set(self._gone, _GOODBYE)

    async def hang_up(self) -> None:
        """Close the socket at once, discarding buffered data."""
        await asyncio.sleep(0)  # let the loop register a socket that was just opened
        self._paho.reinitialise()
        await asyncio.sleep(0)

    def _note_acknowledged(
        self, client: paho.Client, userdata: Any, mid: int, reason: ReasonCode, properties: Any
    ) -> None:
        future = self._unacknowledged.pop(mid, None)
        if future is not None and not future.done():
            refused = reason.is_failure
            future.set_result(str(reason).lower().replace(" ", "-") if refused else None)

    def _register_writer(self, client: paho.Client, userdata: Any, sock: paho.SocketLike) -> None:
        """Register the socket for writing; called on the loop and in the connecting thread.

        aiomqtt's own callback does it later, when the socket may be closed and its number reused by
        another one, which the loop would then find writable for ever.
        """

        def watch() -> None:
            if sock.fileno() >= 0:
                self._loop.add_writer(sock.fileno(), client.loop_write)

        if _is_running(self._loop):
            watch()
        else:
            self._loop.call_soon_threadsafe(watch)

    def _note_allowed(self, *arguments: Any) -> None:
        self._allowed = arguments[-1]

    def _note_gone(self, *_: Any) -> None:
        self._gone.set()
        if self._opening is not None:  # aiomqtt would continue to wait for an answer
            self._opening.reschedule(self._loop.time())

    def _watch(self, name: str, also: Callable[..., None]) -> None:
        """Inspect a callback's arguments before aiomqtt does."""
        theirs = getattr(self._paho, name)

        def call_both(*arguments: Any) -> None:
            also(*arguments)
            theirs(*arguments)

        setattr(self._paho, name, call_both)


def _is_running(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether this thread runs the loop."""
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


@dataclass(frozen=True, slots=True)
class Login:
    """Credentials of one connection, reread for each: passwords and certificates change."""

    client_id: str
    password: str | None = field(repr=False)
    tls: Tls | None

    @classmethod
    def read(cls, options: MqttOptions) -> Login:
        """Read the files named in the options (blocking). Raises :class:`SinkError`.

        The client id is the same after every restart, so that the broker drops a stale connection;
        otherwise it would later report us as offline.
        """
        name = f"{options.prefix.replace('/', '-')}-{socket.gethostname()}"
        return cls(
            options.client_id or name,
            _password(options),
            None if options.tls is None else Tls(options.tls),
        )


@contextlib.asynccontextmanager
async def connected(
    options: MqttOptions, login: Login, will: aiomqtt.Will
) -> AsyncIterator[BrokerConnection]:
    """Connect; disconnect on exit within half a second, whatever the broker does.

    Raises ``aiomqtt.MqttError`` if the broker cannot be reached or refuses the connection.
    """
    wishes = new_properties(PacketTypes.CONNECT)
    wishes.MaximumPacketSize = _MOST_INCOMING_BYTES
    client = aiomqtt.Client(
        options.host,
        options.port,
        username=options.username,
        password=login.password,
        logger=_WIRE,
        identifier=login.client_id,
        protocol=aiomqtt.ProtocolVersion.V5,
        will=will,
        keepalive=options.keepalive,
        max_queued_incoming_messages=_MOST_COMMANDS_WAITING,
        properties=wishes,
        tls_context=None if login.tls is None else login.tls.context,
    )
    connection = BrokerConnection(client)
    try:
        await connection.open()
        yield connection
        await connection.leave()
    except asyncio.CancelledError:
        await connection.leave()
        raise
    finally:
        if login.tls is not None:
            login.tls.abandon()
        await connection.hang_up()


def explain(error: Exception, options: MqttOptions) -> SinkError:
    """Return a message on where and why a connection failed, and what to do."""
    reason = error.__cause__ if isinstance(error.__cause__, aiomqtt.MqttCodeError) else error
    code = reason.rc if isinstance(reason, aiomqtt.MqttCodeError) else None
    text = str(code) if isinstance(code, ReasonCode) else str(reason)
    if text == "Unspecified error":  # paho's word for a connection that simply ended
        text = "the connection was lost"
    advice = next((what for words, what in _ADVICE.items() if words in text), "")
    return SinkError(f"mqtt {options.address}: {text}{advice}")


def _password(options: MqttOptions) -> str | None:
    path = options.password_file
    if path is None:
        return options.password
    try:
        with open(path, "rb") as file:
            content = file.read(_MOST_PASSWORD_BYTES)
        return content.removesuffix(b"\n").removesuffix(b"\r").decode()
    except OSError as error:
        raise SinkError(f"mqtt.password_file: {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise SinkError(f"mqtt.password_file: {path} does not hold UTF-8 text") from None
