"""A run's folder: what it would be used for, and which files in it are the run's."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from streamsel.errors import ConfigurationError, FolderInUseError
from streamsel.frame import FrameKey
from streamsel.record.folder import (
    foresee,
    is_live_name,
    is_unread,
    live_name,
    make_and_lock,
    picture_path,
    prepare,
    remove_stored,
    sweep,
)
from streamsel.record.reader import Record
from streamsel.record.values import StoredPicture
from streamsel.record.writer import RecordWriter
from tests.sinks.streams import frame, kept_keys, plan, verdicts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run with pictures, all of them there."""
    made = list(verdicts())
    with closing(RecordWriter.create(tmp_path, plan(), 5.0, strict=False)) as record:
        record.append(made)
        for key in kept_keys(made):
            path = picture_path(frame(key.feed, key.index), "png")
            put(tmp_path / path)
            record.claim([StoredPicture(key, path, 64, 48, 7, "ab")])
    return tmp_path


def put(path: Path, content: bytes = b"picture") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def pictures(folder: Path) -> list[str]:
    with Record.open(folder) as record:
        return [one.picture.path for one in record.kept() if one.picture is not None]


def begin(folder: Path, **changes: object) -> None:
    folder.mkdir(exist_ok=True)
    RecordWriter.create(folder, plan(**changes), 5.0, strict=False).close()


@pytest.mark.parametrize("options", [{}, {"resume": True}, {"overwrite": True}])
def test_a_folder_that_holds_nothing_is_new(tmp_path: Path, options: dict[str, bool]) -> None:
    options = {"resume": False, "overwrite": False} | options
    assert foresee(tmp_path / "absent", **options) == "new"
    assert not (tmp_path / "absent").exists()
    put(tmp_path / "set-aside-12/streamsel.db")
    (tmp_path / ".streamsel.db.part").touch()
    make_and_lock(tmp_path).release()
    assert foresee(tmp_path, **options) == "new"


def test_a_run_is_continued_replaced_or_neither(folder: Path) -> None:
    assert foresee(folder, resume=True, overwrite=False) == "resumed"
    assert foresee(folder, resume=False, overwrite=True) == "replaced"
    with pytest.raises(FolderInUseError, match=r"--resume.*--overwrite"):
        foresee(folder, resume=False, overwrite=False)
    with pytest.raises(ConfigurationError, match="not both"):
        foresee(folder, resume=True, overwrite=True)


def test_a_run_that_never_read_a_frame_is_in_nobodys_way(tmp_path: Path) -> None:
    begin(tmp_path / "files")
    begin(tmp_path / "live", method="live")
    assert foresee(tmp_path / "files", resume=False, overwrite=False) == "replaced"
    assert is_unread(tmp_path / "files")
    assert not is_unread(tmp_path / "live")
    assert not is_unread(tmp_path / "absent")


@pytest.mark.parametrize("name", ["holiday.jpg", "set-aside", "set-aside-1b", "frames"])
def test_a_folder_of_somebody_elses_files_is_refused(tmp_path: Path, name: str) -> None:
    put(tmp_path / name)
    for options in ({"resume": True, "overwrite": False}, {"resume": False, "overwrite": True}):
        with pytest.raises(FolderInUseError, match=f"not a run.*such as {name}"):
            foresee(tmp_path, **options)
    assert files(tmp_path) == {name}


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    place = put(tmp_path / "file")
    for use in (make_and_lock, lambda path: foresee(path, resume=False, overwrite=True)):
        with pytest.raises(FolderInUseError, match="is a file"):
            use(place)


def test_replacing_removes_what_the_run_wrote_and_nothing_else(folder: Path) -> None:
    for name in ("manifest.jsonl", ".manifest.jsonl.part", ".reserve", "frames/yard/notes.txt"):
        put(folder / name)
    put(folder / "frames/walk/.000012_00000.480.png.part")
    put(folder / "frames/yard/000001_00000.040.png")  # a frame that was never kept
    assert prepare(folder, resume=False, overwrite=True) == "new"
    assert files(folder) == {"frames/yard/notes.txt", "frames/yard/000001_00000.040.png"}
    assert not (folder / "frames/walk").exists()


def test_replacing_leaves_no_empty_folder(folder: Path) -> None:
    assert prepare(folder, resume=False, overwrite=True) == "new"
    assert list(folder.iterdir()) == []


def test_resuming_removes_only_a_record_that_never_began(folder: Path) -> None:
    before = files(folder)
    (folder / ".streamsel.db.part").touch()
    assert prepare(folder, resume=True, overwrite=False) == "resumed"
    assert files(folder) == before


def test_an_unreadable_record_is_set_aside_with_its_pictures(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in (1, 2):
        for name in ("streamsel.db", "frames/walk/000001_00000.040.png", "manifest.jsonl"):
            put(tmp_path / name, b"%d" % number)
        assert prepare(tmp_path, resume=False, overwrite=True) == "new"
    for number in (1, 2):
        aside = tmp_path / f"set-aside-{number}"
        assert {path.read_bytes() for path in aside.rglob("*") if path.is_file()} == {
            b"%d" % number
        }
        assert len(files(aside)) == 3
        assert f"moved to {aside}" in caplog.text
    assert {path.name for path in tmp_path.iterdir()} == {"set-aside-1", "set-aside-2"}


def test_setting_aside_goes_on_where_a_crash_ended_it(tmp_path: Path) -> None:
    put(tmp_path / "set-aside-1/manifest.jsonl")
    put(tmp_path / "streamsel.db", b"no database")
    prepare(tmp_path, resume=False, overwrite=True)
    assert files(tmp_path) == {"set-aside-1/manifest.jsonl", "set-aside-1/streamsel.db"}


def test_record_and_pictures_agree_after_a_sweep(folder: Path) -> None:
    paths = pictures(folder)
    lost, cut, *whole = paths
    (folder / lost).unlink()
    (folder / cut).write_bytes(b"pict")
    put(folder / "frames/walk/.000012_00000.480.png.part")
    put(folder / "frames/walk/000012_00000.480.png")  # kept once, and evicted
    foreign = put(folder / "frames/walk/000001_00000.040.png")
    with closing(RecordWriter.resume(folder, strict=False)) as record:
        record.disclaim([key_of(folder, whole[0])])
        missing = sweep(folder, record.reader, record.disclaim)
    assert sorted(missing) == sorted(
        FrameKey(path.split("/")[1], int(path.split("/")[2][:6])) for path in (lost, cut, whole[0])
    )
    assert pictures(folder) == whole[1:]
    assert files(folder / "frames") == {
        Path(path).relative_to("frames").as_posix() for path in whole[1:]
    } | {foreign.relative_to(folder / "frames").as_posix()}
    with closing(RecordWriter.resume(folder, strict=False)) as record:
        assert sorted(sweep(folder, record.reader, record.disclaim)) == sorted(missing)


def key_of(folder: Path, path: str) -> FrameKey:
    with Record.open(folder) as record:
        return next(one.key for one in record.kept() if one.picture and one.picture.path == path)


def test_a_sweep_of_a_whole_run_changes_nothing(folder: Path) -> None:
    before, claimed = files(folder), pictures(folder)
    with closing(RecordWriter.resume(folder, strict=False)) as record:
        assert sweep(folder, record.reader, record.disclaim) == []
    assert (files(folder), pictures(folder)) == (before, claimed)


def test_pictures_of_a_live_feed_are_known_by_their_names(tmp_path: Path) -> None:
    begin(tmp_path, method="live")
    moment = replace(frame("walk", 7), wall_time=1763806530.25)
    put(tmp_path / picture_path(moment, "jpg"))
    other = put(tmp_path / picture_path(moment, "jpg").replace("Z_walk", "Z_gate"))
    with closing(RecordWriter.resume(tmp_path, strict=False)) as record:
        assert sweep(tmp_path, record.reader, record.disclaim) == []
    assert files(tmp_path / "frames") == {other.relative_to(tmp_path / "frames").as_posix()}


def test_a_live_name_is_known_again() -> None:
    moment = replace(frame("walk", 7), wall_time=1763806530.25)
    assert is_live_name(live_name(moment).rpartition("/")[2])
    assert not is_live_name(Path(picture_path(frame("walk", 7), "jpg")).stem)


def test_the_folders_of_a_live_picture_go_with_the_last_one(tmp_path: Path) -> None:
    hour = tmp_path / "frames/walk/2025-11-22/10"
    first, second = (
        put(hour / f"20251122T1015{second}.250000Z_walk-000123.jpg")
        .relative_to(tmp_path)
        .as_posix()
        for second in (30, 31)
    )
    remove_stored(tmp_path, first)
    assert files(hour) == {second.rpartition("/")[2]}
    put(hour.parent / "11/20251122T111530.250000Z_walk-000124.jpg")
    remove_stored(tmp_path, second)
    assert not hour.exists()
    assert hour.parent.exists()
    remove_stored(tmp_path, "frames/walk/2025-11-22/11/20251122T111530.250000Z_walk-000124.jpg")
    assert list((tmp_path / "frames/walk").iterdir()) == []


def test_the_folder_of_a_files_pictures_stays(tmp_path: Path) -> None:
    put(tmp_path / "frames/walk/000001_00000.040.png")
    remove_stored(tmp_path, "frames/walk/000001_00000.040.png")
    assert list((tmp_path / "frames/walk").iterdir()) == []


@pytest.mark.parametrize(
    "path",
    ["frames/walk/000001_00000.040.png", "2025-11-22/10/20251122T101530.250000Z_a-000001.jpg"],
)
def test_a_picture_that_is_gone_already_is_no_error(tmp_path: Path, path: str) -> None:
    remove_stored(tmp_path, path)


def test_a_folder_that_cannot_be_removed_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "frames/walk/2025-11-22/10/20251122T101530.250000Z_walk-000123.jpg"
    put(tmp_path / path)

    def refuse(place: Path) -> None:
        raise PermissionError(13, "Permission denied", str(place))

    monkeypatch.setattr(Path, "rmdir", refuse)
    with pytest.raises(PermissionError):
        remove_stored(tmp_path, path)
