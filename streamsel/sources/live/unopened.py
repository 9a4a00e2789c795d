"""Diagnoses why a live feed could not be opened, where ffmpeg does not say."""

from __future__ import annotations

import re
import socket
import ssl
from typing import TYPE_CHECKING
from urllib.parse import SplitResult

import av

from streamsel.clock import Clock
from streamsel.errors import RefusedError, SourceError
from streamsel.sources.container.opening import reason

if TYPE_CHECKING:
    from streamsel.sources.live.connection import LiveOptions

TLS_PORTS = {"rtsps": 322, "https": 443, "rtmps": 443}
_PORTS = {"rtsp": 554, "http": 80, "rtmp": 1935, **TLS_PORTS}
_SLOW_SHARE = 0.5
"""Share of ``open_timeout`` above which a name lookup counts as too slow."""
_CHALLENGE = re.compile(r"(?im)^www-authenticate:\s*digest\b(.*)$")
_ALGORITHM = re.compile(r"(?i)\balgorithm\s*=\s*\"?([\w-]+)")
_MOST_BYTES = 1 << 14


def unopened(
    where: str,
    parts: SplitResult | None,
    error: Exception,
    why: str | None,
    options: LiveOptions,
    clock: Clock,
) -> SourceError:
    """Return the exception for an ``error`` of ffmpeg; may query the name server and the camera.

    ``parts`` are those of the address, None for a device; ``why`` is a reason known already.
    """
    if isinstance(error, (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError)):
        return RefusedError(f"{where} cannot be opened: {_refusal(parts, error, options)}")
    if parts is not None and not isinstance(error, av.error.ConnectionRefusedError):
        why = _unnamed(parts, options, clock) or why
    return SourceError(f"{where} cannot be opened: {why or explain(error, options.open_timeout)}")


def explain(error: Exception, timeout: float) -> str:
    """Return the reason of an error; ``timeout`` is the time that was allowed, in seconds."""
    if isinstance(error, (av.error.TimeoutError, av.error.ExitError, TimeoutError)):
        return no_answer(timeout)
    if isinstance(error, av.error.ProtocolNotFoundError):
        return "this build of PyAV does not know the protocol"
    return reason(error)


def no_answer(within: float) -> str:
    """Return the message for a timeout of this many seconds."""
    return f"no answer within {within:.2g} s"


def require_trust(where: str, parts: SplitResult, options: LiveOptions) -> None:
    """Check certificate and host name in advance, for a precise error message.

    ffmpeg checks them again (the name only if built with GnuTLS), and only reports a failure.
    """
    try:
        with _connected(parts, options):
            return
    except ssl.SSLCertVerificationError as error:
        raise SourceError(
            f"{where} is not to be trusted: {error.verify_message}; see tls_ca_file"
        ) from None
    except FileNotFoundError:
        raise SourceError(f"{where}: tls_ca_file {options.tls_ca_file} is missing") from None
    except socket.gaierror as error:
        raise SourceError(f"{where} cannot be opened: {_unknown(parts, error)}") from None
    except (OSError, ValueError) as error:
        raise SourceError(
            f"{where} cannot be opened: {explain(error, options.open_timeout)}"
        ) from None


def _connected(parts: SplitResult, options: LiveOptions) -> socket.socket:
    """Connect to the host of an address, with TLS if its scheme requires it."""
    scheme, host = parts.scheme.lower(), parts.hostname or ""
    port = parts.port or _PORTS[scheme]
    if scheme not in TLS_PORTS:
        return socket.create_connection((host, port), options.open_timeout)
    file = options.tls_ca_file
    context = ssl.create_default_context(cafile=None if file is None else str(file))
    plain = socket.create_connection((host, port), options.open_timeout)
    try:
        return context.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def _unnamed(parts: SplitResult, options: LiveOptions, clock: Clock) -> str | None:
    """Return why a host name cannot be resolved, or only slowly; None if there is no problem."""
    began = clock.monotonic()
    try:
        socket.getaddrinfo(parts.hostname or "", None)
    except (OSError, UnicodeError) as error:
        return _unknown(parts, error)
    seconds = clock.monotonic() - began
    if seconds < _SLOW_SHARE * options.open_timeout:
        return None
    return (
        f"the name server takes {seconds:.1f} s to find the host {parts.hostname}; use its "
        "address, or raise open_timeout"
    )


def _unknown(parts: SplitResult, error: Exception) -> str:
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return f"no name server says where the host {parts.hostname} is; check the network"
    return f"the host {parts.hostname} is unknown; check its name"


def _refusal(parts: SplitResult | None, error: Exception, options: LiveOptions) -> str:
    """Return why the camera refuses the user, as far as its response shows."""
    if isinstance(error, av.error.HTTPForbiddenError):
        return "this user is not allowed to see it"
    if parts is None or parts.username is None:
        return "it wants a user name and a password"
    algorithms = _algorithms(parts, options)
    # ffmpeg answers the last of several challenges of the safest supported type.
    if algorithms and algorithms[-1].upper() not in ("MD5", "MD5-SESS"):
        return (
            f"it asks for digest authentication by {' and '.join(algorithms)}, and only MD5 can be "
            "answered, where nothing else is asked for after it; set the camera to MD5"
        )
    return "user name or password is refused"


def _algorithms(parts: SplitResult, options: LiveOptions) -> list[str]:
    """Query the camera; return its digest authentication algorithms, in its order."""
    scheme = parts.scheme.lower()
    if scheme not in ("rtsp", "rtsps", "http", "https"):
        return []
    host = parts.netloc.rpartition("@")[2]
    place = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    request = f"GET {place} HTTP/1.0\r\nHost: {host}\r\n\r\n"
    if scheme.startswith("rtsp"):
        request = f"DESCRIBE {scheme}://{host}{place} RTSP/1.0\r\nCSeq: 1\r\n\r\n"
    answer = b""
    try:
        with _connected(parts, options) as connection:
            connection.sendall(request.encode())
            while b"\r\n\r\n" not in answer and len(answer) < _MOST_BYTES:
                if not (piece := connection.recv(1 << 12)):
                    break
                answer += piece
    except (OSError, ValueError, KeyError):
        return []
    head = answer.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
    found = [_ALGORITHM.search(challenge) for challenge in _CHALLENGE.findall(head)]
    return [match[1] if match else "MD5" for match in found]
