"""What every export format does: it writes each row once, and says how many there were."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from streamsel.export import formats
from streamsel.export.formats import FORMATS, Format, open_format
from streamsel.export.rows import What, export_of
from streamsel.export.run import export_run
from streamsel.record.reader import Record
from tests.contracts.implementations import classes
from tests.sinks import streams


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    sink = streams.opened(folder)
    sink.apply(streams.turn(list(streams.verdicts())))
    streams.end(sink)
    return folder


@pytest.fixture(params=FORMATS)
def form(request: pytest.FixtureRequest) -> Format:
    return open_format(request.param)


def test_every_format_is_listed() -> None:
    folder = Path(formats.__file__).parent
    defining = {
        f"streamsel.export.{path.stem}"
        for path in folder.glob("*.py")
        if "\nFORMAT = " in path.read_text() or "\nFORMAT: " in path.read_text()
    }
    assert defining == set(FORMATS.values())
    assert [one.__module__ for one in classes() if one.__qualname__ == "Format"] == [
        formats.__name__
    ]


@pytest.mark.parametrize("what", ["kept", "all"])
@pytest.mark.parametrize("embeddings", [True, False])
def test_each_row_is_written_once_and_counted(
    run: Path, form: Format, what: What, embeddings: bool
) -> None:
    with Record.open(run) as record:
        stored = [one for one in record.kept() if one.picture is not None]
        wanted = len(stored if what == "kept" else list(record.decisions()))
    written, again = io.BytesIO(), io.BytesIO()
    assert export_run(run, form, written, what=what, embeddings=embeddings) == wanted > 0
    export_run(run, form, again, what=what, embeddings=embeddings)
    assert written.getvalue() == again.getvalue()


def test_rows_are_taken_as_they_are_written(run: Path, form: Format) -> None:
    with Record.open(run) as record:
        export = export_of(record, "all", embeddings=True)
        assert form.write(export, io.BytesIO()) == len(list(record.decisions()))
        assert list(export.rows) == []


def test_a_format_that_streams_needs_no_place_to_go_back_to(run: Path, form: Format) -> None:
    class Pipe(io.BytesIO):
        """Takes bytes, and has no beginning."""

        def seek(self, *_: object) -> int:
            raise io.UnsupportedOperation("seek")

        def seekable(self) -> bool:
            return False

    if form.streams:
        assert export_run(run, form, Pipe(), what="all", embeddings=True) > 0
