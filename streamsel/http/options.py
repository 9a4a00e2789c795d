"""Options of the HTTP server: address and authentication."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from streamsel.config.listen import Listen
from streamsel.errors import ConfigurationError

DEFAULT_PORT = 9464

# Characters of a Bearer token (RFC 6750, section 2.1).
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOptions:
    """Address and authentication of the HTTP server.

    A loopback address needs no ``token``; other addresses need one, unless ``allow_insecure`` gives
    full access to anybody who reaches the port. With ``tls_cert`` and ``tls_key`` (PEM files) only
    HTTPS is served. Pages of ``origins`` (scheme, host and port) may send video. With port 0 the
    system chooses. A client is disconnected after ``patience`` seconds without a complete request.
    ``folder`` stores revoked logins. Raises :class:`ConfigurationError` for invalid options.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    token: str | None = field(default=None, repr=False)
    tls_cert: Path | None = None
    tls_key: Path | None = None
    origins: tuple[str, ...] = ()
    allow_insecure: bool = False
    folder: Path | None = None
    access_log: bool = False
    patience: float = 15.0

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise ConfigurationError(
                f"service.listen: port is {self.port}; it must be 1 to 65535 (0: any free one)"
            )
        if self.token is not None and not _TOKEN.fullmatch(self.token):
            raise ConfigurationError(
                "service.token: is empty or holds characters that a header cannot carry; use "
                "letters, digits and . _ ~ + / - only, such as `openssl rand -hex 32` prints"
            )
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ConfigurationError(
                "service.tls: needs both a certificate and its key, or neither"
            )
        if self.token is None and not self.allow_insecure and not self.is_loopback:
            raise ConfigurationError(
                f"service.listen: {self.address} can be reached by others and there is no token; "
                "give one (token_file), listen on 127.0.0.1, or set allow_insecure"
            )

    @property
    def address(self) -> str:
        """Host and port as used in a URL."""
        return str(Listen(self.host, self.port))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the address."""
        return Listen(self.host, self.port).is_loopback

    def tls_context(self) -> ssl.SSLContext | None:
        """Load certificate and key; None without TLS. Raises :class:`ConfigurationError`."""
        if self.tls_cert is None or self.tls_key is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            # OpenSSL would ask for a passphrase on the terminal.
            context.load_cert_chain(self.tls_cert, self.tls_key, password="")
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"service.tls: cannot use {self.tls_cert} with {self.tls_key} ({error}); both must "
                "be PEM files that belong together, the key without a passphrase"
            ) from error
        return context
