from __future__ import annotations

import collections
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from streamsel.embed.backbones.weights import digest, fit_state, load_state
from streamsel.errors import ConfigurationError, EmbedderError


def network(width: int = 4) -> nn.Module:
    torch.manual_seed(6)
    return nn.Sequential(
        collections.OrderedDict(
            stem=nn.Conv2d(3, width, 3), norm=nn.BatchNorm2d(width), fc=nn.Linear(width, 10)
        )
    )


STATE: dict[str, Tensor] = network().state_dict()


def same(found: dict[str, Tensor]) -> bool:
    return found.keys() == STATE.keys() and all(torch.equal(STATE[n], t) for n, t in found.items())


def test_safetensors_are_read(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "w.safetensors")
    assert same(load_state(str(tmp_path / "w.safetensors")))


@pytest.mark.parametrize(
    "stored",
    [
        STATE,
        {"state_dict": STATE, "epoch": 3},
        {"model": STATE, "optimizer": {"lr": 0.1}},
        {"model": {"state_dict": {f"module.{n}": t for n, t in STATE.items()}}},
        {"state_dict": {n: t + 1 for n, t in STATE.items()}, "state_dict_ema": STATE},
        {f"module._orig_mod.{n}": t for n, t in STATE.items()},
        STATE | {"epoch": 7},
    ],
)
@pytest.mark.parametrize("suffix", ["pth", "pt"])
def test_what_torch_saved_is_unpacked(tmp_path: Path, stored: object, suffix: str) -> None:
    path = tmp_path / f"w.{suffix}"
    torch.save(stored, path)
    assert same(load_state(str(path)))


class Trap:
    """Unpickling it would make a file."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self._place,))


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    torch.save({"model": Trap(tmp_path / "made")}, tmp_path / "w.pt")
    with pytest.raises(EmbedderError, match=r"w\.pt: holds objects that could run code") as told:
        load_state(str(tmp_path / "w.pt"))
    assert "\n" not in str(told.value)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
@pytest.mark.parametrize("content", [b"", b"nothing of the kind", b"PK\x03\x04 cut"])
def test_what_cannot_be_read_is_said_in_one_line(
    tmp_path: Path, suffix: str, content: bytes
) -> None:
    path = tmp_path / f"w.{suffix}"
    path.write_bytes(content)
    with pytest.raises(EmbedderError, match=rf"w\.{suffix}: ") as told:
        load_state(str(path))
    assert "\n" not in str(told.value)


def test_a_file_cut_short_is_said(tmp_path: Path) -> None:
    for name in ("w.pt", "w.safetensors"):
        path = tmp_path / name
        torch.save(STATE, path) if name == "w.pt" else save_file(STATE, path)
        path.write_bytes(path.read_bytes()[:-200])
        with pytest.raises(EmbedderError, match=name):
            load_state(str(path))


@pytest.mark.parametrize("stored", [[1, 2], {}, {"epoch": 3}, torch.zeros(3)])
def test_a_file_without_weights_is_refused(tmp_path: Path, stored: object) -> None:
    torch.save(stored, tmp_path / "w.pt")
    with pytest.raises(EmbedderError, match="holds no weights by name"):
        load_state(str(tmp_path / "w.pt"))


def test_missing_files_and_other_kinds_are_said(tmp_path: Path) -> None:
    for name in ("w.pt", "w.safetensors"):
        with pytest.raises(EmbedderError, match=rf"{name}: there is no such file"):
            load_state(str(tmp_path / name))
    (tmp_path / "d.pt").mkdir()
    with pytest.raises(EmbedderError, match=r"d\.pt: cannot be read"):
        load_state(str(tmp_path / "d.pt"))
    with pytest.raises(ConfigurationError, match=r"w\.npz: weights are a \.safetensors file"):
        load_state("w.npz")


def test_all_weights_are_loaded() -> None:
    other = network()
    for each in other.parameters():
        each.data.zero_()
    fit_state(other, STATE, "w.pt")
    assert same(other.state_dict())


def test_classifiers_and_counters_may_differ() -> None:
    headless = network()
    headless.register_module("fc", nn.Identity())
    fit_state(headless, STATE, "w.pt", ["fc"])
    few = {n: t for n, t in STATE.items() if not n.startswith("fc") and "tracked" not in n}
    fit_state(network(), few, "w.pt", ["fc"])
    with pytest.raises(EmbedderError, match=r"fc\.weight \(10, 4\) is too much"):
        fit_state(headless, STATE, "w.pt", ["f", "head"])


def test_what_does_not_fit_is_named_with_shapes() -> None:
    with pytest.raises(
        EmbedderError, match=r"^w\.pt: stem\.weight is \(4, 3, 3, 3\).* wants \(5, 3, 3, 3\)$"
    ):
        fit_state(network(5), STATE, "w.pt")
    with pytest.raises(EmbedderError, match=r"w\.pt: norm\.bias \(4,\) is missing"):
        fit_state(network(), {n: t for n, t in STATE.items() if n != "norm.bias"}, "w.pt")


def test_nothing_is_loaded_where_anything_does_not_fit() -> None:
    other = network()
    with pytest.raises(EmbedderError):
        fit_state(other, {n: t + 1 for n, t in STATE.items()} | {"more": torch.zeros(1)}, "w.pt")
    assert same(other.state_dict())


def test_the_digest_is_of_names_and_values_alone(tmp_path: Path) -> None:
    torch.save({"model": STATE}, tmp_path / "w.pt")
    save_file(STATE, tmp_path / "w.safetensors")
    found = digest(load_state(str(tmp_path / "w.pt")))
    assert found == digest(load_state(str(tmp_path / "w.safetensors")))
    assert found == digest(dict(reversed(STATE.items())))
    assert len(found) == 16
    assert int(found, 16) >= 0
    kernel = STATE["stem.weight"].contiguous(memory_format=torch.channels_last)
    assert digest(STATE | {"stem.weight": kernel}) == found


@pytest.mark.parametrize(
    "changed",
    [
        STATE | {"norm.bias": STATE["norm.bias"] + 1e-6},
        STATE | {"norm.bias": STATE["norm.bias"].double()},
        STATE | {"norm.bias": STATE["norm.bias"].view(2, 2)},
        STATE | {"norm.num_batches_tracked": torch.tensor(3)},
        {n.replace("stem", "root"): t for n, t in STATE.items()},
    ],
)
def test_any_change_is_another_digest(changed: dict[str, Tensor]) -> None:
    assert digest(changed) != digest(STATE)


def test_every_kind_of_number_has_a_digest() -> None:
    kinds = [torch.bfloat16, torch.float16, torch.int64, torch.bool, torch.uint8]
    assert len({digest({"a": torch.ones((), dtype=kind)}) for kind in kinds}) == len(kinds)
    assert digest({"a": torch.ones(0, 3)}) != digest({"a": torch.ones(3, 0)})
