from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from streamsel.embed.backbones.libraries import import_torchvision
from streamsel.embed.backbones.torchvision import behead, open_torchvision, read_weights
from streamsel.embed.device import one_thread
from streamsel.errors import ConfigurationError, EmbedderError
from streamsel.frame import View
from streamsel.interfaces.embedding import Embedder
from tests.embed.backbones.made import (
    assert_same_for_any_batching,
    assert_sees_as,
    noise,
    normalised,
    photograph,
    unit,
)

models: Any = import_torchvision().models
SMALLEST = "shufflenet_v2_x0_5"


def shuffled(name: str, **options: object) -> nn.Module:
    """A network of torchvision with trained batch norms and random weights.

    They are as large as those of a trained one, or what comes out is the same for any picture.
    """
    torch.manual_seed(0)
    network: nn.Module = models.get_model(name, weights=None, **options)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
        elif isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    return network.eval()


def penultimate(network: nn.Module, pixels: Tensor) -> Tensor:
    """What the classifier's last layer is given."""
    given: list[Tensor] = []
    last = network.get_submodule("fc")
    handle = last.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    with one_thread(), torch.inference_mode():
        network(pixels)
    handle.remove()
    return given[0]


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return shuffled(SMALLEST)


@pytest.fixture(scope="module")
def file(network: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "shufflenet.pth"
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def embedder(file: Path) -> Embedder:
    return open_torchvision(SMALLEST, str(file), "cpu")


def test_vectors_are_what_the_classifier_is_given(network: nn.Module, embedder: Embedder) -> None:
    assert (embedder.name, embedder.dim) == (f"torchvision:{SMALLEST}", 1024)
    thumbnails = noise(3, 224)
    expected = unit(penultimate(network, normalised(thumbnails)))
    np.testing.assert_allclose(embedder.embed(thumbnails), expected, atol=2e-5)
    assert_same_for_any_batching(embedder, thumbnails)


def test_pictures_are_seen_as_torchvision_shows_them(
    network: nn.Module, embedder: Embedder
) -> None:
    assert embedder.view == View(224, 224 / 256, "bilinear")
    photo = photograph(size=(480, 300))
    pixels = models.get_model_weights(SMALLEST).DEFAULT.transforms()(photo)
    (expected,) = unit(penultimate(network, pixels[None]))
    assert_sees_as(embedder, photo, pixels, expected)


def test_best_weights_are_taken_from_the_cache(
    embedder: Embedder, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    place = tmp_path / "hub" / "checkpoints"
    place.mkdir(parents=True)
    url = models.get_model_weights(SMALLEST).DEFAULT.url
    (place / url.rpartition("/")[2]).write_bytes(file.read_bytes())
    cached = open_torchvision(SMALLEST, None, "cpu")
    assert cached.digest == embedder.digest
    thumbnails = noise(2, 224)
    assert cached.embed(thumbnails).tobytes() == embedder.embed(thumbnails).tobytes()


def test_a_classifier_of_other_classes_in_the_file_does_not_matter(
    network: nn.Module, embedder: Embedder, tmp_path: Path
) -> None:
    state = dict(network.state_dict())
    state["fc.weight"], state["fc.bias"] = torch.zeros(7, 1024), torch.zeros(7)
    torch.save(
        {"state_dict": {f"module.{name}": each for name, each in state.items()}}, tmp_path / "t.pth"
    )
    tuned = open_torchvision(SMALLEST, str(tmp_path / "t.pth"), "cpu")
    assert tuned.digest == embedder.digest


def test_weights_of_old_densenets_get_their_new_names(tmp_path: Path) -> None:
    state = models.DenseNet(4, (1, 1, 1, 1), 8).state_dict()
    old = {
        re.sub(r"(denselayer1\.\w+)([12])", r"\1.\2", name): each for name, each in state.items()
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    assert "features.norm0.weight" in old
    torch.save(old, tmp_path / "old.pth")
    assert read_weights(str(tmp_path / "old.pth")).keys() == state.keys()


def test_the_input_of_inceptions_is_turned_as_their_weights_want(tmp_path: Path) -> None:
    network = shuffled("googlenet", transform_input=True, init_weights=False)
    torch.save(network.state_dict(), tmp_path / "googlenet.pth")
    embedder = open_torchvision("googlenet", str(tmp_path / "googlenet.pth"), "cpu")
    thumbnails = noise(2, 224)
    expected = unit(penultimate(network, normalised(thumbnails)))
    np.testing.assert_allclose(embedder.embed(thumbnails), expected, atol=2e-5)


def blocks() -> list[object]:
    return [models.convnext.CNBlockConfig(16, None, 1)] * 2


FAMILIES = {
    "resnet": lambda: models.ResNet(models.resnet.BasicBlock, [1, 1, 1, 1]),
    "mobilenet": lambda: models.mobilenet_v3_small(),
    "efficientnet": lambda: models.efficientnet_b0(),
    "convnext": lambda: models.ConvNeXt(blocks()),
    "vit": lambda: models.VisionTransformer(64, 16, 1, 2, 32, 64),
    "swin": lambda: models.SwinTransformer([4, 4], 16, [2], [2], [4, 4]),
}


@pytest.mark.parametrize(
    ("family", "head", "dim"),
    [
        ("resnet", "fc", 512),
        ("mobilenet", "classifier.3", 1024),
        ("efficientnet", "classifier.1", 1280),
        ("convnext", "classifier.2", 16),
        ("vit", "heads.head", 32),
        ("swin", "head", 16),
    ],
)
def test_each_family_ends_before_its_last_layer(family: str, head: str, dim: int) -> None:
    torch.manual_seed(0)
    network = FAMILIES[family]().eval()
    last = network.get_submodule(head)
    nn.init.normal_(last.weight)
    pixels = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        logits = network(pixels)
        assert behead("torchvision:any", network) == head
        vectors = network(pixels)
        assert vectors.shape == (2, dim)
        torch.testing.assert_close(functional.linear(vectors, last.weight, last.bias), logits)


def test_a_network_that_ends_otherwise_is_refused() -> None:
    network = models.get_model("squeezenet1_1", weights=None)
    with pytest.raises(ConfigurationError, match="does not end in a linear classifier"):
        behead("torchvision:squeezenet1_1", network)


def test_a_name_that_it_does_not_have_gets_a_suggestion() -> None:
    with pytest.raises(
        ConfigurationError, match=r"no classifier 'resnet51'; did you mean resnet50\?"
    ):
        open_torchvision("resnet51", None, "cpu")
    with pytest.raises(ConfigurationError, match=r"no classifier ''; it has, e\.g\., resnet50"):
        open_torchvision("", None, "cpu")


def test_weights_that_cannot_be_fetched_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(
        EmbedderError, match=r"fetch https://\S+shuffle\S+\.pth elsewhere and give"
    ) as refusal:
        open_torchvision(SMALLEST, None, "cpu")
    assert "\n" not in str(refusal.value)


def test_weights_of_another_network_are_refused(file: Path) -> None:
    with pytest.raises(EmbedderError, match=r"shufflenet\.pth: .*weights of another network"):
        open_torchvision("mobilenet_v3_small", str(file), "cpu")
    with pytest.raises(EmbedderError, match=r"/nowhere\.pth: there is no such file"):
        open_torchvision(SMALLEST, "/nowhere.pth", "cpu")


def test_without_its_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(
        ConfigurationError, match=r'needs torchvision: pip install "streamsel\[torchvision\]"$'
    ):
        open_torchvision("resnet50", None, "cpu")
