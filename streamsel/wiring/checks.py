"""Checks that a configuration can be built, before anything is created."""

from __future__ import annotations

from collections.abc import Iterator

from streamsel.config.schema import Config
from streamsel.config.settings import FeedSettings
from streamsel.errors import ConfigurationError

_WEBRTC = ("whep+https://", "whep+http://")


def require_buildable(config: Config) -> None:
    """Raise :class:`ConfigurationError`, with one line per mistake, if there are any.

    Checks what only the parts know: networks, filter chains, types of addresses, plug-ins. Loads no
    network and opens no feed; the imports take a second or two.
    """
    from streamsel.embed.registry import check_name
    from streamsel.wiring.plugins import sink_problems

    found: list[str] = []
    try:
        check_name(config.defaults.embedder)
    except ConfigurationError as error:
        found.append(f"defaults.embedder: {error}")
    found += sink_problems(config.sinks.added)
    for name in config.feeds:
        settings = config.feed(name)
        found += [f"feeds.{name}.{problem}" for problem in _problems(settings)]
    if found:
        raise ConfigurationError("\n".join(found))


def _problems(settings: FeedSettings) -> Iterator[str]:
    from streamsel.plugins import plugins
    from streamsel.sources.decode.filters import FilterChain
    from streamsel.sources.live.opening import is_live_address
    from streamsel.sources.live.watched_address import (
        is_file_address,
        is_snapshot_address,
        read_file_address,
    )
    from streamsel.wiring.plugins import source_problems

    source, plugin = settings.source, settings.plugin
    if is_file_address(source):
        path = read_file_address(source).path
        if not path.is_file():
            yield f"source: {path} is not a file; check the path"
    elif plugin is not None and plugin in {one.name for one in plugins("source")}:
        yield from source_problems(plugin)
    elif not (
        settings.takes_sender
        or source.lower().startswith(_WEBRTC)
        or is_snapshot_address(source)
        or is_live_address(source)
    ):
        yield (
            f"source: {settings.address} is no address of a live feed; give rtsp://, rtsps://, "
            "http(s)://, rtmp://, srt://, whep+https://, snapshot+http://, whip, a device such as "
            "/dev/video0, file:PATH, or NAME:... of an installed plug-in"
        )
    if settings.vf is not None:
        try:
            FilterChain(settings.vf)
        except ConfigurationError as error:
            yield f"vf: {error}"
