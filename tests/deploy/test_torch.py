"""Which build of torch `make` installs, by the command that it would run."""

from __future__ import annotations

import importlib.util
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.web import WebServer

ROOT = Path(__file__).parents[2]
_SPEC = importlib.util.spec_from_file_location("choose_torch", ROOT / ".ci" / "choose_torch.py")
assert _SPEC is not None
assert _SPEC.loader is not None
choose_torch = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(choose_torch)

LOCKED = ["--constraint", str(ROOT / ".ci" / "lock" / "torch.txt")]


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a driver, and nothing said."""
    monkeypatch.setattr(choose_torch, "DRIVERS", (tmp_path / "version",))
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("TORCH", "TORCH_CPU_INDEX"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An index of packages that has torch."""
    folder = tmp_path_factory.mktemp("index")
    (folder / "torch").mkdir()
    with WebServer(folder) as server:
        yield server.url("")


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """What pip would be told to install."""
    assert choose_torch.main(["--show", *arguments]) == 0
    pip, _, words = capsys.readouterr().out.strip().partition(" install ")
    assert shlex.split(pip)[:3] == [sys.executable, "-m", "pip"]
    return shlex.split(words)


def test_without_a_driver_it_is_the_build_for_cpus(
    index: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TORCH_CPU_INDEX", index)
    assert shown(capsys, "torch") == ["--extra-index-url", index, *LOCKED, "torch"]
    assert shown(capsys, "--newest", "torch") == ["--extra-index-url", index, "torch"]


def test_the_index_for_cpus_is_pytorchs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def unreachable(index: str) -> str:
        tried.append(index)
        return ""

    monkeypatch.setattr(choose_torch, "unreachable", unreachable)
    assert choose_torch.words(["torch"], {})[:2] == ["--extra-index-url", *tried]
    assert tried == ["https://download.pytorch.org/whl/cpu"]


def test_an_index_that_does_not_answer_is_said_and_passed_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TORCH_CPU_INDEX", "http://127.0.0.1:9")
    assert choose_torch.main(["--show", "torch"]) == 0
    said = capsys.readouterr()
    assert said.out.strip().endswith(shlex.join([*LOCKED, "torch"]))
    assert "http://127.0.0.1:9 cannot be reached" in said.err
    assert "TORCH= takes another" in said.err


def test_a_file_of_the_driver_is_enough(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "version").write_text("NVRM version: 1")
    assert shown(capsys, "torch", "torchvision") == [*LOCKED, "torch", "torchvision"]


def test_the_drivers_program_is_enough(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert shown(capsys, "torch") == [*LOCKED, "torch"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("torch==2.7.0", ["torch==2.7.0"]),
        ("'torch>=2.6,<3'", ["torch>=2.6,<3"]),
        ("/w/torch-2.7.0-cp311-cp311-linux_x86_64.whl",) * 2,
        ("--find-links /w torch", ["--find-links", "/w", "torch"]),
        ("torch --index-url http://h/cu126", ["torch", "--index-url", "http://h/cu126"]),
    ],
)
def test_a_torch_that_is_given_is_taken(
    given: str,
    words: list[str] | str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TORCH", given)
    expected = [words] if isinstance(words, str) else words
    assert shown(capsys, "torch") == expected
    assert shown(capsys, "torch", "torchvision") == [*expected, "torchvision"]


def test_a_folder_of_wheels_is_where_torch_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "my wheels"
    folder.mkdir()
    monkeypatch.setenv("TORCH", str(folder))
    assert shown(capsys, "torch") == ["--find-links", str(folder), "torch"]


@pytest.mark.parametrize(
    ("target", "packages"), [(".run", "torch"), (".develop", "torch torchvision")]
)
def test_make_installs_the_lock_and_lets_torch_be_chosen(
    target: str, packages: str, tmp_path: Path
) -> None:
    lock = {".run": "build.txt -r .ci/lock/run", ".develop": "test"}[target]
    asked = ["/usr/bin/make", "-n", f"VENV={tmp_path}", f"{tmp_path}/{target}"]
    said = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    steps = [line for line in said.splitlines() if line.startswith(f"{tmp_path}/bin/python")]
    pip = f"{tmp_path}/bin/python -m pip --disable-pip-version-check --quiet"
    assert f"{pip} install --no-deps --require-hashes -r .ci/lock/{lock}.txt" in steps
    assert f"{tmp_path}/bin/python .ci/choose_torch.py {packages}" in steps
    assert all("--no-deps" in step for step in steps if " pip " in step and " install " in step)
