"""``streamsel select`` as its user runs it: what lies in the folder, and what is printed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import streamsel as package
from streamsel.errors import ConfigurationError, FolderInUseError
from streamsel.record.reader import Record
from tests.end_to_end.conftest import manifest, streamsel


def test_the_folder_holds_exactly_what_the_manifest_says(demo_clip: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    ended = streamsel("select", demo_clip, "-n", 20, "-o", kept)
    assert ended.code == 0, ended.err
    lines = manifest(kept)
    assert 10 <= len(lines) <= 20
    assert f"kept {len(lines)} of" in ended.out
    files = {path for path in (kept / "frames").rglob("*") if path.is_file()}
    assert files == {kept / line["path"] for line in lines}
    for line in lines:
        content = (kept / line["path"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == line["sha256"]
        assert len(content) == line["bytes"]
        index, media_time = Path(line["path"]).stem.split("_")
        assert int(index) == line["index"]
        assert float(media_time) == pytest.approx(line["media_time"], abs=5e-4)
        assert line["embedder"]["name"] == "builtin"
        assert line["feed"] == "demo"
    assert sorted(path.name for path in kept.iterdir()) == [
        "frames",
        "manifest.jsonl",
        "streamsel.db",
    ]


def test_kept_pictures_are_the_frames_they_claim_to_be(demo_clip: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    assert streamsel("select", demo_clip, "-n", 12, "--format", "png", "-o", kept).code == 0
    with av.open(str(demo_clip)) as container:
        truth = {
            index: frame.to_ndarray(format="rgb24")
            for index, frame in enumerate(container.decode(video=0))
        }
    for line in manifest(kept):
        picture = np.asarray(Image.open(kept / line["path"]).convert("RGB"), np.float64)
        own = np.mean(np.abs(picture - truth[line["index"]]))
        others = [
            np.mean(np.abs(picture - truth[other]))
            for other in truth
            if abs(other - line["index"]) == 40
        ]
        assert own < 3.0
        assert own <= min(others)


def test_every_frame_has_a_verdict_and_every_accepted_one_an_embedding(
    demo_clip: Path, tmp_path: Path
) -> None:
    ended = streamsel("select", demo_clip, "-n", 10, "--json", "-o", tmp_path / "kept")
    with av.open(str(demo_clip)) as container:
        total = sum(1 for _ in container.decode(video=0))
    with Record.open(tmp_path / "kept") as record:
        decisions = list(record.decisions())
        embedded = sum(one.embedding is not None for one in record.candidates())
    assert [decision.key.index for decision in decisions] == list(range(total))
    refused = sum(decision.outcome == "refused" for decision in decisions)
    assert embedded == total - refused
    result = ended.json
    assert result["frames"] == total
    assert result["kept"] == result["admitted"] - result["evicted"] == 10
    assert sum(result["refused"].values()) == refused
    assert result["diversity"]["radius"] >= result["diversity"]["radius_p99"] > 0
    assert result["embedder"]["name"] == "builtin"
    with Record.open(tmp_path / "kept") as record:
        assert record.statistics()["diversity"] == result["diversity"]


@pytest.mark.parametrize("method", ["online", "two-pass", "random", "uniform"])
def test_every_method_keeps_what_was_asked_for(
    method: str, demo_clip: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    ended = streamsel("select", demo_clip, "-n", 15, "--method", method, "--json", "-o", kept)
    assert ended.code == 0, ended.err
    assert ended.json["kept"] == len(manifest(kept)) == 15


def test_one_selection_over_all_inputs_or_one_each(
    demo_clip: Path, second_clip: Path, tmp_path: Path
) -> None:
    together = streamsel("select", demo_clip, second_clip, "-n", 9, "-o", tmp_path / "all")
    each = streamsel(
        "select", demo_clip, second_clip, "-n", 9, "--per-input", "-o", tmp_path / "each"
    )
    assert (together.code, each.code) == (0, 0)
    assert len(manifest(tmp_path / "all")) == 9
    feeds = [line["feed"] for line in manifest(tmp_path / "each")]
    assert (feeds.count("demo"), feeds.count("second")) == (9, 9)


def test_share_size_format_and_span(demo_clip: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    ended = streamsel(
        "select", demo_clip, "--share", "5%", "--start", "2s", "--end", "10s", "--size", "80x44!",
        "--format", "webp", "--quality", "70", "--json", "-o", kept,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    lines = manifest(kept)
    assert len(lines) == ended.json["kept"] > 0
    assert ended.json["kept"] <= 0.05 * ended.json["frames"] + 1
    assert all(2.0 <= line["media_time"] < 10.0 for line in lines)
    for line in lines:
        with Image.open(kept / line["path"]) as picture:
            assert (picture.format, picture.size) == ("WEBP", (80, 44))
        assert (line["width"], line["height"]) == (80, 44)


def test_what_is_refused_can_be_adjusted(demo_clip: Path, tmp_path: Path) -> None:
    def refused(*flags: object) -> dict[str, int]:
        arguments = ("select", demo_clip, "-n", 9, "--json", "--overwrite", "-o", tmp_path / "kept")
        found: dict[str, int] = streamsel(*arguments, *flags).json["refused"]
        return found

    usual = refused()
    lenient = refused(
        "--keep-exact-duplicates", "--keep-unchanged", "--keep-black", "--keep-uniform",
        "--keep-frozen", "--min-sharpness", "0",
    )  # fmt: skip
    strict = refused(
        "--black-level", "120", "--frozen-after", "200ms", "--unchanged-level", "5",
        "--min-sharpness", "0.3",
    )  # fmt: skip
    assert lenient == {}
    assert set(usual) >= {"black", "unchanged"}
    assert strict["black"] > usual["black"]
    assert strict["unchanged"] + strict["frozen"] > usual["unchanged"]
    assert strict["blurred"] > usual.get("blurred", 0)


def test_min_distance_is_kept(demo_clip: Path, tmp_path: Path) -> None:
    ended = streamsel(
        "select", demo_clip, "--min-distance", "0.6", "--json", "-o", tmp_path / "kept"
    )
    assert ended.json["kept"] > 1
    assert ended.json["diversity"]["min"] > 0.6


def test_folders_of_others_are_not_touched(demo_clip: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("precious")
    for flags in ([], ["--overwrite"], ["--resume"]):
        ended = streamsel("select", demo_clip, "-n", 5, "-o", foreign, *flags)
        assert ended.code == 2
        assert str(foreign) in ended.err
        assert "Traceback" not in ended.err
    assert [path.name for path in foreign.iterdir()] == ["thesis.txt"]


def test_a_run_is_only_replaced_when_asked(demo_clip: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    assert streamsel("select", demo_clip, "-n", 5, "-o", kept).code == 0
    before = manifest(kept)
    refused = streamsel("select", demo_clip, "-n", 6, "-o", kept)
    assert refused.code == 2
    assert "--resume" in refused.err
    assert manifest(kept) == before
    assert streamsel("select", demo_clip, "-n", 6, "-o", kept, "--overwrite").code == 0
    assert len(manifest(kept)) == 6


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-n", "0"], "at least 1"),
        (["-n", "5", "--share", "0.5"], "not both"),
        (["--share", "2"], "write a number above 0"),
        (["-n", "5", "--start", "9s", "--end", "3s"], "after start"),
        (["-n", "5", "--vf", "nosuchfilter=3"], "nosuchfilter"),
        (["-n", "5", "--embedder", "bultin"], "builtin"),
        (["-n", "5", "--weights", "nowhere.safetensors"], "nowhere.safetensors"),
        (["-n", "5", "--near-duplicate", "some"], "auto"),
    ],
)
def test_what_cannot_be_is_said_before_anything_happens(
    arguments: list[str], said: str, demo_clip: Path, tmp_path: Path
) -> None:
    ended = streamsel("select", demo_clip, *arguments, "-o", tmp_path / "kept")
    assert ended.code in {1, 2}
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "kept" / "streamsel.db").exists()


def test_from_python(demo_clip: Path, tmp_path: Path) -> None:
    selection = package.select(demo_clip, count=6)
    assert len(selection.frames) == 6
    assert selection.frames[0].image().shape == (180, 320, 3)
    assert selection.diversity["count"] == 6
    written = selection.write(tmp_path / "out")
    assert [line["id"] for line in manifest(written)] == [one.id for one in selection.frames]
    with pytest.raises(FolderInUseError):
        selection.write(tmp_path / "out")
    with pytest.raises(ConfigurationError):
        package.select(demo_clip, count=0)
