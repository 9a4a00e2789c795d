"""What is said of a run that began with other rules."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from streamsel.record.rules import RULES, other_rules


def test_the_same_rules_are_nothing_to_speak_of() -> None:
    assert other_rules(RULES, RULES) == []
    assert other_rules({}, {"pictures": 1, "names": 1}) == []


@pytest.mark.parametrize("was", [{}, {"pictures": 1}])
def test_each_change_since_then_is_said(was: Mapping[str, object]) -> None:
    (told,) = other_rules(was, {"pictures": 2})
    assert told.startswith(
        "its pictures follow rules 1, this version has rules 2 (since then: pixels are square, "
    )
    assert told.endswith(")")


def test_an_older_version_says_what_it_does_not_do_yet() -> None:
    (told,) = other_rules({"pictures": 2}, {"pictures": 1})
    assert "follow rules 2, this version has rules 1 (not yet here: pixels are square, " in told


def test_every_kind_is_told_of_in_order() -> None:
    told = other_rules({"pictures": 1}, {"names": 2, "pictures": 2})
    assert [line.split()[1] for line in told] == ["names", "pictures"]
    assert all("since then: " in line for line in told)


@pytest.mark.parametrize("was", [{"pictures": 7}, {"pictures": "odd"}, {"pictures": None}])
def test_what_is_not_known_is_not_explained(was: Mapping[str, object]) -> None:
    (told,) = other_rules(was, {"pictures": 8})
    assert told == f"its pictures follow rules {was['pictures']}, this version has rules 8"
