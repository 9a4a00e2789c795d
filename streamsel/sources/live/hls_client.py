"""Fetches HLS playlists and segments over HTTP."""

from __future__ import annotations

import http.client
import ssl
import urllib.request
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, cast
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit, urlunsplit

from streamsel.clock import Clock
from streamsel.errors import RefusedError, SourceError
from streamsel.sources.live.playlist import MediaPlaylist, best_variant, quoted, read_playlist
from streamsel.sources.live.unopened import explain
from streamsel.version import __version__

if TYPE_CHECKING:
    from streamsel.sources.live.connection import LiveOptions

_MOST_BYTES = 1 << 20


class HlsClient:
    """Fetches the playlist at an http(s) address, and its segments.

    Only the host of the address receives the user name and password in it, and if the address is
    https, only over TLS. Only http and https are
    opened, also after a redirect. Messages contain no addresses.
    """

    def __init__(self, location: str, options: LiveOptions, clock: Clock) -> None:
        """Raises OSError or ValueError if the address or ``tls_ca_file`` cannot be used."""
        self._options = options
        self._clock = clock
        self._opener = _opener(location, options)
        self._url = _plain(location)

    def find(self) -> MediaPlaylist:
        """Return the playlist at the address, or the best of its variants.

        Raises :class:`SourceError` if there is no answer within ``open_timeout``.
        """
        until = self._clock.monotonic() + self._options.open_timeout
        text, url = self._text(self._url, until)
        if (variant := best_variant(text, url)) is None:
            return _listed(text, url)
        self._url = variant.url
        listed = _listed(*self._text(variant.url, until))
        return replace(listed, is_plain=listed.is_plain and variant.is_best)

    def reload(self) -> MediaPlaylist:
        """Return the same playlist as it is now; raises the same exception."""
        until = self._clock.monotonic() + self._options.read_timeout
        return _listed(*self._text(self._url, until))

    def open(self, url: str) -> http.client.HTTPResponse:
        """Open the response from an address; the caller closes it. Raises the same exception."""
        return self._open(url, self._options.read_timeout)

    def _text(self, url: str, until: float) -> tuple[str, str]:
        """The text at an address, and the address after redirects."""
        content = b""
        within = max(0.1, until - self._clock.monotonic())
        with self._open(url, within) as answer:
            while len(content) < _MOST_BYTES:
                if self._clock.monotonic() >= until:
                    raise SourceError(explain(TimeoutError(), within))
                try:
                    piece = answer.read1(1 << 16)
                except (OSError, ValueError, http.client.HTTPException) as error:
                    raise SourceError(explain(error, within)) from None
                if not piece:
                    break
                content += piece
            if answer.length and len(content) < _MOST_BYTES:
                raise SourceError("its server sends only a part of its playlist")
            return content.decode("utf-8-sig", "replace"), answer.geturl()

    def _open(self, url: str, within: float) -> http.client.HTTPResponse:
        try:
            return cast(http.client.HTTPResponse, self._opener.open(url, timeout=within))
        except HTTPError as error:
            error.close()
            kind = RefusedError if error.code in (401, 403) else SourceError
            raise kind(f"its server answers {error.code}") from None
        except URLError as error:
            cause = error.reason if isinstance(error.reason, OSError) else error
            raise SourceError(explain(cause, within)) from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise SourceError(explain(error, within)) from None


@dataclass(frozen=True, slots=True)
class Found:
    """A media playlist, and the client that can reload it."""

    client: HlsClient
    listed: MediaPlaylist


def find_playlist(location: str, options: LiveOptions, clock: Clock) -> Found | None:
    """Look for a playlist at an address; None if there is none, or no answer in time."""
    if urlsplit(location).scheme.lower() not in ("http", "https"):
        return None
    try:
        client = HlsClient(location, options, clock)
        listed = client.find()
    except (SourceError, OSError, ValueError):
        return None
    return Found(client, listed)


class HostLogin(urllib.request.HTTPPasswordMgr):
    """Gives the credentials in an address to its own host, never without TLS if it has TLS."""

    def __init__(self, location: str) -> None:
        super().__init__()
        parts = urlsplit(location)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._origins = [_origin(location)] if parts.username is not None else []
        if self._origins == [("http", parts.hostname, 80)]:
            self._origins.append(("https", parts.hostname, 443))

    def find_user_password(self, realm: str, authuri: str) -> tuple[str | None, str | None]:
        """Return the user's name and password for an address, or None twice."""
        if _origin(authuri) not in self._origins:
            return None, None
        return self._user, self._password


def _origin(url: str) -> tuple[str, str | None, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


class _HangUp(urllib.request.BaseHandler):
    """Closes the response that asks for a password; urllib's own handlers leave it open."""

    handler_order = 400

    def http_error_401(
        self, request: object, answer: IO[bytes], code: int, message: str, headers: object
    ) -> IO[bytes] | None:
        """Close it, and leave the rest to those handlers."""
        answer.close()
        return None


def _listed(text: str, url: str) -> MediaPlaylist:
    listed = read_playlist(text, url)
    if listed.target is None:
        raise SourceError("its server sends something else than its playlist")
    # The newest segments of a longer one are not in the text.
    return replace(listed, is_plain=listed.is_plain and len(text) < _MOST_BYTES)


def _opener(location: str, options: LiveOptions) -> urllib.request.OpenerDirector:
    """Opens http and https only, with the credentials in an address for its host."""
    file = options.tls_ca_file
    context = ssl.create_default_context(cafile=None if file is None else str(file))
    login = HostLogin(location)
    opener = urllib.request.OpenerDirector()
    opener.addheaders = [("User-Agent", f"streamsel/{__version__}")]
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=context),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPCookieProcessor(),
        _HangUp(),
        urllib.request.HTTPDigestAuthHandler(login),
        urllib.request.HTTPBasicAuthHandler(login),
    ):
        opener.add_handler(handler)
    return opener


def _plain(location: str) -> str:
    """An address without its user's name and password."""
    parts = urlsplit(location)
    return quoted(urlunsplit((*parts[:1], parts.netloc.rpartition("@")[2], *parts[2:4], "")))
