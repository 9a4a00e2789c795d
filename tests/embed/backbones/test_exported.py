from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from streamsel.embed.backbones.exported import open_exported
from streamsel.errors import ConfigurationError, EmbedderError
from streamsel.frame import View
from tests.embed.backbones.made import (
    assert_same_for_any_batching,
    noise,
    normalised,
    photograph,
    save_program,
    save_script,
    seen,
    small_network,
    unit,
)


class Several(nn.Module):
    """Gives a map, then vectors, as backbones with more than one head do."""

    def __init__(self, keys: bool) -> None:
        super().__init__()
        self.body, self.keys = small_network(pooled=True), keys

    def forward(self, pixels: Tensor) -> object:
        vectors = self.body(pixels)
        found = pixels[:, :1].relu(), vectors.flatten(1), vectors.flatten(1)[:, :4]
        return dict(zip(("map", "all", "half"), found, strict=True)) if self.keys else found


class Pair(nn.Module):
    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return left.mean((2, 3)) + right.mean((2, 3))


@pytest.mark.parametrize("pooled", [True, False])
def test_torchscript(tmp_path: Path, pooled: bool) -> None:
    network = small_network(pooled=pooled)
    path = save_script(network, tmp_path / "small.pt")
    embedder = open_exported(f"{path}?size=32", None, "cpu")
    thumbnails = noise(7, 32)
    assert (embedder.name, embedder.dim) == (f"torchscript:{path}?size=32", 8)
    assert embedder.view == View(32)
    expected = unit(network(normalised(thumbnails)).flatten(1))
    np.testing.assert_allclose(embedder.embed(thumbnails), expected, atol=1e-5)
    assert_same_for_any_batching(embedder, thumbnails)


@pytest.mark.parametrize(
    ("rows", "dynamic"),
    [(2, {0: Dim("n")}), (2, {0: Dim("n", max=3)}), (1, None), (5, None)],
    ids=["any number", "at most 3", "1", "5"],
)
def test_a_program_takes_the_pictures_that_it_was_exported_for(
    tmp_path: Path, rows: int, dynamic: dict[int, object] | None
) -> None:
    network = small_network()
    path = save_program(network, tmp_path / "small.pt2", torch.zeros(rows, 3, 32, 32), dynamic)
    embedder = open_exported(str(path), None, "cpu")
    thumbnails = noise(7, 32)
    assert embedder.view == View(32)
    expected = unit(network(normalised(thumbnails)))
    np.testing.assert_allclose(embedder.embed(thumbnails), expected, atol=1e-5)
    assert_same_for_any_batching(embedder, thumbnails)


def test_a_program_for_any_size_is_told_which(tmp_path: Path) -> None:
    network = small_network()
    sides = {0: Dim.AUTO, 2: Dim.AUTO, 3: Dim.AUTO}
    path = save_program(network, tmp_path / "any.bin", torch.zeros(2, 3, 32, 32), sides)
    with pytest.raises(ConfigurationError, match=r"add it, e\.g\. torchscript:.*any\.bin\?size="):
        open_exported(str(path), None, "cpu")
    thumbnails = noise(3, 48)
    found = open_exported(f"{path}?size=48", None, "cpu").embed(thumbnails)
    np.testing.assert_allclose(found, unit(network(normalised(thumbnails))), atol=1e-5)


def test_the_name_says_how_pictures_are_seen(tmp_path: Path) -> None:
    path = save_script(small_network(), tmp_path / "small.pt")
    query = "size=32&mean=clip&scaling=lanczos&crop=0.5"
    embedder = open_exported(f"{path}?{query}", None, "cpu")
    assert embedder.view == View(32, 0.5, "lanczos")
    thumbnail = seen(photograph(), embedder.view)
    mean, std = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
    expected = unit(small_network()(normalised([thumbnail], mean, std)))
    np.testing.assert_allclose(embedder.embed([thumbnail]), expected, atol=1e-5)
    assert embedder.digest != open_exported(f"{path}?size=32", None, "cpu").digest


@pytest.mark.parametrize(
    ("keys", "query", "dim"), [(False, "", 8), (False, "?output=2", 4), (True, "?output=half", 4)]
)
def test_the_output_that_holds_vectors_is_found(
    tmp_path: Path, keys: bool, query: str, dim: int
) -> None:
    network = Several(keys).eval()
    pixels = torch.zeros(2, 3, 32, 32)
    path = save_program(network, tmp_path / "several.pt2", pixels, {0: Dim("n")})
    thumbnails = noise(2, 32)
    found = open_exported(f"{path}{query}", None, "cpu").embed(thumbnails)
    expected = unit(network.body(normalised(thumbnails)).flatten(1)[:, :dim])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    with pytest.raises(ConfigurationError, match=r"no output 'last'\. Known: (0, 1, 2|map, all)"):
        open_exported(f"{path}?output=last", None, "cpu")


@pytest.mark.parametrize(
    ("network", "pixels", "message"),
    [
        (nn.Identity(), torch.zeros(1, 3, 32, 48), "its pictures are 48 x 32 px, not square"),
        (nn.Identity(), torch.zeros(1, 1, 32, 32), r"input is float32 \(1, 1, 32, 32\), not"),
        (nn.Identity(), torch.zeros(1, 3, 32, 32).half(), r"input is float16 \(1, 3, 32, 32\)"),
        (nn.Conv2d(3, 8, 4), torch.zeros(1, 3, 32, 32), r"gives \(\d+, 8, 29, 29\) for"),
    ],
    ids=["not square", "gray", "float16", "not pooled"],
)
def test_what_is_no_network_of_pictures_is_refused(
    tmp_path: Path, network: nn.Module, pixels: Tensor, message: str
) -> None:
    path = save_program(network, tmp_path / "wrong.pt2", pixels, None)
    with pytest.raises(EmbedderError, match=message):
        open_exported(str(path), None, "cpu")


def test_more_than_one_input_is_refused(tmp_path: Path) -> None:
    pixels = torch.zeros(2, 3, 32, 32)
    torch.export.save(torch.export.export(Pair(), (pixels, pixels)), tmp_path / "pair.pt2")
    with pytest.raises(EmbedderError, match="it has 2 inputs, not one for pictures"):
        open_exported(str(tmp_path / "pair.pt2"), None, "cpu")


def test_torchscript_without_its_size_is_refused(tmp_path: Path) -> None:
    path = save_script(small_network(), tmp_path / "small.pt")
    with pytest.raises(ConfigurationError, match=r"add it, e\.g\. .*small\.pt\?crop=1&size=224$"):
        open_exported(f"{path}?crop=1", None, "cpu")


def test_files_of_another_kind_are_refused(tmp_path: Path) -> None:
    state = tmp_path / "state.pt"
    torch.save(small_network().state_dict(), state)
    with pytest.raises(EmbedderError, match=r"state\.pt holds no network \(weights alone\?\)"):
        open_exported(f"{state}?size=32", None, "cpu")
    wrong = tmp_path / "wrong.pt"
    wrong.write_bytes(b"hello" * 100)
    with pytest.raises(EmbedderError, match="neither TorchScript nor"):
        open_exported(str(wrong), None, "cpu")


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    path = save_script(small_network(), tmp_path / "small.pt")
    content = bytearray(path.read_bytes())
    place = content.index(b"__torch__")
    content[place : place + 4] = b"\xff" * 4
    path.write_bytes(content)
    with pytest.raises(EmbedderError, match=r"torch cannot open .*small\.pt: \S+") as refusal:
        open_exported(f"{path}?size=32", None, "cpu")
    assert "\n" not in str(refusal.value)
