"""A clip, and one thread for torch: its networks are too small for two."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from streamsel.embed.device import one_thread
from tests.sources.media import write_video


@pytest.fixture(autouse=True, scope="package")
def _alone() -> Iterator[None]:
    with one_thread():
        yield


@pytest.fixture(scope="session")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of video."""
    path = tmp_path_factory.mktemp("clips") / "walk.mp4"
    return write_video(path, frames=25, options={"preset": "ultrafast"})
