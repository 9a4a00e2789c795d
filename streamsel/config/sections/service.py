"""Options of the HTTP server: address, authentication, limits."""

from __future__ import annotations

import socket
from typing import Annotated, Self

from pydantic import Field, SecretStr, model_validator

from streamsel.config import fields as kind
from streamsel.config.listen import EVERYWHERE, Listen
from streamsel.config.sections.base import FilePath, Section


class ServiceTlsConfig(Section):
    """TLS of the HTTP server."""

    cert_file: FilePath = Field(description="certificate chain (PEM)")
    key_file: FilePath = Field(description="private key (PEM), without a passphrase")


class ServiceConfig(Section):
    """The HTTP server: pages, metrics and API."""

    listen: Annotated[Listen, kind.host_and_port()] = Field(
        default=Listen("127.0.0.1", 9464), description="address to listen on"
    )
    token: SecretStr | None = Field(
        default=None, description="bearer token of requests; better: token_file, or ${NAME}"
    )
    token_file: FilePath | None = Field(
        default=None, description="file with the token, read at start"
    )
    tls: ServiceTlsConfig | None = Field(default=None, description="use HTTPS; null: plain HTTP")
    origins: Annotated[tuple[str, ...], kind.origins()] | None = Field(
        default=None, description="origins of other sites that may send video here; null: none"
    )
    allow_insecure: bool = Field(
        default=False,
        description="allow full access without a token from any host that reaches the port",
    )
    access_log: bool = Field(
        default=False, description="log each request: address, method, path, status and duration"
    )

    @property
    def page(self) -> str | None:
        """URL of the live page for other machines; None if there is none, or it is unknown."""
        host, port = self.listen.host, self.listen.port
        if self.listen.is_loopback or port == 0:
            return None
        if host in EVERYWHERE:
            host = socket.gethostname()
        return f"{'http' if self.tls is None else 'https'}://{Listen(host, port)}/"

    @model_validator(mode="after")
    def _require_token(self) -> Self:
        if self.token is not None and self.token_file is not None:
            kind.refuse("give either token or token_file, not both")
        has_token = self.token is not None or self.token_file is not None
        if not (has_token or self.allow_insecure or self.listen.is_loopback):
            kind.refuse(
                f"{self.listen} can be reached by others, so it needs a token: give token_file, "
                "listen on 127.0.0.1, or set allow_insecure"
            )
        return self
