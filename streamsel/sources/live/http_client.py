"""The HTTP client of cameras: TLS trust, and readable errors."""

from __future__ import annotations

import os
import ssl

from streamsel.errors import SourceError
from streamsel.sources.live.connection import LiveOptions


def trust(where: str, options: LiveOptions) -> ssl.SSLContext:
    """Return the TLS settings that verify a camera's certificate. Raises :class:`SourceError`."""
    file = options.tls_ca_file
    try:
        return ssl.create_default_context(cafile=None if file is None else str(file))
    except (OSError, ssl.SSLError) as error:
        raise SourceError(f"{where}: tls_ca_file {file} cannot be used ({error})") from None


def why_unanswered(error: Exception) -> str:
    """Return why aiohttp got no response; its own message is omitted: it may hold an address."""
    import aiohttp

    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not trusted ({error.certificate_error}); see tls_ca_file"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"the host {error.host} is unknown; check its name"
    if isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
        number = cause.errno or 0
        return (os.strerror(number) if number > 0 else cause.strerror or str(cause)).lower()
    return type(error).__name__
