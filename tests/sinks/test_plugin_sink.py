"""Sinks of other packages: options, updates, and faults that name the package."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from streamsel.decisions import SelectionUpdate
from streamsel.errors import ConfigurationError, SinkError
from streamsel.wiring.plugins import open_plugin_sinks, sink_problems
from tests.plugins import install

OUTLETS = """
from functools import partial
from pathlib import Path

made = []

class Outlet:
    def __init__(self, url: str, retries: int = 3, folder: Path = None, tags: list[str] = ()):
        self.options = url, retries, folder, tags
        self.updates, self.fault, self.closed = [], None, False
        made.append(self)

    def apply(self, update):
        if self.fault:
            raise self.fault
        self.updates.append(update)

    def close(self):
        self.closed = True

def text(**options):
    return Outlet(options["url"], options["retries"])

def broken(url):
    raise KeyError(f"nobody at {url}")

def deaf(url):
    return object()

def leaving(url):
    raise SystemExit(f"nobody at {url}")

class Made(Outlet):
    def __new__(cls, url: str, retries: int):
        one = super().__new__(cls)
        one.given = retries
        return one

    def __init__(self, *arguments, **options):
        super().__init__(options["url"], self.given)

class Maker:
    def __call__(self, url: str, retries: int):
        return Outlet(url, retries)

maker = Maker()
partly = partial(Outlet, "https://a/b")
"""
NAMES = ("text", "broken", "deaf", "absent", "leaving", "maker", "partly")
UPDATE = SelectionUpdate("gate", ())


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = {name: f"outlets:{name}" for name in NAMES}
    points |= {"outlet": "outlets:Outlet", "disk": "outlets:Outlet", "made": "outlets:Made"}
    install("outlets", {"streamsel.sinks": points}, OUTLETS, tmp_path, monkeypatch)


def made() -> list[Any]:
    return list(import_module("outlets").made)


def test_options_have_the_types_of_the_annotations() -> None:
    options = {"url": "https://a/b", "retries": "5", "folder": "kept", "tags": ["a", "b"]}
    [sink] = open_plugin_sinks({"outlet": options})
    assert sink.name == "outlet"
    assert made()[0].options == ("https://a/b", 5, Path("kept"), ["a", "b"])
    sink.apply(UPDATE)
    sink.close()
    assert made()[0].updates == [UPDATE]
    assert made()[0].closed


@pytest.mark.parametrize("name", ["made", "maker", "partly"])
def test_options_are_typed_whatever_kind_of_callable_the_factory_is(name: str) -> None:
    options = {"retries": "5"} | ({} if name == "partly" else {"url": "https://a/b"})
    open_plugin_sinks({name: options})
    assert made()[0].options[:2] == ("https://a/b", 5)
    told = "refuses its option retries: Input should be a valid integer"
    assert told in " ".join(sink_problems({name: options | {"retries": "many"}}))


def test_without_annotations_options_are_text() -> None:
    open_plugin_sinks({"text": {"url": "a", "retries": "5"}})
    assert made()[0].options[:2] == ("a", "5")


def test_what_it_raises_is_an_error_of_a_sink_that_names_the_package() -> None:
    [sink] = open_plugin_sinks({"outlet": {"url": "a"}})
    fault = made()[0].fault = ZeroDivisionError("https://user:canary@a")
    with pytest.raises(SinkError) as told:
        sink.apply(UPDATE)
    assert str(told.value) == (
        "sink 'outlet' of outlets 1.0 failed: ZeroDivisionError: https://user:***@a"
    )
    assert told.value.__cause__ is fault
    made()[0].fault = SinkError("the paper is empty")
    with pytest.raises(SinkError, match=r"^the paper is empty$"):
        sink.apply(UPDATE)
    made()[0].fault = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        sink.apply(UPDATE)


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("outlt", {}, "no installed package adds a sink 'outlt'; install the package that does"),
        ("absent", {}, "of outlets 1.0 cannot be loaded: AttributeError"),
        ("disk", {"url": "a"}, "of outlets 1.0 has a name that streamsel uses itself"),
        (
            "outlet",
            {},
            "does not take these options: TypeError: missing a required argument: 'url'",
        ),
        ("outlet", {"url": "a", "retrys": "canary"}, "unexpected keyword argument 'retrys'"),
        (
            "outlet",
            {"url": "a", "retries": "canary"},
            "refuses its option retries: Input should be",
        ),
    ],
)
def test_mistakes_are_found_before_anything_is_opened(
    name: str, options: dict[str, str], told: str
) -> None:
    [problem] = sink_problems({name: options})
    assert problem.startswith(f"sinks.plugins.{name}: ")
    assert told in problem
    assert "canary" not in problem
    with pytest.raises(ConfigurationError):
        open_plugin_sinks({name: options})


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("broken", "cannot be opened: KeyError: 'nobody at a'"),
        ("leaving", "cannot be opened: SystemExit: nobody at a"),
        ("deaf", r"made an instance of object without apply\(\) and close\(\); see outlets:deaf"),
    ],
)
def test_where_one_cannot_be_opened_all_are_closed(name: str, told: str) -> None:
    assert list(sink_problems({name: {"url": "a"}})) == []
    with pytest.raises(ConfigurationError, match=f"^sink '{name}' of outlets 1.0 {told}$"):
        open_plugin_sinks({"outlet": {"url": "a"}, name: {"url": "a"}})
    assert [one.closed for one in made()] == [True]
