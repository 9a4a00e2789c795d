"""Which selector decides the frames of which feeds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import pytest

from streamsel.errors import ConfigurationError
from streamsel.interfaces.selectors import LiveSelector
from streamsel.runtime.feed_reader import LiveFeed
from streamsel.runtime.judge import Judge
from streamsel.runtime.scopes import Scopes
from streamsel.runtime.worker import Worker
from tests.runtime.live_stages import NewestSelector, ScriptedSource, feed_of
from tests.stand_ins import as_a

Given = ParamSpec("Given")
T = TypeVar("T")


class Judging:
    """Notes what a judge is told."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, LiveSelector]] = []
        self.assigned: dict[str, str | None] = {}

    def open_scope(self, scope: str, selector: LiveSelector) -> None:
        self.opened.append((scope, selector))

    def assign(self, feed: str, scope: str | None) -> None:
        self.assigned[feed] = scope


FIRST, ALONE, NEVER = (NewestSelector() for _ in range(3))


class AtOnce:
    async def run(
        self, call: Callable[Given, T], *arguments: Given.args, **named: Given.kwargs
    ) -> T:
        return call(*arguments, **named)


def scopes_of(judge: Judging) -> Scopes:
    return Scopes(as_a(Judge, judge), as_a(Worker, AtOnce()))


def feed(name: str, scope: str) -> LiveFeed:
    return feed_of(ScriptedSource(name), scope=scope)


@pytest.fixture
def judge() -> Judging:
    return Judging()


@pytest.fixture
def scopes(judge: Judging) -> Scopes:
    made = scopes_of(judge)
    feeds: list[tuple[LiveFeed, Callable[[], LiveSelector]]] = [
        (feed("a", "yard"), lambda: FIRST),
        (feed("b", "yard"), lambda: NEVER),
        (feed("c", "c"), lambda: ALONE),
    ]
    asyncio.run(made.join(feeds))
    return made


def test_feeds_of_one_scope_share_a_selector(scopes: Scopes, judge: Judging) -> None:
    assert judge.opened == [("yard", FIRST), ("c", ALONE)]
    assert judge.assigned == {"a": "yard", "b": "yard", "c": "c"}
    assert scopes.feeds == {"yard": frozenset("ab"), "c": frozenset("c")}


def test_a_feed_that_joins_later_finds_the_scope_open(scopes: Scopes, judge: Judging) -> None:
    asyncio.run(scopes.join([(feed("d", "yard"), lambda: NEVER)]))
    assert len(judge.opened) == 2
    assert scopes.feeds["yard"] == frozenset("abd")


def test_a_scope_closes_with_its_last_feed(scopes: Scopes, judge: Judging) -> None:
    assert asyncio.run(scopes.leave(feed("a", "yard"))) is False
    assert scopes.feeds["yard"] == frozenset("b")
    assert asyncio.run(scopes.leave(feed("b", "yard"))) is True
    assert list(scopes.feeds) == ["c"]
    assert (judge.assigned["a"], judge.assigned["b"]) == (None, None)


def test_a_scope_that_is_not_there_is_told_with_those_that_are(scopes: Scopes) -> None:
    scopes.require("yard")
    with pytest.raises(ConfigurationError, match=r"'hall' in this service; it has yard, c$"):
        scopes.require("hall")
    with pytest.raises(ConfigurationError, match="it has none"):
        scopes_of(Judging()).require("hall")


def test_nothing_changes_where_a_selector_cannot_be_made(scopes: Scopes, judge: Judging) -> None:
    def fail() -> LiveSelector:
        raise ConfigurationError("made up")

    with pytest.raises(ConfigurationError, match="made up"):
        asyncio.run(scopes.join([(feed("e", "e"), lambda: NEVER), (feed("f", "f"), fail)]))
    assert list(scopes.feeds) == ["yard", "c"]
    assert len(judge.opened) == 2
