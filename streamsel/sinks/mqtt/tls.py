"""How the broker proves who it is, and a way out of a handshake with one that hangs."""

from __future__ import annotations

import contextlib
import socket
import ssl

from streamsel.errors import SinkError
from streamsel.sinks.mqtt.options import TlsOptions


class Tls:
    """What one encrypted connection needs. The certificate and the host name are checked.

    Reads files: blocks. Raises :class:`SinkError` for one that cannot be used.
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
        """End a handshake that goes on in another thread; from then on nothing can be sent."""
        for opened in self._sockets:
            with contextlib.suppress(OSError):
                # Not SSLSocket's own, which takes away what the other thread is using.
                socket.socket.shutdown(opened, socket.SHUT_RDWR)


def _watch(context: ssl.SSLContext) -> list[ssl.SSLSocket]:
    """Return a list that will hold each socket of the context once its handshake begins."""
    begun: list[ssl.SSLSocket] = []

    class Watched(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            begun.append(self)
            super().do_handshake(block)

    context.sslsocket_class = Watched
    return begun
