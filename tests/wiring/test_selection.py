"""A selection into a folder: begun, continued, and refused."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from streamsel.config.options import RunOptions, SelectOptions
from streamsel.errors import ConfigurationError, SourceError
from streamsel.record.reader import Record
from streamsel.runtime.execute import execute
from streamsel.wiring.selection import SelectionRun, build_selection
from tests.sources.media import write_video

OPTIONS = RunOptions(select=SelectOptions(count=4, near_duplicate=0.0))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clips") / "walk.mp4", frames=20)


def built(clip: Path, folder: Path, *inputs: Path, resume: bool = False) -> SelectionRun:
    every = [str(one) for one in (clip, *inputs)]
    return build_selection(every, OPTIONS, folder, resume=resume, batch=4)


def ran(clip: Path, folder: Path, *inputs: Path, resume: bool = False) -> bool:
    run = built(clip, folder, *inputs, resume=resume)
    return execute(run.pipeline, [run.sink])


def kept(folder: Path) -> list[str]:
    with Record.open(folder) as record:
        return [str(frame.key) for frame in record.kept()]


def unfinished(folder: Path) -> None:
    """Let the record say that its run was interrupted after the last frame."""
    with closing(sqlite3.connect(folder / "streamsel.db")) as database, database:
        database.execute("UPDATE runs SET status = 'interrupted'")


def test_an_interrupted_run_continues_to_the_same_end(clip: Path, tmp_path: Path) -> None:
    assert ran(clip, tmp_path / "whole")
    whole = kept(tmp_path / "whole")
    assert len(whole) == 4
    assert ran(clip, tmp_path / "parts")
    unfinished(tmp_path / "parts")
    assert ran(clip, tmp_path / "parts", resume=True)
    assert kept(tmp_path / "parts") == whole


def test_inputs_that_cannot_be_opened_are_in_the_record(clip: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone.mp4"
    run = built(clip, tmp_path / "kept", gone)
    assert [error.given for error in run.errors] == [str(gone)]
    assert execute(run.pipeline, [run.sink])
    with Record.open(tmp_path / "kept") as record:
        assert list(record.unopened()) == [str(gone)]
    # Once it is there no more, it is no longer missed.
    unfinished(tmp_path / "kept")
    assert ran(clip, tmp_path / "kept", resume=True)
    with Record.open(tmp_path / "kept") as record:
        assert record.unopened() == {}


def test_what_cannot_be_read_replaces_nothing(clip: Path, tmp_path: Path) -> None:
    assert ran(clip, tmp_path / "kept")
    before = kept(tmp_path / "kept")
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    with pytest.raises(SourceError, match="broken"):
        build_selection([str(broken)], OPTIONS, tmp_path / "kept", overwrite=True)
    assert kept(tmp_path / "kept") == before


def test_standard_input_cannot_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read a second time"):
        build_selection(["-"], OPTIONS, tmp_path / "kept", resume=True)
    assert not (tmp_path / "kept").exists()
