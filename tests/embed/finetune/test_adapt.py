from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from streamsel.embed.builtin import BuiltinEmbedder
from streamsel.embed.finetune.adapt import Adaptation
from streamsel.embed.finetune.batches import Batches
from streamsel.embed.finetune.checkpoint import read_checkpoint, write_checkpoint
from streamsel.embed.finetune.evaluate import measure
from streamsel.embed.finetune.objective import Objective, distances
from streamsel.embed.finetune.recipe import FinetuneRecipe
from streamsel.embed.finetune.training_footage import split
from streamsel.embed.finetune.weights import load_start, write_weights
from streamsel.errors import ConfigurationError, EmbedderError, RecordError
from tests.embed.finetune.made import footage, network
from tests.embed.pictures import thumbnails

CPU = torch.device("cpu")
PARTS = split(footage(feeds=4), 0.25, 0)
RECIPE = FinetuneRecipe(epochs=3, batch=16, patience=3)


def _adaptation(recipe: FinetuneRecipe = RECIPE) -> Adaptation:
    return Adaptation(network(), PARTS, recipe, CPU)


def _weights(adaptation: Adaptation) -> bytes:
    best = adaptation.best()
    assert best is not None
    return write_weights(best, {"seed": 0, "epoch": adaptation.best_epoch})


@pytest.fixture(scope="module")
def whole() -> Adaptation:
    adaptation = _adaptation()
    while not adaptation.is_finished:
        adaptation.run_epoch()
    return adaptation


def test_noise_matters_less_after_than_before(whole: Adaptation) -> None:
    best = whole.best()
    assert best is not None
    assert whole.best_loss < whole.start_loss
    before = measure(network(), PARTS.held_out, 0, CPU)
    after = measure(best, PARTS.held_out, 0, CPU)
    assert before.noise is not None
    assert after.noise is not None
    assert after.noise < before.noise


@pytest.mark.parametrize("stop", [1, 3])
def test_a_training_that_is_continued_gives_the_same_bytes(whole: Adaptation, stop: int) -> None:
    first = _adaptation()
    for _ in range(stop):
        first.run_epoch()
    stored = write_checkpoint({"seed": 0}, first.state())
    second = _adaptation()
    second.restore(read_checkpoint(stored, {"seed": 0}, "here"))
    while not second.is_finished:
        second.run_epoch()
    assert second.epochs == whole.epochs
    assert _weights(second) == _weights(whole)


def test_another_seed_gives_other_weights(whole: Adaptation) -> None:
    other = _adaptation(FinetuneRecipe(epochs=3, batch=16, seed=1))
    while not other.is_finished:
        other.run_epoch()
    assert other.epochs != whole.epochs


def test_statistics_of_batch_norms_stay(whole: Adaptation) -> None:
    best, start = whole.best(), network()
    assert best is not None
    changed = {
        name
        for (name, now), was in zip(
            best.state_dict().items(), start.state_dict().values(), strict=True
        )
        if not torch.equal(now, was)
    }
    assert changed
    assert not any("running" in name or "num_batches" in name for name in changed)


def test_it_stops_when_nothing_gets_better() -> None:
    adaptation = _adaptation(FinetuneRecipe(epochs=20, batch=16, rate=1e-12, patience=2))
    while not adaptation.is_finished:
        adaptation.run_epoch()
    assert len(adaptation.epochs) < 20
    assert len(adaptation.epochs) - adaptation.best_epoch == 2
    # Means over the steps, so those of training and of what is held out can be compared.
    assert adaptation.start_loss / 2 < adaptation.epochs[0].loss < adaptation.start_loss * 2


def test_a_rate_that_is_too_high_is_said() -> None:
    with pytest.raises(ConfigurationError, match=r"diverged in epoch 1.*--lr"):
        _adaptation(FinetuneRecipe(epochs=1, batch=16, rate=1e30)).run_epoch()


def test_what_is_alike_or_near_in_time_is_not_pushed_apart() -> None:
    batches = Batches(PARTS.trained, network(), CPU)
    batch = batches.draw(torch.arange(0, 120, 8), torch.Generator().manual_seed(0))
    rng = torch.Generator().manual_seed(1)
    vectors = torch.nn.functional.normalize(torch.randn(30, 256, generator=rng), dim=1)
    free = FinetuneRecipe(keep=0.0)
    assert Objective(free, 0.0).loss(vectors, batch) > 0.1
    assert Objective(free, 3.0).loss(vectors, batch) == 0  # all are held to be alike
    near_in_time = batches.draw(torch.arange(4), rng)
    near_in_time.times.zero_()
    assert Objective(free, 0.0).loss(vectors[:8], near_in_time) == 0


def test_distances_that_did_not_move_cost_nothing() -> None:
    batch = Batches(PARTS.trained, network(), CPU).draw(
        torch.arange(16), torch.Generator().manual_seed(0)
    )
    held = FinetuneRecipe(keep=1.0)
    assert Objective(held, 0.0).loss(batch.start, batch) == pytest.approx(0, abs=1e-6)
    assert Objective(held, 0.0).loss(batch.start.flip(0).roll(3, 0), batch) > 1e-3


def test_distances() -> None:
    vectors = torch.eye(3)
    torch.testing.assert_close(distances(vectors)[0, 1], torch.tensor(2.0).sqrt())


def test_weights_are_taken_by_the_embedder_and_give_the_same_bytes(
    whole: Adaptation, tmp_path: Path
) -> None:
    origin = {"seed": 3, "version": "1", "start": "abc", "epochs": 10, "keep": 0.5}
    best = whole.best()
    assert best is not None
    content = write_weights(best, origin)
    assert {write_weights(best, dict(reversed(origin.items()))) for _ in range(20)} == {content}
    path = tmp_path / "own.safetensors"
    path.write_bytes(content)
    embedder = BuiltinEmbedder(str(path), "cpu")
    started = load_start(str(path))
    assert started.digest == embedder.digest == hashlib.sha256(content).hexdigest()[:16]
    shown = thumbnails(5)
    pixels = torch.from_numpy(np.stack(shown)).permute(0, 3, 1, 2).float()
    with torch.inference_mode():
        wanted = torch.nn.functional.normalize(best(pixels), dim=1).numpy()
    np.testing.assert_allclose(embedder.embed(shown), wanted, atol=1e-4)


def test_weights_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(EmbedderError, match="cannot be read"):
        load_start(str(tmp_path / "none.safetensors"))
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(EmbedderError, match="not weights of the built-in network"):
        load_start(str(tmp_path / "text.safetensors"))


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", pickle.dumps({"identity": {}}), write_checkpoint({}, {})[:-500]],
    ids=["empty", "text", "pickle", "cut"],
)
def test_a_checkpoint_that_is_none(content: bytes) -> None:
    with pytest.raises(RecordError, match="here: not a checkpoint; restart"):
        read_checkpoint(content, {}, "here")


def test_a_checkpoint_of_something_else() -> None:
    stored = write_checkpoint({"seed": 0, "keep": 0.5}, {})
    with pytest.raises(ConfigurationError, match=r"here: was made with keep 0\.5, not 0\.7"):
        read_checkpoint(stored, {"seed": 0, "keep": 0.7}, "here")


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"epochs": 0}, "epochs"),
        ({"batch": 4}, "batch"),
        ({"rate": 0.0}, "lr"),
        ({"rate": float("nan")}, "lr"),
        ({"keep": 1.5}, "keep"),
        ({"patience": 0}, "patience"),
        ({"seed": -1}, "seed"),
    ],
)
def test_recipes_that_cannot_be(wrong: dict[str, Any], name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} is"):
        FinetuneRecipe(**wrong)


def test_the_recipe_needs_no_torch() -> None:
    program = "import sys, streamsel.embed.finetune.recipe; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
