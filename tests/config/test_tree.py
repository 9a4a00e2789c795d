"""Layers of a configuration, each value with where it comes from."""

from __future__ import annotations

import pytest

from streamsel.config import tree as module
from streamsel.config.tree import ConfigNode, nearest, overlay, plain, plant
from streamsel.errors import ConfigurationError


def test_values_come_back_without_their_origins() -> None:
    values = {"a": {"b": 1, "c": [1, {"d": 2}]}, "e": None}
    assert plain(plant(values, "file")) == values


def test_the_nearest_node_is_the_deepest_that_is_there() -> None:
    planted = plant({"a": {"b": 1}}, "file")
    assert nearest(planted, ("a", "b")).value == 1
    assert nearest(planted, ("a", "x", "y")) is planted.children["a"]
    assert nearest(planted, ()) is planted


def test_the_upper_layer_wins_value_by_value() -> None:
    lower, upper = plant({"a": {"b": 1, "c": 2}, "d": 3}, "file"), plant({"a": {"c": 9}}, "option")
    merged = overlay(lower, upper)
    assert plain(merged) == {"a": {"b": 1, "c": 9}, "d": 3}
    assert merged.children["a"].children["c"].origin == "option"
    assert merged.children["a"].children["b"].origin == "file"
    assert plain(overlay(lower, plant({"a": 5}, "option"))) == {"a": 5, "d": 3}
    assert plain(overlay(plant({"a": 5}, "file"), upper)) == {"a": {"c": 9}}


@pytest.mark.parametrize(
    ("one", "other"),
    [("count", "share"), ("token_file", "token"), ("source", "source_file")],
)
def test_one_of_a_pair_replaces_the_other_below(one: str, other: str) -> None:
    assert plain(overlay(plant({other: 1, "x": 2}, "file"), plant({one: 3}, "option"))) == {
        one: 3,
        "x": 2,
    }
    kept = overlay(plant({other: 1}, "file"), plant({one: None}, "option"))
    assert plain(kept) == {other: 1, one: None}


def test_blank_values_are_left_out_but_what_is_named_exists() -> None:
    blank = ConfigNode(None, "file", state="blank")
    feeds = ConfigNode({"gate": blank}, "file")
    assert plain(ConfigNode({"feeds": feeds, "service": blank}, "file")) == {"feeds": {"gate": {}}}


@pytest.mark.parametrize(("most", "fits"), [(4, True), (3, False)])
def test_too_many_values_are_an_error(
    monkeypatch: pytest.MonkeyPatch, most: int, fits: bool
) -> None:
    monkeypatch.setattr(module, "_MOST_VALUES", most)
    planted = plant({"a": [1, 2, 3]}, "streamsel.yaml")
    if fits:
        assert plain(planted) == {"a": [1, 2, 3]}
    else:
        with pytest.raises(ConfigurationError, match=f"streamsel.yaml: holds more than {most}"):
            plain(planted)
