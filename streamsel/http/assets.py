"""Static files of the web pages, loaded once and served by exact name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType

from aiohttp import hdrs, web

_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Asset:
    """A static file of the pages; ``tag`` changes with its content."""

    content: bytes
    media_type: str
    tag: str

    def response(self, request: web.Request) -> web.Response:
        """Return the file, or 304 if the browser's copy is current."""
        headers: dict[str, str] = {hdrs.CACHE_CONTROL: "no-cache", hdrs.ETAG: f'"{self.tag}"'}
        if self.media_type == "text/html":
            headers["Content-Security-Policy"] = _POLICY
        known = {each.value for each in request.if_none_match or ()}
        if self.tag in known:
            return web.Response(status=304, headers=headers)
        return self.page(200, headers)

    def page(self, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
        """Return the file regardless of the browser's cache."""
        return web.Response(
            status=status,
            body=self.content,
            content_type=self.media_type,
            charset="utf-8",
            headers={"Content-Security-Policy": _POLICY} if headers is None else headers,
        )


def _read() -> dict[str, Asset]:
    found = {}
    for file in files("streamsel.http").joinpath("static").iterdir():
        name = file.name
        media_type = _TYPES.get(name[name.rfind(".") :])
        if media_type is not None:
            content = file.read_bytes()
            tag = hashlib.sha256(content).hexdigest()[:16]
            found[name] = Asset(content, media_type, tag)
    return found


ASSETS: Mapping[str, Asset] = MappingProxyType(_read())
"""Every file, by its name."""
