"""What a record says is what an export says, in every format."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

from streamsel.embed.tables.layout import layout_of
from streamsel.errors import ConfigurationError, RecordError, SinkError
from streamsel.export.formats import FORMATS, open_format
from streamsel.export.rows import Export, ExportRow, What, export_of
from streamsel.export.run import export_run, whole_file
from streamsel.export.text import numbers_format
from streamsel.frame import FrameKey
from streamsel.record.reader import Record
from tests.sinks import live_streams, streams


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over two feeds, a kept frame of which has a picture that is missing."""
    folder = tmp_path_factory.mktemp("run")
    sink = streams.opened(folder)
    sink.apply(streams.turn(list(streams.verdicts())))
    streams.end(sink)
    return folder


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("live")
    sink = live_streams.opened(folder)
    sink.apply(live_streams.keeping(0))
    sink.apply(live_streams.judged(live_streams.verdict(live_streams.frame(1))))
    sink.apply(live_streams.judged(live_streams.verdict(live_streams.frame(2), "refused")))
    sink.apply(live_streams.keeping(3, 0))
    sink.apply(live_streams.keeping(4))
    sink.close()
    return folder


def exported(folder: Path, form: str, what: What = "all", *, embeddings: bool = True) -> bytes:
    out = io.BytesIO()
    count = export_run(folder, open_format(form), out, what=what, embeddings=embeddings)
    content = out.getvalue()
    assert count == len(rows_of(content, form))
    return content


def rows_of(content: bytes, form: str) -> list[dict[str, Any]]:
    """Read an export as other programs would; numbers of embeddings are float32 in each format."""
    rows: list[dict[str, Any]] = []
    if form == "jsonl":
        rows = [json.loads(line) for line in content.decode().splitlines()]
    elif form == "parquet":
        rows = pyarrow.parquet.read_table(io.BytesIO(content)).to_pylist()
    else:
        for cells in csv.DictReader(io.StringIO(content.decode())):
            names = [name for name in cells if name[0] == "e" and name[1:].isdigit()]
            vector = [cells.pop(name) for name in names]
            rows.append(dict(cells))
            if vector:
                rows[-1]["embedding"] = [float(x) for x in vector] if any(vector) else None
    for row in rows:
        if row.get("embedding") is not None:
            row["embedding"] = np.float32(row["embedding"]).tolist()
    return rows


def test_kept_frames_are_those_of_the_manifest_with_their_embeddings(run: Path) -> None:
    lines = [json.loads(line) for line in (run / "manifest.jsonl").read_text().splitlines()]
    rows = rows_of(exported(run, "jsonl", "kept"), "jsonl")
    assert len(rows) == len(lines) > 2
    with Record.open(run) as record:
        for row, line in zip(rows, lines, strict=True):
            key = next(kept.key for kept in record.kept() if str(kept.key) == line["id"])
            vector = record.embedding(key)
            assert vector is not None
            assert row.pop("embedding") == vector.tolist()
            embedder = {"name": row.pop("embedder"), "digest": row.pop("embedder_digest")}
            assert {**row, "embedder": embedder} == line


def test_all_frames_have_their_verdict_and_what_was_refused_no_embedding(run: Path) -> None:
    rows = rows_of(exported(run, "jsonl"), "jsonl")
    verdicts = list(streams.verdicts(seen=False))
    with Record.open(run) as record:
        paths = {str(kept.key): kept.picture and kept.picture.path for kept in record.kept()}
    assert len(rows) == len(verdicts) == 120
    for row, verdict in zip(rows, verdicts, strict=True):
        key = verdict.frame.key
        assert (row["feed"], row["index"], row["source"]) == (
            key.feed,
            key.index,
            f"{key.feed}.mp4",
        )
        assert (row["outcome"], row["reason"]) == (verdict.outcome, verdict.reason)
        assert (row["distance"], row["threshold"]) == (verdict.distance, verdict.threshold)
        assert row["nearest"] == (verdict.nearest and str(verdict.nearest))
        assert (row["pts"], row["time_base"]) == (key.index * 512, "1/12800")
        assert row["media_time"] == key.index / 25
        assert row["kept"] == (str(key) in paths)
        assert row["path"] == paths.get(str(key))
        vector = verdict.candidate.embedding
        assert row["embedding"] == (None if vector is None else vector.tolist())


def _cell(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.mark.parametrize("what", ["kept", "all"])
@pytest.mark.parametrize("folder", ["run", "live"])
def test_every_format_says_the_same(
    what: What, folder: str, request: pytest.FixtureRequest
) -> None:
    place = request.getfixturevalue(folder)
    rows = rows_of(exported(place, "jsonl", what), "jsonl")
    assert rows_of(exported(place, "parquet", what), "parquet") == rows
    as_text = [
        {name: value if name == "embedding" else _cell(value) for name, value in row.items()}
        for row in rows
    ]
    assert rows_of(exported(place, "csv", what), "csv") == as_text


def test_a_service_has_the_embeddings_of_what_it_keeps(live: Path) -> None:
    rows = {row["index"]: row for row in rows_of(exported(live, "parquet"), "parquet")}
    assert [rows[i]["kept"] for i in range(5)] == [False, False, False, True, True]
    for index in (3, 4):
        made = live_streams.vector(FrameKey("gate", index))
        assert np.float32(rows[index]["embedding"]).tobytes() == made.tobytes()
        assert rows[index]["wall_time"] == live_streams.BEGIN + 7.0 * index
    assert rows[1]["embedding"] is rows[2]["embedding"] is None
    assert [row["index"] for row in rows_of(exported(live, "csv", "kept"), "csv")] == ["3", "4"]


@pytest.mark.parametrize("form", FORMATS)
def test_embeddings_may_be_left_out(form: str, run: Path) -> None:
    with_them = rows_of(exported(run, form), form)
    without = rows_of(exported(run, form, embeddings=False), form)
    assert [row.pop("embedding", None) is not None for row in with_them].count(True) == 96
    assert without == with_them


@pytest.mark.parametrize("form", FORMATS)
def test_a_run_that_has_embedded_nothing(form: str, tmp_path: Path) -> None:
    sink = streams.opened(tmp_path)
    sink.apply(streams.turn([v for v in streams.verdicts(seen=False) if v.outcome == "refused"]))
    streams.end(sink)
    rows = rows_of(exported(tmp_path, form), form)
    assert len(rows) == 24
    assert all(row.get("embedding") is None for row in rows)
    assert rows_of(exported(tmp_path, form, "kept"), form) == []


def test_parquet_is_typed_and_says_what_embedded_the_frames(run: Path) -> None:
    table = pyarrow.parquet.read_table(io.BytesIO(exported(run, "parquet")))
    assert table.schema.metadata[b"streamsel.embedder"] == b"made"
    assert table.schema.metadata[b"streamsel.embedder_digest"] == b"00ff"
    assert table.schema.field("embedding").type == pyarrow.list_(pyarrow.float32())
    assert {len(each) for each in table["embedding"].to_pylist() if each is not None} == {8}
    assert [str(table.schema.field(name).type) for name in ("pts", "distance", "kept", "id")] == [
        "int64", "double", "bool", "string",
    ]  # fmt: skip


def test_no_column_of_ours_is_taken_for_numbers(run: Path) -> None:
    with Record.open(run) as record:
        columns = export_of(record, "all", embeddings=False).columns
    assert layout_of([*columns, "hue"]).vector == ("hue",)


def test_numbers_are_read_back_to_the_bit() -> None:
    bits = np.random.default_rng(0).integers(0, 2**32, 20_000, np.uint32)
    edges = np.array([0, 1 << 31, 1, 0x7F7FFFFF, 0x00800000, 0x3F800001], np.uint32)
    numbers = np.concatenate([bits, edges]).view(np.float32)
    numbers = numbers[np.isfinite(numbers)]
    text = numbers_format(len(numbers)) % tuple(numbers.tolist())
    again = np.array([float(cell) for cell in text.split(",")]).astype(np.float32)
    assert again.tobytes() == numbers.tobytes()


@pytest.mark.parametrize("form", FORMATS)
def test_rows_are_written_as_they_come(form: str) -> None:
    ahead: list[int] = []

    class Out(io.BytesIO):
        def write(self, content: Any) -> int:
            ahead.append(given - written_at[-1])
            written_at.append(given)
            return super().write(content)

    given, written_at = 0, [0]

    def rows() -> Generator[ExportRow, None, None]:
        nonlocal given
        for given in range(1, 20_001):
            yield ExportRow({"id": str(given)}, np.zeros(2, np.float32))

    out = Out()
    export = Export("made", "00ff", {"id": str}, 2, rows())
    assert open_format(form).write(export, out) == 20_000
    assert max(ahead) <= 4096
    assert len(rows_of(out.getvalue(), form)) == 20_000


def test_a_run_that_goes_on_is_read_as_of_one_moment(tmp_path: Path) -> None:
    sink = live_streams.opened(tmp_path)
    for index in range(50):
        sink.apply(live_streams.keeping(index))
    with Record.open(tmp_path) as record:
        export = export_of(record, "all", embeddings=True)
        rows = [next(export.rows)]
        sink.apply(live_streams.keeping(50, *range(50)))
        rows += export.rows
    sink.close()
    assert [row.fields["index"] for row in rows] == list(range(50))
    assert all(row.fields["kept"] and row.embedding is not None for row in rows)


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    writing = whole_file(path, overwrite=False)
    writing.__enter__().write(b"half")
    assert writing.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None) is False
    assert list(tmp_path.iterdir()) == []
    with whole_file(path, overwrite=False) as out:
        out.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    with pytest.raises(ConfigurationError, match=r"out\.csv.*--overwrite"):
        whole_file(path, overwrite=False).__enter__()
    with pytest.raises(RecordError), whole_file(path, overwrite=True) as out:
        export_run(tmp_path, open_format("csv"), out, what="all", embeddings=True)
    assert path.read_bytes() == b"whole"
    with whole_file(path, overwrite=True) as out:
        out.write(b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_places_that_are_no_file(tmp_path: Path) -> None:
    for place in (tmp_path, Path("/dev/null")):
        with pytest.raises(ConfigurationError, match="is not a file"):
            whole_file(place, overwrite=True).__enter__()
    with pytest.raises(SinkError, match="none"), whole_file(tmp_path / "none/x", overwrite=True):
        pass
    with pytest.raises(ConfigurationError, match="jsonl, csv, parquet"):
        open_format("xml")


def test_a_damaged_record_is_named(run: Path, tmp_path: Path) -> None:
    with sqlite3.connect(run / "streamsel.db") as source:
        source.execute("VACUUM INTO ?", [str(tmp_path / "streamsel.db")])
    content = bytearray((tmp_path / "streamsel.db").read_bytes())
    content[8192:] = bytes(len(content) - 8192)
    (tmp_path / "streamsel.db").write_bytes(content)
    with pytest.raises(RecordError, match=r"streamsel\.db"):
        exported(tmp_path, "jsonl")


def test_what_json_cannot_say_is_null() -> None:
    def rows() -> Generator[ExportRow, None, None]:
        yield ExportRow({"distance": float("nan")}, None)

    out = io.BytesIO()
    open_format("jsonl").write(Export("made", "00ff", {"distance": float}, None, rows()), out)
    assert out.getvalue() == b'{"distance": null}\n'
