"""Decisions do not depend on batching, on threads, or on where a run was cut off."""

from __future__ import annotations

import asyncio
import random
import signal
from pathlib import Path
from typing import Any

import pytest

from streamsel.config.options import RunOptions, SelectOptions
from streamsel.record.reader import Record
from streamsel.wiring.selection import build_selection
from tests.end_to_end.conftest import killed_when_recorded, manifest, streamsel


def decided(folder: Path) -> tuple[list[Any], list[Any], list[dict[str, Any]]]:
    """Everything that was decided in a run, and the frames it kept with their pictures' hashes."""
    with Record.open(folder) as record:
        return list(record.decisions()), list(record.changes()), manifest(folder)


@pytest.fixture(scope="module")
def expected(
    demo_clip: Path, second_clip: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[Any], list[Any], list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("expected") / "kept"
    assert streamsel("select", demo_clip, second_clip, "-n", 15, "-o", folder).code == 0
    return decided(folder)


@pytest.mark.parametrize("batch", [1, 7, 32])
def test_any_batch_size(
    batch: int, demo_clip: Path, second_clip: Path, tmp_path: Path, expected: Any
) -> None:
    run = build_selection(
        [str(demo_clip), str(second_clip)],
        RunOptions(select=SelectOptions(count=15)),
        tmp_path / "kept",
        batch=batch,
    )
    assert asyncio.run(run.pipeline.run())
    assert decided(tmp_path / "kept") == expected


@pytest.mark.parametrize("threads", ["1", "2", "4"])
def test_any_number_of_threads(
    threads: str, demo_clip: Path, second_clip: Path, tmp_path: Path, expected: Any
) -> None:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    ended = streamsel(
        "select", demo_clip, second_clip, "-n", 15, "-o", tmp_path / "kept",
        environment=dict.fromkeys(names, threads),
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert decided(tmp_path / "kept") == expected


@pytest.mark.parametrize("seed", range(4))
def test_killed_runs_continue_to_the_same_result(
    seed: int, demo_clip: Path, second_clip: Path, tmp_path: Path, expected: Any
) -> None:
    kept, chance = tmp_path / "kept", random.Random(seed)
    arguments = ["select", str(demo_clip), str(second_clip), "-n", "15", "-o", str(kept)]
    total = len(expected[0])
    for cut in sorted(chance.sample(range(1, total - 40), 2)):
        killed_when_recorded([*arguments, "--resume"], kept, cut, signal.SIGKILL)
    assert streamsel(*arguments, "--resume").code == 0
    assert decided(kept) == expected
    assert not list(kept.rglob("*.part"))


def test_an_interrupted_run_keeps_what_it_decided_and_can_continue(
    demo_clip: Path, second_clip: Path, tmp_path: Path, expected: Any
) -> None:
    kept = tmp_path / "kept"
    arguments = ["select", str(demo_clip), str(second_clip), "-n", "15", "-o", str(kept)]
    assert killed_when_recorded(arguments, kept, 100, signal.SIGINT) == 130
    with Record.open(kept) as record:
        assert record.run().status == "interrupted"
        live = list(record.kept())
    assert len(manifest(kept)) == len([one for one in live if one.picture is not None])
    for line in manifest(kept):
        assert (kept / line["path"]).stat().st_size == line["bytes"]
    assert streamsel(*arguments, "--resume").code == 0
    assert decided(kept) == expected


def test_resuming_a_finished_run_changes_nothing(
    demo_clip: Path, second_clip: Path, tmp_path: Path, expected: Any
) -> None:
    kept = tmp_path / "kept"
    arguments = ["select", demo_clip, second_clip, "-n", 15, "-o", kept, "--resume"]
    assert streamsel(*arguments).code == 0
    again = streamsel(*arguments)
    assert again.code == 0, again.err
    assert decided(kept) == expected


def test_resuming_with_other_options_is_refused(demo_clip: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    assert streamsel("select", demo_clip, "-n", 5, "-o", kept).code == 0
    ended = streamsel("select", demo_clip, "-n", 6, "-o", kept, "--resume")
    assert ended.code == 2
    assert "count was 5 and is 6" in ended.err
