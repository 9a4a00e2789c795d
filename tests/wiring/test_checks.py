"""Mistakes that only the parts of a service know, each with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

import streamsel
from streamsel.config.schema import Config
from streamsel.errors import ConfigurationError
from streamsel.wiring.checks import require_buildable
from streamsel.wiring.inputs import decoding_threads


def test_every_mistake_has_its_line(tmp_path: Path) -> None:
    there = tmp_path / "walk.mp4"
    there.touch()
    feeds = {
        "gone": {"source": f"file:{tmp_path / 'gone.mp4'}"},
        "there": {"source": f"file:{there}", "vf": "hflip"},
        "odd": {"source": "nonsense"},
        "filtered": {"source": "rtsp://gate", "vf": "no_such_filter"},
    }
    with pytest.raises(ConfigurationError) as refused:
        require_buildable(Config.model_validate({"feeds": feeds}))
    gone, odd, filtered = str(refused.value).splitlines()[:3]
    assert gone == f"feeds.gone.source: {tmp_path / 'gone.mp4'} is not a file; check the path"
    assert odd.startswith("feeds.odd.source: nonsense is no address of a live feed")
    assert filtered.startswith("feeds.filtered.vf: ")


def test_one_thread_decodes_nothing_ahead() -> None:
    assert decoding_threads(1) is None
    assert decoding_threads(3) is not None


@pytest.mark.parametrize("asked", ["resume", "overwrite"])
def test_a_run_without_a_folder_is_neither_continued_nor_replaced(asked: str) -> None:
    with pytest.raises(ConfigurationError, match="need an output folder"):
        streamsel.select("walk.mp4", resume=asked == "resume", overwrite=asked == "overwrite")
