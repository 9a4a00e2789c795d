from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from streamsel.embed.distill.teacher import load_teacher
from streamsel.errors import ConfigurationError

MODULE = "ai_edge_litert.interpreter"


class Interpreter:
    """A network of two outputs: the first and the last byte of the picture; inside, their sum."""

    def __init__(
        self, path: str, num_threads: int, experimental_preserve_all_tensors: bool
    ) -> None:
        if Path(path).read_bytes() != b"TFL3":
            raise ValueError("the file is not a flatbuffer")
        assert num_threads == 1
        self.inner = experimental_preserve_all_tensors

    def allocate_tensors(self) -> None:
        self.result = np.zeros((1, 1, 1, 2), np.uint8)

    def get_input_details(self) -> list[dict[str, Any]]:
        return [{"index": 0, "shape": np.array([1, 4, 4, 3])}]

    def get_output_details(self) -> list[dict[str, Any]]:
        return [{"index": 1, "shape": np.array([1, 1, 1, 2]), "quantization": (0.5, 10)}]

    def get_tensor_details(self) -> list[dict[str, Any]]:
        map_of_inner = {"name": "net/Pool", "index": 3, "shape": np.array([1, 2, 2, 1])}
        inner = {"name": "net/Pool/Mean", "index": 2, "shape": np.array([1, 1, 1, 1])}
        return [each | {"quantization": (0.0, 0)} for each in (map_of_inner, inner)]

    def set_tensor(self, index: int, view: npt.NDArray[np.uint8]) -> None:
        assert (index, view.shape[0]) == (0, 1)
        self.picture = view

    def invoke(self) -> None:
        flat = self.picture.reshape(-1)
        self.result[0, 0, 0] = flat[0], flat[-1]

    def get_tensor(self, index: int) -> npt.NDArray[np.uint8]:
        if index == 2:
            assert self.inner
            total: npt.NDArray[np.uint8] = self.result.sum(keepdims=True, dtype=np.uint8)
            return total
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
    vectors = load_teacher([str(path)])(views)
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[10.0, -5.0], [-5.0, 50.0]]


@pytest.mark.usefixtures("litert")
def test_several_networks_teach_side_by_side_a_classifier_by_its_pooled_layer(
    tmp_path: Path,
) -> None:
    path = tmp_path / "teacher.tflite"
    path.write_bytes(b"TFL3")
    teacher = load_teacher([str(path), f"{path}@Pool"])
    views = np.full((1, 4, 4, 3), 30, np.uint8)
    assert teacher(views).tolist() == [[10.0, 10.0, 60.0]]
    assert teacher.widths == (2, 1)
    assert teacher.digest != load_teacher([str(path)]).digest
    with pytest.raises(
        ConfigurationError, match=r"teacher\.tflite: has no pooled layer with 'Logits'"
    ):
        load_teacher([f"{path}@Logits"])


@pytest.mark.usefixtures("litert")
def test_a_view_of_another_size_is_squashed(tmp_path: Path) -> None:
    path = tmp_path / "teacher.tflite"
    path.write_bytes(b"TFL3")
    views = np.full((1, 9, 9, 3), 30, np.uint8)
    assert load_teacher([str(path)])(views).tolist() == [[10.0, 10.0]]


@pytest.mark.usefixtures("litert")
def test_a_file_that_is_no_network_is_named(tmp_path: Path) -> None:
    path = tmp_path / "odd.tflite"
    path.write_bytes(b"odd")
    with pytest.raises(ConfigurationError, match=r"odd\.tflite: not a tflite network"):
        load_teacher([str(path)])
    with pytest.raises(ConfigurationError, match=r"gone\.tflite: no such teacher file"):
        load_teacher([str(tmp_path / "gone.tflite")])


def test_what_to_install_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, MODULE, None)
    with pytest.raises(ConfigurationError, match=r'pip install "streamsel\[training\]"'):
        load_teacher([str(tmp_path / "teacher.tflite")])
