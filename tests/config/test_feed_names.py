"""What people call their feeds, and the names that follow."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.files import loaded, problems

SOURCE = "{source: 'rtsp://h/1'}"


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("gate", "gate"),
        ("Gate 3, north.cam", "Gate-3-north-cam"),
        ("Einfahrt Süd", "Einfahrt-S-d"),
        ("ворота", "feed"),
        ("门口 2", "2"),
        ("x" * 100, "x" * 64),
    ],
)
def test_a_feed_is_named_by_its_slug_and_shown_as_it_was_written(
    tmp_path: Path, called: str, name: str
) -> None:
    config = loaded(tmp_path, f"feeds:\n  '{called}': {SOURCE}")
    feed = config.feed(name)
    assert list(config.feeds) == [name]
    assert (feed.name, feed.display_name) == (name, called)


def test_a_feed_says_itself_how_it_is_shown(tmp_path: Path) -> None:
    text = "feeds: {gate: {source: x, display_name: 'Ворота №1'}}"
    assert loaded(tmp_path, text).feed("gate").display_name == "Ворота №1"


def test_layers_mean_the_same_feed_by_either_name(tmp_path: Path) -> None:
    text = f"feeds: {{'Gate 1': {SOURCE}}}"
    environment = {"STREAMSEL_FEEDS__GATE_1__FPS": "3"}
    over = {"feeds": {"Gate 1": {"source": "rtsp://h/2"}}}
    feed = loaded(tmp_path, text, environment, over).feed("Gate-1")
    assert (feed.source, feed.fps, feed.display_name) == ("rtsp://h/2", 3.0, "Gate 1")


@pytest.mark.parametrize(
    ("one", "other", "name"),
    [("ворота", "двор", "feed"), ("Gate 1", "Gate-1", "Gate-1"), ("a b", "a, b", "a-b")],
)
def test_two_feeds_of_one_name_are_refused_and_both_are_named(
    tmp_path: Path, one: str, other: str, name: str
) -> None:
    (told,) = problems(tmp_path, f"feeds:\n  '{one}': {SOURCE}\n  '{other}': {SOURCE}")
    assert told.startswith(f"streamsel.yaml:3: feeds: {one!r} and {other!r} would both be named")
    assert f"{name!r}" in told
    assert "display_name" in told


@pytest.mark.parametrize(
    "called", ["rtsp://cam:hunter2@h/1", "a/b", "../x", "10:30", "tab\\tx", "x" * 201, "cam:pw@h"]
)
def test_what_cannot_be_shown_is_no_name(tmp_path: Path, called: str) -> None:
    (told,) = problems(tmp_path, f'feeds: {{"{called}": {SOURCE}}}')
    assert "cannot be a name" in told
    assert "hunter2" not in told
