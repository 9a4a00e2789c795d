"""Arguments of functions become the options that the command line has."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsel.api.arguments import as_written, picture_size, texts
from streamsel.errors import ConfigurationError
from streamsel.pixels.size import PictureSize


def test_paths_become_text_and_one_of_several_a_tuple() -> None:
    given = {"mask": "a", "embeddings": [Path("b"), "c"], "sink": (), "weights": Path("w")}
    assert as_written(given) == {
        "mask": ("a",), "embeddings": ("b", "c"), "sink": (), "weights": "w",
    }  # fmt: skip
    assert texts(Path("walk.mp4")) == ("walk.mp4",)


def test_a_size_is_text_or_numbers() -> None:
    assert as_written({"size": "64x48"})["size"] == PictureSize(64, 48)
    assert picture_size((64, 48)) == PictureSize(64, 48)
    with pytest.raises(ConfigurationError):
        as_written({"size": "large"})


def test_what_is_not_given_stays_away() -> None:
    given = {"weights": None, "size": None, "count": 3}
    assert as_written(given) == given
    assert as_written({}) == {}
