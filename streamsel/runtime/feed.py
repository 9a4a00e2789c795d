"""A live feed as the builder describes it to the pipeline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from streamsel.interfaces import LiveSource, Screen, ViewWatch


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveFeed:
    """A feed that has no end, and where its numbers and times go on.

    ``open_source`` makes a source that has not connected yet; it is called again after the feed
    was switched off, and where a thread hangs for good, so no source is ever touched by two
    threads. ``open_screen`` makes a screen, ``open_watch`` what watches the view. ``scope`` names
    the selector that judges it. The next frame has the index ``start``; ``reserved`` and later ones
    must not be used before they are reserved. ``media_time`` is where its time begins, in seconds.
    ``down_after``: seconds without a picture until it counts as down.
    """

    name: str
    address: str
    open_source: Callable[[], LiveSource]
    open_screen: Callable[[], Screen]
    open_watch: Callable[[], ViewWatch]
    scope: str
    start: int = 0
    reserved: int = 0
    media_time: float = 0.0
    down_after: float = 10.0
    enabled: bool = True
