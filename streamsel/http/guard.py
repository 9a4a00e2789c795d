"""Authentication and authorisation of requests, and their error responses."""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import re

from aiohttp import hdrs, web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.typedefs import Handler
from aiohttp.web_exceptions import HTTPException
from multidict import CIMultiDict

from streamsel.config.listen import Listen
from streamsel.errors import ConfigurationError, StreamselError
from streamsel.http.assets import ASSETS
from streamsel.http.login import COOKIE, LOGIN, Logins
from streamsel.http.options import ServiceOptions
from streamsel.http.routes import EVENTS, READY
from streamsel.http.whip import PATH as WHIP
from streamsel.http.whip import SDP
from streamsel.http.wire import answer_json
from streamsel.redaction import redact

BODY_BYTES = 64 * 1024
ANSWER_SECONDS = 10.0

_LOG = logging.getLogger("streamsel.service")
_OPEN_PATHS = frozenset({"/healthz", LOGIN})
_OPEN_FOLDER = "/static/"
_PAGES = frozenset({"/", "/camera"})
_SAFE_METHODS = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
_HOST = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d+)?|([^\[\]:]+)(?::\d+)?")
# Users cannot enter a Bearer token in a browser, but it prompts for a password.
_CHALLENGES = CIMultiDict(
    [
        (hdrs.WWW_AUTHENTICATE, 'Bearer realm="streamsel"'),
        (hdrs.WWW_AUTHENTICATE, 'Basic realm="streamsel", charset="UTF-8"'),
    ]
)
_HEADERS = {
    hdrs.SERVER: "streamsel",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Authenticates and authorises requests.

    If there is a token, every request needs it, except ``/healthz``, ``/readyz`` (without reasons),
    the login and its assets: as ``Bearer`` token, as password of a ``Basic`` login, or as the
    cookie exchanged for it. Without a token the service listens on the machine itself, and the
    request's Host must be a local name, which stops DNS rebinding. A request that changes something
    needs a content type of JSON or SDP, which an HTML form cannot send; with a cookie it must come
    from our own pages.
    """

    def __init__(self, options: ServiceOptions, logins: Logins | None) -> None:
        self._host = options.host.lower()
        self._logins = logins
        self._patience = options.patience
        self._checks_host = options.token is None and options.is_loopback

    async def __call__(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse the request, or read its body and handle it."""
        if request.path != "/healthz":
            self._require_host(request)
        if not (_is_open(request) or self._is_let_in(request)):
            if request.path == READY:
                return _without_reasons(await handler(request))
            return _turned_away(request)
        if request.method not in _SAFE_METHODS:
            await self._require_content(request)
        if request.path == EVENTS:
            return await handler(request)
        async with asyncio.timeout(ANSWER_SECONDS):
            return await handler(request)

    def _require_host(self, request: web.Request) -> None:
        if not self._checks_host:
            return
        hosts = request.headers.getall(hdrs.HOST, [])
        named = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        host = (named[1] or named[2]).lower() if named else ""
        if host != self._host and not Listen(host, 0).is_loopback:
            raise web.HTTPForbidden(
                reason="this service answers by the name of its own machine only, such as "
                "localhost; to be reached by another name it needs a token"
            )

    def _is_let_in(self, request: web.Request) -> bool:
        if self._logins is None:
            return True
        scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        offered = given.strip().encode("utf-8", "surrogateescape")
        if scheme.lower() == "basic":
            offered = _password(offered)
        elif scheme.lower() != "bearer":
            offered = b""
        if self._logins.is_token(offered):
            return True
        if not self._logins.is_cookie(request.cookies.get(COOKIE, "")):
            return False
        if request.method not in _SAFE_METHODS:
            _require_own_page(request)
        return True

    async def _require_content(self, request: web.Request) -> None:
        is_sender = request.path.startswith(WHIP)
        wanted = SDP if is_sender else "application/json"
        if request.content_type != wanted and not (is_sender and request.method != hdrs.METH_POST):
            raise web.HTTPUnsupportedMediaType(
                reason=f"a request that changes something needs the header Content-Type: {wanted}"
            )
        try:
            async with asyncio.timeout(self._patience):
                await request.read()  # cached by the request for later reads
        except TimeoutError as error:
            raise web.HTTPRequestTimeout(reason="the body did not arrive in time") from error
        except (ConnectionError, web.RequestPayloadError) as error:
            raise web.HTTPBadRequest(reason="the body did not arrive whole") from error


def _is_open(request: web.Request) -> bool:
    """Whether a path needs no token, because it reveals nothing about feeds."""
    is_preflight = request.method == hdrs.METH_OPTIONS and request.path.startswith(WHIP)
    return is_preflight or request.path in _OPEN_PATHS or request.path.startswith(_OPEN_FOLDER)


def _without_reasons(response: web.StreamResponse) -> web.Response:
    """Return readiness without reasons, which may contain folders and hosts."""
    return answer_json({"ready": response.status == 200}, status=response.status)


def _turned_away(request: web.Request) -> web.Response:
    """Show the login page for page views; respond that a token is needed to other requests."""
    wants_page = "text/html" in request.headers.get(hdrs.ACCEPT, "")
    if request.method == hdrs.METH_GET and request.path in _PAGES and wants_page:
        return ASSETS["login.html"].page(401)
    raise web.HTTPUnauthorized(reason="a token is needed", headers=_CHALLENGES)


def _require_own_page(request: web.Request) -> None:
    """Refuse requests that another site's page makes a browser send with our cookie."""
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    origin = request.headers.get(hdrs.ORIGIN)
    is_ours = origin is None or origin.partition("://")[2] == request.headers.get(hdrs.HOST)
    if site not in ("same-origin", "none") or not is_ours:
        raise web.HTTPForbidden(reason="this comes from a page of another site")


def _password(credentials: bytes) -> bytes:
    """Return the password of a Basic login; empty if unreadable."""
    try:
        return base64.b64decode(credentials, validate=True).partition(b":")[2]
    except binascii.Error:
        return b""


@web.middleware
async def tell_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Convert errors to JSON ``{"error": ...}``, credentials masked."""
    try:
        return await handler(request)
    except HTTPException as error:
        kept = (hdrs.WWW_AUTHENTICATE, hdrs.ALLOW, hdrs.RETRY_AFTER)
        headers = CIMultiDict((key, value) for key, value in error.headers.items() if key in kept)
        return _error(error.status, error.reason, headers)
    except ConfigurationError as error:
        return _error(400, str(error))
    except StreamselError as error:
        _LOG.warning("%s %s: %s", request.method, request.rel_url.raw_path, redact(str(error)))
        return _error(503, str(error))
    except TimeoutError:
        _LOG.warning("%s %s: no answer in time", request.method, request.rel_url.raw_path)
        return _error(503, "the service is busy; try again")


def _error(status: int, message: str, headers: CIMultiDict[str] | None = None) -> web.Response:
    return answer_json({"error": redact(message)}, status=status, headers=headers)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add security headers to each response; a page may have set its own policy."""
    response.headers.update(_HEADERS)
    response.headers.setdefault(
        "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"
    )
    if response.status >= 400:
        response.headers[hdrs.CACHE_CONTROL] = "no-store"
    else:
        response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")


class AccessLog(AbstractAccessLogger):
    """Logs one line per request, without query and headers, which may hold credentials."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Log one request; ``time`` is its duration in seconds."""
        self.logger.info(
            "%s %s %s %d %.3f s",
            request.remote,
            request.method,
            request.rel_url.raw_path,
            response.status,
            time,
        )
