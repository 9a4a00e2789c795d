from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sources.media import MAKERS


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives a video by the name of its kind, made once per session."""
    folder = tmp_path_factory.mktemp("media")

    def get(kind: str) -> Path:
        path = folder / kind
        return path if path.exists() else MAKERS[kind](path)

    return get


@pytest.fixture
def no_open_files_left() -> Iterator[None]:
    """Fails the test if it leaves more files open than it found."""
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) <= before
