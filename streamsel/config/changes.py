"""The difference between two configurations: which feeds and sinks to start, stop or change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from streamsel.config.schema import Config
from streamsel.config.settings import FeedSettings

# Sections used only at the start of the service.
_BUILT_ONCE: dict[str, Callable[[Config], Any]] = {
    "pictures": lambda config: config.pictures,
    "sinks": lambda config: config.sinks,
    "webrtc": lambda config: config.webrtc,
    "service": lambda config: config.service,
    "embedder": lambda config: (
        config.defaults.embedder,
        config.defaults.weights,
        config.defaults.device,
    ),
}


@dataclass(frozen=True, slots=True)
class Changes:
    """The difference between two configurations; feeds by name, in the order of the later one.

    ``resized`` feeds differ only in their count; they are not in ``changed`` and need no
    reconnection. ``restart`` names the sections that only a restart can change.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    resized: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()


def changes(old: Config, new: Config) -> Changes:
    """Compare two configurations by the merged settings of each feed."""
    both = [name for name in new.feeds if name in old.feeds]
    differing = [name for name in both if old.feed(name) != new.feed(name)]
    resized = [name for name in differing if _is_resized(old.feed(name), new.feed(name))]
    return Changes(
        added=tuple(name for name in new.feeds if name not in old.feeds),
        removed=tuple(name for name in old.feeds if name not in new.feeds),
        changed=tuple(name for name in differing if name not in resized),
        resized=tuple(resized),
        restart=tuple(name for name, part in _BUILT_ONCE.items() if part(old) != part(new)),
    )


def _is_resized(old: FeedSettings, new: FeedSettings) -> bool:
    has_counts = old.count is not None and new.count is not None
    return has_counts and replace(old, count=new.count) == new
