"""What ``streamsel train`` makes of its options, and how it ends when it is interrupted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from streamsel.embed.distill import make
from streamsel.embed.distill.make import Making
from streamsel.wiring import training
from streamsel.wiring.training import TrainOptions, checkpoint_of
from tests.cli.running import streamsel

TEACHER = ("--teacher", "net.tflite@7")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--photos", "."), "--photos goes with --teacher"),
        (("--views", 5), "--views goes with --teacher"),
        (("--pool-seed", 5), "--pool-seed goes with --teacher"),
        (TEACHER, "--teacher needs --photos"),
        ((*TEACHER, "--photos", ".", "more"), "INPUT is one folder of clips"),
    ],
)
def test_options_that_do_not_go_together(
    tmp_path: Path, options: tuple[object, ...], told: str
) -> None:
    ended = streamsel("train", tmp_path, "-o", tmp_path / "own.safetensors", *options)
    assert ended.code == 2
    assert told in ended.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("quiet", [False, True])
def test_teachers_train_from_scratch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quiet: bool
) -> None:
    asked: list[Making] = []

    def make_weights(making: Making, say: Callable[[str], None]) -> None:
        asked.append(making)
        say("half of it")

    monkeypatch.setattr(make, "make_weights", make_weights)
    clips, out = tmp_path / "clips", tmp_path / "own.safetensors"
    clips.mkdir()
    arguments = ["train", clips, "-o", out, *TEACHER, "--photos", clips, "--seed", 3, "--steps", 20]
    ended = streamsel(*arguments, *(["-q"] if quiet else []))
    (making,) = asked
    assert making == Making(
        teachers=("net.tflite@7",), videos=clips, photos=clips, out=out, steps=20, seed=3
    )
    assert (ended.code, ended.err) == (0, "" if quiet else "half of it\n")
    assert ended.out == f"{out}: use it with --weights {out}\n"
    out.touch()
    again = streamsel(*arguments)
    assert again.code == 2
    assert f"{out} exists already; replace it with --overwrite" in again.err
    assert streamsel(*arguments, "--overwrite").code == 0
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("resume", "written", "goes_on"),
    [(False, False, False), (False, True, False), (True, True, True), (True, False, False)],
)
def test_only_a_training_that_was_begun_goes_on(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    resume: bool,
    written: bool,
    goes_on: bool,
) -> None:
    """A checkpoint of an earlier training is nothing that this one has written."""
    asked: list[TrainOptions] = []

    def train(inputs: Sequence[str], output: Path, options: TrainOptions, _: object) -> None:
        asked.append(options)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", train)
    out = tmp_path / "own.safetensors"
    if written:
        checkpoint_of(out).touch()
    ended = streamsel("train", "a.mp4", "-o", out, *(["--resume"] if resume else []))
    kept = f"{checkpoint_of(out)} is kept; continue with --resume"
    assert (ended.code, ended.out) == (130, "")
    assert ended.err == f"interrupted; {kept if goes_on else 'nothing was written'}\n"
    assert (asked[0].resume, asked[0].read.fps) == (resume, 4.0)


def test_the_asked_rate_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[TrainOptions] = []

    def train(inputs: Sequence[str], output: Path, options: TrainOptions, _: object) -> None:
        asked.append(options)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", train)
    options = ("--fps", "0.5", "--start", "2s", "--epochs", 7, "--lr", "0.01", "--holdout", "0.3")
    streamsel("train", "a.mp4", "-o", tmp_path / "own.safetensors", *options)
    (told,) = asked
    assert (told.read.fps, told.read.start, told.holdout) == (0.5, 2.0, 0.3)
    assert (told.recipe.epochs, told.recipe.rate) == (7, 0.01)
