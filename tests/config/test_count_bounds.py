"""How many frames may be asked for: the same answer wherever it is asked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import streamsel
from streamsel.bounds import MOST_FRAMES, require_count
from streamsel.config.count import read_count
from streamsel.config.options import SelectOptions
from streamsel.errors import ConfigurationError
from streamsel.selection.budget import Budget
from streamsel.selection.online import OnlineSelector
from streamsel.sinks.mqtt.commands import SetCount, read_command
from streamsel.sinks.mqtt.payloads import Topics

WAYS: dict[str, Callable[[int], object]] = {
    "configuration": lambda count: read_count(str(count)).frames,
    "MQTT": lambda count: commanded(count),
    "select": lambda count: SelectOptions(count=count).count,
    "a selector": lambda count: Budget(count=count).count,
    "a selector that runs": lambda count: resized(count).budget.count,
}


def commanded(count: int) -> int:
    command = read_command(Topics("s"), "s/gate/count/set", str(count).encode())
    assert isinstance(command, SetCount)
    return command.count


def resized(count: int) -> OnlineSelector:
    selector = OnlineSelector(Budget(count=5), 4)
    selector.resize(count)
    return selector


@pytest.mark.parametrize("way", WAYS)
def test_a_count_has_the_same_bounds_everywhere(way: str) -> None:
    assert WAYS[way](1) == 1
    assert WAYS[way](MOST_FRAMES) == MOST_FRAMES
    for count in (0, MOST_FRAMES + 1, 10**9):
        with pytest.raises(ConfigurationError, match=r"at least 1 and at most 100,000"):
            WAYS[way](count)


def test_python_refuses_it_before_anything_is_read() -> None:
    with pytest.raises(ConfigurationError, match=r"at most 100,000"):
        streamsel.select("nowhere.mp4", count=10**9)


@pytest.mark.parametrize("given", [True, 1.0, "5", None, [5]])
def test_what_is_no_whole_number_is_refused(given: object) -> None:
    with pytest.raises(ConfigurationError, match="whole number"):
        require_count(given)
