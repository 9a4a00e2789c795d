from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from streamsel.embed.backbones.libraries import import_library
from streamsel.embed.backbones.timm import open_timm, preparation
from streamsel.embed.registry import create
from streamsel.errors import ConfigurationError, EmbedderError
from streamsel.frame import Thumbnail, View

timm: Any = import_library("timm:any", "timm", "timm", vision=True)

CONVOLUTIONS = "test_byobnet"
TRANSFORMER = "test_vit"
PLAIN = {
    "input_size": (3, 96, 96),
    "crop_pct": 0.9,
    "crop_mode": "center",
    "interpolation": "bicubic",
    "mean": (0.5, 0.4, 0.3),
    "std": (0.1, 0.2, 0.3),
}


def made(name: str, **more: Any) -> nn.Module:
    """A network of timm with weights and statistics of its own."""
    torch.manual_seed(8)
    network: nn.Module = timm.create_model(name, pretrained=False, **more)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            module.running_mean.normal_(0, 0.2)
    return network.eval()


def stored(name: str, path: Path) -> str:
    save_file(made(name).state_dict(), path)
    return str(path)


def noise(side: int, count: int = 3) -> list[Thumbnail]:
    shape = (count, side, side, 3)
    return list(np.random.default_rng(1).integers(0, 256, shape, np.uint8))


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without a network, and with an empty cache."""

    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    constants = import_library("timm:any", "huggingface_hub.constants", "timm")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.mark.parametrize(
    "name", [CONVOLUTIONS, TRANSFORMER, "test_mambaout", "test_resnet", "levit_128s"]
)
def test_its_vectors_are_those_of_the_library(name: str, tmp_path: Path) -> None:
    embedder = open_timm(name, stored(name, tmp_path / "w.safetensors"), "cpu")
    network = made(name, num_classes=0)
    network.load_state_dict(made(name).state_dict(), strict=False)
    card = timm.data.resolve_model_data_config(network)
    side = card["input_size"][1]
    assert (embedder.name, embedder.view.side) == (f"timm:{name}", side)
    seen = noise(side)
    normalise = timm.data.create_transform(**card).transforms[-1]
    pixels = torch.from_numpy(np.stack(seen)).permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        wanted = nn.functional.normalize(network(normalise(pixels))).numpy()
    found = embedder.embed(seen)
    assert found.shape == (3, embedder.dim) == wanted.shape
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_checkpoint_of_a_training_has_the_same_digest(tmp_path: Path) -> None:
    state = made(CONVOLUTIONS).state_dict()
    nested = {"epoch": 9, "state_dict": {f"module.{name}": each for name, each in state.items()}}
    torch.save(nested, tmp_path / "best.pth.tar")
    plain = create(f"timm:{CONVOLUTIONS}", weights=stored(CONVOLUTIONS, tmp_path / "w.safetensors"))
    again = create(f"timm:{CONVOLUTIONS}", weights=str(tmp_path / "best.pth.tar"), device="cpu")
    assert plain.digest == again.digest
    seen = noise(plain.view.side)
    assert plain.embed(seen).tobytes() == again.embed(seen).tobytes()


def test_weights_by_their_authors_names_are_converted(tmp_path: Path) -> None:
    state = made(TRANSFORMER).state_dict()
    clip = {f"module.visual.trunk.{name}": each for name, each in state.items()}
    save_file(clip, tmp_path / "clip.safetensors")
    wanted = open_timm(TRANSFORMER, stored(TRANSFORMER, tmp_path / "w.safetensors"), "cpu")
    found = open_timm(TRANSFORMER, str(tmp_path / "clip.safetensors"), "cpu")
    assert found.digest == wanted.digest


def test_weights_of_another_network_are_named(tmp_path: Path) -> None:
    path = stored(TRANSFORMER, tmp_path / "vit.safetensors")
    with pytest.raises(EmbedderError, match=r"vit\.safetensors: stem\.conv\.weight \(.*missing"):
        open_timm(CONVOLUTIONS, path, "cpu")
    state = made(CONVOLUTIONS).state_dict()
    torch.save(state | {"stem.conv.weight": torch.zeros(4, 3, 3, 3)}, tmp_path / "w.pt")
    with pytest.raises(EmbedderError, match=r"stem\.conv\.weight is \(4, 3, 3, 3\), but .* wants"):
        open_timm(CONVOLUTIONS, str(tmp_path / "w.pt"), "cpu")


def test_a_smaller_network_does_not_take_a_part_of_a_larger_one(tmp_path: Path) -> None:
    state = made("resnet18").state_dict()
    extra = {f"layer4.2.conv1.{name}": torch.zeros(3) for name in ("weight", "bias")}
    torch.save(state | extra, tmp_path / "w.pt")
    with pytest.raises(EmbedderError, match=r"layer4\.2\.conv1\.weight \(3,\) is too much"):
        open_timm("resnet18", str(tmp_path / "w.pt"), "cpu")


@pytest.mark.parametrize(
    ("card", "view"),
    [
        ({}, View(96, 0.9, "bicubic")),
        ({"crop_pct": 1.0, "interpolation": "bilinear"}, View(96, 1.0, "bilinear")),
        ({"crop_mode": "squash", "crop_pct": 1.0}, View(96, None, "bicubic")),
        ({"crop_mode": "squash", "crop_pct": 0.95}, View(96, None, "bicubic")),
        ({"crop_mode": "border", "interpolation": "lanczos"}, View(96, None, "lanczos")),
        ({"interpolation": "random"}, View(96, 0.9, "bicubic")),
    ],
)
def test_thumbnails_are_made_as_for_its_evaluation(card: Mapping[str, Any], view: View) -> None:
    found = preparation("timm:any", {**PLAIN, **card})
    assert found.view == view
    assert (found.mean, found.std) == ((0.5, 0.4, 0.3), (0.1, 0.2, 0.3))


@pytest.mark.parametrize("size", [(3, 1024, 768), (1, 96, 96)])
def test_pictures_that_are_not_made_are_refused(size: tuple[int, int, int]) -> None:
    with pytest.raises(EmbedderError, match=f"'timm:any' wants {size[2]} x {size[1]} pictures"):
        preparation("timm:any", PLAIN | {"input_size": size})


def test_unknown_names_get_suggestions() -> None:
    with pytest.raises(ConfigurationError, match=r"did you mean .*resnet18"):
        open_timm("resnet81", None, "cpu")
    with pytest.raises(ConfigurationError, match=r"timm knows resnet18 with .*a1_in1k"):
        open_timm("resnet18.mine", None, "cpu")
    with pytest.raises(ConfigurationError, match=r"no such network; see timm\.list_models"):
        open_timm("§§§§", None, "cpu")


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize(
    "name", ["resnet18", "resnet18.a1_in1k", "vit_tiny_patch16_224.augreg_in21k"]
)
def test_without_a_network_the_file_to_fetch_is_said(name: str) -> None:
    with pytest.raises(EmbedderError, match=f"embedder 'timm:{name}': its weights cannot") as told:
        open_timm(name, None, "cpu")
    base = name.partition(".")[0]
    assert f"/timm/{base}." in str(told.value)
    assert "/model.safetensors" in str(told.value)
    assert "give the file with --weights" in str(told.value)
    assert "\n" not in str(told.value)


def test_what_was_fetched_before_needs_no_network(nowhere: Path, tmp_path: Path) -> None:
    repository = nowhere / "models--timm--test_byobnet.r160_in1k"
    snapshot = repository / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123")
    path = stored(CONVOLUTIONS, snapshot / "model.safetensors")
    cached = open_timm(CONVOLUTIONS, None, "cpu")
    assert cached.digest == open_timm(CONVOLUTIONS, path, "cpu").digest


def test_a_network_without_published_weights_wants_a_file() -> None:
    with pytest.raises(EmbedderError, match="nobody published weights for it; give a file with"):
        open_timm("botnet50ts_256", None, "cpu")


def test_a_folder_of_ones_own_is_opened(tmp_path: Path) -> None:
    network = made(CONVOLUTIONS)
    timm.models.save_for_hf(network, tmp_path / "mine", safe_serialization=True)
    found = open_timm(f"local-dir:{tmp_path / 'mine'}", None, "cpu")
    wanted = open_timm(CONVOLUTIONS, stored(CONVOLUTIONS, tmp_path / "w.safetensors"), "cpu")
    assert found.digest == wanted.digest
    for weights in (None, str(tmp_path / "w.safetensors")):
        with pytest.raises(EmbedderError, match="'timm:local-dir:/none' cannot be loaded"):
            open_timm("local-dir:/none", weights, "cpu")


def test_the_module_does_not_import_the_library() -> None:
    script = (
        "import sys; import streamsel.embed.backbones.timm;"
        "sys.exit(bool({'timm', 'torchvision'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
