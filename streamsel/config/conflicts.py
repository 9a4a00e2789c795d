"""Checks for conflicts between feeds that are each valid alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from streamsel.config.count import Count
from streamsel.config.settings import FeedSettings
from streamsel.config.units import write_seconds

_AGREED = ("window", "burst", "min_distance", "near_duplicate", "look_ahead")


@dataclass(frozen=True, slots=True)
class Conflict:
    """One conflict, and its place in the configuration."""

    path: tuple[str, ...]
    message: str


def conflicts(feeds: Sequence[FeedSettings], stores: bool) -> list[Conflict]:
    """Return all conflicts between these feeds; ``stores``: whether kept frames go to a folder."""
    return [
        *_similar(feeds),
        *_disagreeing(feeds),
        *_homeless(feeds, stores),
        *_unpacked(feeds),
        *_uncovered(feeds),
    ]


def _similar(feeds: Sequence[FeedSettings]) -> Iterator[Conflict]:
    """Yield feed names that a file system could confuse, and coresets with the same name."""
    names: dict[str, str] = {}
    scopes: dict[str, FeedSettings] = {}
    for feed in feeds:
        name = names.setdefault(feed.name.casefold(), feed.name)
        if name != feed.name:
            message = f"feeds.{feed.name} and feeds.{name} differ only in case; rename one"
            yield Conflict(("feeds", feed.name), message)
            continue
        other = scopes.setdefault(feed.scope.casefold(), feed)
        if (feed.scope, feed.group) != (other.scope, other.group):
            yield Conflict(
                ("feeds", feed.name),
                f"feeds.{feed.name} and feeds.{other.name} would both have a coreset named "
                f"{other.scope!r}; rename the group, or put both feeds into it",
            )


def _disagreeing(feeds: Sequence[FeedSettings]) -> Iterator[Conflict]:
    """Yield feeds of one group with different selection options."""
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
    """Return the options in which feeds of one group must agree, as text."""
    count = None if feed.count is None else Count(feed.count, feed.period)
    wishes: dict[str, object] = {"count": count, "share": feed.share}
    wishes |= {name: getattr(feed, name) for name in _AGREED}
    if feed.window is not None:
        wishes["window"] = write_seconds(feed.window)
    return {name: "not set" if wish is None else str(wish) for name, wish in wishes.items()}


def _homeless(feeds: Sequence[FeedSettings], stores: bool) -> Iterator[Conflict]:
    """Yield feeds with clips but no folder for them."""
    for feed in feeds:
        if feed.clip is not None and not stores:
            yield Conflict(
                ("feeds", feed.name, "clip"),
                f"feeds.{feed.name}.clip needs a folder; set sinks.disk, or remove clip",
            )


def _unpacked(feeds: Sequence[FeedSettings]) -> Iterator[Conflict]:
    """Yield feeds with options that need video packets, from sources that send only pictures."""
    for feed in feeds:
        impossible = {
            "clip": feed.clip is not None and not feed.has_packets,
            "decode": feed.decode != "all" and not feed.is_decoded_here,
        }
        kind = "over WebRTC" if feed.is_webrtc else "that is a file, or pictures alone"
        for wish in (wish for wish, is_impossible in impossible.items() if is_impossible):
            yield Conflict(
                ("feeds", feed.name, wish),
                f"feeds.{feed.name}.{wish} is not possible for a feed {kind}; set it to "
                f"{'null' if wish == 'clip' else 'all'} there",
            )


def _uncovered(feeds: Sequence[FeedSettings]) -> Iterator[Conflict]:
    """Yield feeds with clips and a mask: clips are cut from the stream, where nothing is masked."""
    for feed in feeds:
        if feed.mask and feed.clip is not None:
            yield Conflict(
                ("feeds", feed.name, "clip"),
                f"feeds.{feed.name}.clip would show what its mask hides, because clips are "
                "stored as they are received; set clip to null there, or remove mask",
            )
