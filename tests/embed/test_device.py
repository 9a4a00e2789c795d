from __future__ import annotations

import logging
import warnings
from pathlib import Path

import pytest
import torch

from streamsel.embed import device
from streamsel.embed.device import choose_device, one_thread
from streamsel.errors import ConfigurationError, EmbedderError


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch, "__version__", "99.2+cpu")
    monkeypatch.setattr(device, "_DRIVERS", (tmp_path / "none", tmp_path / "version"))
    device._warn_once.cache_clear()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.fixture
def driver(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("NVRM version: 1")


@pytest.mark.parametrize("built_for", [None, "99.1"])
@pytest.mark.parametrize("hidden", [None, "", "-1"])
def test_a_machine_without_a_gpu_uses_the_cpu_and_says_nothing(
    built_for: str | None,
    hidden: str | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def no_driver() -> bool:
        warnings.warn("Found no NVIDIA driver on your system", UserWarning, stacklevel=2)
        return False

    monkeypatch.setattr(torch.version, "cuda", built_for)
    if built_for:
        monkeypatch.setattr(torch.cuda, "is_available", no_driver)
    if hidden is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert choose_device("auto") == torch.device("cpu")
    assert not caplog.records


@pytest.mark.usefixtures("driver")
def test_a_torch_for_gpus_beside_a_driver_that_has_none_warns_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(torch.version, "cuda", "99.1")
    for _ in range(3):
        assert choose_device("auto").type == "cpu"
    [record] = caplog.records
    assert (record.name, record.levelno) == ("streamsel.embed", logging.WARNING)
    assert "built for CUDA 99.1 and finds no device" in record.getMessage()
    assert choose_device("cpu").type == "cpu"


@pytest.mark.usefixtures("driver")
def test_a_driver_beside_a_torch_without_cuda_warns(caplog: pytest.LogCaptureFixture) -> None:
    choose_device("auto")
    assert "torch 99.2+cpu was built without CUDA" in caplog.text


def test_a_gpu_that_the_environment_names_is_missed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    choose_device("auto")
    assert "torch 99.2+cpu was built without CUDA" in caplog.text


@pytest.mark.usefixtures("driver")
def test_what_cuda_complains_of_is_passed_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def too_old() -> bool:
        warnings.warn("the driver is too old (found 99.3)\nand more", UserWarning, stacklevel=2)
        return False

    monkeypatch.setattr(torch.cuda, "is_available", too_old)
    choose_device("auto")
    assert "the driver is too old (found 99.3); the CPU" in caplog.text
    with pytest.raises(EmbedderError, match=r"device cuda is not there .*driver is too old"):
        choose_device("cuda")


def test_a_gpu_that_is_there_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda", 0)
    assert choose_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(EmbedderError, match=r"device cuda:2 is not there \(2 CUDA devices are\)"):
        choose_device("cuda:2")


@pytest.mark.parametrize("wanted", ["cuda", "cuda:3"])
def test_a_gpu_that_is_not_there_is_said(wanted: str) -> None:
    said = (
        r"0 CUDA devices are; torch 99\.2\+cpu was built without CUDA\); use --device auto or cpu"
    )
    with pytest.raises(EmbedderError, match=said):
        choose_device(wanted)


@pytest.mark.parametrize("wanted", ["gpu", "cuda:", "cpu:0", "mps", ""])
def test_an_unknown_device_is_a_mistake(wanted: str) -> None:
    with pytest.raises(ConfigurationError, match="auto, cpu, cuda or cuda:N"):
        choose_device(wanted)


def test_the_threads_of_the_caller_come_back_after_an_error() -> None:
    before, within = torch.get_num_threads(), 0

    def fail() -> None:
        nonlocal within
        with one_thread():
            within = torch.get_num_threads()
            raise ValueError("on the way")

    with pytest.raises(ValueError, match="on the way"):
        fail()
    assert (within, torch.get_num_threads()) == (1, before)
