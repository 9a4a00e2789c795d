"""What is said of a training: on the way, and of its result."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streamsel.cli.training import TrainingProgress, as_published, print_trained
from streamsel.embed.finetune.adapt import Epoch
from streamsel.embed.finetune.evaluate import Figures
from streamsel.embed.finetune.training_footage import HeldOutBy, Split, TrainingFootage
from streamsel.errors import SourceError
from streamsel.wiring.training import Trained

EPOCHS = (Epoch(1, 0.5, 0.4, True), Epoch(2, 0.45, 0.41, False))
BEFORE = Figures(0.5, 0.75, None, 20.0)
TRAINED = Trained(
    output=Path("own.safetensors"),
    adapted=True,
    digest="aa",
    start_digest="bb",
    before=BEFORE,
    after=Figures(0.625, 0.8, None, 21.0),
    better=("found_again",),
    worse=(),
    start_loss=0.6,
    best_epoch=1,
    epochs=EPOCHS,
    trained_frames=400,
    held_out_frames=100,
    held_out_by="time",
    failed=(),
)


def footage(frames: int) -> TrainingFootage:
    pictures = np.zeros((frames, 1, 1, 3), np.uint8)
    return TrainingFootage(pictures, np.zeros(frames), np.zeros(frames, np.int64))


def progress_of_a_training(
    by: HeldOutBy = "time", done: int = 0, *, quiet: bool = False, verbose: bool = False
) -> None:
    with TrainingProgress(quiet=quiet, verbose=verbose) as progress:
        progress.feed_opened("walk", 30)
        progress.frame_read()
        progress.feed_ended("walk", 30, ["it is short"])
        progress.feed_failed(SourceError("yard.mp4: does not exist"))
        assert not progress.has_begun
        progress.begun(Split(footage(400), footage(100), by), 2, 0.6, EPOCHS[:done])
        assert progress.has_begun
        progress.stepped(1, 9)
        for epoch in EPOCHS[done:]:
            progress.epoch_ended(epoch)


PROBLEMS = ["warning: it is short", "error: yard.mp4: does not exist"]


def test_what_is_said_on_the_way(capsys: pytest.CaptureFixture[str]) -> None:
    progress_of_a_training()
    assert capsys.readouterr().err.splitlines() == [
        *PROBLEMS,
        "400 frames to learn from, 100 held out (the end of each input); "
        "held-out loss 0.6000 to begin",
        "epoch 1 of 2: held-out loss 0.4000, the lowest so far",
        "epoch 2 of 2: held-out loss 0.4100",
    ]


def test_what_is_said_besides_when_verbose_and_continued(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress_of_a_training("feed", 1, verbose=True)
    assert capsys.readouterr().err.splitlines() == [
        PROBLEMS[0],
        "walk: 30 frames",
        PROBLEMS[1],
        "400 frames to learn from, 100 held out (whole inputs); held-out loss 0.6000 to begin",
        "continued after epoch 1",
        "epoch 2 of 2: held-out loss 0.4100 (trained 0.4500)",
    ]


def test_quiet_only_problems_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    progress_of_a_training(quiet=True)
    assert capsys.readouterr().err.splitlines() == PROBLEMS


def said_of(trained: Trained, capsys: pytest.CaptureFixture[str]) -> list[str]:
    print_trained(trained)
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_better_weights_are_told_with_their_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert said_of(TRAINED, capsys) == [
        "on 100 held-out frames before after better is",
        "frames found again when altered 0.500 0.625 higher",
        "moments told apart (AUC) 0.750 0.800 higher",
        "noise, as a share of far distances - - lower",
        "directions in use 20.000 21.000 higher",
        "epoch 1 of 2 -> own.safetensors; use it: --weights own.safetensors",
    ]


def test_few_frames_and_failed_inputs_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    said = said_of(replace(TRAINED, held_out_frames=99, failed=("yard",)), capsys)
    assert said[5] == "so few held-out frames make rough figures: more footage tells more"
    assert said[-1] == "1 input failed: yard"
    several = said_of(replace(TRAINED, failed=("yard", "gate")), capsys)
    assert several[-1] == "2 inputs failed: yard, gate"


@pytest.mark.parametrize(
    ("after", "worse", "why"),
    [
        (None, (), "no epoch lowered the held-out loss"),
        (BEFORE, (), "no figure is clearly better"),
        (
            BEFORE,
            ("noise", "directions"),
            "worse in noise, as a share of far distances and in directions in use",
        ),
    ],
)
def test_why_weights_were_not_changed(
    capsys: pytest.CaptureFixture[str], after: Figures | None, worse: tuple[str, ...], why: str
) -> None:
    said = said_of(replace(TRAINED, adapted=False, after=after, worse=worse), capsys)
    assert (len(said) == 1) == (after is None)
    assert said[-1] == (
        f"no better than before, {why}: the weights it began with were kept -> own.safetensors"
    )


def test_the_published_result_has_the_path_as_text() -> None:
    told = as_published(TRAINED)
    assert (told["output"], told["best_epoch"]) == ("own.safetensors", 1)
    assert told["before"] == {
        "found_again": 0.5, "moments_told_apart": 0.75, "noise": None, "directions": 20.0,
    }  # fmt: skip
