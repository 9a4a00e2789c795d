"""JSON of the HTTP API: values to JSON, and parsing of request bodies."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import partial
from urllib.parse import quote

from aiohttp import web

from streamsel.bounds import require_count
from streamsel.frame import FrameKey
from streamsel.http.control import FeedView, Position
from streamsel.json_text import json_text
from streamsel.record.gallery import FrameView
from streamsel.record.values import GoneScope
from streamsel.redaction import redact

MOST_FRAMES = 500
DEFAULT_FRAMES = 50


def feed_to_json(view: FeedView, counts: Mapping[str, int]) -> dict[str, object]:
    """Return a feed as in ``/api/feeds``."""
    status = view.status
    return {
        "feed": status.feed,
        "display_name": view.display_name or status.feed,
        "address": redact(status.address),
        "state": status.state,
        "reason": redact(status.reason),
        "fault": status.fault,
        "fixed": status.fixed,
        "since": status.since,
        "sessions": status.sessions,
        "last_frame": status.last_frame,
        "enabled": view.enabled,
        "scope": view.scope,
        "count": view.count,
        "kept": view.kept,
        "takes_sender": view.takes_sender,
        "counts": dict(counts),
    }


def frame_to_json(frame: FrameView) -> dict[str, object]:
    """Return a kept frame as in ``/api/frames``."""
    return {
        "id": str(frame.key),
        "feed": frame.key.feed,
        "index": frame.key.index,
        "wall_time": frame.wall_time,
        "media_time": frame.media_time,
        "path": frame.picture.path,
        "url": picture_url(frame),
        "width": frame.picture.width,
        "height": frame.picture.height,
        "bytes": frame.picture.bytes,
        "sha256": frame.picture.sha256,
        "distance": frame.distance,
        "nearest": None if frame.nearest is None else str(frame.nearest),
        "reason": frame.reason,
        "pinned": frame.pinned,
        "weight": None if frame.change is None else round(frame.change.weight, 3),
    }


answer_json = partial(web.json_response, dumps=json_text)
"""Answers with a value as JSON."""


def gone_to_json(gone: GoneScope) -> dict[str, object]:
    """Return a removed scope as in ``/api/gone``."""
    return {
        "scope": gone.scope,
        "feeds": list(gone.feeds),
        "frames": gone.frames,
        "bytes": gone.bytes,
    }


def picture_url(frame: FrameView) -> str:
    """Return the URL path of a frame's picture."""
    return "/" + quote(frame.picture.path)


def cursor_of(frame: FrameView) -> str:
    """Return the text of ``before`` that continues a list after this frame.

    >>> from streamsel.record.values import StoredPicture
    >>> key = FrameKey("gate", 7)
    >>> picture = StoredPicture(key, "gate/7.jpg", 64, 48, 900, "00")
    >>> frame = FrameView(key, 1.5, 0.0, picture, None, None, "novel", False)
    >>> cursor_of(frame), read_position(cursor_of(frame))
    ('1.5,gate-000007', Position(wall_time=1.5, feed='gate', index=7))
    """
    return f"{frame.wall_time!r},{frame.key}"


def read_position(text: str) -> Position:
    """Parse ``before``: UTC epoch seconds, or the result of :func:`cursor_of`."""
    time, comma, name = text.partition(",")
    key = read_key(name) if comma else FrameKey("", -1)
    try:
        wall_time = float(time)
    except ValueError:
        wall_time = math.nan
    if key is None or not math.isfinite(wall_time):
        raise web.HTTPBadRequest(
            reason="before must be a UTC time in epoch seconds, or taken from next"
        )
    return Position(wall_time, key.feed, key.index)


def read_key(text: str) -> FrameKey | None:
    """Parse the id of a frame; None if it is invalid.

    >>> read_key("yard-east-000123"), read_key("gate-7")
    (FrameKey(feed='yard-east', index=123), None)
    """
    feed, _, digits = text.rpartition("-")
    if not (feed and digits.isascii() and digits.isdigit() and len(digits) <= 18):
        return None
    key = FrameKey(feed, int(digits))
    return key if str(key) == text else None


def read_limit(text: str) -> int:
    """Parse the number of requested frames."""
    if text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= MOST_FRAMES:
        return int(text)
    raise web.HTTPBadRequest(reason=f"limit must be 1 to {MOST_FRAMES}")


async def read_bool(request: web.Request, name: str) -> bool:
    """Parse a JSON object with one boolean member."""
    value = await _member(request, name)
    if not isinstance(value, bool):
        raise web.HTTPBadRequest(reason=f'the body must be {{"{name}": true}} or false')
    return value


async def read_count(request: web.Request, name: str) -> int:
    """Parse a JSON object with one member, a number of frames to keep.

    Raises :class:`ConfigurationError` for an invalid number.
    """
    return require_count(await _member(request, name), name)


async def read_text(request: web.Request, name: str) -> str:
    """Parse a JSON object with one text member."""
    value = await _member(request, name)
    if not isinstance(value, str):
        raise web.HTTPBadRequest(reason=f'the body must be {{"{name}": "..."}}')
    return value


async def _member(request: web.Request, name: str) -> object:
    try:
        given = json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise web.HTTPBadRequest(reason="the body must be JSON") from error
    if not isinstance(given, dict) or given.keys() != {name}:
        raise web.HTTPBadRequest(reason=f'the body must be an object with "{name}" alone')
    return given[name]
