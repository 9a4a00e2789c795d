"""What a reload has to do."""

from __future__ import annotations

from typing import Any

import pytest

from streamsel.config.changes import Changes, changes
from streamsel.config.schema import Config


def config(feeds: dict[str, dict[str, Any]], **sections: Any) -> Config:
    told = {name: {"source": f"rtsp://h/{name}", **feed} for name, feed in feeds.items()}
    return Config.model_validate({"feeds": told, **sections})


def test_nothing() -> None:
    assert changes(config({"a": {}}), config({"a": {}})) == Changes()


def test_the_same_said_in_another_way_is_no_change() -> None:
    old = config({"a": {"window": "24h"}}, defaults={"count": 100})
    new = config({"a": {"count": "100"}}, defaults={"window": "1d", "count": 5})
    assert changes(old, new) == Changes()


def test_feeds_come_and_go() -> None:
    found = changes(config({"a": {}, "b": {}, "c": {}}), config({"d": {}, "b": {}}))
    assert found == Changes(added=("d",), removed=("a", "c"))


@pytest.mark.parametrize(
    "setting",
    [
        {"source": "rtsp://h/other"},
        {"source": "rtsp://u:new@h/a"},
        {"group": "yard"},
        {"fps": 5},
        {"prefilter": {"black_level": 1}},
        {"clip": {}},
        {"enabled": False},
        {"share": 0.5},
        {"count": "50/h"},
        {"count": 9, "fps": 5},
    ],
    ids=str,
)
def test_a_feed_that_differs(setting: dict[str, Any]) -> None:
    found = changes(config({"a": {}, "b": {}}), config({"a": setting, "b": {}}))
    assert found == Changes(changed=("a",))


def test_defaults_change_the_feeds_that_take_them() -> None:
    old = config({"a": {}, "b": {"fps": 1}})
    new = config({"a": {}, "b": {"fps": 1}}, defaults={"fps": 5})
    assert changes(old, new) == Changes(changed=("a",))


@pytest.mark.parametrize(("before", "after"), [(5, 9), ("50/h", "60/h")])
def test_nothing_but_the_count(before: object, after: object) -> None:
    found = changes(config({"a": {"count": before}}), config({"a": {"count": after}}))
    assert found == Changes(resized=("a",))


@pytest.mark.parametrize(
    ("sections", "restart"),
    [
        ({"pictures": {"quality": 5}}, "pictures"),
        ({"sinks": {"disk": {"path": "elsewhere"}}}, "sinks"),
        ({"sinks": {"mqtt": {"host": "h"}}}, "sinks"),
        ({"service": {"listen": "127.0.0.1:1"}}, "service"),
        ({"service": None}, "service"),
        ({"defaults": {"embedder": "other"}}, "embedder"),
        ({"defaults": {"device": "cpu"}}, "embedder"),
    ],
    ids=str,
)
def test_what_takes_a_restart(sections: dict[str, Any], restart: str) -> None:
    assert changes(config({"a": {}}), config({"a": {}}, **sections)) == Changes(restart=(restart,))


def test_a_new_password_is_a_change() -> None:
    def broker(password: str) -> Config:
        mqtt = {"host": "h", "username": "u", "password": password}
        return config({"a": {}}, sinks={"mqtt": mqtt})

    assert changes(broker("x"), broker("y")).restart == ("sinks",)
