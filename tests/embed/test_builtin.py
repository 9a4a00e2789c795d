from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from streamsel.embed.builtin import BuiltinEmbedder
from streamsel.embed.network import Network
from streamsel.errors import ConfigurationError, EmbedderError
from streamsel.frame import View
from streamsel.interfaces.embedding import Embedder
from tests.embed.pictures import thumbnails


@pytest.fixture(scope="module")
def embedder() -> BuiltinEmbedder:
    return BuiltinEmbedder(device="cpu")


def test_it_is_what_the_line_wants(embedder: BuiltinEmbedder) -> None:
    seam: Embedder = embedder
    assert (seam.name, seam.dim, seam.view) == ("builtin", 256, View(64))


def test_vectors_are_unit_float32_and_read_only(embedder: BuiltinEmbedder) -> None:
    vectors = embedder.embed(thumbnails(40))
    assert vectors.shape == (40, 256)
    assert vectors.dtype == np.float32
    assert not vectors.flags.writeable
    np.testing.assert_allclose(np.linalg.norm(vectors.astype(np.float64), axis=1), 1, atol=1e-6)


def test_nothing_in_nothing_out(embedder: BuiltinEmbedder) -> None:
    assert embedder.embed([]).shape == (0, 256)


def test_black_white_and_grey_pictures_have_finite_vectors(embedder: BuiltinEmbedder) -> None:
    flat = [np.full((64, 64, 3), level, np.uint8) for level in (0, 128, 255)]
    assert np.isfinite(embedder.embed(flat)).all()


@pytest.mark.parametrize("size", [1, 7, 32, 33])
def test_batching_changes_no_bit(embedder: BuiltinEmbedder, size: int) -> None:
    seen = thumbnails(66)
    at_once = embedder.embed(seen)
    parts = [embedder.embed(seen[i : i + size]) for i in range(0, len(seen), size)]
    assert np.concatenate(parts).tobytes() == at_once.tobytes()


def test_neither_the_place_nor_the_neighbours_change_a_bit(embedder: BuiltinEmbedder) -> None:
    wanted, *others = thumbnails(64)
    alone = embedder.embed([wanted])[0].tobytes()
    for place in range(32):
        batch = others[place : place + 31]
        batch.insert(place, wanted)
        assert embedder.embed(batch)[place].tobytes() == alone


def test_threads_change_no_bit() -> None:
    script = (
        "import hashlib, torch\n"
        "from streamsel.embed.builtin import BuiltinEmbedder\n"
        "from tests.embed.pictures import thumbnails\n"
        "vectors = BuiltinEmbedder(device='cpu').embed(thumbnails(33))\n"
        "print(torch.get_num_threads(), hashlib.sha256(vectors.tobytes()).hexdigest())\n"
    )
    answers = []
    for threads in (1, 2, 4):
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"OMP_NUM_THREADS": str(threads)},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
        answers.append(done.stdout.split()[1])
    assert len(set(answers)) == 1


def test_threads_of_the_caller_are_left_as_they_were(embedder: BuiltinEmbedder) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        embedder.embed(thumbnails(1))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_small_noise_moves_less_than_another_scene(embedder: BuiltinEmbedder) -> None:
    rng = np.random.default_rng(3)
    scenes = thumbnails(16)
    noisy = [
        np.clip(s + rng.normal(0, 2, s.shape), 0, 255).round().astype(np.uint8) for s in scenes
    ]
    clean, shaken = embedder.embed(scenes), embedder.embed(noisy)
    gaps = np.linalg.norm(clean[:, None] - shaken[None], axis=2)  # (16, 16)
    assert (np.argmin(gaps, axis=1) == np.arange(16)).all()
    between = gaps[~np.eye(16, dtype=bool)]
    assert np.diag(gaps).max() < 0.5 * np.median(between)


def test_the_digest_names_the_file() -> None:
    content = (files("streamsel.embed") / "weights" / "builtin.safetensors").read_bytes()
    assert BuiltinEmbedder(device="cpu").digest == hashlib.sha256(content).hexdigest()[:16]
    assert len(content) <= 4_000_000


def test_weights_of_ones_own(tmp_path: Path, embedder: BuiltinEmbedder) -> None:
    torch.manual_seed(5)
    path = tmp_path / "own.safetensors"
    save_file(Network().state_dict(), path)
    own = BuiltinEmbedder(str(path), "cpu")
    assert own.digest != embedder.digest
    assert not np.array_equal(own.embed(thumbnails(2)), embedder.embed(thumbnails(2)))


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(EmbedderError, match=r"nowhere\.safetensors: cannot be read"):
        BuiltinEmbedder(str(tmp_path / "nowhere.safetensors"), "cpu")


@pytest.mark.parametrize("content", [b"", b"not weights at all", b"\x10" + 7 * b"\x00" + b"{}"])
def test_another_kind_of_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.safetensors"
    path.write_bytes(content)
    with pytest.raises(EmbedderError, match="not weights of the built-in network"):
        BuiltinEmbedder(str(path), "cpu")


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide.safetensors"
    state = Network().state_dict()
    state["head.weight"] = torch.zeros(128, 768)
    save_file(state, path)
    with pytest.raises(
        EmbedderError, match=r"not weights of the built-in network: size mism"
    ) as told:
        BuiltinEmbedder(str(path), "cpu")
    assert "\n" not in str(told.value)


def test_weights_of_another_network_are_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file({"stem.weight": torch.zeros(3)}, path)
    with pytest.raises(EmbedderError, match="not weights of the built-in network") as told:
        BuiltinEmbedder(str(path), "cpu")
    assert "stem.weight" in str(told.value)
    assert "\n" not in str(told.value)


def test_a_still_noisy_camera_looks_like_one_picture(embedder: BuiltinEmbedder) -> None:
    rng = np.random.default_rng(4)
    here, elsewhere = thumbnails(2, seed=9)
    frames = [
        np.clip(here + rng.normal(0, 3, here.shape), 0, 255).round().astype(np.uint8)
        for _ in range(32)
    ]
    vectors, other = embedder.embed(frames), embedder.embed([elsewhere])
    within = np.linalg.norm(vectors[:, None] - vectors[None], axis=2).max()
    assert 4 * within < np.linalg.norm(vectors - other, axis=1).min()


@pytest.mark.parametrize(
    ("device", "error"), [("cuda:99", EmbedderError), ("gpu", ConfigurationError)]
)
def test_a_device_that_is_not_there_is_said(device: str, error: type[Exception]) -> None:
    with pytest.raises(error, match="device"):
        BuiltinEmbedder(device=device)
