from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Unpack

import numpy as np
import pytest

from streamsel.choices import Durability, ImageFormat
from streamsel.decisions import FeedReport, Verdict
from streamsel.errors import (
    ConfigurationError,
    FolderInUseError,
    RecordError,
    SinkError,
    SourceError,
)
from streamsel.frame import EncodedPicture, Frame, Picture
from streamsel.record.reader import Record
from streamsel.record.values import FeedPlan
from streamsel.sinks.pictures import Encoder
from streamsel.sinks.run_folder import DiskOptions, DiskSink
from streamsel.testing import ManualClock
from tests.sinks.streams import (
    DiskChoices,
    batches,
    end,
    frame,
    kept_keys,
    opened,
    plan,
    supply,
    turn,
    verdicts,
)

ROOT = Path(__file__).parents[2]


class CountingEncoder(Encoder):
    def __init__(self) -> None:
        super().__init__("png")
        self.encoded = 0

    def encode(self, picture: Picture) -> EncodedPicture:
        self.encoded += 1
        return super().encode(picture)


@pytest.fixture
def made() -> list[Verdict]:
    return list(verdicts())


def ran(
    folder: Path,
    made: list[Verdict],
    encoder: Encoder | None = None,
    **options: Unpack[DiskChoices],
) -> None:
    sink = opened(folder, encoder, **options)
    for batch in batches(made, 8):
        sink.apply(turn(batch))
    for feed in ("walk", "yard"):
        sink.feed_ended(FeedReport(feed, 60, None, ()))
    supply(sink)
    end(sink)


def files(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


@pytest.mark.parametrize("durability", ["strict", "batched"])
@pytest.mark.parametrize("hold_bytes", [0, 20_000, 96 << 20])
def test_a_folder_ends_with_the_kept_frames_and_nothing_else(
    tmp_path: Path, made: list[Verdict], durability: Durability, hold_bytes: int
) -> None:
    ran(tmp_path, made, durability=durability, hold_bytes=hold_bytes)
    expected = [
        f"frames/{key.feed}/{key.index:06d}_{key.index / 25:09.3f}.png" for key in kept_keys(made)
    ]
    assert files(tmp_path) == [*expected, "manifest.jsonl", "streamsel.db"]
    lines = [json.loads(line) for line in (tmp_path / "manifest.jsonl").read_text().splitlines()]
    assert [line["path"] for line in lines] == expected
    for line in lines:
        content = (tmp_path / line["path"]).read_bytes()
        assert (len(content), sha256(content).hexdigest()) == (line["bytes"], line["sha256"])
    last = lines[-1]
    assert last | {"bytes": 0, "sha256": ""} == {
        "id": "yard-000057",
        "feed": "yard",
        "display_name": "yard",
        "source": "yard.mp4",
        "original": None,
        "index": 57,
        "pts": 57 * 512,
        "time_base": "1/12800",
        "media_time": 2.28,
        "wall_time": None,
        "path": "frames/yard/000057_00002.280.png",
        "width": 64,
        "height": 48,
        "bytes": 0,
        "sha256": "",
        "distance": 0.25,
        "nearest": "yard-000051",
        "reason": "novel",
        "sharpness": 0.5,
        "embedder": {"name": "made", "digest": "00ff"},
    }


def test_what_is_evicted_in_time_is_never_encoded(tmp_path: Path, made: list[Verdict]) -> None:
    eager, patient = CountingEncoder(), CountingEncoder()
    for name, encoder, hold_bytes in (("a", eager, 0), ("b", patient, 96 << 20)):
        sink = opened(tmp_path / name, encoder, hold_bytes=hold_bytes)
        sink.apply(turn(made))
        supply(sink)
        end(sink)
    assert patient.encoded == len(kept_keys(made))
    one_by_one = CountingEncoder()
    sink = opened(tmp_path / "c", one_by_one, hold_bytes=0)
    for verdict in made:
        sink.apply(turn([verdict]))
    end(sink)
    assert one_by_one.encoded > 2 * patient.encoded


def test_a_held_picture_survives_being_dropped_by_others(tmp_path: Path) -> None:
    kept = next(verdicts())
    sink = opened(tmp_path)
    sink.apply(turn([kept]))
    kept.frame.picture.drop()
    end(sink)
    assert sink.missing() == []
    assert len(files(tmp_path / "frames")) == 1


def test_what_was_dropped_is_missing_until_it_is_supplied(tmp_path: Path) -> None:
    sink = opened(tmp_path)
    unseen = list(verdicts(seen=False))
    sink.apply(turn(unseen))
    assert sink.missing() == kept_keys(unseen)
    first = sink.missing()[0]
    with pytest.raises(SinkError, match=str(first)):
        sink.supply(frame(first.feed, first.index, seen=False))
    sink.supply(frame("walk", 59))
    assert sink.missing() == kept_keys(unseen)
    supply(sink)
    assert sink.missing() == []
    end(sink)
    assert len(files(tmp_path / "frames")) == len(kept_keys(unseen))


def test_a_run_is_not_complete_while_a_picture_is_missing(tmp_path: Path) -> None:
    unseen = list(verdicts(seen=False))
    sink = opened(tmp_path)
    sink.apply(turn(unseen))
    end(sink)
    sink = opened(tmp_path, resume=True)
    assert not sink.complete
    supply(sink)
    end(sink)
    assert len(files(tmp_path / "frames")) == len(kept_keys(unseen))


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path, made: list[Verdict]) -> None:
    whole, parted = tmp_path / "whole", tmp_path / "parted"
    ran(whole, made)
    sink = opened(parted)
    sink.apply(turn(made[:70]))
    sink.close()
    assert (parted / "manifest.jsonl").exists()
    with Record.open(parted) as record:
        assert record.run().status == "interrupted"
    sink = opened(parted, resume=True)
    assert sink.record.reader.recorded("yard") == 10
    sink.apply(turn(made))
    supply(sink)
    end(sink)
    assert files(parted) == files(whole)
    assert (parted / "manifest.jsonl").read_text() == (whole / "manifest.jsonl").read_text()


def test_a_complete_run_resumed_stays_as_it_is(tmp_path: Path, made: list[Verdict]) -> None:
    ran(tmp_path, made)
    before = {name: (tmp_path / name).stat().st_mtime_ns for name in files(tmp_path)}
    sink = opened(tmp_path, resume=True)
    assert sink.complete
    sink.apply(turn(made))
    sink.close()
    sink.close()
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in files(tmp_path)} == before


def test_a_picture_that_was_taken_away_is_missing_when_the_run_is_resumed(
    tmp_path: Path, made: list[Verdict]
) -> None:
    sink = opened(tmp_path)
    sink.apply(turn(made[:70]))
    supply(sink)
    sink.close()
    first, second, *_ = sorted((tmp_path / "frames").rglob("*.png"))
    first.unlink()
    second.write_bytes(second.read_bytes()[:100])
    sink = opened(tmp_path, resume=True)
    assert sink.missing() == kept_keys(made[:70])[:2]
    sink.close()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"count": 9}, "count was 4 and is 9"),
        ({"seed": 1}, "seed was 0 and is 1"),
        ({"identity": {"read": {"fps": 5}}}, "read.fps was null and is 5"),
        ({"embedder_digest": "11"}, 'embedder weights was "00ff" and is "11"'),
        ({"feeds": [FeedPlan("walk", "walk.mp4")]}, 'inputs.yard was "yard.mp4" and is absent'),
        (
            {"feeds": [FeedPlan("yard", "yard.mp4"), FeedPlan("walk", "walk.mp4")]},
            "order of inputs",
        ),
    ],
)
def test_a_run_asked_for_differently_is_not_resumed(
    tmp_path: Path, changes: dict[str, object], named: str
) -> None:
    opened(tmp_path).close()
    with pytest.raises(ConfigurationError, match=named):
        DiskSink(tmp_path, plan(**changes), Encoder(), ManualClock(), DiskOptions(resume=True))
    opened(tmp_path, resume=True).close()


@pytest.mark.parametrize(
    ("was", "named"),
    [
        ({}, r"names follow rules 1, this version has rules 2 .*; its pictures follow rules 1"),
        ({"rules": {"pictures": 1, "names": 2}}, r"its pictures follow rules 1.*tone-mapped"),
        ({"rules": {"pictures": 2, "names": 1}}, r"its names follow rules 1.*folders"),
        ({"rules": {"pictures": 3, "names": 2}}, r"its pictures follow rules 3, this .* 2\."),
    ],
)
def test_a_run_of_other_rules_is_not_resumed_and_left_as_it_is(
    tmp_path: Path, was: dict[str, object], named: str
) -> None:
    ours = {"rules": {"pictures": 2, "names": 2}}
    begun = plan(identity=was)
    DiskSink(tmp_path, begun, Encoder(), ManualClock(), DiskOptions()).close()
    before = (tmp_path / "streamsel.db").read_bytes()
    again, resume = plan(identity=ours), DiskOptions(resume=True)
    with pytest.raises(ConfigurationError, match=named + r".*with version 0 of.*--overwrite"):
        DiskSink(tmp_path, again, Encoder(), ManualClock(), resume)
    assert (tmp_path / "streamsel.db").read_bytes() == before
    overwrite = DiskOptions(overwrite=True)
    DiskSink(tmp_path, again, Encoder(), ManualClock(), overwrite).close()
    DiskSink(tmp_path, again, Encoder(), ManualClock(), resume).close()


def test_a_folder_with_a_run_needs_a_word(tmp_path: Path, made: list[Verdict]) -> None:
    ran(tmp_path, made)
    with pytest.raises(FolderInUseError, match=r"--resume.*--overwrite"):
        opened(tmp_path)
    with pytest.raises(ConfigurationError, match="not both"):
        opened(tmp_path, resume=True, overwrite=True)


def test_overwriting_removes_what_is_ours_and_nothing_else(
    tmp_path: Path, made: list[Verdict]
) -> None:
    ran(tmp_path, made)
    own = ["frames/walk/notes.txt", "frames/walk/999999_00000.000.png", "holiday.jpg"]
    for name in own:
        (tmp_path / name).write_text("mine")
    sink = opened(tmp_path, overwrite=True)
    sink.close()
    assert files(tmp_path) == sorted([*own, "manifest.jsonl", "streamsel.db"])
    assert not (tmp_path / "frames/yard").exists()


@pytest.mark.parametrize("format", ["jpg", "png", "webp", "avif"])
def test_pictures_of_every_format_are_known_as_ours(
    tmp_path: Path, made: list[Verdict], format: ImageFormat
) -> None:
    encoder = Encoder(format, keep_hdr=format == "avif")
    sink = opened(tmp_path, encoder)
    sink.apply(turn(made[:40]))
    supply(sink)
    sink.close()
    claimed = [path for path in files(tmp_path) if path.endswith(f".{format}")]
    assert len(claimed) == len(kept_keys(made[:40]))
    once_kept = {one.candidate.frame.key for one in made[:40] if one.outcome == "kept"}
    evicted = min(once_kept - set(kept_keys(made[:40])))
    left_over = tmp_path / f"frames/{evicted.feed}/{evicted.index:06d}_00000.000.{format}"
    left_over.write_bytes(b"of a run that was killed")
    sink = opened(tmp_path, encoder, resume=True)
    assert not sink.missing()
    sink.close()
    assert [path for path in files(tmp_path) if path.endswith(f".{format}")] == claimed
    opened(tmp_path, encoder, overwrite=True).close()
    assert files(tmp_path) == ["manifest.jsonl", "streamsel.db"]


@pytest.mark.parametrize("options", [{}, {"resume": True}, {"overwrite": True}])
def test_a_folder_of_other_things_is_refused_always(tmp_path: Path, options: DiskChoices) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(FolderInUseError, match=r"thesis\.tex"):
        opened(tmp_path, **options)
    assert files(tmp_path) == ["thesis.tex"]


@pytest.mark.parametrize("options", [{}, {"resume": True}])
def test_a_folder_with_anothers_database_is_refused_and_left_alone(
    tmp_path: Path, options: DiskChoices
) -> None:
    (tmp_path / "streamsel.db").write_bytes(b"something else" * 99)
    with pytest.raises((RecordError, FolderInUseError), match=r"streamsel\.db|--overwrite"):
        opened(tmp_path, **options)
    assert (tmp_path / "streamsel.db").read_bytes() == b"something else" * 99


def overwrite_damaged(
    folder: Path, made: list[Verdict], content: bytes, caplog: pytest.LogCaptureFixture
) -> str:
    (folder / "streamsel.db").write_bytes(content)
    caplog.clear()
    with caplog.at_level("WARNING", "streamsel.sinks"):
        ran(folder, made, overwrite=True)
    (record,) = caplog.records
    return record.getMessage()


@pytest.mark.parametrize("damage", ["torn", "foreign", "newer", "empty"])
def test_a_record_that_cannot_be_read_is_moved_aside(
    tmp_path: Path, made: list[Verdict], caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    folder = tmp_path / "kept"
    ran(folder, made)
    whole, before = (folder / "streamsel.db").read_bytes(), files(folder)
    newer = whole[:60] + (99).to_bytes(4, "big") + whole[64:]
    content = {"torn": whole[:5000], "foreign": b"x" * 9999, "newer": newer, "empty": b""}[damage]
    (folder / "holiday.jpg").write_text("mine")
    said = overwrite_damaged(folder, made, content, caplog)
    assert f"{folder / 'streamsel.db'}: " in said
    assert f"moved to {folder / 'set-aside-1'}" in said
    aside = folder / "set-aside-1"
    assert files(aside) == before
    assert (aside / "streamsel.db").read_bytes() == content
    assert (folder / "holiday.jpg").read_text() == "mine"
    again = overwrite_damaged(folder, made, content, caplog)
    assert f"moved to {folder / 'set-aside-2'}" in again
    assert files(aside) == files(folder / "set-aside-2") == before
    own = [path for path in files(folder) if not path.startswith(("set-aside", "holiday"))]
    assert own == before


def test_a_record_that_was_set_aside_does_not_keep_a_run_from_the_folder(
    tmp_path: Path, made: list[Verdict]
) -> None:
    (tmp_path / "set-aside-1").mkdir()
    (tmp_path / "set-aside-1" / "streamsel.db").write_bytes(b"x")
    ran(tmp_path, made)
    with Record.open(tmp_path) as record:
        assert record.run().status == "complete"


@pytest.mark.parametrize("complete", [True, False])
def test_a_run_that_never_read_a_frame_does_not_keep_the_next_from_its_folder(
    tmp_path: Path, made: list[Verdict], complete: bool
) -> None:
    sink = opened(tmp_path)
    sink.feed_ended(FeedReport("walk", 0, "walk.mp4: nobody answers", ()))
    if complete:
        sink.run_ended()
    sink.close()
    (tmp_path / "holiday.jpg").write_text("mine")
    DiskSink(tmp_path, plan(count=9), Encoder("png"), ManualClock(), DiskOptions()).close()
    with Record.open(tmp_path) as record:
        assert record.run().plan.count == 9
    ran(tmp_path, made)
    assert (tmp_path / "holiday.jpg").read_text() == "mine"
    with pytest.raises(FolderInUseError, match=r"--resume.*--overwrite"):
        opened(tmp_path)


def test_one_that_was_killed_before_its_first_frame_does_not_either(
    tmp_path: Path, made: list[Verdict]
) -> None:
    program = (
        "from tests.sinks.streams import opened; from pathlib import Path; import os, sys\n"
        "sink = opened(Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, check=False)
    assert (tmp_path / "streamsel.db").exists()
    ran(tmp_path, made)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FolderInUseError, match="is a file"):
        opened(tmp_path / "file")
    with pytest.raises(SinkError, match="file"):
        opened(tmp_path / "file" / "below")


def test_resuming_where_nothing_was_begun_begins(tmp_path: Path, made: list[Verdict]) -> None:
    ran(tmp_path / "new", made, resume=True)
    assert len(files(tmp_path / "new" / "frames")) == len(kept_keys(made))


def test_a_folder_is_written_by_one_process_at_a_time(tmp_path: Path) -> None:
    sink = opened(tmp_path)
    with pytest.raises(FolderInUseError, match="another process"):
        opened(tmp_path, resume=True)
    program = (
        "from tests.sinks.streams import opened; from pathlib import Path; import sys\n"
        "opened(Path(sys.argv[1]), resume=True)"
    )
    other = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "FolderLockedError" in other.stderr
    sink.close()
    opened(tmp_path, resume=True).close()


def test_a_reader_sees_a_run_that_goes_on(tmp_path: Path, made: list[Verdict]) -> None:
    sink = opened(tmp_path)
    sink.apply(turn(made[:30]))
    with Record.open(tmp_path) as record:
        assert len(list(record.decisions())) == 30
        sink.apply(turn(made[30:40]))
        assert len(list(record.decisions())) == 40
    sink.close()


def test_a_failing_close_lets_go_of_the_folder(tmp_path: Path, made: list[Verdict]) -> None:
    sink = opened(tmp_path)
    sink.apply(turn(made))
    (tmp_path / "frames").write_text("in the way")
    with pytest.raises(SinkError, match="frames"):
        end(sink)
    (tmp_path / "frames").unlink()
    sink = opened(tmp_path, resume=True)
    assert sink.missing() == kept_keys(made)
    sink.close()


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\0b"])
def test_a_feed_cannot_lead_out_of_the_folder(name: str) -> None:
    with pytest.raises(ConfigurationError, match="feed name"):
        FeedPlan(name, "x.mp4")


class Choosy(Encoder):
    """Cannot encode one picture."""

    def __init__(self, refused: Frame) -> None:
        super().__init__("png")
        assert refused.picture.image is not None
        self._refused = refused.picture.image.to_ndarray()

    def encode(self, picture: Picture) -> EncodedPicture:
        assert picture.image is not None
        if np.array_equal(picture.image.to_ndarray(), self._refused):
            raise SourceError("its picture cannot be encoded: made up")
        return super().encode(picture)


@pytest.mark.parametrize("durability", ["strict", "batched"])
@pytest.mark.parametrize("hold_bytes", [0, 1 << 20])
def test_a_picture_that_cannot_be_encoded_is_the_error_of_its_feed(
    tmp_path: Path, made: list[Verdict], durability: Durability, hold_bytes: int
) -> None:
    kept = kept_keys(made)
    indices = [key.index for key in kept]
    (one, *_) = (key for key in kept if indices.count(key.index) == 1)
    other = next(feed for feed in ("walk", "yard") if feed != one.feed)
    refused = frame(one.feed, one.index)
    folder = tmp_path / "run"
    ran(folder, made, encoder=Choosy(refused), durability=durability, hold_bytes=hold_bytes)
    with Record.open(folder) as record:
        assert record.run().status == "complete"
        errors = {feed.name: feed.error for feed in record.feeds()}
        stored = {frame.key for frame in record.kept() if frame.picture is not None}
    assert stored == set(kept) - {one}
    assert errors[one.feed] == (
        f"feed '{one.feed}': frame {one.index}: its picture cannot be encoded: made up"
    )
    assert errors[other] is None
    assert len(list((folder / "frames").rglob("*.png"))) == len(stored)


def test_what_ended_a_feed_stays_its_error(tmp_path: Path, made: list[Verdict]) -> None:
    one = kept_keys(made)[0]
    folder = tmp_path / "run"
    sink = opened(folder, Choosy(frame(one.feed, one.index)))
    sink.apply(turn(made))
    sink.feed_ended(FeedReport(one.feed, 60, "it was lost", ()))
    supply(sink)
    end(sink)
    with Record.open(folder) as record:
        assert {feed.name: feed.error for feed in record.feeds()}[one.feed] == "it was lost"
