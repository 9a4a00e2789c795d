"""Browser login: exchanges the token for a session cookie that does not reveal it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict, deque

from aiohttp import web

from streamsel.clock import Clock
from streamsel.http.ended import EndedLogins
from streamsel.http.wire import read_text

LOGIN = "/login"
LOGOUT = "/logout"
COOKIE = "streamsel"

_LASTS_SECONDS = 30 * 24 * 3600
_MOST_FAILURES = 10
_WITHIN_SECONDS = 60.0
_MOST_ADDRESSES = 1024


class Logins:
    """Checks the token; issues and checks cookies.

    A cookie contains its expiry time, a nonce, and a MAC of both under a key derived from the
    token: changing the token ends every login. Revoked cookies are in ``ended``. Wrong tokens are
    counted per address.
    """

    def __init__(self, token: str, ended: EndedLogins, clock: Clock) -> None:
        self._ended = ended
        self._token = token.encode()
        self._key = hashlib.sha256(b"streamsel login\0" + self._token).digest()
        self._clock = clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def is_token(self, offered: bytes) -> bool:
        """Whether this is the token, in constant time."""
        return hmac.compare_digest(offered, self._token)

    def is_cookie(self, cookie: str) -> bool:
        """Whether this is a valid cookie."""
        name, _, mac = cookie.partition(".")
        given = mac.encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self._mac(name).encode()):
            return False
        return self._clock.wall() < _until(name) and name not in self._ended

    async def log_out(self, cookie: str) -> None:
        """Revoke the login of a cookie, including copies of it; ignores any other text.

        Raises :class:`SinkError` if the revocation will not survive a restart.
        """
        if self.is_cookie(cookie):
            name = cookie.partition(".")[0]
            await self._ended.add(name, _until(name))

    def log_in(self, address: str, offered: str, response: web.Response, *, secure: bool) -> bool:
        """Set the cookie if the token is right; return False if it is wrong.

        Raises 429 for an address with ten wrong tokens within a minute.
        """
        self._require_patience(address)
        if not self.is_token(offered.encode("utf-8", "surrogateescape")):
            self._failures[address].append(self._clock.monotonic())
            return False
        name = f"{int(self._clock.wall()) + _LASTS_SECONDS}-{secrets.token_hex(8)}"
        response.set_cookie(
            COOKIE,
            f"{name}.{self._mac(name)}",
            max_age=_LASTS_SECONDS,
            path="/",
            httponly=True,
            secure=secure,
            samesite="Strict",
        )
        return True

    def _mac(self, name: str) -> str:
        text = name.encode("utf-8", "surrogateescape")
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()

    def _require_patience(self, address: str) -> None:
        failures = self._failures.setdefault(address, deque(maxlen=_MOST_FAILURES))
        self._failures.move_to_end(address)
        if len(self._failures) > _MOST_ADDRESSES:
            self._failures.popitem(last=False)
        oldest = self._clock.monotonic() - _WITHIN_SECONDS
        if len(failures) == _MOST_FAILURES and failures[0] > oldest:
            raise web.HTTPTooManyRequests(reason="too many wrong tokens; wait a minute")


def _until(name: str) -> int:
    """Return the expiry time of a login of ours, in UTC epoch seconds."""
    return int(name.partition("-")[0])


class LoginRoutes:
    """Routes that exchange the token for a cookie, and revoke it."""

    def __init__(self, logins: Logins | None, *, secure: bool) -> None:
        """``secure``: the cookie is sent over HTTPS only. Without ``logins`` no login is needed."""
        self._logins = logins
        self._secure = secure

    def table(self) -> list[web.RouteDef]:
        """Return every route."""
        return [web.post(LOGIN, self.log_in), web.post(LOGOUT, self.log_out)]

    async def log_in(self, request: web.Request) -> web.Response:
        """Exchange the token for a cookie."""
        offered = await read_text(request, "token")
        response = web.Response(status=204)
        if self._logins is not None and not self._logins.log_in(
            request.remote or "", offered, response, secure=self._secure
        ):
            raise web.HTTPUnauthorized(reason="that is not the token")
        return response

    async def log_out(self, request: web.Request) -> web.Response:
        """Delete the cookie and revoke it."""
        if self._logins is not None:
            await self._logins.log_out(request.cookies.get(COOKIE, ""))
        response = web.Response(status=204)
        response.del_cookie(COOKIE, path="/", httponly=True, secure=self._secure, samesite="Strict")
        return response
