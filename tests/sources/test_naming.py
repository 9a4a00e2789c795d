"""What feeds are called: safe names, and names for people."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsel.sources.naming import NAME_LENGTH, folders_above, name_all, slug


def names(*called: tuple[str, tuple[str, ...]]) -> list[str]:
    return [one.name for one in name_all(called)]


def shown(*called: tuple[str, tuple[str, ...]]) -> list[str]:
    return [one.display_name for one in name_all(called)]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("Gate 3, north.cam", "Gate-3-north.cam"),
        ("---", "feed"),
        ("庭", "feed"),
        ("x" * (NAME_LENGTH + 1), "x" * NAME_LENGTH),
    ],
)
def test_a_name_is_safe_in_paths_and_topics(name: str, safe: str) -> None:
    assert slug(name) == safe


def test_names_that_differ_stay_as_they_are() -> None:
    called = [("gate", ("day1",)), ("yard", ("day1",)), ("Hof", ())]
    assert names(*called) == shown(*called) == ["gate", "yard", "Hof"]


def test_equal_names_get_as_many_folders_as_tell_them_apart() -> None:
    called = [("walk", ("am", "day1")), ("walk", ("am", "day2")), ("walk", ("pm", "day1"))]
    assert names(*called) == ["day1-am-walk", "day2-am-walk", "day1-pm-walk"]
    assert shown(*called) == ["day1/am/walk", "day2/am/walk", "day1/pm/walk"]


def test_case_alone_tells_no_names_apart() -> None:
    assert names(("Walk", ("a",)), ("walk", ("b",))) == ["a-Walk", "b-walk"]
    assert names(("Walk", ()), ("walk", ())) == ["Walk", "walk-2"]


def test_names_that_folders_do_not_tell_apart_are_numbered() -> None:
    assert names(*[("walk", ("day1",))] * 3) == ["walk", "walk-2", "walk-3"]
    long = "x" * NAME_LENGTH
    assert names((long, ()), (long, ())) == [long, f"{long[:-2]}-2"]


def test_a_number_does_not_take_the_name_of_another() -> None:
    assert names(("walk", ()), ("walk", ()), ("walk-2", ())) == ["walk", "walk-3", "walk-2"]


def test_a_secret_in_a_name_is_not_shown() -> None:
    (one,) = name_all([("rtsp://viewer:secret@10.0.0.4/main", ())])
    assert "secret" not in one.display_name


def test_the_folders_of_a_file_are_those_above_it_wherever_it_is_named_from(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    above = folders_above(str(tmp_path / "day1/walk.mp4"))
    assert above[:2] == ("day1", tmp_path.name)
    assert folders_above("day1/walk.mp4") == above
    assert "" not in above
    assert folders_above(str(Path("/walk.mp4"))) == ()


@pytest.mark.parametrize(
    ("address", "folders"),
    [
        ("http://host/a/b/live.m3u8", ("b", "a", "host")),
        ("http://host/live.m3u8", ("host",)),
        ("rtsp://viewer:secret@host:554/a%20b/main", ("a b", "host")),
        ("http:///a/live.m3u8", ("a", "")),
    ],
)
def test_the_folders_of_an_address_end_with_its_host(
    address: str, folders: tuple[str, ...]
) -> None:
    assert folders_above(address) == folders
