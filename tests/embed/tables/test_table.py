"""Vectors from files: their embedder, their content, and refused ones."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from streamsel.embed.tables.layout import DIGEST_KEY, NAME_KEY, layout_of
from streamsel.embed.tables.table import TableEmbeddings
from streamsel.errors import ConfigurationError, EmbedderError
from streamsel.frame import Frame, FrameKey, Picture, PrefilteredFrame, Vector, Vectors

VECTOR = [0.6, 0.8, 0.0]
SUFFIXES = ["csv", "jsonl", "parquet"]


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write rows as the suffix says; lists lie in a cell of a CSV as JSON."""
    if path.suffix == ".csv":
        with open(path, "w", newline="") as file:
            lines = csv.writer(file)
            lines.writerow(rows[0])
            for row in rows:
                cells = [json.dumps(v) if isinstance(v, list) else v for v in row.values()]
                lines.writerow(cells)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), path)
    return path


def row(index: int, vector: Sequence[float] | None = VECTOR, /, **more: object) -> dict[str, Any]:
    return {"feed": "walk", "index": index, **more, "embedding": vector and list(vector)}


def prefiltered(index: int, feed: str = "walk", refusal: str | None = None) -> PrefilteredFrame:
    frame = Frame(FrameKey(feed, index), None, Fraction(1, 25), 0.0, 64, 48, Picture(None))
    thumbnail = None if refusal else np.zeros((64, 64, 3), np.uint8)
    return PrefilteredFrame(frame, np.zeros((32, 32), np.uint8), 0, 0.5, refusal, thumbnail)


def vector_of(table: TableEmbeddings, index: int, feed: str = "walk") -> Vector:
    (candidate,) = table.candidates([prefiltered(index, feed)])
    assert candidate.embedding is not None
    return candidate.embedding


@pytest.fixture
def unit_rows() -> Vectors:
    rows = np.random.default_rng(0).normal(size=(3000, 5)).astype(np.float32)
    unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_unit_vectors_come_back_to_the_bit_by_feed_and_index(
    suffix: str, unit_rows: np.ndarray, tmp_path: Path
) -> None:
    order = np.random.default_rng(1).permutation(len(unit_rows))
    rows = [
        {"index": int(i), "feed": f"f{i % 3}", "embedding": unit_rows[i].tolist()} for i in order
    ]
    table = TableEmbeddings([write(tmp_path / f"v.{suffix}", rows)])
    assert table.dim == 5
    for i in (0, 1, 1023, 1024, 2999):
        found = vector_of(table, i, f"f{i % 3}")
        assert found.tobytes() == unit_rows[i].tobytes()
        assert not found.flags.writeable


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("scale", [1e-300, 1e-3, 1.001, 7.0, 1e300])
def test_other_vectors_are_made_unit(suffix: str, scale: float, tmp_path: Path) -> None:
    path = write(tmp_path / f"v.{suffix}", [row(3, [scale * x for x in VECTOR])])
    np.testing.assert_allclose(vector_of(TableEmbeddings([path]), 3), VECTOR, rtol=1e-6)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_column_for_each_number(suffix: str, tmp_path: Path) -> None:
    rows = [
        {"feed": "walk", "index": i, "e2": 0.0, "e0": 0.6, "e1": 0.8, "label1": 1, "label2": 2}
        for i in range(3)
    ]
    table = TableEmbeddings([write(tmp_path / f"v.{suffix}", rows)])
    assert vector_of(table, 2).tolist() == np.array(VECTOR, np.float32).tolist()


def test_columns_are_told_apart_by_their_names() -> None:
    ours = ["id", "feed", "index", "sha256", "sharpness", "embedder"]
    assert layout_of([*ours, "dim_1", "dim_2"]).vector == ("dim_1", "dim_2")
    assert layout_of(["", "feed", "index", "0", "1"]).vector == ("0", "1")
    assert layout_of([*ours, "hue", "Unnamed: 0", "light"]).vector == ("hue", "light")
    assert layout_of([*ours, "e0", "e1", "embedding"]).listed
    many = [f"x{i}" for i in (0, 10, 2, 1, 3, 4, 5, 6, 7, 8, 9)]
    assert layout_of([*ours, *many]).vector == tuple(f"x{i}" for i in range(11))
    for wrong in (ours, ["feed", "e0", "e1"], [*ours, "a0", "a1", "b0", "b1"]):
        with pytest.raises(ValueError, match="column"):
            layout_of(wrong)


@pytest.mark.parametrize(
    "name",
    [
        "walk-000123",
        "frames/walk-000123.jpg",
        "walk/000123_00004.920.jpg",
        "/data/kept/frames/walk/000123_00004.920.webp",
        "frames/walk/2025-11-22/10/20251122T101530.250000Z_walk-000123.jpg",
    ],
)
def test_a_frame_may_be_named_by_its_picture(name: str, tmp_path: Path) -> None:
    rows = [{"filenames": name, "embedding_0": 3.0, "embedding_1": 4.0, "labels": 0}]
    table = TableEmbeddings([write(tmp_path / "v.csv", rows)])
    assert vector_of(table, 123).tolist() == np.array([0.6, 0.8], np.float32).tolist()


def test_what_was_refused_stays_refused(tmp_path: Path) -> None:
    rows = [
        row(0, outcome="kept", reason="novel"),
        row(1, None, outcome="refused", reason="black"),
        row(2, None, outcome="covered", reason="covered"),
    ]
    table = TableEmbeddings([write(tmp_path / "v.csv", rows)])
    kept, black, seen = table.candidates(
        [prefiltered(0), prefiltered(1), prefiltered(2, refusal="blurred")]
    )
    assert kept.embedding is not None
    assert (kept.prefiltered.refusal, kept.prefiltered.thumbnail) == (None, None)
    assert (black.embedding, black.prefiltered.refusal) == (None, "black")
    assert (seen.embedding, seen.prefiltered.refusal) == (None, "blurred")
    with pytest.raises(EmbedderError, match="walk-000002"):
        vector_of(table, 2)


def test_a_missing_frame_is_named_with_what_there_is(tmp_path: Path) -> None:
    path = write(tmp_path / "v.csv", [row(i) for i in range(5)])
    table = TableEmbeddings([path])
    for feed, index, listed in (("walk", 5, 5), ("yard", 0, 0)):
        with pytest.raises(EmbedderError) as failure:
            vector_of(table, index, feed)
        assert str(path) in str(failure.value)
        assert f"{feed}-00000{index}" in str(failure.value)
        assert f"there are {listed} of feed '{feed}'" in str(failure.value)
    table.require_any(["yard", "walk"])
    with pytest.raises(ConfigurationError, match=r"'yard'.*'walk'"):
        table.require_any(["yard"])


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (row(7, [0.6, 0.8]), "has 2 numbers, those before 3"),
        (row(7, [0.6, float("nan"), 0.8]), "a NaN or an infinity"),
        (row(7, [0.6, float("inf"), 0.8]), "a NaN or an infinity"),
        (row(7, [0.0, 0.0, 0.0]), "is zero"),
        (row(1, [0.0, 0.6, 0.8]), "has another vector than in"),
    ],
)
def test_wrong_vectors_are_named_by_file_row_and_frame(
    wrong: dict[str, Any], message: str, suffix: str, tmp_path: Path
) -> None:
    path = write(tmp_path / f"v.{suffix}", [row(0), row(1), row(2), wrong])
    with pytest.raises(EmbedderError) as failure:
        TableEmbeddings([path])
    place = {"csv": "line 5", "jsonl": "line 4", "parquet": "row 4"}[suffix]
    assert str(failure.value).startswith(f"{path}: {place}: frame walk-00000{wrong['index']}")
    assert message in str(failure.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("v.csv", "", "has no columns feed and index"),
        ("v.csv", "feed,index,e0,e1\n", "no vectors in there"),
        ("v.csv", "feed,index,e0,e1\nwalk,x,1,2\n", "line 2: index is 'x'"),
        ("v.csv", "feed,index,e0,e1\nwalk,1.5,1,2\n", "line 2: index is '1.5'"),
        ("v.csv", "feed,index,e0,e1\nwalk,-1,1,2\n", "line 2: index is '-1'"),
        ("v.csv", "feed,index,e0,e1\nwalk,1e30,1,2\n", "line 2: index is '1e30'"),
        ("v.csv", "feed,index,e0,e1\n,1,1,2\n", "line 2: says no feed"),
        ("v.csv", "feed,index,e0,e1\nwalk,1,1,a\n", "line 2: frame walk-000001: .*numbers"),
        ("v.csv", "feed,index,e0,e1\nwalk,1,1\n", "line 2: frame walk-000001: .*NaN"),
        ("v.csv", "feed,index,embedding\nwalk,1,[1 2]\n", "line 2: frame walk-000001"),
        ("v.csv", "filenames,e0,e1\nholiday.jpg,1,2\n", "line 2: 'holiday.jpg' names no frame"),
        ("v.csv", "feed,index,e0,e1\nwalk,\xff,1,2\n", "v.csv"),
        ("v.jsonl", "{\n", "line 1"),
        ("v.jsonl", "[1]\n", "line 1: not an object"),
        ("v.jsonl", '{"feed": "a", "index": 1, "embedding": [[1]]}', "line 1: frame .*plain list"),
        ("v.jsonl", '{"feed": "a", "index": 1, "embedding": {"a": 1}}', "line 1: frame a-000001"),
        ("v.parquet", "PAR1", "v.parquet: cannot be read"),
    ],
)
def test_files_that_are_none(name: str, content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content, encoding="latin-1")
    with pytest.raises(EmbedderError, match=message):
        TableEmbeddings([tmp_path / name])


def test_parquet_without_lists_of_numbers(tmp_path: Path) -> None:
    for vector in ("text", [["a", "b"]], ["a"]):
        path = write(tmp_path / "v.parquet", [{"feed": "a", "index": 1, "embedding": vector}])
        with pytest.raises(EmbedderError, match=r"v\.parquet"):
            TableEmbeddings([path])


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        with pytest.raises(EmbedderError, match="none"):
            TableEmbeddings([tmp_path / f"none.{suffix}"])
    with pytest.raises(ConfigurationError, match=r"v\.npy.*\.parquet"):
        TableEmbeddings([tmp_path / "v.npy"])


def test_a_frame_may_be_told_of_twice_alike(tmp_path: Path) -> None:
    one = write(tmp_path / "one.csv", [row(0), row(1), row(1)])
    two = write(tmp_path / "two.jsonl", [row(1), row(2)])
    table = TableEmbeddings([one, two])
    for index in range(3):
        assert vector_of(table, index).tolist() == np.array(VECTOR, np.float32).tolist()
    other = write(tmp_path / "other.csv", [row(2, [1.0, 0.0, 0.0])])
    with pytest.raises(EmbedderError, match=r"other\.csv: line 2: .*two\.jsonl: line 2"):
        TableEmbeddings([one, two, other])


def test_the_name_and_the_digest_are_those_of_the_files(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one.csv", [row(0)]), write(tmp_path / "two.csv", [row(1)])
    tables = [TableEmbeddings(paths) for paths in ([one], [two], [one, two], [two, one])]
    assert [table.name for table in tables] == [
        "file:one.csv", "file:two.csv", "file:one.csv+two.csv", "file:one.csv+two.csv",
    ]  # fmt: skip
    assert tables[2].digest == tables[3].digest
    assert len({table.digest for table in tables}) == 3
    assert all(len(table.digest) == 16 for table in tables)
    before = tables[0].digest
    write(one, [row(0, [1.0, 0.0, 0.0])])
    assert TableEmbeddings([one]).digest != before


def test_what_embedded_the_frames_is_what_the_file_says(tmp_path: Path) -> None:
    by = {"embedder": "net", "embedder_digest": "00ff"}
    for suffix in SUFFIXES:
        table = TableEmbeddings([write(tmp_path / f"v.{suffix}", [row(0, **by), row(1, **by)])])
        assert (table.name, table.digest) == ("net", "00ff")
    told = pyarrow.Table.from_pylist([row(0)])
    told = told.replace_schema_metadata({NAME_KEY: "net", DIGEST_KEY: "00ff"})
    pyarrow.parquet.write_table(told, tmp_path / "v.parquet")
    table = TableEmbeddings([tmp_path / "v.parquet"])
    assert (table.name, table.digest) == ("net", "00ff")
    for other in ({"embedder": "net", "embedder_digest": "11"}, {}):
        stranger = write(tmp_path / "stranger.csv", [row(1, **other)])
        with pytest.raises(EmbedderError, match=r"stranger.csv: line 2: frame walk-000001.*'net'"):
            TableEmbeddings([tmp_path / "v.parquet", stranger])


def test_without_pyarrow_parquet_names_what_is_missing(tmp_path: Path) -> None:
    path = write(tmp_path / "v.parquet", [row(0)])
    program = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from pathlib import Path\n"
        "from streamsel.embed.tables.table import TableEmbeddings\n"
        f"TableEmbeddings([Path({str(path)!r})])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ended.stderr.endswith('Parquet needs pyarrow: pip install "streamsel[parquet]"\n')


def test_empty_lines_are_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path / "vectors.jsonl", [row(0), row(1)])
    first, second = path.read_text().splitlines()
    path.write_text(f"\n{first}\n  \n{second}\n\n")
    table = TableEmbeddings([path])
    for index in (0, 1):
        np.testing.assert_allclose(vector_of(table, index), VECTOR, rtol=1e-6)


@pytest.mark.parametrize(
    ("columns", "vector"),
    [
        (["id", "x0", "x1", "x2"], ["x0", "x1", "x2"]),
        (["id", "x2", "x1"], ["x1", "x2"]),
        (["id", "x1", "x2", "x3", "x4"], ["x1", "x2", "x3", "x4"]),
    ],
)
def test_columns_numbered_from_0_or_1_are_a_vector(columns: list[str], vector: list[str]) -> None:
    assert layout_of([*columns, "y3", "y4", "z1", "z3"]).vector == tuple(vector)
