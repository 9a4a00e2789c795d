"""The HTTP server: listens, limits clients, shuts down on request."""

from __future__ import annotations

import asyncio
import errno
import logging
from typing import Self

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from streamsel.clock import Clock
from streamsel.errors import ConfigurationError, PortInUseError
from streamsel.http.clients import Clients
from streamsel.http.control import SenderControl, ServiceControl
from streamsel.http.ended import EndedLogins
from streamsel.http.events import EventBroker
from streamsel.http.guard import BODY_BYTES, AccessLog, Guard, add_headers, tell_errors
from streamsel.http.login import LoginRoutes, Logins
from streamsel.http.options import ServiceOptions
from streamsel.http.routes import Routes
from streamsel.http.whip import Whip
from streamsel.metrics.observer import Metrics

_LOG = logging.getLogger("streamsel.service")
_DEFECTS = logging.getLogger("streamsel.service.http")
_BACKLOG = 2048
"""Connections that the kernel queues: one that it has no room for is tried again after a second."""
_MOST_CONNECTIONS = 256
_LINGER_SECONDS = 1.0
_HANDSHAKE_SECONDS = 5.0
# A hanging client costs it twice: once to finish, once to be cancelled.
_FAREWELL_SECONDS = 0.25


class Service:
    """The HTTP server. An async context manager; otherwise start and stop it.

    At most 256 clients may be connected, so that they cannot exhaust resources of the feeds; see
    :class:`Clients`. A Service can be started once. Raises :class:`ConfigurationError` for an
    unusable certificate.
    """

    def __init__(
        self,
        options: ServiceOptions,
        metrics: Metrics,
        control: ServiceControl,
        events_broker: EventBroker,
        senders: SenderControl,
        clock: Clock,
    ) -> None:
        self._options = options
        self._tls = options.tls_context()
        self._ended = EndedLogins(options.folder, clock)
        logins = None if options.token is None else Logins(options.token, self._ended, clock)
        whip = Whip(senders, options.origins, clock)
        self._clients = Clients(_MOST_CONNECTIONS)
        guard = Guard(options, logins)
        app = web.Application(
            middlewares=[web.middleware(self._clients), tell_errors, web.middleware(guard)],
            client_max_size=BODY_BYTES,
        )
        app.add_routes(Routes(metrics, control, events_broker).table())
        app.add_routes(whip.table())
        app.add_routes(LoginRoutes(logins, secure=self._tls is not None).table())
        app.on_response_prepare.append(add_headers)
        app.on_response_prepare.append(whip.share)
        self._runner = web.AppRunner(
            app,
            access_log_class=AccessLog,
            access_log=logging.getLogger("streamsel.service.access")
            if options.access_log
            else None,
            logger=_DEFECTS,
            keepalive_timeout=options.patience,
            lingering_time=_LINGER_SECONDS,
            shutdown_timeout=_FAREWELL_SECONDS,
            auto_decompress=False,
        )
        self._listening: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """The URL of the started server, with its actual port."""
        if self._listening is None:
            raise RuntimeError("the service is not started")
        scheme = "http" if self._tls is None else "https"
        host, port = self._listening.sockets[0].getsockname()[:2]
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    async def start(self) -> None:
        """Start to listen.

        Raises :class:`ConfigurationError` if the address cannot be used, :class:`SinkError` if the
        revoked logins cannot be read.
        """
        options = self._options
        await asyncio.to_thread(self._ended.load)
        await self._runner.setup()
        try:
            self._listening = await asyncio.get_running_loop().create_server(
                self._accept,
                options.host,
                options.port,
                backlog=_BACKLOG,
                ssl=self._tls,
                ssl_handshake_timeout=None if self._tls is None else _HANDSHAKE_SECONDS,
            )
        except OSError as error:
            await self._runner.cleanup()
            raise _why_not(options, error) from error
        _LOG.info("listening on %s", self.url)
        if not options.is_loopback and self._tls is None:
            _LOG.warning(
                "service.listen: %s can be reached by others and has no TLS; responses and the "
                "token are sent unencrypted",
                options.address,
            )

    async def stop(self) -> None:
        """Disconnect every client within a second; further calls do nothing."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _accept(self) -> asyncio.BaseProtocol:
        server = self._runner.server
        if server is None:
            raise RuntimeError("the service is not started")
        return self._clients.accept(server)


def _is_worth_telling(record: logging.LogRecord) -> bool:
    """Whether a failed request is our defect and logged. Malformed HTTP may hold a token."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


_DEFECTS.addFilter(_is_worth_telling)


def _why_not(options: ServiceOptions, error: OSError) -> ConfigurationError:
    if error.errno == errno.EADDRINUSE:
        return PortInUseError(
            f"service.listen: {options.address} is in use; stop what listens there, or choose "
            "another port"
        )
    if error.errno == errno.EACCES:
        return ConfigurationError(
            f"service.listen: permission denied for {options.address}; ports below 1024 need "
            "special rights, choose a higher one"
        )
    reason = error.strerror or type(error).__name__
    return ConfigurationError(
        f"service.listen: cannot listen on {options.address} ({reason.lower()}); the host must be "
        "an address of this machine"
    )
