from __future__ import annotations

import sys
from pathlib import Path
from typing import TypedDict

import numpy as np
import pytest
import torch
from onnx import TensorProto

from streamsel.embed import device
from streamsel.embed.backbones.onnx import _providers, external_files, open_onnx
from streamsel.errors import ConfigurationError, EmbedderError
from streamsel.frame import View
from tests.embed.backbones.made import (
    assert_same_for_any_batching,
    noise,
    normalised,
    photograph,
    save_onnx,
    seen,
    small_network,
    unit,
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_onnx(tmp_path / "small.onnx")


@pytest.mark.parametrize(
    "shape",
    [
        ("batch", 3, 32, 32),
        (1, 3, 32, 32),
        (5, 3, 32, 32),
        ("batch", 32, 32, 3),
        (2, 32, 32, 3),
        ("batch", 3, "height", "width"),
    ],
    ids=str,
)
def test_vectors_are_those_of_the_network(tmp_path: Path, shape: tuple[str | int, ...]) -> None:
    path = save_onnx(tmp_path / "small.onnx", shape)
    size = "?size=32" if "height" in shape else ""
    embedder = open_onnx(f"{path}{size}", None, "cpu")
    thumbnails = noise(7, 32)
    assert (embedder.name, embedder.dim) == (f"onnx:{path}{size}", 8)
    assert embedder.view == View(32)
    expected = unit(small_network()(normalised(thumbnails)))
    np.testing.assert_allclose(embedder.embed(thumbnails), expected, atol=1e-5)
    assert_same_for_any_batching(embedder, thumbnails)


def test_uint8_is_given_as_it_is(tmp_path: Path) -> None:
    path = save_onnx(tmp_path / "small.onnx", ("n", 32, 32, 3), kind=TensorProto.UINT8)
    thumbnails = noise(3, 32)
    pixels = torch.from_numpy(np.stack(thumbnails)).permute(0, 3, 1, 2).float()
    found = open_onnx(str(path), None, "cpu").embed(thumbnails)
    np.testing.assert_allclose(found, unit(small_network()(pixels)), atol=1e-6)
    with pytest.raises(ConfigurationError, match="normalises by itself; leave mean and std out"):
        open_onnx(f"{path}?mean=clip", None, "cpu")


def test_float16_is_rounded(tmp_path: Path) -> None:
    path = save_onnx(tmp_path / "small.onnx", kind=TensorProto.FLOAT16)
    thumbnails = noise(3, 32)
    found = open_onnx(str(path), None, "cpu").embed(thumbnails)
    expected = unit(small_network()(normalised(thumbnails).half().float()))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_name_says_how_pictures_are_seen(model: Path) -> None:
    query = "mean=0.5&std=0.25,0.5,1&scaling=bicubic&crop=0.875&size=32"
    embedder = open_onnx(f"{model}?{query}", None, "cpu")
    assert embedder.view == View(32, 0.875, "bicubic")
    thumbnail = seen(photograph(), embedder.view)
    expected = unit(small_network()(normalised([thumbnail], [0.5] * 3, [0.25, 0.5, 1])))
    np.testing.assert_allclose(embedder.embed([thumbnail]), expected, atol=1e-5)
    assert not np.allclose(
        open_onnx(str(model), None, "cpu").embed([thumbnail]), expected, atol=0.01
    )


@pytest.mark.parametrize(
    ("outputs", "query", "dim"),
    [
        (("maps", "vectors"), "", 8),
        (("tokens", "pooled"), "", 8),
        (("vectors", "half"), "", 8),
        (("vectors", "half"), "?output=half", 4),
    ],
)
def test_the_output_that_holds_vectors_is_found(
    tmp_path: Path, outputs: tuple[str, ...], query: str, dim: int
) -> None:
    path = save_onnx(tmp_path / "small.onnx", outputs=outputs)
    thumbnails = noise(2, 32)
    found = open_onnx(f"{path}{query}", None, "cpu").embed(thumbnails)
    expected = unit(small_network()(normalised(thumbnails))[:, :dim])
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_weights_beside_the_file_are_part_of_it(tmp_path: Path) -> None:
    path = save_onnx(tmp_path / "small.onnx", outside="small.bin")
    assert external_files(path) == [tmp_path / "small.bin"]
    before = open_onnx(str(path), None, "cpu")
    content = bytearray((tmp_path / "small.bin").read_bytes())
    content[3] ^= 1
    (tmp_path / "small.bin").write_bytes(content)
    assert open_onnx(str(path), None, "cpu").digest != before.digest


def test_weights_beside_the_file_may_have_a_long_name(tmp_path: Path) -> None:
    name = "n" * 200 + ".bin"
    assert external_files(save_onnx(tmp_path / "small.onnx", outside=name)) == [tmp_path / name]


def test_the_digest_tells_what_changes_vectors(tmp_path: Path, model: Path) -> None:
    same = save_onnx(tmp_path / "other.onnx")
    first = open_onnx(str(model), None, "cpu").digest
    assert open_onnx(str(same), None, "cpu").digest == first
    assert open_onnx(f"{model}?mean=imagenet", None, "cpu").digest == first
    assert open_onnx(f"{model}?mean=clip", None, "cpu").digest != first
    assert open_onnx(f"{model}?crop=0.9", None, "cpu").digest != first


class Built(TypedDict, total=False):
    """What a network has that ours has not."""

    kind: int
    inputs: int
    outputs: tuple[str, ...]


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        (("n", 3, "h", "w"), {}, r"does not tell the size of its pictures; add it, e\.g\. onnx:.*"),
        (("n", 1, 32, 32), {}, r"input is tensor\(float\) .*, not a square picture of 3 channels"),
        (("n", 3, 32, 48), {}, "not a square picture of 3 channels"),
        (("n", 3, 32), {}, r"not float or uint8 \(N, 3, S, S\) or \(N, S, S, 3\)"),
        (("n", 3, 32, 32), {"kind": TensorProto.INT64}, r"input is tensor\(int64\)"),
        (("n", 3, 32, 32), {"inputs": 2}, r"it has 2 inputs \(pixels, extra1\), not one"),
        (("n", 3, 32, 32), {"outputs": ("maps",)}, r"gives \(\d+, 8, 8, 8\) for \d+ pictures"),
        (("n", 3, 32, 32), {"outputs": ("tokens",)}, r"gives \(\d+, 8, 1\) for \d+ pictures"),
    ],
)
def test_what_is_no_network_of_pictures_is_refused(
    tmp_path: Path, shape: tuple[str | int, ...], options: Built, message: str
) -> None:
    path = save_onnx(tmp_path / "small.onnx", shape, **options)
    with pytest.raises((ConfigurationError, EmbedderError), match=message) as refusal:
        open_onnx(str(path), None, "cpu")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("size=48", r"size is 48, but the network takes 32 x 32 px alone; leave size out"),
        ("output=nothing", r"there is no output 'nothing'\. Known: vectors"),
    ],
)
def test_what_the_file_contradicts_is_refused(model: Path, query: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        open_onnx(f"{model}?{query}", None, "cpu")


@pytest.mark.parametrize("content", [b"", b"no network\n" * 20])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "wrong.onnx"
    path.write_bytes(content)
    with pytest.raises(
        EmbedderError, match=r"onnxruntime cannot open .*wrong\.onnx: \S+"
    ) as refusal:
        open_onnx(str(path), None, "cpu")
    assert "\n" not in str(refusal.value)


def test_without_its_library_it_says_what_to_install(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(
        ConfigurationError, match=r'needs onnxruntime: pip install "streamsel\[onnx\]"$'
    ):
        open_onnx(str(model), None, "cpu")


def test_a_gpu_that_the_library_cannot_use_is_refused(model: Path) -> None:
    with pytest.raises(EmbedderError, match="pip install onnxruntime-gpu in its place"):
        open_onnx(str(model), None, "cuda")
    with pytest.raises(ConfigurationError, match="device is 'tpu'"):
        open_onnx(str(model), None, "tpu")
    assert open_onnx(str(model), None, "auto").dim == 8


@pytest.mark.parametrize(("named", "first"), [("", "CPU"), ("-1", "CPU"), ("0", "CUDA")])
def test_a_gpu_is_tried_by_itself_where_there_may_be_one_alone(
    named: str, first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "_DRIVERS", (tmp_path / "version",))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    there = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    best = _providers("onnx:x", "auto", there)[0]
    assert (best if isinstance(best, str) else best[0]) == f"{first}ExecutionProvider"
    assert _providers("onnx:x", "cuda:1", there)[0][1]["device_id"] == 1
