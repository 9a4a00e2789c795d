"""``streamsel train`` as its user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from streamsel.cli.main import cli
from streamsel.config.options import ReadOptions
from streamsel.embed.builtin import BuiltinEmbedder
from streamsel.embed.finetune.adapt import Epoch
from streamsel.embed.finetune.recipe import FinetuneRecipe
from streamsel.embed.finetune.training_footage import Split
from streamsel.embed.network import Network
from streamsel.errors import ConfigurationError, EmbedderError, SourceError, StreamselError
from streamsel.wiring.training import TrainOptions, checkpoint_of, train
from tests.end_to_end.conftest import streamsel
from tests.polling import eventually
from tests.sources.media import write_video

READ = ReadOptions(fps=10)
RECIPE = FinetuneRecipe(epochs=3, batch=16)


_ALONE = {"OMP_NUM_THREADS": "1"}


def _call(*arguments: object) -> int:
    """Run the command in this process; what it refuses is raised."""
    code = cli.main([str(each) for each in arguments], standalone_mode=False)
    assert isinstance(code, int)
    return code


class Listener:
    """Hears how a training goes; leaves it after so many epochs."""

    def __init__(self, leave_after: int = 99) -> None:
        self.frames = 0
        self.epochs = 0
        self.done = -1
        self._leave_after = leave_after

    def feed_opened(self, feed: str, expected_frames: int | None) -> None:
        assert expected_frames is None or expected_frames > 0

    def frame_read(self) -> None:
        self.frames += 1

    def feed_ended(self, feed: str, frames: int, problems: Sequence[str]) -> None:
        assert frames > 0

    def feed_failed(self, error: SourceError) -> None:
        raise error

    def begun(self, parts: Split, epochs: int, start_loss: float, done: Sequence[Epoch]) -> None:
        self.done = len(done)

    def stepped(self, done: int, steps: int) -> None:
        if self.epochs == self._leave_after and done == 2:
            raise KeyboardInterrupt

    def epoch_ended(self, epoch: Epoch) -> None:
        self.epochs += 1


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("train") / "clip.mp4"
    return write_video(path, frames=300, options={"preset": "ultrafast"})


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights that know nothing, which any training improves."""
    path = tmp_path_factory.mktemp("train") / "start.safetensors"
    torch.manual_seed(0)
    save_file(Network().state_dict(), path)
    return path


def _options(start: Path, **more: bool) -> TrainOptions:
    return TrainOptions(read=READ, recipe=RECIPE, weights=str(start), device="cpu", **more)


def test_an_interrupted_training_ends_as_if_it_had_not_been(
    clip: Path, start: Path, tmp_path: Path
) -> None:
    whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
    trained = train([str(clip)], whole, _options(start), Listener())
    for leave_after in (0, 2):
        resume = leave_after > 0
        with pytest.raises(KeyboardInterrupt):
            train([str(clip)], parts, _options(start, resume=resume), Listener(leave_after))
        assert checkpoint_of(parts).exists()
        assert not parts.exists()
    with pytest.raises(ConfigurationError, match=r"continue it with --resume"):
        train([str(clip)], parts, _options(start), Listener())
    listener = Listener()
    again = train([str(clip)], parts, _options(start, resume=True), listener)
    assert (listener.done, listener.epochs) == (2, 1)
    assert again.epochs == trained.epochs
    assert parts.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [parts.name, whole.name]


def test_the_file_is_the_start_unless_a_figure_is_better(
    clip: Path, start: Path, tmp_path: Path
) -> None:
    out = tmp_path / "same.safetensors"
    still = TrainOptions(
        read=READ, recipe=FinetuneRecipe(epochs=1, rate=1e-12), weights=str(start), device="cpu"
    )
    kept = train([str(clip)], out, still, Listener())
    assert not kept.adapted
    assert kept.better == kept.worse == ()
    assert out.read_bytes() == start.read_bytes()
    assert kept.digest == kept.start_digest == BuiltinEmbedder(str(out), "cpu").digest


def test_other_options_do_not_continue_a_training(clip: Path, start: Path, tmp_path: Path) -> None:
    out = tmp_path / "own.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train([str(clip)], out, _options(start), Listener(1))
    for changed in (
        TrainOptions(
            read=READ,
            recipe=FinetuneRecipe(epochs=3, batch=16, seed=1),
            weights=str(start),
            resume=True,
        ),
        TrainOptions(read=ReadOptions(fps=12), recipe=RECIPE, weights=str(start), resume=True),
        TrainOptions(read=READ, recipe=RECIPE, weights=str(start), holdout=0.3, resume=True),
    ):
        with pytest.raises(ConfigurationError, match=r"was made with .* restart"):
            train([str(clip)], out, changed, Listener())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"holdout": 0.0}, "holdout is 0; it must be"),
        ({"holdout": 0.9}, "holdout is 0.9; it must be"),
        ({"max_frames": 10}, "max-frames is 10; it must be at least 64"),
    ],
)
def test_options_that_cannot_be(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(StreamselError, match=said):
        TrainOptions(read=READ, recipe=RECIPE, **wrong)


def test_the_command_trains_and_its_file_is_taken(
    clip: Path, start: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "own.safetensors"
    few = ["--fps", 10, "--epochs", 2, "--batch", 16, "--weights", start, "--device", "cpu"]
    ended = streamsel(
        "train", clip, tmp_path / "none.mp4", "-o", out, *few, "--json", environment=_ALONE
    )
    assert ended.code == 1, ended.err
    assert "none.mp4: does not exist" in ended.err
    told = ended.json
    assert told["output"] == str(out)
    assert [epoch["number"] for epoch in told["epochs"]] == [1, 2]
    assert set(told["before"]) == {"found_again", "moments_told_apart", "noise", "directions"}
    assert told["adapted"] == (told["digest"] != told["start_digest"])
    assert set(load_file(out)) == set(Network().state_dict())
    if told["adapted"]:
        with safe_open(out, "pt") as file:
            origin = json.loads(file.metadata()["streamsel"])
        assert origin["start"] == told["start_digest"]
        assert (origin["seed"], origin["epochs"]) == (0, 2)
    assert BuiltinEmbedder(str(out), "cpu").digest == told["digest"]
    with pytest.raises(ConfigurationError, match="replace it with --overwrite"):
        _call("train", clip, "-o", out, *few)
    assert _call("train", clip, "-o", out, *few, "--overwrite", "-v") == 0
    said = capfd.readouterr()
    assert "epoch 2 of 2" in said.err
    assert "held-out frames" in said.out
    assert str(out) in said.out.splitlines()[-1]


def test_ctrl_c_keeps_a_checkpoint(clip: Path, start: Path, tmp_path: Path) -> None:
    out = tmp_path / "own.safetensors"
    command = [sys.executable, "-m", "streamsel", "train", str(clip), "-o", str(out), "--fps", "10"]
    command += ["--epochs", "5000", "--patience", "5000", "--weights", str(start)]
    running = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, **_ALONE}
    )
    eventually(checkpoint_of(out).exists, within=120, what="a checkpoint is written")
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert f"{checkpoint_of(out)} is kept; continue with --resume" in err
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint_of(out).name]


def test_what_cannot_be_trained_is_said_before_anything_is_written(
    clip: Path, start: Path, tmp_path: Path
) -> None:
    out = tmp_path / "own.safetensors"
    usage, broken = ConfigurationError, (EmbedderError, SourceError)
    wrong: list[tuple[list[object], type[StreamselError] | tuple[type[StreamselError], ...], str]]
    wrong = [
        ([clip, "-o", tmp_path], usage, "is a folder"),
        ([clip, "-o", tmp_path / "no" / "own"], usage, "there is no folder"),
        ([clip, "-o", out, "--resume"], usage, "nothing was begun"),
        ([clip, "-o", out, "--end", "1s", "--weights", start], usage, "too little footage"),
        ([tmp_path / "none.mp4", "-o", out, "--weights", start], broken, "does not exist"),
        ([clip, "-o", out, "--weights", tmp_path / "none"], broken, "cannot be read"),
        ([clip, "-o", out, "--keep", "2"], usage, "keep is 2"),
    ]
    for arguments, kind, said in wrong:
        with pytest.raises(kind, match=said):
            _call("train", *arguments)
    assert list(tmp_path.iterdir()) == []


def test_the_help_loads_no_torch() -> None:
    program = (
        "import sys; from streamsel.cli.main import cli\n"
        "cli.main(['train', '--help'], standalone_mode=False)\n"
        "sys.exit('torch' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True)
    assert ended.returncode == 0
    assert b"Examples" in ended.stdout
