"""Options of the MQTT connection and its outbox, and their TLS context."""

from __future__ import annotations

import contextlib
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from streamsel.choices import Durability, require_choice
from streamsel.errors import ConfigurationError, SinkError

_LEAST_OUTBOX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsOptions:
    """TLS of the connection. The broker's certificate and host name are always verified.

    ``ca_file`` holds the trusted certificate authorities (PEM; None: the system's); ``cert_file``
    and ``key_file`` are the client certificate, if the broker requires one.
    """

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def __post_init__(self) -> None:
        if (self.cert_file is None) != (self.key_file is None):
            raise ConfigurationError("mqtt.tls: give cert_file and key_file together, or neither")


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttOptions:
    """Options of the connection and of the outbox. Raises :class:`ConfigurationError`.

    ``password_file`` is reread for each connection, without its last line break. ``prefix`` starts
    every topic; it identifies this service on the broker and must be unique. ``client_id`` None:
    derived from prefix and host name. ``discovery`` announces the feeds to Home Assistant below
    ``discovery_prefix``, with the URL of the live ``page``. ``max_bytes`` and ``max_messages``
    bound the outbox on disk. ``durability``: with ``strict`` a message is on disk when it is
    accepted; with ``batched`` a power cut may lose those of the last second. ``keepalive`` and
    ``message_expiry`` are seconds; messages older than ``message_expiry`` are not delivered (None:
    never expire).
    """

    host: str
    port: int = 1883
    tls: TlsOptions | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    password_file: Path | None = None
    prefix: str = "streamsel"
    client_id: str | None = None
    discovery: bool = False
    discovery_prefix: str = "homeassistant"
    page: str | None = None
    max_bytes: int = 1 << 30
    max_messages: int = 100_000
    durability: Durability = "strict"
    keepalive: int = 30
    message_expiry: float | None = None

    def __post_init__(self) -> None:
        if not self.host or any(queued in self.host for queued in " /@\0"):
            raise ConfigurationError("mqtt.host must be the name or the address of a broker")
        _require_within("port", self.port, 1, 65_535)
        _require_within("keepalive", self.keepalive, 5, 65_535)
        _require_within("max_messages", self.max_messages, 1, 10_000_000)
        if self.max_bytes < _LEAST_OUTBOX_BYTES:
            raise ConfigurationError(
                f"mqtt.max_bytes is {self.max_bytes:,}; it must be at least {_LEAST_OUTBOX_BYTES:,}"
            )
        if self.message_expiry is not None and not 1 <= self.message_expiry < 2**32:
            raise ConfigurationError(
                f"mqtt.message_expiry is {self.message_expiry:g} s; it must be at least 1 s"
            )
        require_choice("mqtt.durability", self.durability, Durability)
        for name in ("prefix", "discovery_prefix"):
            _require_topic(name, getattr(self, name))
        self._require_credentials()

    def _require_credentials(self) -> None:
        if self.password is not None and self.password_file is not None:
            raise ConfigurationError("mqtt: give either password or password_file, not both")
        if self.username is None and (self.password is not None or self.password_file is not None):
            raise ConfigurationError("mqtt: a password needs a username")

    @property
    def address(self) -> str:
        """The broker's host and port, for messages."""
        return f"{self.host}:{self.port}"


def _require_within(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise ConfigurationError(f"mqtt.{name} is {value}; it must lie in {least}..{most:,}")


def _require_topic(name: str, topic: str) -> None:
    parts = topic.split("/")
    if not all(parts) or topic.startswith("$") or any(queued in topic for queued in "+#\0"):
        raise ConfigurationError(
            f"mqtt.{name} is {topic!r}; it must begin a topic: words parted by single slashes, "
            "without + and #, not beginning with $"
        )


class Tls:
    """The TLS context of one connection. Certificate and host name are verified.

    Reads files (blocking). Raises :class:`SinkError` for an unusable file.
    """

    def __init__(self, options: TlsOptions) -> None:
        named = {name: getattr(options, name) for name in ("ca_file", "cert_file", "key_file")}
        for name, path in named.items():
            if path is not None and not path.is_file():
                raise SinkError(f"mqtt.tls.{name}: {path} is not a file")
        try:
            self.context = ssl.create_default_context(cafile=options.ca_file)
            if options.cert_file is not None:
                self.context.load_cert_chain(options.cert_file, options.key_file)
        except OSError as error:
            files = ", ".join(str(path) for path in named.values() if path is not None)
            raise SinkError(f"mqtt.tls: one of {files} cannot be used: {error}") from error
        self._sockets = _watch(self.context)

    def abandon(self) -> None:
        """Abort a handshake running in another thread; nothing can be sent afterwards."""
        for opened in self._sockets:
            with contextlib.suppress(OSError):
                # Not SSLSocket.shutdown, which removes the TLS state that the other thread uses.
                socket.socket.shutdown(opened, socket.SHUT_RDWR)


def _watch(context: ssl.SSLContext) -> list[ssl.SSLSocket]:
    """Return a list that receives each socket of the context when its handshake begins."""
    begun: list[ssl.SSLSocket] = []

    class Watched(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            begun.append(self)
            super().do_handshake(block)

    context.sslsocket_class = Watched
    return begun
