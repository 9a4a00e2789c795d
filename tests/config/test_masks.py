"""Areas that nobody may see, as they stand in a file, in the environment and on a command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsel.config.changes import changes
from streamsel.config.show import as_yaml, shown
from streamsel.errors import SourceError
from streamsel.sources.masks import Size
from streamsel.wiring.readers import open_areas
from tests.config.files import loaded, problems

SOURCE = "source: rtsp://10.0.0.4/main"
BLACK = "0.1,0.1,0.3,0.2:black"


def gate(mask: str) -> str:
    return f"feeds: {{gate: {{{SOURCE}, {mask}}}}}"


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ("fps: 5", ()),
        ("mask: null", ()),
        ("mask: []", ()),
        ("mask: ['0.10,10%,.3,0.2', '40px,0,80px,60px:blur']", (BLACK, "40px,0,80px,60px:blur")),
        ("mask: 0.1 , 0.1 , 0.3 , 0.2", None),
        ("mask: '0.1,0.1,0.3,0.2'", (BLACK,)),
    ],
)
def test_masks_of_a_feed(tmp_path: Path, mask: str, expected: tuple[str, ...] | None) -> None:
    if expected is None:
        problems(tmp_path, gate(mask))
        return
    config = loaded(tmp_path, gate(mask))
    assert config.feed("gate").mask == expected
    again = loaded(tmp_path, as_yaml(shown(config)))
    assert again.feed("gate") == config.feed("gate")


def test_one_mask_a_line_in_a_file(tmp_path: Path) -> None:
    text = f"feeds:\n  gate:\n    {SOURCE}\n    mask:\n    - {BLACK}\n    - 0.5,0.5,0.5,0.5:blur\n"
    assert loaded(tmp_path, text).feed("gate").mask == (BLACK, "0.5,0.5,0.5,0.5:blur")


def test_masks_by_environment_and_command_line(tmp_path: Path) -> None:
    plain = f"feeds: {{gate: {{{SOURCE}}}}}"
    by_environment = loaded(tmp_path, plain, {"STREAMSEL_FEEDS__GATE__MASK": f"{BLACK} 0,0,1,.5"})
    assert by_environment.feed("gate").mask == (BLACK, "0,0,1,0.5:black")
    by_command = loaded(tmp_path, plain, None, {"defaults": {"mask": [BLACK]}})
    assert by_command.feed("gate").mask == (BLACK,)
    assert changes(loaded(tmp_path, plain), by_command).changed == ("gate",)


@pytest.mark.parametrize(
    ("mask", "told"),
    [
        ("mask: ['0.1,0.1,0.3']", "write X,Y,W,H as shares of the picture"),
        ("mask: ['0.9,0.1,0.3,0.1']", "it reaches out of the picture"),
        ("mask: {a: b}", "a list of X,Y,W,H"),
        ("mask: [[a]]", "a list of X,Y,W,H"),
        (f"mask: ['{BLACK}'], clip: {{after: 1s}}", "clip would show what its mask hides"),
    ],
)
def test_masks_that_cannot_be(tmp_path: Path, mask: str, told: str) -> None:
    (problem,) = problems(tmp_path, gate(mask))
    assert problem.startswith("streamsel.yaml:1: ")
    assert told in problem


def test_masks_in_pixels_fit_what_came_before_the_service_was_started_again(
    tmp_path: Path,
) -> None:
    plain = loaded(tmp_path, gate("mask: ['4px,4px,8px,8px']")).feed("gate")
    told = loaded(tmp_path, gate("mask: ['4px,4px,8px,8px@640x480']")).feed("gate")
    filtered = loaded(tmp_path, gate("mask: ['4px,4px,8px,8px'], vf: hflip")).feed("gate")
    for settings, last, expected in (
        (plain, (320, 240), (320, 240)),
        (plain, None, None),
        (told, (320, 240), (640, 480)),
        (filtered, (320, 240), None),
    ):
        areas = open_areas(settings, last)
        assert areas is not None
        if expected is None:
            areas.size.require(Size(1280, 720), "feed 'gate'")
            continue
        areas.size.require(Size(*expected), "feed 'gate'")
        with pytest.raises(SourceError, match="X,Y,W,H@1280x720"):
            areas.size.require(Size(1280, 720), "feed 'gate'")


def test_a_clip_for_all_feeds_is_refused_where_one_is_masked(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, f"defaults: {{clip: {{}}}}\n{gate(f'mask: [{BLACK!r}]')}")
    assert "feeds.gate.clip" in problem
    loaded(tmp_path, f"defaults: {{clip: {{}}}}\n{gate(f'mask: [{BLACK!r}], clip: null')}")
