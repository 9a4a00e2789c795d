"""Health check client: queries a service on this machine, as a supervisor does."""

from __future__ import annotations

import http.client
import ssl

from streamsel.config.listen import EVERYWHERE, Listen
from streamsel.errors import StreamselError

_PATIENCE_SECONDS = 4.0


def require_healthy(listen: Listen, *, speaks_tls: bool) -> None:
    """Request ``/healthz`` from the service at this address; blocks for 4 s at most.

    Raises :class:`StreamselError` if there is no response, or any other than 200.
    """
    host = EVERYWHERE.get(listen.host, listen.host)
    address = f"{'https' if speaks_tls else 'http'}://{Listen(host, listen.port)}/healthz"
    connection = _connection(host, listen.port, speaks_tls)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise StreamselError(f"{address}: no answer: {error}") from error
    finally:
        connection.close()
    if status != http.client.OK:
        raise StreamselError(f"{address}: answers {status}")


def _connection(host: str, port: int, speaks_tls: bool) -> http.client.HTTPConnection:
    if not speaks_tls:
        return http.client.HTTPConnection(host, port, timeout=_PATIENCE_SECONDS)
    # The certificate names the public host. Nothing secret is sent or received.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=_PATIENCE_SECONDS, context=context)
