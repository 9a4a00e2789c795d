from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conformance.kind import Kind
from tests.conformance.kinds import KINDS
from tests.conformance.making import make
from tests.conformance.reading import Seen, read
from tests.conformance.truth import Shot, sequential


@pytest.fixture(scope="session")
def streams(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where streams are kept; the processes of one run share it."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "conformance"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session", params=KINDS, ids=str)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind in turn: all tests of one before the first of the next."""
    found: Kind = request.param
    return found


@pytest.fixture(scope="session")
def stream(kind: Kind, streams: Path) -> Path:
    """A stream of the kind."""
    return make(kind, streams)


@pytest.fixture(scope="session")
def truth(kind: Kind, stream: Path) -> list[Shot]:
    """What plain sequential decoding shows of it."""
    return sequential(stream, kind.read_by)


@pytest.fixture(scope="session")
def everything(stream: Path) -> list[Seen]:
    """What one worker sees of it."""
    return read(stream)
