from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from streamsel.embed.training.teacher import load_teacher
from streamsel.errors import ConfigurationError

MODULE = "ai_edge_litert.interpreter"


class Interpreter:
    """A network of two outputs: the first and the last byte of the picture."""

    def __init__(self, path: str, num_threads: int) -> None:
        if Path(path).read_bytes() != b"TFL3":
            raise ValueError("the file is not a flatbuffer")
        assert num_threads == 1

    def allocate_tensors(self) -> None:
        self.result = np.zeros((1, 1, 1, 2), np.uint8)

    def get_input_details(self) -> list[dict[str, Any]]:
        return [{"index": 0}]

    def get_output_details(self) -> list[dict[str, Any]]:
        return [{"index": 1, "shape": np.array([1, 1, 1, 2]), "quantization": (0.5, 10)}]

    def set_tensor(self, index: int, view: npt.NDArray[np.uint8]) -> None:
        assert (index, view.shape[0]) == (0, 1)
        self.picture = view

    def invoke(self) -> None:
        flat = self.picture.reshape(-1)
        self.result[0, 0, 0] = flat[0], flat[-1]

    def get_tensor(self, index: int) -> npt.NDArray[np.uint8]:
        assert index == 1
        return self.result


@pytest.fixture
def litert(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType(MODULE)
    module.__dict__["Interpreter"] = Interpreter
    monkeypatch.setitem(sys.modules, "ai_edge_litert", ModuleType("ai_edge_litert"))
    monkeypatch.setitem(sys.modules, MODULE, module)


@pytest.mark.usefixtures("litert")
def test_quantised_outputs_become_real_numbers(tmp_path: Path) -> None:
    path = tmp_path / "teacher.tflite"
    path.write_bytes(b"TFL3")
    views = np.zeros((2, 4, 4, 3), np.uint8)
    views[0, 0, 0, 0], views[1, -1, -1, -1] = 30, 110
    vectors = load_teacher(path)(views)
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[10.0, -5.0], [-5.0, 50.0]]


@pytest.mark.usefixtures("litert")
def test_a_file_that_is_no_network_is_named(tmp_path: Path) -> None:
    path = tmp_path / "odd.tflite"
    path.write_bytes(b"odd")
    with pytest.raises(ConfigurationError, match=r"odd\.tflite: not a tflite network"):
        load_teacher(path)
    with pytest.raises(ConfigurationError, match=r"gone\.tflite: no such teacher file"):
        load_teacher(tmp_path / "gone.tflite")


def test_what_to_install_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, MODULE, None)
    with pytest.raises(ConfigurationError, match=r'pip install "streamsel\[training\]"'):
        load_teacher(tmp_path / "teacher.tflite")
