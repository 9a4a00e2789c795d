"""Embedders of packages that are really installed, as far as Python can tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsel.embed.registry import check_name, create, embedders
from streamsel.errors import ConfigurationError, EmbedderError
from tests.plugins import install

EYES = """
from streamsel.frame import View

class Flat:
    name, digest, view, dim = "flat", "0", View(16), 2

    def __init__(self, *, weights, device):
        self.given = weights, device

    def embed(self, thumbnails):
        raise NotImplementedError

class Blind(Flat):
    embed = None

class Unsized(Flat):
    dim = "2"

def nothing(*, weights, device):
    return None

def refuse(*, weights, device):
    raise LookupError(f"no weights in {weights}")
"""


class UnforeseenError(Exception):
    """What no list of exceptions of others has."""


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = {
        "flat": "eyes_of_others:Flat",
        "blind": "eyes_of_others:Blind",
        "unsized": "eyes_of_others:Unsized",
        "nothing": "eyes_of_others:nothing",
        "refused": "eyes_of_others:refuse",
        "constant": "eyes_of_others:__name__",
        "torn": "eyes_of_others_torn:open_it",
        "twice": "eyes_of_others:Flat",
        "builtin": "eyes_of_others:Flat",
        "timm": "eyes_of_others:Flat",
    }
    install("eyes-of-others", {"streamsel.embedders": points}, EYES, tmp_path, monkeypatch)
    torn = (
        f"from {__name__} import UnforeseenError\nraise UnforeseenError('its library is too old')\n"
    )
    (tmp_path / "eyes_of_others_torn.py").write_text(torn)
    install("rival", {"streamsel.embedders": {"twice": "rival:x"}}, "", tmp_path, monkeypatch)


def test_they_are_listed_after_the_builtin_one() -> None:
    first, *others = embedders()
    assert first.name == "builtin"
    assert first.available
    found = {info.name: info for info in others}
    assert found["flat"].available
    assert found["flat"].note == "eyes_of_others:Flat of eyes-of-others 1.0"
    assert not found["torn"].available
    assert "its library is too old" in found["torn"].note
    taken = "builtin (eyes-of-others 1.0)"
    assert not found[taken].available
    assert "a name that streamsel uses itself" in found[taken].note
    for package in ("eyes-of-others", "rival"):
        assert not found[f"twice ({package} 1.0)"].available
    assert len({first.name, *found}) == len(embedders())


def test_one_is_created_with_what_was_asked() -> None:
    made = create("flat", weights="w.bin", device="cpu")
    assert (made.name, made.dim, made.view.side) == ("flat", 2, 16)
    assert vars(made) == {"given": ("w.bin", "cpu")}


def test_a_taken_name_stays_that_of_streamsels_own() -> None:
    assert create("builtin", device="cpu").dim == 256
    check_name("timm:resnet18")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("torn", "cannot be loaded: UnforeseenError: its library is too old"),
        ("constant", "is no function, but an instance of str: eyes_of_others:__name__"),
        ("refused", "cannot be opened: LookupError: no weights in w.bin"),
        ("nothing", r"made None without embed\(\); see eyes_of_others:nothing"),
        ("blind", r"made an instance of Blind without embed\(\); see eyes_of_others:Blind"),
        ("unsized", "has '2' as its dim; it must be of the type int"),
    ],
)
def test_a_wrong_one_is_an_error_with_its_package(name: str, told: str) -> None:
    check_name(name)
    with pytest.raises(EmbedderError, match=f"^embedder '{name}' of eyes-of-others 1.0 {told}$"):
        create(name, weights="w.bin")


def test_a_name_of_two_packages_is_refused_with_both() -> None:
    for ask in (check_name, create):
        with pytest.raises(
            ConfigurationError,
            match=r"'twice' of eyes-of-others 1.0 has the name of one of rival 1.0; uninstall",
        ):
            ask("twice")
