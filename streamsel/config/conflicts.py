"""Checks for conflicts between feeds that are each valid alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from streamsel.config.count import Count
from streamsel.config.settings import FeedSettings
from streamsel.config.units import write_seconds

_AGREED = ("window", "min_distance", "near_duplicate", "look_ahead")


@dataclass(frozen=True, slots=True)
class Conflict:
    """One thing that cannot be, and where in the configuration it shows."""

    path: tuple[str, ...]
    message: str


def conflicts(feeds: Sequence[FeedSettings], stores: bool) -> list[Conflict]:
    """Find all that is wrong between these feeds; ``stores`` where there is a folder for them."""
    return [
        *_similar(feeds),
        *_disagreeing(feeds),
        *_homeless(feeds, stores),
        *_unpacked(feeds),
        *_uncovered(feeds),
    ]


def _similar(feeds: Sequence[FeedSettings]) -> Iterator[Conflict]:
    """Names that a file system could confuse, and coresets of one name."""
    names: dict[str, str] = {}
    scopes: dict[str, FeedSettings] = {}
    for feed in feeds:
        name = names.setdefault(feed.name.casefold(), feed.name)
        if name != feed.name:
            message = f"feeds.{feed.name} and feeds.{name} differ in case alone; rename one"
            yield Conflict(("feeds", feed.name), message)
            continue
        other = scopes.setdefault(feed.scope.casefold(), feed)
        if (feed.scope, feed.group) != (other.scope, other.group):
            yield Conflict(
                ("feeds", feed.name),
                f"feeds.{feed.name} and feeds.{other.name} would both keep a set by the name of "
                f"{other.scope!r}; rename the group, or put both feeds into it",
            )


def _disagreeing(feeds: Sequence[FeedSettings]) -> Iterator[Conflict]:
    """Feeds that share a coreset but want different ones."""
    first: dict[str, FeedSettings] = {}
    for feed in feeds:
        if feed.group is None:
            continue
        other = first.setdefault(feed.group, feed)
        theirs = _wishes(other)
        for wish, value in _wishes(feed).items():
            if value != theirs[wish]:
                yield Conflict(
                    ("feeds", feed.name, wish),
                    f"feeds.{feed.name}.{wish} is {value}, but {theirs[wish]} in "
                    f"feeds.{other.name}; feeds of one group ({feed.group}) must agree",
                )


def _wishes(feed: FeedSettings) -> dict[str, str]:
    """What feeds of one group must agree in, as it is typed."""
    count = None if feed.count is None else Count(feed.count, feed.period)
    wishes: dict[str, object] = {"count": count, "share": feed.share}
    wishes |= {name: getattr(feed, name) for name in _AGREED}
    if feed.window is not None:
        wishes["window"] = write_seconds(feed.window)
    return {name: "not set" if wish is None else str(wish) for name, wish in wishes.items()}


def _homeless(feeds: Sequence[FeedSettings], stores: bool) -> Iterator[Conflict]:
    """Clips where there is no folder for them."""
    for feed in feeds:
        if feed.clip is not None and not stores:
            yield Conflict(
                ("feeds", feed.name, "clip"),
                f"feeds.{feed.name}.clip needs a folder; give sinks.disk, or leave clip out",
            )


def _unpacked(feeds: Sequence[FeedSettings]) -> Iterator[Conflict]:
    """What needs the packets of a video, of a source of which only pictures are to be had."""
    for feed in feeds:
        impossible = {
            "clip": feed.clip is not None and not feed.has_packets,
            "decode": feed.decode != "all" and not feed.is_decoded_here,
        }
        kind = "over WebRTC" if feed.is_webrtc else "that is a file, or pictures alone"
        for wish in (wish for wish, is_impossible in impossible.items() if is_impossible):
            yield Conflict(
                ("feeds", feed.name, wish),
                f"feeds.{feed.name}.{wish} cannot be had of a feed {kind}; set it to "
                f"{'null' if wish == 'clip' else 'all'} there",
            )


def _uncovered(feeds: Sequence[FeedSettings]) -> Iterator[Conflict]:
    """Clips of what is masked: they are cut from what is sent, in which nothing is hidden."""
    for feed in feeds:
        if feed.mask and feed.clip is not None:
            yield Conflict(
                ("feeds", feed.name, "clip"),
                f"feeds.{feed.name}.clip would show what its mask hides, for clips are stored as "
                "they are sent; set clip to null there, or leave mask out",
            )
