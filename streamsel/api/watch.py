"""``streamsel.watch``: live feeds as an asynchronous iterator of events."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any

from streamsel.clock import SystemClock
from streamsel.config.load import load
from streamsel.decisions import Event
from streamsel.errors import ConfigurationError
from streamsel.service.notify import Notifier
from streamsel.service.process import LiveService
from streamsel.sinks.events import EventStream


async def watch(
    feeds: Mapping[str, str], *, output: str | Path | None = None, **settings: Any
) -> AsyncGenerator[Event, None]:
    """Watch live feeds and yield each change of the kept frames as an event.

    ``feeds`` maps names to addresses. ``settings`` apply to all feeds and have the names of the
    configuration's ``defaults``: ``count=300``, ``window="24h"``, ``group="yard"``,
    ``embedder=...``. With ``output``, a folder, kept pictures are stored there together with a
    record; a later watch continues from it. Without it nothing is stored, and each :class:`Kept`
    event carries its picture in ``event.frame.picture.encoded``.

    Leaving the loop ends the watch; ``contextlib.aclosing`` makes this immediate. Raises
    :class:`ConfigurationError` for invalid settings.

    ::

        async for event in streamsel.watch({"gate": "rtsp://10.0.0.4/main"}, count=300):
            print(event.frame.key, event.reason)
    """
    if not isinstance(feeds, Mapping):
        raise ConfigurationError("watch: feeds are addresses by name: {'gate': 'rtsp://...'}")
    stream = EventStream()
    notifier = Notifier()
    service = LiveService(
        partial(load, None, {}, _overrides(feeds, output, settings)),
        SystemClock(),
        notifier,
        extra=[lambda _: stream],
    )
    try:
        async with aclosing(stream.events(service.run, service.stop)) as events:
            async for event in events:
                yield event
    finally:
        notifier.close()


def _overrides(
    feeds: Mapping[str, str], folder: str | Path | None, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments nested like the sections of a configuration."""
    return {
        "feeds": {name: {"source": source} for name, source in feeds.items()},
        "defaults": {name: _text(value) for name, value in settings.items()},
        "sinks": {"disk": None if folder is None else {"path": str(Path(folder).absolute())}},
        "service": None,
    }


def _text(value: Any) -> Any:
    """Return a setting as the text a user would type, so that one parser reads both."""
    if isinstance(value, (list, tuple)):
        return [_text(one) for one in value]
    return value if isinstance(value, (str, bool, dict)) or value is None else str(value)
