"""Options do in Python what they do on the command line."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import streamsel
from streamsel.cli.main import cli
from streamsel.errors import ConfigurationError
from streamsel.sources.demo.synthetic import render_demo
from tests.end_to_end.conftest import manifest


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    render_demo(folder / "a.mp4", seconds=2, size=(160, 90))
    return folder / "a.mp4"


def typed(command: str, clip: Path, options: dict[str, Any], *others: object) -> Any:
    """What a command prints as JSON with the options that Python has as arguments."""
    words = [
        word
        for name, value in options.items()
        for word in ([f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)]))
    ]
    ended = CliRunner().invoke(cli, [command, str(clip), *words, "--json", *map(str, others)])
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout)


@pytest.mark.parametrize(
    "asked",
    [
        {
            "window": 0.5,
            "look_ahead": 1,
            "calibration": "on-the-way",
            "min_sharpness": 0.1,
            "durability": "batched",
        },
        {"keep_exact_duplicates": True, "keep_unchanged": True, "keep_corrupt": True},
        {"keep_black": True, "keep_uniform": True, "keep_frozen": True},
        {"black_level": 200, "frozen_after": 0.1, "unchanged_level": 9.0},
    ],
    ids=lambda asked: next(iter(asked)),
)
def test_a_selection_follows_every_option(
    clip: Path, tmp_path: Path, asked: dict[str, Any]
) -> None:
    options = {"count": 4, **asked}
    told = typed("select", clip, options, "-o", tmp_path / "typed")
    called = streamsel.select(clip, output=tmp_path / "called", **options)
    assert manifest(tmp_path / "called") == manifest(tmp_path / "typed")
    assert called.summary.as_json()["refused"] == told["refused"]


def test_a_comparison_is_that_of_the_command(clip: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"count": 4, "near_duplicate": 0.1, "look_ahead": 2, "fps": 10.0}
    told = typed("compare", clip, options)
    found = streamsel.compare(clip, plot=tmp_path / "plot.svg", **options)
    assert [table.as_json() for table in found.tables] == [told]
    assert (tmp_path / "plot.svg").read_text().startswith("<?xml")


def test_several_ways_of_decoding_are_compared(clip: Path) -> None:
    (table,) = streamsel.compare(clip, count=2, decode=["all", "keyframes"]).tables
    assert [row.decode for row in table.decode_rows] == ["all", "keyframes"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"decode": []}, "at least one"),
        ({"decode": ["all", "all"]}, "each once"),
        ({"decode": "some"}, "decode is 'some'"),
        ({"count": 0}, "count is 0; it must be a whole number of frames, at least 1"),
        ({"look_ahead": 0}, "look_ahead is 0; it must be a whole number of at least 1"),
        ({"plot": "a.svg", "per_input": True}, "without per_input"),
        ({"plot": "a.txt"}, "cannot plot to '.txt'"),
    ],
)
def test_a_comparison_that_cannot_be(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        streamsel.compare("nowhere.mp4", **wrong)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"window": 0.0}, r"window is 0.0; it must be a duration above 0s"),
        ({"jobs": 65}, "jobs is 65; it must be a whole number from 1 to 64"),
        ({"quality": 0}, "quality is 0; it must be a whole number from 1 to 100"),
        ({"black_level": 256}, "black_level is 256; it must be from 0 to 255"),
        ({"durability": "lax"}, "durability is 'lax'; it must be strict or batched"),
        ({"device": "tpu"}, "device is 'tpu'; it must be auto, cpu, cuda or cuda:N"),
    ],
)
def test_a_selection_that_cannot_be(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        streamsel.select("nowhere.mp4", **wrong)


def test_watch_yields_kept_frames_with_their_pictures(clip: Path) -> None:
    async def first() -> object:
        feeds = {"gate": f"file:{clip}?pace=0"}
        options: dict[str, Any] = {
            "count": 3,
            "format": "png",
            "size": (80, 44),
            "near_duplicate": 0.1,
        }
        async with aclosing(streamsel.watch(feeds, **options)) as events:
            async for event in events:
                return event
        return None

    event = asyncio.run(first())
    assert isinstance(event, streamsel.Kept)
    assert event.frame.key.feed == "gate"
    encoded = event.frame.picture.encoded
    assert encoded is not None
    assert encoded.content.startswith(b"\x89PNG")
    assert (encoded.width, encoded.height) == (78, 44)  # 160x90 fits inside 80x44
