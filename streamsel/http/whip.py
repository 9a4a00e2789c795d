"""The WHIP endpoint: receives WebRTC senders (RFC 9725)."""

from __future__ import annotations

from collections import deque
from urllib.parse import quote

from aiohttp import hdrs, web

from streamsel.clock import Clock
from streamsel.errors import BusyError, OfferError, UnsupportedError
from streamsel.http.control import SenderControl

PATH = "/whip/"
SDP = "application/sdp"

_OFFERS_A_SECOND = 10
_RETRY_SECONDS = "5"
_METHODS = "POST, DELETE, OPTIONS"


class Whip:
    """The handlers for senders, and CORS for pages of other sites."""

    def __init__(self, senders: SenderControl, origins: tuple[str, ...], clock: Clock) -> None:
        self._senders = senders
        self._origins = frozenset(origins)
        self._clock = clock
        self._offers: deque[float] = deque(maxlen=_OFFERS_A_SECOND)

    def table(self) -> list[web.RouteDef]:
        """Return every route."""
        return [
            web.post(f"{PATH}{{feed}}", self.offer),
            web.options(f"{PATH}{{feed}}", self.preflight),
            web.delete(f"{PATH}{{feed}}/{{session}}", self.end),
            web.options(f"{PATH}{{feed}}/{{session}}", self.preflight),
        ]

    async def offer(self, request: web.Request) -> web.Response:
        """Answer a sender's offer."""
        feed = request.match_info["feed"]
        if feed not in self._senders.feeds():
            raise web.HTTPNotFound(reason="no feed of that name waits for a sender")
        self._require_patience()
        try:
            sdp = (await request.read()).decode()
            answer = await self._senders.offer(feed, sdp)
        except UnicodeDecodeError as error:
            raise web.HTTPBadRequest(reason="the offer is not UTF-8 text") from error
        except UnsupportedError as error:
            raise web.HTTPNotAcceptable(reason=str(error)) from error
        except OfferError as error:
            raise web.HTTPBadRequest(reason=str(error)) from error
        except BusyError as error:
            raise web.HTTPServiceUnavailable(
                reason=str(error), headers={hdrs.RETRY_AFTER: _RETRY_SECONDS}
            ) from error
        return web.Response(
            status=201,
            text=answer.sdp,
            content_type=SDP,
            headers={
                hdrs.LOCATION: f"{PATH}{quote(feed)}/{answer.session}",
                hdrs.ETAG: f'"{answer.session}"',
            },
        )

    async def end(self, request: web.Request) -> web.Response:
        """End a session."""
        feed, session = request.match_info["feed"], request.match_info["session"]
        if not await self._senders.end(feed, session):
            raise web.HTTPNotFound(reason="there is no such session")
        return web.Response()

    async def preflight(self, _: web.Request) -> web.Response:
        """Respond to the CORS preflight of a page of another site."""
        return web.Response(status=204, headers={"Accept-Post": SDP, hdrs.ALLOW: _METHODS})

    async def share(self, request: web.Request, response: web.StreamResponse) -> None:
        """Let the pages of configured origins read the response."""
        if not request.path.startswith(PATH):
            return
        response.headers.add(hdrs.VARY, hdrs.ORIGIN)
        origin = request.headers.get(hdrs.ORIGIN, "")
        if origin in self._origins:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = _METHODS
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = "Authorization, Content-Type"
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = "Location, ETag, Retry-After"
            response.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = "600"
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"

    def _require_patience(self) -> None:
        """Limit the offers per second, because each creates keys and sockets."""
        now = self._clock.monotonic()
        if len(self._offers) == _OFFERS_A_SECOND and now - self._offers[0] < 1.0:
            raise web.HTTPTooManyRequests(
                reason="too many offers at once", headers={hdrs.RETRY_AFTER: "1"}
            )
        self._offers.append(now)
