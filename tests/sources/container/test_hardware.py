from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from av.codec.hwaccel import hwdevices_available

from streamsel.errors import ConfigurationError
from streamsel.sources.file import FileSource


def test_hardware_that_nobody_knows_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ConfigurationError, match=r"hwaccel is 'abacus'.* auto, "):
        FileSource("walk", "walk.mp4", hwaccel="abacus")


@pytest.mark.parametrize("name", ["auto", *hwdevices_available()])
def test_where_no_hardware_decodes_software_does_and_says_so(
    media: Callable[[str], Path], name: str
) -> None:
    """Holds with and without such hardware: the frames are the same, or it is said why."""
    path = str(media("h264.mp4"))
    source = FileSource("walk", path, hwaccel=name)
    frames = [(frame.key.index, frame.pts) for frame in source.frames()]
    assert frames == [(frame.key.index, frame.pts) for frame in FileSource("walk", path).frames()]
    told = [warning for warning in source.warnings() if "decoded in software: " in warning]
    assert len(told) <= 1
    assert all(name == "auto" or f"{name}: " in warning for warning in told)
    (wanted,) = source.fetch([20])
    assert wanted.key.index == 20
    assert wanted.picture.image is not None
