"""Which selector decides the frames of which feeds."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from streamsel.errors import ConfigurationError
from streamsel.runtime.scopes import Scopes


class Judge:
    def __init__(self) -> None:
        self.opened: list[tuple[str, str]] = []
        self.assigned: dict[str, str | None] = {}

    def open_scope(self, scope: str, selector: str) -> None:
        self.opened.append((scope, selector))

    def assign(self, feed: str, scope: str | None) -> None:
        self.assigned[feed] = scope


class AtOnce:
    async def run(self, call, *arguments):
        return call(*arguments)


def feed(name: str, scope: str) -> SimpleNamespace:
    return SimpleNamespace(name=name, scope=scope)


@pytest.fixture
def judge() -> Judge:
    return Judge()


@pytest.fixture
def scopes(judge: Judge) -> Scopes:
    made = Scopes(judge, AtOnce())
    feeds = [(feed("a", "yard"), lambda: "first"), (feed("b", "yard"), lambda: "never")]
    asyncio.run(made.join([*feeds, (feed("c", "c"), lambda: "alone")]))
    return made


def test_feeds_of_one_scope_share_a_selector(scopes, judge) -> None:
    assert judge.opened == [("yard", "first"), ("c", "alone")]
    assert judge.assigned == {"a": "yard", "b": "yard", "c": "c"}
    assert scopes.feeds == {"yard": frozenset("ab"), "c": frozenset("c")}


def test_a_feed_that_joins_later_finds_the_scope_open(scopes, judge) -> None:
    asyncio.run(scopes.join([(feed("d", "yard"), lambda: "never")]))
    assert len(judge.opened) == 2
    assert scopes.feeds["yard"] == frozenset("abd")


def test_a_scope_closes_with_its_last_feed(scopes, judge) -> None:
    assert asyncio.run(scopes.leave(feed("a", "yard"))) is False
    assert scopes.feeds["yard"] == frozenset("b")
    assert asyncio.run(scopes.leave(feed("b", "yard"))) is True
    assert list(scopes.feeds) == ["c"]
    assert (judge.assigned["a"], judge.assigned["b"]) == (None, None)


def test_a_scope_that_is_not_there_is_told_with_those_that_are(scopes) -> None:
    scopes.require("yard")
    with pytest.raises(ConfigurationError, match=r"'hall' in this service; it has yard, c$"):
        scopes.require("hall")
    with pytest.raises(ConfigurationError, match="it has none"):
        Scopes(Judge(), AtOnce()).require("hall")


def test_nothing_changes_where_a_selector_cannot_be_made(scopes, judge) -> None:
    def fail() -> None:
        raise ConfigurationError("made up")

    with pytest.raises(ConfigurationError, match="made up"):
        asyncio.run(scopes.join([(feed("e", "e"), lambda: "new"), (feed("f", "f"), fail)]))
    assert list(scopes.feeds) == ["yard", "c"]
    assert len(judge.opened) == 2
