"""The page: how the feeds are, and the newest kept pictures. It needs no script."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from string import Template

from streamsel.service.control import FeedView, KeptFrame
from streamsel.service.wire import picture_url
from streamsel.sources.masking import mask

_TEXT = files("streamsel.service").joinpath("page.html").read_text("utf-8")
_PAGE = Template(_TEXT)
_FEED = Template(
    '<tr><td>$feed</td><td class="$state">$state</td><td>$reason</td>'
    '<td class="number">$kept</td><td class="number">$count</td><td>$newest</td></tr>'
)
_PICTURE = Template(
    '<li><a href="$url"><img src="$url" alt="$id" loading="lazy" width="$width" height="$height">'
    "</a><span>$id<br>$received</span></li>"
)
PICTURES = 24


def _digest_of_style() -> str:
    """The hash by which the page's policy knows its only style."""
    (style,) = re.findall(r"<style>(.*?)</style>", _TEXT, re.DOTALL)
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


POLICY = (
    f"default-src 'none'; img-src 'self'; style-src 'sha256-{_digest_of_style()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What a browser may load for the page: pictures of this service, and the style in it."""


def render(feeds: Sequence[FeedView], frames: Sequence[KeptFrame]) -> str:
    """Return the page as HTML; everything that is put in is escaped."""
    return _PAGE.substitute(
        feeds="\n".join(map(_feed, feeds)), pictures="\n".join(map(_picture, frames))
    )


def _feed(view: FeedView) -> str:
    status = view.status
    return _fill(
        _FEED,
        feed=status.feed,
        state=status.state,
        reason=mask(status.reason),
        kept=view.kept,
        count="" if view.count is None else view.count,
        newest="" if status.last_frame is None else _utc(status.last_frame),
    )


def _picture(frame: KeptFrame) -> str:
    return _fill(
        _PICTURE,
        url=picture_url(frame),
        id=frame.key,
        width=frame.width,
        height=frame.height,
        received=_utc(frame.wall_time),
    )


def _fill(template: Template, **values: object) -> str:
    return template.substitute({name: escape(str(value)) for name, value in values.items()})


def _utc(wall_time: float) -> str:
    return datetime.fromtimestamp(wall_time, UTC).strftime("%Y-%m-%d %H:%M:%S")
