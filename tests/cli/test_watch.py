"""``streamsel watch``: the configuration that a service gets from its command line."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import pytest

from streamsel.clock import Clock
from streamsel.config.schema import Config
from streamsel.service import process
from tests.cli.running import Ended, streamsel

GATE = ("--feed", "gate=rtsp://10.0.0.4/main?a=b")


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """The command sets the level and the handlers of the process."""
    loggers = (logging.getLogger(), logging.getLogger("streamsel"))
    before = [(each, each.level, list(each.handlers)) for each in loggers]
    yield
    for each, level, handlers in before:
        each.setLevel(level)
        each.handlers[:] = handlers


class Begun:
    """Takes the place of a service: reads its configuration once, and ends."""

    def __init__(self) -> None:
        self.config: Config | None = None
        self.prints = False

    def run(self, load: Callable[[], Config], clock: Clock, events_to: TextIO | None) -> None:
        self.config = load()
        assert clock.wall() > 0
        assert events_to in (None, sys.stdout)
        self.prints = events_to is not None


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Begun:
    service = Begun()
    monkeypatch.setattr(process, "run_service", service.run)
    return service


def read(begun: Begun, *arguments: object) -> Config:
    ended = streamsel("watch", *arguments)
    assert (ended.code, ended.err) == (0, "")
    assert begun.config is not None
    return begun.config


def test_feeds_and_options_need_no_file(begun: Begun, tmp_path: Path) -> None:
    config = read(
        begun, *GATE, "--feed", "yard=whip", "-n", "50/h", "--mask", "0.1,0.1,0.2,0.2:black",
        "-o", tmp_path / "out", "--listen", "127.0.0.1:9999",
    )  # fmt: skip
    assert list(config.feeds) == ["gate", "yard"]
    gate = config.feed("gate")
    assert (gate.source, gate.count, gate.period) == ("rtsp://10.0.0.4/main?a=b", 50, 3600.0)
    assert gate.mask == ("0.1,0.1,0.2,0.2:black",)
    assert config.sinks.disk is not None
    assert config.sinks.disk.path == tmp_path / "out"
    assert config.service is not None
    assert str(config.service.listen) == "127.0.0.1:9999"


def test_options_are_before_the_defaults_of_the_file_but_not_before_its_feeds(
    begun: Begun, tmp_path: Path
) -> None:
    file = tmp_path / "streamsel.yaml"
    file.write_text(
        "defaults: {count: 10, mask: '0,0,0.5,0.5:black'}\n"
        "feeds: {gate: {source: 'rtsp://gate', count: 7}, yard: {source: 'rtsp://yard'}}"
    )
    config = read(begun, "-c", file, "-n", "99")
    assert [config.feed(name).count for name in config.feeds] == [7, 99]
    # Without an option the file's own mask stays.
    assert config.feed("yard").mask == ("0,0,0.5,0.5:black",)


@pytest.mark.parametrize(
    ("option", "level", "prints"),
    [
        (None, "INFO", False),
        ("-q", "WARNING", False),
        ("-v", "DEBUG", False),
        ("--json", "INFO", True),
    ],
)
def test_how_much_is_said_and_where_events_go(
    begun: Begun, option: str | None, level: str, prints: bool
) -> None:
    read(begun, *GATE, *([] if option is None else [option]))
    assert logging.getLevelName(logging.getLogger("streamsel").level) == level
    assert begun.prints == prints


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "give a configuration"),
        (("--feed", "canary-4711"), "NAME=SOURCE"),
        (("--feed", "=canary-4711"), "NAME=SOURCE"),
        (("--feed", "gate="), "NAME=SOURCE"),
        ((*GATE, "--feed", "gate=canary-4711"), "names a feed twice"),
    ],
)
def test_mistakes_are_told_without_what_may_be_secret(
    begun: Begun, arguments: tuple[str, ...], told: str
) -> None:
    ended: Ended = streamsel("watch", *arguments)
    assert ended.code == 2
    assert told in ended.err
    assert "canary" not in ended.err
    assert begun.config is None
