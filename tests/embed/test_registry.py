from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, EntryPoints

import numpy as np
import pytest

from streamsel.embed import registry
from streamsel.embed.builtin import BuiltinEmbedder
from streamsel.embed.registry import create, embedders
from streamsel.errors import ConfigurationError, EmbedderError
from streamsel.frame import Thumbnail, Vectors


class Brightness:
    """Another package's embedder: looks at the mean colour alone."""

    name, digest, input_size, dim = "brightness", "0", 8, 3

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

    monkeypatch.setattr(registry, "entry_points", installed)


def test_the_builtin_is_listed_as_it_is() -> None:
    info = embedders()[0]
    real = BuiltinEmbedder(device="cpu")
    assert (info.name, info.dim, info.input_size) == (real.name, real.dim, real.input_size)
    assert info.available
    assert 0 < info.megabytes <= 4
    assert 100_000 < info.parameters < 1_000_000


@pytest.mark.usefixtures("plugins")
def test_others_are_listed_and_broken_ones_say_why() -> None:
    found = {info.name: info for info in embedders()}
    assert list(found) == ["builtin", "absent", "brightness", "nameless"]
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
    monkeypatch.setattr(registry, "entry_points", lambda group: EntryPoints([point]))
    assert "its library is too old" in embedders()[1].note
    with pytest.raises(EmbedderError, match="'old' cannot be loaded: its library is too old"):
        create("old")


@pytest.mark.usefixtures("plugins")
def test_another_packages_embedder_is_created_with_what_was_asked() -> None:
    made = create("brightness", weights="w.bin", device="cpu")
    assert isinstance(made, Brightness)
    assert made.given == ("w.bin", "cpu")


@pytest.mark.usefixtures("plugins")
def test_a_broken_plugin_is_an_error_when_asked_for() -> None:
    with pytest.raises(EmbedderError, match="'absent' cannot be loaded"):
        create("absent")


@pytest.mark.usefixtures("plugins")
def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(ConfigurationError, match="did you mean builtin\\? Known: builtin, absent"):
        create("bultin")


def test_a_name_like_no_other_gets_the_list() -> None:
    with pytest.raises(ConfigurationError, match=r"no embedder 'zzz'\. Known: builtin"):
        create("zzz")


def test_the_builtin_is_created_by_name() -> None:
    assert isinstance(create("builtin", device="cpu"), BuiltinEmbedder)


def test_listing_does_not_load_torch() -> None:
    script = (
        "import sys; from streamsel.embed.registry import embedders; embedders();"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
