"""Names and times of real inputs, from the files to the folder of a run."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

import streamsel
from streamsel.cli.main import cli
from streamsel.record.reader import Record
from tests.end_to_end.conftest import manifest
from tests.servers.web import WebServer
from tests.sources.media import moving_picture

MOMENT = datetime(2026, 11, 22, 10, 15, 30, tzinfo=UTC).timestamp()


@pytest.fixture(scope="module")
def created(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of video with its recording time in the metadata."""
    path = tmp_path_factory.mktemp("created") / "walk.mp4"
    source = "testsrc2=s=160x96:r=10:d=1"
    made = "creation_time=2026-11-22T10:15:30Z"
    subprocess.run(
        [
            *(ffmpeg, "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "libx264"),
            *("-pix_fmt", "yuv420p", "-metadata", made, path),
        ],
        check=True,
    )
    return path


def exif(path: Path) -> tuple[str, str | None, str | None]:
    """Description, time and offset that a picture says."""
    with Image.open(path) as image:
        found = image.getexif()
        taken = found.get_ifd(0x8769)
        return found[0x010E].encode("latin-1").decode(), taken.get(0x9003), taken.get(0x9011)


def test_a_recording_says_when_in_the_manifest_in_python_and_in_each_jpeg(
    created: Path, tmp_path: Path
) -> None:
    selection = streamsel.select(created, count=3, output=tmp_path / "kept")
    lines = manifest(tmp_path / "kept")
    assert len(lines) == 3
    for line, frame in zip(lines, selection.frames, strict=True):
        assert line["wall_time"] == frame.wall_time == pytest.approx(MOMENT + line["media_time"])
        description, taken, offset = exif(tmp_path / "kept" / line["path"])
        assert description.startswith(f"{line['source']} frame {line['index']} at ")
        assert (taken, offset) == ("2026:11:22 10:15:30", "+00:00")


def test_inputs_of_one_name_are_told_apart_by_their_folders_everywhere(
    created: Path, tmp_path: Path
) -> None:
    inputs = [tmp_path / day / "Прогулка walk.mp4" for day in ("day1", "day2")]
    for path in inputs:
        path.parent.mkdir()
        shutil.copy(created, path)
    kept = tmp_path / "kept"
    for jobs in (1, 2):
        streamsel.select(inputs, count=2, per_input=True, output=kept, overwrite=True, jobs=jobs)
        lines = manifest(kept)
        assert {(line["feed"], line["display_name"]) for line in lines} == {
            ("day1-walk", "day1/Прогулка walk"),
            ("day2-walk", "day2/Прогулка walk"),
        }
        assert all(line["path"].startswith(f"frames/{line['feed']}/") for line in lines)
        assert all(line["wall_time"] is not None for line in lines)


def test_images_keep_their_names_and_say_their_own_times(tmp_path: Path) -> None:
    folder = tmp_path / "Фото"
    folder.mkdir()
    names = ["IMG_20261122_101530.png", "Снимок 9.png", "b.png"]
    for number, name in enumerate(names):
        Image.fromarray(moving_picture(20 * number)).save(folder / name)
    streamsel.select(folder, count=3, near_duplicate=0.0, output=tmp_path / "kept")
    lines = manifest(tmp_path / "kept")
    assert [line["original"] for line in lines] == ["b.png", names[0], names[1]]
    assert [line["wall_time"] for line in lines] == [None, MOMENT, None]
    assert {line["display_name"] for line in lines} == {"Фото"}
    description, taken, _ = exif(tmp_path / "kept" / lines[1]["path"])
    assert description == f"{names[0]} of {folder}"
    assert taken == "2026:11:22 10:15:30"
    with Record.open(tmp_path / "kept") as record:
        originals = [candidate.frame.original for candidate in record.candidates()]
    assert originals == [line["original"] for line in lines]


def test_when_a_file_was_taken_decides_nothing(created: Path, tmp_path: Path) -> None:
    untold = tmp_path / "20200101_000000.mp4"
    with_time = tmp_path / "walk.mp4"
    shutil.copy(created, with_time)
    command = ["ffmpeg", "-v", "error", "-i", str(created), "-c", "copy", "-map_metadata", "-1"]
    subprocess.run([*command, untold], check=True)
    kept = []
    for path in (with_time, untold):
        selection = streamsel.select(path, count=3)
        kept.append([(frame.index, frame.distance) for frame in selection.frames])
    assert kept[0] == kept[1]


def test_a_secret_in_an_address_is_in_no_picture(created: Path, tmp_path: Path) -> None:
    with WebServer(created.parent) as server:
        address = server.url("/walk.mp4?token=canary4711").replace("//", "//viewer:canary4711@")
        streamsel.select(address, count=2, output=tmp_path / "kept")
    files = [path for path in (tmp_path / "kept").rglob("*") if path.is_file()]
    assert len(files) >= 4
    for path in files:
        assert b"canary4711" not in path.read_bytes()
    (first, *_) = manifest(tmp_path / "kept")
    description, taken, _ = exif(tmp_path / "kept" / first["path"])
    assert "viewer:***@127.0.0.1" in description
    assert "token=***" in description
    assert taken == "2026:11:22 10:15:30"


def test_what_is_passed_over_is_said_once_and_each_with_v(created: Path, tmp_path: Path) -> None:
    shutil.copy(created, tmp_path)
    for name in ("notes.txt", "more.TXT", "README"):
        (tmp_path / name).write_text("no video")
    asked = ["select", str(tmp_path), "-n", "2", "-o", str(tmp_path / "kept")]
    for more in (["--overwrite"], ["--overwrite", "-v"]):
        ended = CliRunner().invoke(cli, [*asked, *more])
        assert ended.exit_code == 0, ended.output
        assert ended.stderr.count("skipped 3 files") == 1
        assert "2 .txt, 1 without suffix" in ended.stderr
        assert (str(tmp_path / "notes.txt") in ended.stderr) is ("-v" in more)


def test_a_name_that_is_no_text_is_named_and_the_rest_is_done(
    created: Path, tmp_path: Path
) -> None:
    shutil.copy(created, tmp_path)
    shutil.copy(created, tmp_path / os.fsdecode(b"\xff.mp4"))
    asked = ["select", str(tmp_path), "-n", "2", "-o", str(tmp_path / "kept")]
    ended = CliRunner().invoke(cli, asked)
    assert "the name is not valid UTF-8; rename it" in ended.stderr
    assert "kept 2 of 10 frames" in ended.stdout


def test_raw_motion_jpeg_is_a_video(ffmpeg: Path, created: Path, tmp_path: Path) -> None:
    raw = tmp_path / "row.mjpeg"
    command = [ffmpeg, "-v", "error", "-i", created, "-c:v", "mjpeg", "-q:v", "3", raw]
    subprocess.run(list(map(str, command)), check=True)
    selection = streamsel.select(tmp_path, count=3, output=tmp_path / "kept")
    assert selection.summary.frames == 10
