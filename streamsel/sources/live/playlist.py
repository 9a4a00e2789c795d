"""Parses HLS playlists for their segment durations (RFC 8216)."""

from __future__ import annotations

import http.client
import re
import ssl
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from streamsel.clock import Clock

if TYPE_CHECKING:
    from streamsel.sources.live.connection import LiveOptions

USUAL_TARGET = 10.0
"""Seconds that a segment may last where its playlist cannot be asked."""
MISSED_TARGETS = 3
"""How many target durations without a new segment are a playlist that does not go on."""
_MOST_SECONDS = 120.0
_MOST_BYTES = 1 << 20
_TARGET = re.compile(r"(?m)^#EXT-X-TARGETDURATION:\s*(\d{1,9}(?:\.\d{1,9})?)")
_VARIANT = re.compile(r"(?m)^#EXT-X-STREAM-INF:.*(?:\r?\n#.*)*\r?\n([^#\s].*?)\s*$")


def target_duration(location: str, options: LiveOptions, clock: Clock) -> float | None:
    """Ask a playlist, or the first of those that it lists, for its target duration in seconds.

    None where there is none, or no answer within the time that opening may take.
    """
    until = clock.monotonic() + options.open_timeout
    text = _read(location, options, clock, until)
    if (variant := _VARIANT.search(text)) is not None:
        text = _read(urljoin(_plain(location), variant[1]), options, clock, until, location)
    target = _TARGET.search(text)
    return None if target is None else min(max(float(target[1]), 0.5), _MOST_SECONDS)


def _read(
    location: str, options: LiveOptions, clock: Clock, until: float, login: str | None = None
) -> str:
    """The text at an http(s) address; empty where it cannot be had in time.

    ``login`` is the address that has the user's name and password, where another has.
    """
    content = b""
    if urlsplit(location).scheme.lower() not in ("http", "https"):
        return ""
    try:
        opener = _opener(login or location, options)
        within = max(0.1, until - clock.monotonic())
        with opener.open(_plain(location), timeout=within) as answer:
            while clock.monotonic() < until and len(content) < _MOST_BYTES:
                if not (piece := answer.read1(1 << 16)):
                    break
                content += piece
    except (OSError, ValueError, http.client.HTTPException):
        return ""
    return content.decode("utf-8", "replace")


def _opener(login: str, options: LiveOptions) -> urllib.request.OpenerDirector:
    """What opens http and https alone, with the credentials that an address holds."""
    file = options.tls_ca_file
    context = ssl.create_default_context(cafile=None if file is None else str(file))
    parts = urlsplit(login)
    logins = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    if parts.username is not None:
        password = unquote(parts.password or "")
        logins.add_password(None, _plain(login), unquote(parts.username), password)
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=context),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDigestAuthHandler(logins),
        urllib.request.HTTPBasicAuthHandler(logins),
    ):
        opener.add_handler(handler)
    return opener


def _plain(location: str) -> str:
    """An address without its user's name and password."""
    parts = urlsplit(location)
    return urlunsplit((*parts[:1], parts.netloc.rpartition("@")[2], *parts[2:4], ""))
