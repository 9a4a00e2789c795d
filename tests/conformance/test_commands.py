"""Whole commands over several kinds of stream: every picture that is written has the right name."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conformance.blockcode import read
from tests.conformance.kind import Kind
from tests.conformance.kinds import KINDS
from tests.conformance.making import make
from tests.end_to_end.conftest import killed_when_recorded, manifest, streamsel

CHOSEN = (
    "h264-open.mp4",
    "h264-refresh.ts",
    "hevc-open.mkv",
    "vp9-hidden.webm",
    "mpeg2.ts",
    "mpeg4-no-b.avi",
    "edited-open.mp4",
    "joined-sizes.ts",
)
COUNT = 12
KILLED_AT = (60, 250)


@pytest.fixture(scope="module")
def kinds() -> dict[str, Kind]:
    """The kinds by the name of their feed."""
    return {kind.name.rpartition(".")[0]: kind for kind in KINDS if kind.name in CHOSEN}


@pytest.fixture(scope="module")
def inputs(kinds: dict[str, Kind], streams: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    for kind in kinds.values():
        shutil.copy(make(kind, streams), folder)
    return folder


def test_pictures_carry_the_numbers_of_their_names_in_any_run(
    inputs: Path, kinds: dict[str, Kind], tmp_path: Path
) -> None:
    """In one go, in several processes, and killed twice and resumed."""
    wanted = ["select", str(inputs), "-n", str(COUNT), "--per-input", "--format", "png", "-o"]
    alone, beside, killed = (str(tmp_path / name) for name in ("alone", "beside", "killed"))

    assert streamsel(*wanted, alone).code == 0
    lines = manifest(Path(alone))
    assert len(lines) > 10 * len(CHOSEN)
    assert {line["feed"] for line in lines} == set(kinds)
    for line in lines:
        with Image.open(Path(alone, line["path"])) as picture:
            number = read(np.asarray(picture.convert("L")))
        shown = kinds[line["feed"]].shown
        assert shown is not None
        assert number == shown[line["index"]], line["path"]
        assert f"{line['index']:06d}_{line['media_time']:09.3f}" in line["path"]

    assert streamsel(*wanted, beside, "--jobs", 3).code == 0
    assert manifest(Path(beside)) == lines  # with the hash of every picture

    for frames in KILLED_AT:
        killed_when_recorded([*wanted, killed, "--resume"], Path(killed), frames, signal.SIGKILL)
    assert streamsel(*wanted, killed, "--resume", "--jobs", 2).code == 0
    assert manifest(Path(killed)) == lines
