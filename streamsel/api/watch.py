"""``streamsel.watch``: live feeds as an asynchronous iterator of events."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from os import PathLike
from typing import Any

from streamsel.api.arguments import picture_size, texts
from streamsel.choices import Durability, FeedDecode, ImageFormat, NearDuplicate, Transport
from streamsel.clock import SystemClock
from streamsel.config.load import load
from streamsel.config.places import nested
from streamsel.config.schema import Config
from streamsel.config.types import require_types
from streamsel.decisions import Event
from streamsel.errors import ConfigurationError
from streamsel.service.notify import Notifier
from streamsel.service.process import LiveService
from streamsel.sinks.events import EventStream


def watch(
    feeds: Mapping[str, str],
    *,
    count: int | str | None = None,
    share: float | str | None = None,
    min_distance: float | None = None,
    window: float | str | None = None,
    burst: str | None = None,
    near_duplicate: NearDuplicate | None = None,
    look_ahead: int | None = None,
    group: str | None = None,
    transport: Transport | None = None,
    open_timeout: float | str | None = None,
    read_timeout: float | str | None = None,
    down_after: float | str | None = None,
    interval: float | str | None = None,
    tls_ca_file: str | PathLike[str] | None = None,
    decode: FeedDecode | None = None,
    fps: float | None = None,
    vf: str | None = None,
    mask: str | Sequence[str] = (),
    prefilter: Mapping[str, bool | float | str | None] | None = None,
    clip: Mapping[str, float | str] | None = None,
    embedder: str | None = None,
    weights: str | PathLike[str] | None = None,
    device: str | None = None,
    format: ImageFormat | None = None,
    quality: int | None = None,
    size: str | tuple[int, int] | None = None,
    keep_pixels: bool | None = None,
    keep_hdr: bool | None = None,
    output: str | PathLike[str] | None = None,
    max_bytes: int | str | None = None,
    durability: Durability | None = None,
) -> AsyncGenerator[Event, None]:
    """Watch live feeds and yield each change of the kept frames as an event.

    ``feeds`` maps names to addresses. The other arguments apply to all feeds and have the meaning,
    the bounds and the defaults of the configuration's options of the same name; durations are
    seconds or text (``"24h"``), ``count`` may be per hour (``"50/h"``), ``prefilter`` and ``clip``
    map the names of their sections to values. With ``output``, a folder, kept pictures are stored
    there together with a record; a later watch continues from it. Without it nothing is stored, and
    each :class:`Kept` event carries its picture in ``event.frame.picture.encoded``.

    Leaving the loop ends the watch; ``contextlib.aclosing`` makes this immediate. Raises
    :class:`ConfigurationError` for invalid arguments, at the call.

    ::

        async for event in streamsel.watch({"gate": "rtsp://10.0.0.4/main"}, count=300):
            print(event.frame.key, event.reason)
    """
    given = dict(locals())
    if not isinstance(feeds, Mapping):
        raise ConfigurationError("watch: feeds are addresses by name: {'gate': 'rtsp://...'}")
    require_types(watch, given)
    read = partial(load, None, {}, _overrides(given), origin="watch")
    read()
    return _events(read)


async def _events(read: Callable[[], Config]) -> AsyncGenerator[Event, None]:
    stream = EventStream()
    notifier = Notifier()
    service = LiveService(read, SystemClock(), notifier, extra=[lambda _: stream])
    try:
        async with aclosing(stream.events(service.run, service.stop)) as events:
            async for event in events:
                yield event
    finally:
        notifier.close()


def _overrides(given: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments nested like the sections of a configuration."""
    feeds = given.pop("feeds")
    if given["output"] is None:
        for name in ("max_bytes", "durability"):
            if given[name] is not None:
                raise ConfigurationError(f"{name} needs an output folder")
    given["mask"] = list(texts(given["mask"])) or None
    given["size"] = None if given["size"] is None else str(picture_size(given["size"]))
    tree = nested(feeds, {name: _as_text(value) for name, value in given.items()})
    tree.setdefault("sinks", {}).setdefault("disk", None)
    return tree | {"service": None}


def _as_text(value: Any) -> Any:
    """Return a value as the text that a user would write, so that one parser reads both."""
    if isinstance(value, Mapping):
        return {name: _as_text(one) for name, one in value.items()}
    return value if isinstance(value, (str, bool, list)) or value is None else str(value)
