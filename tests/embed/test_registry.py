from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import numpy as np
import pytest

from streamsel.embed import registry
from streamsel.embed.builtin import BuiltinEmbedder
from streamsel.embed.registry import check_name, create, describe, embedders
from streamsel.errors import ConfigurationError, EmbedderError
from streamsel.frame import Thumbnail, Vectors, View


class Brightness:
    """Another package's embedder: looks at the mean colour alone."""

    name, digest, view, dim = "brightness", "0", View(8), 3

    def __init__(self, weights: str | None, device: str) -> None:
        self.given = weights, device

    def embed(self, thumbnails: Sequence[Thumbnail]) -> Vectors:
        means = np.stack([each.mean((0, 1)) for each in thumbnails]) + 1
        return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    def installed(group: str) -> EntryPoints:
        assert group == "streamsel.embedders"
        return EntryPoints(
            [
                EntryPoint("brightness", f"{__name__}:Brightness", group),
                EntryPoint("absent", "no_such_package_anywhere:create", group),
                EntryPoint("nameless", "json:no_such_thing", group),
            ]
        )

    monkeypatch.setattr("streamsel.plugins.entry_points", installed)


def test_the_builtin_is_listed_as_it_is() -> None:
    info = embedders()[0]
    real = BuiltinEmbedder(device="cpu")
    assert (info.name, info.dim, info.input_size) == (real.name, real.dim, real.view.side)
    assert info.available
    assert 0 < info.megabytes <= 4
    assert 100_000 < info.parameters < 1_000_000


@pytest.mark.usefixtures("plugins")
def test_others_are_listed_and_broken_ones_say_why() -> None:
    found = {info.name: info for info in embedders()}
    assert list(found)[:4] == ["builtin", "absent", "brightness", "nameless"]
    assert found["brightness"].available
    assert not found["absent"].available
    assert "no_such_package_anywhere" in found["absent"].note
    assert not found["nameless"].available
    assert "no_such_thing" in found["nameless"].note


def test_a_plugin_that_fails_while_loading_does_not_break_the_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class TooOld(EntryPoint):
        def load(self) -> object:
            raise RuntimeError("its library is too old")

    point = TooOld("old", "somewhere:create", "streamsel.embedders")
    monkeypatch.setattr("streamsel.plugins.entry_points", lambda group: EntryPoints([point]))
    assert "its library is too old" in embedders()[1].note
    with pytest.raises(EmbedderError, match=r"'old' of somewhere cannot be loaded: .*too old"):
        create("old")


@pytest.mark.usefixtures("plugins")
def test_another_packages_embedder_is_created_with_what_was_asked() -> None:
    made = create("brightness", weights="w.bin", device="cpu")
    assert isinstance(made, Brightness)
    assert made.given == ("w.bin", "cpu")


@pytest.mark.usefixtures("plugins")
def test_a_broken_plugin_is_an_error_when_asked_for() -> None:
    with pytest.raises(
        EmbedderError, match="'absent' of no_such_package_anywhere cannot be loaded"
    ):
        create("absent")


@pytest.mark.usefixtures("plugins")
def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(ConfigurationError, match="did you mean builtin\\? Known: builtin, absent"):
        create("bultin")


def test_a_name_like_no_other_gets_the_list() -> None:
    with pytest.raises(ConfigurationError, match=r"no embedder 'zzz'\. Known: builtin"):
        create("zzz")


SCHEMES = ["timm:NAME", "open_clip:NAME/TAG", "torchvision:NAME", "onnx:FILE", "torchscript:FILE"]


def test_kinds_of_names_are_listed_last() -> None:
    assert [info.name for info in embedders()][-5:] == SCHEMES


def test_a_library_that_is_not_installed_is_listed_with_its_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    found = {info.name: info for info in embedders()}
    assert found["builtin"].available
    assert found["torchscript:FILE"].available
    for scheme, extra in zip(
        SCHEMES[:4], ("timm", "open-clip", "torchvision", "onnx"), strict=True
    ):
        assert not found[scheme].available
        assert found[scheme].note == f'pip install "streamsel[{extra}]"'


@pytest.mark.parametrize("package", ["timm", "open_clip", "torchvision", "onnxruntime"])
def test_one_of_a_library_that_is_not_installed_says_what_to_do(
    package: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "model.onnx").touch()
    monkeypatch.setitem(sys.modules, package, None)
    name, extra = {
        "timm": ("timm:resnet18", "timm"),
        "open_clip": ("open_clip:RN50/openai", "open-clip"),
        "torchvision": ("torchvision:resnet18", "torchvision"),
        "onnxruntime": (f"onnx:{tmp_path / 'model.onnx'}", "onnx"),
    }[package]
    with pytest.raises(ConfigurationError, match="embedder") as told:
        create(name, device="cpu")
    assert f'{name!r} needs {package}: pip install "streamsel[{extra}]"' in str(told.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tim:resnet50", r"did you mean timm:resnet50\? Known: builtin"),
        ("openclip:RN50/openai", r"did you mean open_clip:RN50/openai\?"),
        ("zzz:resnet50", r"no embedder 'zzz:resnet50'\. Known: .*, onnx:FILE"),
        ("timm:", r"'timm:' names no network; write e\.g\. timm:resnet50"),
        (":", r"no embedder ':'\."),
        ("", r"no embedder ''\."),
        ("resnet50", r"no embedder 'resnet50'\. Known: builtin, timm:NAME"),
    ],
)
def test_a_name_of_no_kind_gets_a_suggestion(name: str, said: str) -> None:
    for ask in (check_name, create):
        with pytest.raises(ConfigurationError, match=said):
            ask(name)


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize("name", ["builtin", "brightness", "timm:anything", "onnx:a:b?size=3"])
def test_a_name_that_can_be_tried_is_let_pass(name: str) -> None:
    check_name(name)


def test_a_loaded_embedder_tells_its_figures() -> None:
    info = describe(BuiltinEmbedder(device="cpu"))
    listed = embedders()[0]
    assert (info.name, info.dim, info.input_size) == ("builtin", listed.dim, listed.input_size)
    assert info.parameters == pytest.approx(listed.parameters, rel=0.01)
    assert info.megabytes == pytest.approx(listed.megabytes, rel=0.01)
    assert describe(Brightness(None, "cpu")).parameters == 0


def test_the_builtin_is_created_by_name() -> None:
    assert isinstance(create("builtin", device="cpu"), BuiltinEmbedder)


def test_listing_does_not_load_torch() -> None:
    script = (
        "import sys; from streamsel.embed.registry import embedders; embedders();"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
