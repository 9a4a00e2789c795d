"""Converts the display name of a feed to the name of its folder, topics and labels."""

from __future__ import annotations

import re
from dataclasses import replace

from streamsel.config.sections.base import NAME
from streamsel.config.tree import ConfigNode, Problem
from streamsel.redaction import redact
from streamsel.sources.naming import slug

_LONGEST_NAME, _LONGEST_DISPLAY = 64, 200


def name_feeds(tree: ConfigNode) -> tuple[ConfigNode, list[Problem]]:
    """Rename every feed of one layer to its slug, and keep the written name as display name.

    A valid name is unchanged. Two feeds with the same slug are a problem. Names that cannot be
    displayed (an address, control characters) are left for the section to refuse.
    """
    if "feeds" not in tree.children:
        return tree, []
    feeds: dict[str, ConfigNode] = {}
    written: dict[str, str] = {}
    problems = []
    for called, feed in tree.children["feeds"].children.items():
        name = _name(called)
        if (other := written.setdefault(name, called)) != called:
            advice = "give one a name in letters and digits, and the rest as its display_name"
            told = f"feeds: {other!r} and {called!r} would both be named {name!r}; {advice}"
            problems.append(Problem(feed.line, f"{feed.origin}: {told}"))
            continue
        feeds[name] = feed if name == called else _displayed(feed, called)
    whole = replace(tree.children["feeds"], value=feeds) if feeds else tree.children["feeds"]
    return replace(tree, value={**tree.children, "feeds": whole}), problems


def _name(called: str) -> str:
    """Return the slug of a written name; the name itself if it has none."""
    is_shown = called.isprintable() and called.strip() and redact(called) == called
    if re.fullmatch(NAME, called) or not is_shown or len(called) > _LONGEST_DISPLAY:
        return called
    if "/" in called or ":" in called:
        return called  # an address or a path, where a name should be
    return slug(called).replace(".", "-")[:_LONGEST_NAME].strip("-_") or "feed"


def _displayed(feed: ConfigNode, called: str) -> ConfigNode:
    """Add the written name as display name, unless the feed has one."""
    if feed.state == "blank":
        return feed
    if "display_name" in feed.children or not isinstance(feed.value, dict):
        return feed
    shown = ConfigNode(called, feed.origin, feed.line)
    return replace(feed, value={**feed.children, "display_name": shown})
