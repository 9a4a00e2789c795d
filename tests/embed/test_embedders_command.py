"""``streamsel embedders`` as its user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from streamsel.cli.embedders import command
from streamsel.embed.backbones.libraries import import_library
from streamsel.errors import ConfigurationError


def said(*arguments: str) -> str:
    ended = CliRunner().invoke(command, arguments, catch_exceptions=False, standalone_mode=False)
    return ended.stdout


@pytest.fixture
def weights(tmp_path: Path) -> str:
    timm = import_library("timm:any", "timm", "timm", vision=True)
    path = tmp_path / "w.pt"
    torch.save(timm.create_model("test_resnet", pretrained=False).state_dict(), path)
    return str(path)


def test_the_builtin_is_measured() -> None:
    rows = {row["name"]: row for row in json.loads(said("--json"))}
    assert rows["builtin"]["frames_per_second"] > 1
    assert rows["timm:NAME"]["frames_per_second"] is None
    assert (rows["timm:NAME"]["dim"], rows["timm:NAME"]["available"]) == (0, True)


def test_one_that_is_named_is_loaded_and_measured(weights: str) -> None:
    rows = {
        row["name"]: row
        for row in json.loads(said("timm:test_resnet", "--weights", weights, "--json"))
    }
    row = rows["timm:test_resnet"]
    assert (row["dim"], row["input_size"], row["available"]) == (96, 160, True)
    assert row["parameters"] > 10_000
    assert row["megabytes"] > 0.04
    assert row["frames_per_second"] > 1


def test_the_table_has_a_line_for_each(weights: str) -> None:
    lines = said("timm:test_resnet", "--weights", weights).splitlines()
    assert lines[0].split() == ["name", "dim", "input", "MB", "parameters", "frames/s", "available"]
    names = [line.split()[0] for line in lines[1:]]
    assert names[0] == "builtin"
    assert {"timm:NAME", "onnx:FILE", "timm:test_resnet"} <= set(names)


def test_weights_alone_are_a_mistake() -> None:
    with pytest.raises(ConfigurationError, match="--weights is of a network; name it"):
        said("--weights", "w.pt")
