"""Names of feeds: a safe identifier, and the name to display."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from streamsel.redaction import redact

NAME_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Names:
    """``name`` is unique and safe in paths, topics and ids; ``display_name`` is for people."""

    name: str
    display_name: str


def slug(name: str) -> str:
    """Return a safe name: ``[A-Za-z0-9._-]``, at most 100 characters, never empty.

    >>> slug("Gate 3, north.cam"), slug("../.."), slug("-x")
    ('Gate-3-north.cam', 'feed', 'x')
    """
    return _cleaned(name) or "feed"


def _cleaned(name: str) -> str:
    """Replace unsafe characters, truncate and strip; may return an empty name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:NAME_LENGTH].strip("-.")


def name_all(called: Sequence[tuple[str, tuple[str, ...]]]) -> list[Names]:
    """Name inputs, each given as its base name and the folders above it, innermost first.

    Inputs with the same name, ignoring case, are prefixed with as many folders as make their names
    different. Names that are still equal are numbered.

    >>> names = name_all([("walk", ("day1", "trip")), ("walk", ("day2", "trip")), ("x", ())])
    >>> [one.name for one in names], names[1].display_name
    (['day1-walk', 'day2-walk', 'x'], 'day2/walk')
    """
    alike: defaultdict[str, list[int]] = defaultdict(list)
    for place, (name, _) in enumerate(called):
        alike[slug(name).casefold()].append(place)
    # Unique names stay; names that have to change avoid them.
    taken = {base for base, places in alike.items() if len(places) == 1}
    names: dict[int, Names] = {}
    for places in alike.values():
        above = [called[place][1] for place in places]
        depth = _telling_depth([[slug(one).casefold() for one in folders] for folders in above])
        shown = _telling_depth(above)
        for place in places:
            name, folders = called[place]
            display = "/".join([*reversed(folders[:shown]), name])
            parts = map(_cleaned, [*reversed(folders[:depth]), name])
            free = slug("-".join(filter(None, parts)))
            if len(places) > 1:
                free = _free(free, taken)
                taken.add(free.casefold())
            names[place] = Names(free, redact(display))
    return [names[place] for place in range(len(called))]


def folders_above(location: str) -> tuple[str, ...]:
    """Return the folders of a file or URL, innermost first; a URL's host comes last."""
    if "://" in location:
        # Of the masked address: a token must not become part of a name.
        parts = urlsplit(redact(location))
        folders = [folder for folder in unquote(parts.path).split("/")[:-1] if folder]
        return (*reversed([one for one in folders if "*" not in one]), parts.hostname or "")
    return tuple(parent.name for parent in Path(os.path.abspath(location)).parents if parent.name)


def _telling_depth(folders: Sequence[Sequence[str]]) -> int:
    """Return the least number of folders, innermost first, that distinguishes the most inputs."""
    most = max(map(len, folders))
    kinds = [len({tuple(above[:depth]) for above in folders}) for depth in range(most + 1)]
    return kinds.index(kinds[-1])


def _free(base: str, taken: set[str]) -> str:
    """Return the base name, with the first number from 2 that makes it unique if it is taken."""
    name, number = base, 1
    while name.casefold() in taken:
        number += 1
        suffix = f"-{number}"
        name = base[: NAME_LENGTH - len(suffix)] + suffix
    return name
